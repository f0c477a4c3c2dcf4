import { InvalidChainError } from '../certificate/report.ts';
import { joinWithLimit, STATE_BUDGET, truncate } from '../text.ts';
import type { CheckedDomain } from './domain.ts';

/**
 * Every way in which a watched domain can differ from one whose logo receivers show, with its meaning. Consumers match the
 * ids. docs/events.md contains this table. Each is an error of `inspect DOMAIN`: its warnings are not reported every day.
 */
export const WATCHED_DIFFERENCES = {
  'record-missing': 'The domain and its organization have no BIMI record for the selector.',
  'record-differs': 'There are several BIMI records.',
  'record-unreachable': 'The DNS lookup of the BIMI record failed.',
  'record-declines': 'The record has no addresses: the domain declines to show a logo.',
  'record-incomplete': 'The record has no address of the logo, or none of the chain.',
  'record-invalid': 'The record has an address that receivers do not use.',
  'dmarc-missing': 'Neither the domain nor a domain above it has exactly one DMARC record.',
  'dmarc-weak':
    'The DMARC record of the domain or of its organization does not request quarantine or reject for all messages.',
  'dmarc-unreachable': 'The DNS lookup of the DMARC record failed.',
  'chain-unreachable': 'The address of the chain does not return a file.',
  'chain-invalid':
    'The served chain cannot be read, or it has an error, for example an unknown root, or a certificate for another domain.',
  'logo-unreachable': 'The address of the logo does not return a file.',
  'logo-differs': 'The served logo is not the one in the certificate.',
  'logo-invalid': 'The served logo breaks the SVG profile.',
  expired: 'The served certificate has expired.',
  revoked: 'The CA revoked the served certificate.',
} as const satisfies Readonly<Record<string, string>>;

/** One way in which a watched domain differs. */
export interface WatchedDifference {
  readonly id: keyof typeof WATCHED_DIFFERENCES;
  /** One or more sentences: what is wrong, and with which domain. */
  readonly message: string;
}

/** What is wrong with a domain, so that a mail receiver does not show its logo. */
export function differencesOf({ lookup, chain, logo }: CheckedDomain, at: Date): WatchedDifference[] {
  const { domain } = lookup;
  const found = lookup.findings.flatMap(({ id, severity, message }): WatchedDifference[] =>
    severity === 'error' && isDifference(id) ? [{ id, message }] : [],
  );
  return [...found, ...chainDifferences(domain, chain, at), ...logoDifferences(domain, chain, logo)];
}

function isDifference(id: string): id is WatchedDifference['id'] {
  return Object.hasOwn(WATCHED_DIFFERENCES, id);
}

function chainDifferences(domain: string, chain: CheckedDomain['chain'], at: Date): WatchedDifference[] {
  if (chain === undefined) {
    return [];
  }
  if (chain instanceof InvalidChainError) {
    const problem = truncate(chain.message, STATE_BUDGET.message);
    return [{ id: 'chain-invalid', message: `The served chain of ${domain} cannot be used: ${problem}.` }];
  }
  const { notAfter, findings } = chain.report;
  const isExpired = Date.parse(notAfter) < at.getTime();
  const errors = findings.filter(({ severity }) => severity === 'error');
  const revoked = errors.find(({ id }) => id === 'revoked');
  const others = errors.filter(({ id }) => id !== 'revoked' && !(id === 'validity' && isExpired));
  const differences: WatchedDifference[] = [];
  if (isExpired) {
    differences.push({ id: 'expired', message: `The served certificate of ${domain} expired on ${notAfter}.` });
  }
  if (revoked) {
    const message = `The served certificate of ${domain} is revoked: ${revoked.message}.`;
    differences.push({ id: 'revoked', message });
  }
  if (others.length > 0) {
    const [{ id, message } = { id: '', message: '' }] = others;
    const more = others.length > 1 ? ` Further errors: ${joinWithLimit(others.slice(1).map((each) => each.id))}.` : '';
    const text = `The served chain of ${domain} has an error (${id}): ${message}.${more}`;
    differences.push({ id: 'chain-invalid', message: text });
  }
  return differences;
}

/** The logo in a certificate is judged with the certificate. */
function logoDifferences(
  domain: string,
  chain: CheckedDomain['chain'],
  logo: CheckedDomain['logo'],
): WatchedDifference[] {
  const embedded = chain && !(chain instanceof InvalidChainError) ? chain.report.logo?.sha256 : undefined;
  if (!logo || logo.publishable || logo.logo.sha256 === embedded) {
    return [];
  }
  const problem = logo.findings.find(({ severity }) => severity === 'error')?.message ?? '';
  const message = `The served logo of ${domain} breaks the SVG profile: ${truncate(problem, STATE_BUDGET.message)}.`;
  return [{ id: 'logo-invalid', message }];
}
