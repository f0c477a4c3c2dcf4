import type { Refusal } from '../collectmc/codes.ts';

/** The meaning of a statusCode of a push. */
export interface PushMeaning {
  /** Whether CollectMC may have a new reply for the order, so that it must be asked. */
  readonly ask: boolean;
  /** The refusal that the push reports, if it reports one. */
  readonly refusal?: Refusal;
  /** The meaning in words, as the CA documents it. */
  readonly meaning: string;
}

/** The statusCode of a revocation. */
export const REVOKED = 8;

/** Every statusCode that the CA documents for certificate events. A push with another one is not understood. */
export const PUSH_CODES: ReadonlyMap<number, PushMeaning> = new Map<number, PushMeaning>([
  [3, { ask: true, refusal: 'OrderRejected', meaning: 'failed' }],
  [5, { ask: true, refusal: 'OrderRejected', meaning: 'failed' }],
  [6, { ask: true, meaning: 'issued' }],
  [9, { ask: true, meaning: 'issued' }],
  [7, { ask: true, refusal: 'OrderRejected', meaning: 'rejected' }],
  [REVOKED, { ask: true, refusal: 'CertificateRevoked', meaning: 'revoked' }],
  [12, { ask: false, meaning: 'awaiting brand validation' }],
  [14, { ask: true, meaning: 'replaced' }],
]);
