/** Why an order is still waiting: the CA has not decided, or somebody has to do something first. */
export type WaitingReason =
  | 'processing'
  | 'available'
  | 'call-limit'
  | 'outage'
  | 'credentials'
  | 'payment'
  | 'permission';

/** The CA's own "no": it ends a collection, and the execution fails under this name. */
export type Refusal = 'OrderRejected' | 'CertificateRevoked' | 'CertificateExpired' | 'InvalidRequest';

/** What one status of CollectMC means. `meaning` is a sentence for a person. */
export type StatusMeaning =
  | { readonly kind: 'issued'; readonly meaning: string }
  | { readonly kind: 'waiting'; readonly reason: WaitingReason; readonly meaning: string }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly meaning: string };

/**
 * Every status that CollectMC is known to answer. The CA's documentation of CollectMC lists few of them; the others come
 * from its mark-certificate error page and from the tables of the sibling endpoints CollectSSL and CollectCCC.
 * A negative status that is not here is unknown, not pending.
 */
export const STATUSES: ReadonlyMap<number, StatusMeaning> = new Map<number, StatusMeaning>([
  [2, { kind: 'issued', meaning: 'certificates attached' }],
  [1, { kind: 'waiting', reason: 'available', meaning: 'certificates available, none attached' }],
  [0, { kind: 'waiting', reason: 'processing', meaning: 'being processed' }],
  [-26, { kind: 'waiting', reason: 'processing', meaning: 'being issued' }],
  [-42, { kind: 'waiting', reason: 'call-limit', meaning: 'call limit reached' }],
  [-14, { kind: 'waiting', reason: 'outage', meaning: 'internal error of the CA' }],
  [
    -16,
    { kind: 'waiting', reason: 'credentials', meaning: 'login wrong or expired, account locked, or address blocked' },
  ],
  [-22, { kind: 'waiting', reason: 'payment', meaning: 'awaiting payment' }],
  [-91, { kind: 'waiting', reason: 'permission', meaning: 'permission denied for this account' }],
  [-20, { kind: 'refused', refusal: 'OrderRejected', meaning: 'the CA rejected the order' }],
  [-21, { kind: 'refused', refusal: 'CertificateRevoked', meaning: 'the certificate was revoked' }],
  [-35, { kind: 'refused', refusal: 'CertificateExpired', meaning: 'the certificate has expired' }],
  [-36, { kind: 'refused', refusal: 'CertificateExpired', meaning: 'the certificate has expired' }],
  [-1, { kind: 'refused', refusal: 'InvalidRequest', meaning: 'the request was not made over https' }],
  [-2, { kind: 'refused', refusal: 'InvalidRequest', meaning: 'the request has an argument the CA does not know' }],
  [-3, { kind: 'refused', refusal: 'InvalidRequest', meaning: 'the request lacks an argument' }],
  [-4, { kind: 'refused', refusal: 'InvalidRequest', meaning: 'the request has an invalid argument' }],
  [-17, { kind: 'refused', refusal: 'InvalidRequest', meaning: 'the request was not a POST' }],
]);
