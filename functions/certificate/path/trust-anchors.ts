/** The trust anchor that validates a chain. */
export interface TrustAnchor {
  readonly subject: string;
  /** SHA-256 of the anchor's certificate, lower-case hex. */
  readonly fingerprintSha256: string;
  /** Whether the file contains the anchor's certificate. */
  readonly delivered: boolean;
  /** `known` if this release contains the anchor, `settings` if only `trustAnchors` or `--trust` names it. */
  readonly source: 'known' | 'settings';
}

/**
 * The roots under which mark certificates are issued: the SHA-256 of the root certificate (DER), in lower-case hex, and
 * its name. Source: the CAs' repositories and the chains that they deliver. Sectigo's chains end at the two roots of
 * SSL.com or at Sectigo's own root R49. Some receivers have not trusted Entrust's root since 2025.
 */
export const TRUST_ANCHORS: ReadonlyMap<string, string> = new Map([
  ['0783d68c14cfe5eb1eafda2aa984b7e3a4b8bab000092d2ba02f73757558fdfd', 'Sectigo Public BIMI Root R49'],
  ['8f9d1b7698886782a599b48510651c66a1aa0c5ca3192097bdc68534154bd30d', 'SSL.com VMC RSA Root CA 2024'],
  ['1b82e7f4910b51e3e802a493acdc17ff58eac8b9eb7c09b52ac6cd2efb83598c', 'SSL.com VMC ECC Root CA 2024'],
  ['504386c9ee8932fecc95fade427f69c3e2534b7310489e300fee448e33c46b42', 'DigiCert Verified Mark Root CA'],
  ['cd122cb877c6928b9017b0f0b80dbd508196300bbd03cd7356c3beef524e7e0b', 'GlobalSign Verified Mark Root R42'],
  ['7831d95a47d42508cd5c9e6264f9096bac19f04eb9b7c8bdd35fffc71c189617', 'Entrust Verified Mark Root CA - VMCR1'],
  ['6ae4f0b06b187a7fc2b5815d252b637629734ae64a409ccbb53b14a352563d61', 'GoDaddy Verified Mark Root CA - VMCR1'],
  ['b21a1663d8feb6b17d10d739363b8d147ea6d114966cda584c656a57bae40826', 'Cybertrust iTrust VMC RSA4096 Root CA 2025'],
]);

/** The SHA-256 fingerprint in a text, in lower-case hex without colons; undefined if the text is not a fingerprint. */
export function readFingerprint(text: string): string | undefined {
  const hex = text.replaceAll(':', '').toLowerCase();
  return /^[0-9a-f]{64}$/.test(hex) ? hex : undefined;
}
