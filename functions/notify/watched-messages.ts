import { assertionName, DEFAULT_SELECTOR } from '../bimi.ts';
import { watchCommand } from './commands.ts';
import type { BrokenWatched, ExpiringWatched, RevokedWatched } from './events.ts';
import { asSentence, formatTime, type MessageContent, type Paragraph, withoutControls } from './message.ts';
import type { MessageContext } from './order-messages.ts';

/**
 * The messages about a watched domain. Someone else serves its record and files, so the collector can fix nothing: each
 * message states whom to ask, and for what.
 */

/** How many differences a message contains in full. */
const ITEMS = 5;

/** The heading of the runbook about watched domains. */
const ANCHOR = 'a-watched-domain-has-a-problem';

type Watched = BrokenWatched | ExpiringWatched | RevokedWatched;

/** Whom to ask: who manages the DNS of the domain, who serves the files, or the CA. */
type Responsible = 'dns' | 'files' | 'certificate';

/** What a difference of a watched domain is. */
interface Words {
  /** The outcome, for the subject, if there is no other difference. */
  readonly outcome: string;
  readonly responsible: Responsible;
  /** What to ask for, after "Ask … to". */
  readonly request: string;
  /** Whether mailboxes may still show the logo, because only this check may have failed. */
  readonly isDoubtful?: true;
}

const CHECK_DNS = 'check that the name servers of the domain answer';

/** The words for each difference. */
export const WATCHED_WORDS: Readonly<Record<string, Words>> = {
  'record-missing': {
    outcome: 'the BIMI record is missing',
    responsible: 'dns',
    request: 'add the BIMI record {record}, with the addresses of the chain (a=) and the logo (l=)',
  },
  'record-differs': {
    outcome: 'there are several BIMI records',
    responsible: 'dns',
    request: 'leave exactly one TXT record that begins with v=BIMI1 at {record}',
  },
  'record-unreachable': {
    outcome: 'the BIMI record cannot be looked up',
    responsible: 'dns',
    request: CHECK_DNS,
    isDoubtful: true,
  },
  'record-declines': {
    outcome: 'the BIMI record declines a logo',
    responsible: 'dns',
    request: 'add the addresses of the chain (a=) and the logo (l=) to the BIMI record {record}',
  },
  'record-incomplete': {
    outcome: 'the BIMI record is incomplete',
    responsible: 'dns',
    request: 'add the missing address of the chain (a=) or the logo (l=) to the BIMI record {record}',
  },
  'record-invalid': {
    outcome: 'the BIMI record has a wrong address',
    responsible: 'dns',
    request: 'correct the addresses in the BIMI record {record}',
  },
  'dmarc-missing': {
    outcome: 'the DMARC record is missing',
    responsible: 'dns',
    request: 'add one DMARC record with the policy quarantine or reject for all messages',
  },
  'dmarc-weak': {
    outcome: 'the DMARC policy is too weak',
    responsible: 'dns',
    request: 'change the DMARC policy to quarantine or reject for all messages',
  },
  'dmarc-unreachable': {
    outcome: 'the DMARC record cannot be looked up',
    responsible: 'dns',
    request: CHECK_DNS,
    isDoubtful: true,
  },
  'chain-unreachable': {
    outcome: 'the certificate file is not reachable',
    responsible: 'files',
    request: 'serve the certificate file at the address in the record',
    isDoubtful: true,
  },
  'chain-invalid': {
    outcome: 'the certificate file has an error',
    responsible: 'certificate',
    request: 'replace the certificate file with one that has no error',
  },
  'logo-unreachable': {
    outcome: 'the logo file is not reachable',
    responsible: 'files',
    request: 'serve the logo at the address in the record',
    isDoubtful: true,
  },
  'logo-differs': {
    outcome: 'the logo is not the one in the certificate',
    responsible: 'files',
    request: 'serve the logo that the certificate contains, byte for byte',
  },
  'logo-invalid': {
    outcome: 'the logo breaks the SVG profile of BIMI',
    responsible: 'files',
    request: 'serve a logo that follows the SVG profile of BIMI',
  },
  expired: {
    outcome: 'the served certificate has expired',
    responsible: 'certificate',
    request: 'serve a renewed certificate',
  },
  revoked: {
    outcome: 'a revoked certificate is served',
    responsible: 'certificate',
    request: 'find out why the CA revoked the certificate, and to serve a new one',
  },
};

const OTHER: Words = {
  outcome: 'a problem with the domain',
  responsible: 'files',
  request: 'correct it',
};

const NO_LOGO = 'Mailboxes do not show the logo of this domain until this is fixed.';
const MAY_STOP =
  'If mailbox providers get no answer either, they stop showing the logo of this domain. If no message comes tomorrow, there is nothing to do.';

/** The message about a watched domain whose logo receivers do not show. */
export function brokenWatchedMessage(broken: BrokenWatched, context: MessageContext): MessageContent {
  const { domain, differences } = broken;
  const shown = differences.slice(0, ITEMS).map(({ message }) => asSentence(message));
  const more = differences.length - shown.length;
  const words = differences.map(({ id }) => WATCHED_WORDS[id] ?? OTHER);
  const [first = OTHER] = words;
  const isDoubtful = words.every((each) => each.isDoubtful);
  return {
    ...about(broken, context),
    outcome: differences.length === 1 ? first.outcome : `${differences.length} problems with the watched domain`,
    facts: [...factsOf(broken, context), ['Found on', formatTime(context.time)]],
    happened: [
      `${WATCHED} ${
        differences.length === 1
          ? `The daily check found a problem with ${domain}:`
          : `The daily check found ${differences.length} problems with ${domain}:`
      }`,
      ...shown,
      ...(more > 0 ? [more === 1 ? 'There is one more problem.' : `There are ${more} more problems.`] : []),
    ],
    logo: [isDoubtful ? MAY_STOP : NO_LOGO],
    nextStep: [
      ...[...new Set(words)].map((each) => requestOf(each, broken)),
      ...checkAgain(broken, context, 'After the change, check the domain again:'),
    ],
    anchor: ANCHOR,
  };
}

/** The message about the certificate of a watched domain that expires soon. */
export function expiringWatchedMessage(expiring: ExpiringWatched, context: MessageContext): MessageContent {
  const { domain, daysLeft, notAfter } = expiring;
  const when = ['today', 'tomorrow'][daysLeft] ?? `in ${daysLeft} days`;
  return {
    ...about(expiring, context),
    outcome: `the served certificate expires ${when}`,
    facts: [...factsOf(expiring, context), ['Expires on', formatTime(notAfter)]],
    happened: [`${WATCHED} The certificate that is served for ${domain} expires ${when}.`],
    logo: ['Mailboxes stop showing the logo of this domain when the certificate expires.'],
    nextStep: [
      'Ask the people who have the contract with the CA whether the renewal is ordered, and when the renewed certificate will be served.',
      ...checkAgain(expiring, context, 'To see what is served now:'),
    ],
    anchor: ANCHOR,
  };
}

/** The message about the certificate of a watched domain that the CA revoked. */
export function revokedWatchedMessage(revoked: RevokedWatched, context: MessageContext): MessageContent {
  const { domain, text, knownSince } = revoked;
  return {
    ...about(revoked, context),
    outcome: 'the CA revoked the served certificate',
    facts: [...factsOf(revoked, context), ['Known since', formatTime(knownSince)]],
    happened: [
      `${WATCHED} The CA revoked the certificate that is served for ${domain}.`,
      `Details: ${asSentence(text)}`,
    ],
    logo: ['Mailboxes do not show a logo whose certificate is revoked.'],
    nextStep: [
      'Ask the people who have the contract with the CA why the certificate was revoked, and when a new one will be served.',
      ...checkAgain(revoked, context, 'To see what is served now:'),
    ],
    anchor: ANCHOR,
  };
}

const WATCHED = 'This domain is watched: someone else serves its BIMI record, its certificate and its logo.';

function about({ domain, owner }: Watched, { deployment }: MessageContext) {
  return { orderNumber: undefined, fallbackName: deployment.collector, brand: owner, domains: [domain] };
}

function factsOf({ domain, selector, owner }: Watched, { deployment }: MessageContext): MessageContent['facts'] {
  return [
    ...(owner === undefined ? [] : [['Owner', owner] as const]),
    ['Watched domain', domain],
    ['BIMI selector', selector],
    ['Collector', `${deployment.collector} in ${deployment.region}`],
  ];
}

/** One sentence: whom to ask, and for what. */
function requestOf({ responsible, request }: Words, { domain, selector, chainUrl, logoUrl }: BrokenWatched): string {
  const hosts = [
    ...new Set([chainUrl, logoUrl].flatMap((url) => (url === null ? [] : [URL.parse(url)?.host ?? []].flat()))),
  ];
  const server =
    hosts.length > 0 ? `the people who run ${withoutControls(hosts.join(' and '))}` : 'the people who serve the files';
  const who: Readonly<Record<Responsible, string>> = {
    dns: `the people who manage the DNS of ${domain}`,
    files: server,
    certificate: `the people who have the contract with the CA, and ${server},`,
  };
  return `Ask ${who[responsible]} to ${request.replace('{record}', assertionName(domain, selector))}.`;
}

function checkAgain(
  { domain, selector }: Watched,
  { deployment }: MessageContext,
  instruction: string,
): readonly Paragraph[] {
  return [
    instruction,
    { verbatim: watchCommand(deployment, domain, selector === DEFAULT_SELECTOR ? undefined : selector) },
  ];
}
