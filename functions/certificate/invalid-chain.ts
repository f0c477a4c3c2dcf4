import { CollectorError } from '../collector-error.ts';
import { STATE_BUDGET, truncatePrintable } from '../text.ts';

/** What a leaf says about itself. Dates are ISO 8601 UTC, hashes lower-case hex. */
export interface LeafDescription {
  readonly subject: string;
  /** The values of the subject by attribute name. */
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  readonly markType: string | null;
  /** Registered and government marks are a VMC, the others a CMC; null if the mark type is missing or unknown. */
  readonly product: 'VMC' | 'CMC' | null;
  /** The DNS names of the subject alternative name, as A-labels. */
  readonly domains: readonly string[];
  readonly issuer: string;
  readonly serialNumber: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly fingerprintSha256: string;
  /** The embedded logo; null if it cannot be read. */
  readonly logo: { readonly mediaType: string; readonly sha256: string; readonly bytes: number } | null;
}

/**
 * No chain can be built from the bytes. The message states the reason. It is made printable and truncated here,
 * because it quotes names of certificates, which can contain anything and be a megabyte long.
 */
export class InvalidChainError extends CollectorError {
  /** The name that Step Functions and the runbook match. */
  override readonly name: string = 'InvalidChain';

  readonly #leaf: LeafDescription | undefined;

  constructor(
    message: string,
    { leaf, ...options }: ErrorOptions & { readonly leaf?: LeafDescription | undefined } = {},
  ) {
    super(truncatePrintable(message, STATE_BUDGET.message), options);
    this.#leaf = leaf;
  }

  /**
   * What can be read of the leaf, although no chain can be built. Nothing of it is verified. Undefined if the file does
   * not contain exactly one leaf that can be read. A getter, because the logger writes every field of an error, and a leaf
   * can be a megabyte long.
   */
  get leaf(): LeafDescription | undefined {
    return this.#leaf;
  }
}
