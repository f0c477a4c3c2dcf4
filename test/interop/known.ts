import { type Fault, FORGERIES } from './inputs.ts';

/** A verdict that is not the right one, and that is known. */
export interface KnownVerdict {
  readonly verifier: string;
  /** The fault that the verifier accepts; null if it refuses genuine chains. */
  readonly fault: Fault | null;
  /** The names of the chains; default: every chain with this fault. */
  readonly chains?: readonly string[];
  readonly reason: string;
}

const accepts = (verifier: string, faults: readonly Fault[], reason: string): KnownVerdict[] =>
  faults.map((fault) => ({ verifier, fault, reason }));

/**
 * The wrong verdicts that are known. The test also fails if a verifier no longer gives one of them: then remove it here
 * and in docs/decisions/checkers.md.
 */
export const KNOWN: readonly KnownVerdict[] = [
  ...accepts(
    'checkdmarc',
    [...FORGERIES, 'issuing CA without the CA flag', 'issuing CA expired'],
    'It verifies the path, but then ignores every problem except that no issuer was found (get_certificate_metadata).',
  ),
  ...accepts(
    'mailauth',
    FORGERIES,
    'It compares the names and key identifiers of issuer and subject, but verifies no signature (validated-chain.js).',
  ),
  {
    verifier: 'checkdmarc',
    fault: null,
    chains: [
      'real/phpseclib-linkedin-2020.pem',
      'real/postalsys-cnn.pem',
      'real/postalsys-redshift.pem',
      'real/rspamd-paypal-2021.pem',
      'real/rspamd-valimail-2021.pem',
    ],
    reason: 'It requires a mark type. Leaves that were issued before about 2023 have none.',
  },
  ...['OpenSSL', 'certtool', 'pyhanko-certvalidator'].map((verifier) => ({
    verifier,
    fault: null,
    chains: ['real/postalsys-xometry_cmc.pem'],
    reason: 'The extension of the pilot is critical, and it does not know it. Receivers accept it.',
  })),
];
