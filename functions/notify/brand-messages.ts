import { assertionName, recordText } from '../bimi.ts';
import { daysLeft as daysBetween } from '../days.ts';
import { isDomain } from '../order.ts';
import { type Deployment, fetchCommand, folderUrl, objectUrl, orderCommand, shellWord } from './commands.ts';
import type { Broken, Expiring, Issued } from './events.ts';
import {
  asSentence,
  formatDay,
  formatTime,
  listDomains,
  type MessageContent,
  type Paragraph,
  withoutControls,
} from './message.ts';
import { announceNewOrder, type MessageContext, orderAgain, orderFacts } from './order-messages.ts';
import { refusedSteps } from './refused-steps.ts';

/** How many DNS records, findings and differences a message contains in full. */
const ITEMS = 5;

/** The message about a new certificate. */
export function issuedMessage(issued: Issued, context: MessageContext): MessageContent {
  const { deployment, time } = context;
  const { orderNumber, account, certificate, publication } = issued;
  const { publishable, notBefore, notAfter, findings } = certificate;
  const isEarly = isNotYetValid(issued, context);
  const errors = findings.filter(({ severity }) => severity === 'error');
  const warnings = findings.filter(({ severity }) => severity === 'warning');
  const isRevoked = errors.some(({ id }) => id === 'revoked');
  const refused = publication?.notPublished ?? [];
  return {
    outcome: isEarly ? `issued, and valid from ${formatDay(notBefore)}` : outcomeOf(issued),
    orderNumber,
    fallbackName: deployment.collector,
    domains: certificate.domains,
    facts: [
      ...orderFacts({ orderNumber, account, domains: certificate.domains }, deployment),
      ['Collected on', formatTime(time)],
      ['Valid', `${formatDay(notBefore)} to ${formatDay(notAfter)}`],
    ],
    happened: [
      certificate.changed
        ? 'The CA issued the certificate. The collector checked it and stored it here:'
        : 'The order was collected again. The CA returned the certificate that the collector had stored before. Its files are here:',
      { verbatim: folderUrl(deployment, orderNumber) },
      ...reportAt(certificate.keys, deployment),
      ...(warnings.length > 0 ? [`${warnings.length === 1 ? 'Warning' : 'Warnings'}: ${messagesOf(warnings)}`] : []),
    ],
    logo: isEarly
      ? [
          `The certificate is not valid before ${formatTime(notBefore)}, so mailboxes do not show its logo yet. ${STAYS_LIVE}`,
        ]
      : publishable
        ? [
            ...shownAt(issued),
            ...notShownAt(issued),
            ...(refused.length > 0 ? [`It is not published for ${refusalsOf(refused)}`] : []),
          ]
        : [
            `Mailboxes will not show the logo with this certificate, because ${messagesOf(errors)}`,
            ...(isRevoked ? [REVOKED_MEANS] : []),
          ],
    nextStep: isEarly
      ? [
          `There is nothing to do. When the certificate becomes valid, the collector asks the CA for it again${
            publication ? ', and publishes it' : ''
          }.`,
        ]
      : publishable
        ? [...nextStepOf(issued, context), ...checkAgain(issued, context)]
        : isRevoked
          ? [
              'Do not publish this certificate. Ask the CA why it is revoked, and for a new certificate. If the CA issues it for ' +
                'this order, collect the order again:',
              { verbatim: orderCommand(deployment, orderAgain(context)) },
              'If the CA requires a new order, send the event of the new order.',
            ]
          : [
              'Send this message to the CA and ask for a corrected certificate. After the CA has issued it, collect the order again:',
              { verbatim: orderCommand(deployment, orderAgain(context)) },
            ],
    anchor: refused.length > 0 ? 'a-certificate-was-not-published' : 'a-certificate-was-issued',
  };
}

/** Where the report of a certificate is. Certificates that releases before 0.2.0 stored have none. */
function reportAt({ report }: Readonly<Record<string, string>>, deployment: Deployment): readonly Paragraph[] {
  return report === undefined
    ? []
    : [
        'The report shows the logo and everything that was checked. To read it, choose Open here:',
        { verbatim: objectUrl(deployment, report) },
      ];
}

/** Such a certificate is stored. A check that the survey starts publishes it when it is valid. */
function isNotYetValid({ certificate }: Issued, { time }: MessageContext): boolean {
  const { publishable, notBefore, findings } = certificate;
  const errors = findings.filter(({ severity }) => severity === 'error');
  return !publishable && Date.parse(notBefore) > Date.parse(time) && errors.every(({ id }) => id === 'validity');
}

const REVOKED_MEANS =
  'A revoked certificate does not become valid again. Only a revocation with the reason certificateHold can be withdrawn.';

/** The command for a certificate whose CRLs could not be used. */
function checkAgain({ certificate: { findings } }: Issued, context: MessageContext): readonly Paragraph[] {
  return findings.some(({ id }) => id === 'crl-unknown')
    ? [
        'Usually, nothing has to be done about a CRL that could not be used: the certificate counts as not revoked. The daily ' +
          'check downloads the CRL again. To check it earlier, collect the order again:',
        { verbatim: orderCommand(context.deployment, orderAgain(context)) },
      ]
    : [];
}

const STAYS_LIVE = 'What is published now stays published.';

function outcomeOf({ certificate: { publishable, changed, findings }, publication }: Issued): string {
  const { published = [], notPublished = [] } = publication ?? {};
  if (findings.some(({ id }) => id === 'revoked')) {
    return changed ? 'issued, but revoked' : 'the certificate is revoked';
  }
  if (!publishable) {
    return changed ? 'issued, but mailboxes will not show the logo' : 'mailboxes will not show the logo';
  }
  if (notPublished.length > 0) {
    if (published.length > 0) {
      return changed ? 'issued, published only in part' : 'published only in part';
    }
    return changed ? 'issued, but not published' : 'not published';
  }
  if (published.length === 0) {
    return changed ? 'certificate issued' : 'certificate collected again';
  }
  return changed ? 'issued and published' : 'published';
}

function shownAt({ publication }: Issued): string[] {
  const domains = publication?.published.map(({ domain }) => domain) ?? [];
  if (domains.length === 0) {
    return publication
      ? ['The logo of this certificate does not appear, because the certificate is not published for any domain.']
      : [
          'Mailboxes can show the logo when the chain and the logo are on a web server and the BIMI record of the domain contains their addresses.',
        ];
  }
  return [
    `Mailboxes can show the logo for ${listDomains(domains)} as soon as the DNS contains the BIMI record and mailbox providers ` +
      'have read it. This takes hours to days.',
  ];
}

/** A brand with a Prior Use Mark or a Modified Registered Mark looks for the logo on its own telephone first. */
function notShownAt({ certificate: { receivers } }: Issued): string[] {
  const apple = receivers.find(({ id }) => id === 'apple');
  return apple?.shows === false && apple.because.includes('mark-type-not-displayed')
    ? ['Apple Mail does not show it, because it displays Registered Marks and Government Marks only.']
    : [];
}

function nextStepOf({ orderNumber, certificate, publication }: Issued, context: MessageContext): readonly Paragraph[] {
  const { deployment } = context;
  const { published = [], notPublished = [], omitted = 0 } = publication ?? {};
  const steps = refusedSteps(notPublished, context);
  if (published.length === 0) {
    if (steps.length > 0) {
      return steps;
    }
    const covered = certificate.domains.filter(isDomain);
    return publication && covered.length > 0
      ? [
          'The order contains no domain. This command publishes the certificate for the domains that it covers. Leave out those ' +
            'that you do not want:',
          { verbatim: orderCommand(deployment, { ...orderAgain(context), domains: covered }) },
        ]
      : [
          'Put chain.pem and logo.svg on a web server with https, and their addresses into the BIMI record. To download the files:',
          { verbatim: fetchCommand(deployment, orderNumber) },
        ];
  }
  const shown = published.slice(0, ITEMS);
  const more = published.length - shown.length + omitted;
  return [
    published.length === 1
      ? 'Make sure that the DNS contains this record, as the only TXT record of its name:'
      : 'Make sure that the DNS contains these records, each as the only TXT record of its name:',
    { verbatim: shown.map(({ bimiRecord }) => withoutControls(bimiRecord)).join('\n\n') },
    ...(more > 0
      ? [`There are ${more} more records. The file certificate.json in the folder above lists all of them.`]
      : []),
    ...steps,
  ];
}

/** The message about a certificate that expires soon. */
export function expiringMessage(expiring: Expiring, context: MessageContext): MessageContent {
  const { orderNumber, account, owner, domains, daysLeft, notAfter, keys, caa } = expiring;
  const when = ['today', 'tomorrow'][daysLeft] ?? `in ${daysLeft} days`;
  return {
    outcome: daysLeft < 0 ? 'the certificate has expired' : `the certificate expires ${when}`,
    orderNumber,
    fallbackName: context.deployment.collector,
    brand: owner,
    domains,
    facts: [
      ...ownerFact(owner),
      ...orderFacts({ orderNumber, account, domains }, context.deployment),
      [daysLeft < 0 ? 'Expired on' : 'Expires on', formatTime(notAfter)],
    ],
    happened: [
      daysLeft < 0
        ? 'The certificate has expired, and no newer certificate of this collector covers its domains.'
        : `The certificate expires ${when}, and no newer certificate of this collector covers its domains.`,
      ...reportAt(keys, context.deployment),
    ],
    logo: [
      daysLeft < 0
        ? 'Mailboxes do not show the logo with an expired certificate.'
        : 'Mailboxes stop showing the logo when the certificate expires.',
    ],
    nextStep: [...caaStep(caa), renewalStep(expiring), ...announceNewOrder(context, domains.filter(isDomain))],
    anchor: 'a-certificate-expires',
  };
}

/** What to correct before the CA can issue a renewal. */
function caaStep(caa: readonly string[]): Paragraph[] {
  return caa.length === 0
    ? []
    : ['The CA would refuse a renewal now. Correct the CAA records in the DNS first:', ...caa];
}

/** By when to order a renewal. The days that are left decide whether it is late, so that the message has no clock. */
function renewalStep({ daysLeft, notAfter, orderBy }: Expiring): string {
  if (orderBy === undefined || daysLeft < 0) {
    return 'Order a renewal at the CA.';
  }
  return daysLeft < daysBetween(notAfter, new Date(orderBy))
    ? `Order a renewal at the CA now. To have it in time, it should have been ordered by ${formatDay(orderBy)}.`
    : `Order a renewal at the CA by ${formatDay(orderBy)}, so that it is there in time.`;
}

/** The outcome for the subject, if there is one difference with this id. */
const OUTCOMES: Readonly<Record<string, string>> = {
  'chain-unreachable': 'the certificate file is not reachable',
  'chain-differs': 'another certificate file is served',
  'chain-type': 'the certificate file has a wrong content type',
  'logo-unreachable': 'the logo file is not reachable',
  'logo-differs': 'another logo file is served',
  'logo-type': 'the logo file has a wrong content type',
  expired: 'the published certificate has expired',
  revoked: 'a revoked certificate is still published',
  outdated: 'an older certificate is still published',
  'record-missing': 'the BIMI record is missing',
  'record-differs': 'the BIMI record is wrong',
  'record-unreachable': 'the BIMI record cannot be looked up',
  'dmarc-missing': 'the DMARC record is missing',
  'dmarc-weak': 'the DMARC policy is too weak',
  'dmarc-unreachable': 'the DMARC record cannot be looked up',
  'description-damaged': 'the description of the publication is damaged',
};
const OTHER_OUTCOME = 'a problem with the publication';

const MISSED_BY_PROVIDERS = 'If mailbox providers get no answer either, they do not show the logo of this domain.';
const NO_LOGO = 'Mailboxes do not show the logo of this domain until this is fixed.';

/** What a difference means for the logo, if it is not `OTHER_LOGO`. */
const LOGOS: Readonly<Record<string, string>> = {
  expired: NO_LOGO,
  revoked: NO_LOGO,
  'record-missing': NO_LOGO,
  'dmarc-missing': NO_LOGO,
  'dmarc-weak': NO_LOGO,
  'record-unreachable': MISSED_BY_PROVIDERS,
  'dmarc-unreachable': MISSED_BY_PROVIDERS,
  outdated: 'Mailboxes show the logo of the older certificate, until that certificate expires or is revoked.',
  'description-damaged':
    'Mailboxes can still show the logo of this domain, but the collector cannot check or replace what is published.',
};
const OTHER_LOGO = 'Mailboxes may stop showing the logo of this domain until this is fixed.';

/** The message about a publication that differs from what it should be. */
export function brokenMessage(broken: Broken, context: MessageContext): MessageContent {
  const { orderNumber, account, owner, domain, selector, differences } = broken;
  const shown = differences.slice(0, ITEMS).map(({ message }) => asSentence(message));
  const more = differences.length - shown.length;
  const [{ id } = { id: '' }] = differences;
  return {
    outcome:
      more === 0 && shown.length === 1
        ? (OUTCOMES[id] ?? OTHER_OUTCOME)
        : `${differences.length} problems with the publication`,
    orderNumber,
    fallbackName: context.deployment.collector,
    brand: owner,
    domains: [domain],
    facts: [
      ...ownerFact(owner),
      ...orderFacts({ orderNumber, account, domains: [domain] }, context.deployment),
      ['BIMI selector', selector],
      ['Found on', formatTime(context.time)],
    ],
    happened: [
      shown.length === 1
        ? `The daily check found a problem with the publication for ${domain}:`
        : `The daily check found ${differences.length} problems with the publication for ${domain}:`,
      ...shown,
      ...(more > 0 ? [`There are ${more} more problems.`] : []),
    ],
    logo: [differences.some((each) => LOGOS[each.id] === NO_LOGO) ? NO_LOGO : (LOGOS[id] ?? OTHER_LOGO)],
    nextStep: [...fixOf(broken, context), ...otherFixes(broken)],
    anchor: 'a-publication-is-broken',
  };
}

/** How to fix the first difference. The survey repeats the check every day. */
function fixOf(broken: Broken, context: MessageContext): readonly Paragraph[] {
  const { domain, selector, orderNumber, bimiRecord, differences } = broken;
  const { deployment } = context;
  const [{ id } = { id: '' }] = differences;
  switch (id) {
    case 'record-missing':
    case 'record-differs':
      return [
        'Put this record into the DNS, as the only TXT record of its name:',
        { verbatim: withoutControls(bimiRecord) },
      ];
    case 'record-unreachable':
      return unreachableDns(assertionName(domain, selector));
    case 'dmarc-unreachable':
      return unreachableDns(`_dmarc.${domain}`);
    case 'dmarc-missing':
      return [
        'Put one DMARC record into the DNS, with the policy quarantine or reject for all messages. To see the current records:',
        { verbatim: `dig +short TXT ${shellWord(`_dmarc.${domain}`)}` },
      ];
    case 'dmarc-weak':
      return [
        'Change the DMARC record so that its policy is quarantine or reject for all messages. To see the current record:',
        { verbatim: `dig +short TXT ${shellWord(`_dmarc.${domain}`)}` },
      ];
    case 'chain-unreachable':
    case 'logo-unreachable': {
      const tag = id === 'chain-unreachable' ? 'a' : 'l';
      const address = new RegExp(`\\b${tag}=([^;"]+)`).exec(recordText(bimiRecord))?.[1] ?? '';
      return [
        'Find out why the address does not return the file. The runbook lists the causes. To see the answer:',
        { verbatim: `curl -sSI ${shellWord(address)}` },
      ];
    }
    case 'expired':
      return ['Order a renewal at the CA.', ...announceNewOrder(context, [domain])];
    case 'revoked':
      return [
        'Ask the CA why it revoked the certificate, then order a new one.',
        ...announceNewOrder(context, [domain]),
      ];
    case 'description-damaged':
      return [
        'Restore an earlier version of the description, as the runbook shows. To list its versions:',
        {
          verbatim: [
            `aws s3api list-object-versions --region ${deployment.region} \\`,
            `  --bucket ${deployment.bucket} --prefix ${shellWord(`published/${domain}/${selector}.json`)}`,
          ].join('\n'),
        },
      ];
    default:
      return orderNumber === undefined
        ? ['Follow the table in the runbook.']
        : [
            'Collect the order again. This publishes the certificate again:',
            {
              verbatim: orderCommand(deployment, {
                ...orderAgain(context),
                domains: context.order?.domains ?? [domain],
              }),
            },
          ];
  }
}

/** The other fixes in short form: only the first one has a command, because a reader copies one. */
function otherFixes({ domain, selector, differences }: Broken): readonly Paragraph[] {
  const [first, ...others] = differences.map(({ id }) => SHORT_FIXES[id] ?? OTHER_FIX);
  const fixes = [...new Set(others)].filter((fix) => fix !== first);
  const place = (fix: string) => fix.replace('{record}', assertionName(domain, selector)).replace('{domain}', domain);
  return fixes.length === 0
    ? []
    : [
        `${fixes.length === 1 ? 'There is one more step' : 'There are more steps'}:`,
        ...fixes.map((fix) => asSentence(place(fix))),
      ];
}

const PUBLISH_AGAIN = 'collect the order again, which publishes the certificate again';
const CHECK_DNS = 'check that the name servers of {domain} answer';
const OTHER_FIX = 'follow the table in the runbook';

/** The fix of each difference, as a clause. */
export const SHORT_FIXES: Readonly<Record<string, string>> = {
  'chain-unreachable': 'find out why the address of the certificate file does not return it',
  'chain-differs': PUBLISH_AGAIN,
  'chain-type': PUBLISH_AGAIN,
  'logo-unreachable': 'find out why the address of the logo file does not return it',
  'logo-differs': PUBLISH_AGAIN,
  'logo-type': PUBLISH_AGAIN,
  expired: 'order a renewal at the CA',
  revoked: 'ask the CA why it revoked the certificate, then order a new one',
  outdated: PUBLISH_AGAIN,
  'record-missing': 'put the BIMI record of {record} into the DNS, as the only TXT record of its name',
  'record-differs': 'put the BIMI record of {record} into the DNS, as the only TXT record of its name',
  'record-unreachable': CHECK_DNS,
  'dmarc-missing':
    'put one DMARC record for {domain} into the DNS, with the policy quarantine or reject for all messages',
  'dmarc-weak': 'change the DMARC record of {domain} so that its policy is quarantine or reject for all messages',
  'dmarc-unreachable': CHECK_DNS,
  'description-damaged': 'restore an earlier version of the description, as the runbook shows',
};

const unreachableDns = (name: string): Paragraph[] => [
  'Check that the name servers of the domain answer. If the next daily check succeeds, there is nothing to do:',
  { verbatim: `dig TXT ${shellWord(name)}` },
];

function ownerFact(owner: string | undefined): MessageContent['facts'] {
  return owner === undefined ? [] : [['Owner', owner]];
}

/** Findings as clauses of one sentence. */
function messagesOf(findings: Issued['certificate']['findings']): string {
  return asSentence(joinInFull(findings.map(({ message }) => message))).replace(/^./, (first) => first.toLowerCase());
}

function refusalsOf(refused: readonly { readonly domain: string; readonly message: string }[]): string {
  return asSentence(joinInFull(refused.map(({ domain, message }) => `${domain}, because ${message}`))).replace(
    /^./,
    (first) => first.toLowerCase(),
  );
}

/** The first details in full, because a reader needs them, and the number of the others. */
function joinInFull(details: readonly string[]): string {
  const shown = details.slice(0, ITEMS).map((detail) => withoutControls(detail).replace(/\.$/, ''));
  return [...shown, ...(details.length > ITEMS ? [`and ${details.length - ITEMS} more`] : [])].join('; ');
}
