/** What one statusCode of a push means. `ask` is whether CollectMC may have something new to say. */
export interface PushMeaning {
  readonly ask: boolean;
  readonly meaning: string;
}

/** The statusCode of a revocation. */
export const REVOKED = 8;

/** Every statusCode that the CA documents for certificate events. A code that is not here is noted, never an error. */
export const PUSH_CODES: ReadonlyMap<number, PushMeaning> = new Map<number, PushMeaning>([
  [3, { ask: true, meaning: 'failed' }],
  [5, { ask: true, meaning: 'failed' }],
  [6, { ask: true, meaning: 'issued' }],
  [9, { ask: true, meaning: 'issued' }],
  [7, { ask: true, meaning: 'rejected' }],
  [REVOKED, { ask: true, meaning: 'revoked' }],
  [12, { ask: false, meaning: 'awaiting brand validation' }],
  [14, { ask: true, meaning: 'replaced' }],
]);
