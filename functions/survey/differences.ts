/**
 * Every way in which a publication can differ from what it should be, with its meaning. Consumers match the ids.
 * docs/events.md contains this table, and docs/runbook.md the fix for each id.
 */
export const DIFFERENCES = {
  'chain-unreachable':
    'The address of the chain does not answer, or returns another status than 200, for example a redirect.',
  'chain-differs': 'The address of the chain returns another file than the published chain: the SHA-256 values differ.',
  'chain-type': 'The chain is served with a wrong content type.',
  'logo-unreachable':
    'The address of the logo does not answer, or returns another status than 200, for example a redirect.',
  'logo-differs': 'The address of the logo returns another file than the published logo: the SHA-256 values differ.',
  'logo-type': 'The logo is served with a wrong content type.',
  expired: 'The published certificate has expired.',
  revoked: 'The CA revoked the published certificate, but it is still served.',
  outdated: 'The order has a newer, publishable certificate, but the old one is still published.',
  'record-missing': 'The domain has no BIMI record for the selector.',
  'record-differs': 'The BIMI record contains other addresses, or there are several BIMI records.',
  'record-unreachable': 'The DNS lookup of the BIMI record failed.',
  'dmarc-missing': 'Neither the domain nor a domain above it has exactly one DMARC record.',
  'dmarc-weak':
    'The DMARC record of the domain or of its organization does not request quarantine or reject for all messages.',
  'dmarc-unreachable': 'The DNS lookup of the DMARC record failed.',
  'description-damaged': 'The object that describes the publication cannot be read.',
} as const satisfies Readonly<Record<string, string>>;

/** One way in which a publication differs from what it should be. */
export interface Difference {
  readonly id: keyof typeof DIFFERENCES;
  /** One or more sentences: what happened, to which domain, and what is expected. */
  readonly message: string;
}
