/**
 * The reason why an order is still waiting: the CA has not decided, or an operator must act first. `storage` is not about
 * the CA: its reply could not be stored, or the outcome could not be reported.
 */
export type WaitingReason =
  | 'processing'
  | 'available'
  | 'call-limit'
  | 'outage'
  | 'credentials'
  | 'payment'
  | 'permission'
  | 'storage';

/** A refusal by the CA. It ends a collection: the execution fails with this name. */
export type Refusal = 'OrderRejected' | 'CertificateRevoked' | 'CertificateExpired' | 'InvalidRequest';

/** The meaning of one status of CollectMC. `meaning` is a clause for a person. */
export type StatusMeaning =
  | { readonly kind: 'issued'; readonly meaning: string }
  | { readonly kind: 'waiting'; readonly reason: WaitingReason; readonly meaning: string }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly meaning: string };

/**
 * Every known status of CollectMC. The CA's documentation of CollectMC lists few of them; the others come from its page
 * of mark certificate errors and from the tables of the sibling endpoints CollectSSL and CollectCCC. A negative status
 * that is not in this table is unknown, not waiting.
 */
export const STATUSES: ReadonlyMap<number, StatusMeaning> = new Map<number, StatusMeaning>([
  [2, { kind: 'issued', meaning: 'the certificates are attached' }],
  [1, { kind: 'waiting', reason: 'available', meaning: 'certificates are available, but none is attached' }],
  [0, { kind: 'waiting', reason: 'processing', meaning: 'the order is being processed' }],
  [-26, { kind: 'waiting', reason: 'processing', meaning: 'the certificate is being issued' }],
  [-42, { kind: 'waiting', reason: 'call-limit', meaning: 'the call limit is reached' }],
  [-14, { kind: 'waiting', reason: 'outage', meaning: 'the CA reports an internal error' }],
  [
    -16,
    {
      kind: 'waiting',
      reason: 'credentials',
      meaning: 'the login is wrong or expired, the account is locked, or the IP address is blocked',
    },
  ],
  [-22, { kind: 'waiting', reason: 'payment', meaning: 'the CA is awaiting payment' }],
  [-91, { kind: 'waiting', reason: 'permission', meaning: 'the CA denies permission to this account' }],
  [-20, { kind: 'refused', refusal: 'OrderRejected', meaning: 'the CA rejected the order' }],
  [-21, { kind: 'refused', refusal: 'CertificateRevoked', meaning: 'the CA revoked the certificate' }],
  [-35, { kind: 'refused', refusal: 'CertificateExpired', meaning: 'the certificate has expired' }],
  [-36, { kind: 'refused', refusal: 'CertificateExpired', meaning: 'the certificate has expired' }],
  [-1, { kind: 'refused', refusal: 'InvalidRequest', meaning: 'the request was not made over https' }],
  [
    -2,
    {
      kind: 'refused',
      refusal: 'InvalidRequest',
      meaning: 'the request contains an argument that the CA does not know',
    },
  ],
  [-3, { kind: 'refused', refusal: 'InvalidRequest', meaning: 'the request lacks an argument' }],
  [-4, { kind: 'refused', refusal: 'InvalidRequest', meaning: 'the request contains an invalid argument' }],
  [-17, { kind: 'refused', refusal: 'InvalidRequest', meaning: 'the request was not a POST request' }],
]);
