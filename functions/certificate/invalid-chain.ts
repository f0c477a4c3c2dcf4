/** No chain can be made of the bytes. The message says why, and quotes nothing but names of certificates. */
export class InvalidChainError extends Error {
  override name = 'InvalidChain';
}
