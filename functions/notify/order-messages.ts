import { ABORTED, type Failure, isExtraCheck, TIMED_OUT } from '../ended-execution.ts';
import { DOUBTFUL_LOGIN, type FailureName } from '../errors.ts';
import { type Order, suggestRequest } from '../order.ts';
import {
  type Deployment,
  folderUrl,
  loginCommand,
  NEW_ORDER_NUMBER,
  orderCommand,
  redriveCommand,
  retryCommand,
} from './commands.ts';
import type { Waiting } from './events.ts';
import { asSentence, formatTime, listDomains, type MessageContent, type Paragraph } from './message.ts';

/** What a message needs besides its event. */
export interface MessageContext {
  readonly deployment: Deployment;
  /** The order with every option that is known, for the command that orders it again. */
  readonly order: Order | undefined;
  /** When the event was sent. */
  readonly time: string;
}

const NO_COMMAND = 'There is no command to run.';

const CURRENT_LOGO = 'If mailboxes show a logo now, they show it until its current certificate expires.';

const NO_NEW_LOGO = `While the order waits, there is no new certificate, so a new logo does not appear. ${CURRENT_LOGO}`;

/** How a message describes a reason for which an order needs a person. */
interface WaitingWords {
  readonly outcome: string;
  readonly happened: string | ((waiting: Waiting) => string);
  readonly anchor: string;
  /** What follows the next step: how to do it, or why there is nothing else to do. */
  readonly how: (waiting: Waiting, deployment: Deployment) => readonly Paragraph[];
}

const continuesByItself = (when: string) => () => [`${NO_COMMAND} The order continues by itself ${when}.`];

const WAITING_WORDS: Readonly<Record<Waiting['reason'], WaitingWords>> = {
  credentials: {
    outcome: 'waits because the CA rejects the login',
    happened: ({ account }) =>
      `The CA rejected the login of ${accountName(account)}. All orders of this account wait. The collector does not use a ` +
      'rejected login again, because the CA would lock the account.',
    anchor: 'credentials-were-wrong',
    how: ({ account }, deployment) => [
      "First log in once on the CA's web page, to find out why the CA rejects the login. Then run this command, which asks for the " +
        'correct login:',
      { verbatim: loginCommand(deployment, account) },
      'If the account is locked, the CA must unlock it first. Then store the login again: the orders continue only when the ' +
        'secret has a new version.',
    ],
  },
  payment: {
    outcome: 'waits for payment',
    happened: 'This order is not paid. The CA issues the certificate after the payment.',
    anchor: 'orders-wait-for-payment',
    how: continuesByItself('after the payment'),
  },
  permission: {
    outcome: 'waits because the CA denies permission',
    happened: 'The CA does not allow this account to collect the certificate of this order.',
    anchor: 'orders-wait-for-permission',
    how: continuesByItself('when the CA allows it'),
  },
  outage: {
    outcome: 'waits because the CA does not answer',
    happened: 'The CA has given no usable answer about this order for at least six hours.',
    anchor: 'the-ca-is-down',
    how: continuesByItself('when the CA answers again'),
  },
  storage: {
    outcome: "waits because the CA's reply cannot be stored",
    happened:
      'For at least six hours, the reply of the CA about this order could not be stored or reported, because S3 or EventBridge ' +
      'did not accept a request of the collector.',
    anchor: 'replies-cannot-be-stored',
    how: continuesByItself('when the cause is fixed'),
  },
  deadline: {
    outcome: 'still waits and is close to its deadline',
    happened:
      'The CA has not issued the certificate, and three quarters of the time until the deadline have passed. At the deadline, ' +
      'the collection of this order fails.',
    anchor: 'an-order-has-waited-for-a-long-time',
    how: continuesByItself('until its deadline'),
  },
};

/** The other words about credentials, by what the text of the event contains. The first that matches is used. */
const CREDENTIALS_WORDS: readonly (readonly [RegExp, WaitingWords])[] = [
  [
    /ResourceNotFoundException/,
    {
      outcome: 'waits because the login is missing',
      happened: ({ account }) =>
        `The collector has no login for ${accountName(account)}: the secret does not exist. All orders of this account wait. The ` +
        'CA was not asked.',
      anchor: 'add-an-account',
      how: ({ account }, deployment) => [
        'Check that the name of the account is right. If it is wrong, send the event of the order again with the right ' +
          'account. If it is right, run this command, which asks for the login:',
        { verbatim: loginCommand(deployment, account) },
        'The orders continue at their next check.',
      ],
    },
  ],
  [
    /^the secret /,
    {
      outcome: 'waits because the login cannot be used',
      happened: ({ account }) =>
        `The secret of ${accountName(account)} contains no login that the collector can use. All orders of this account wait. The ` +
        'CA was not asked.',
      anchor: 'credentials-were-wrong',
      how: ({ account }, deployment) => [
        'Run this command, which asks for the login:',
        { verbatim: loginCommand(deployment, account) },
        'The orders continue at their next check.',
      ],
    },
  ],
  [
    new RegExp(DOUBTFUL_LOGIN),
    {
      outcome: 'waits because the login may be wrong',
      happened: ({ account }) =>
        `The CA, or a system in front of it, answered in a way that can mean that the login of ${accountName(account)} is wrong. All ` +
        'orders of this account wait. So that the CA does not lock the account, the collector tries the same login only once ' +
        'a day, with one order.',
      anchor: 'credentials-were-wrong',
      how: ({ account }, deployment) => [
        "Log in once on the CA's web page. If that works, do not change the login: ask the CA what its answer means. The order " +
          'continues by itself when the CA accepts the login again. If you cannot log in, run this command, which asks for the ' +
          'correct login:',
        { verbatim: loginCommand(deployment, account) },
      ],
    },
  ],
];

function wordsAbout({ reason, text }: Waiting): WaitingWords {
  const special = reason === 'credentials' ? CREDENTIALS_WORDS.find(([pattern]) => pattern.test(text)) : undefined;
  return special?.[1] ?? WAITING_WORDS[reason];
}

const accountName = (account: string | null) => (account === null ? 'the default account' : `the account ${account}`);

/** The message about an order that starts to need a person. */
export function waitingMessage(waiting: Waiting, { deployment }: MessageContext): MessageContent {
  const { reason, orderNumber, domains, text, since, startedAt, nextStep } = waiting;
  const words = wordsAbout(waiting);
  const { outcome, happened, anchor, how } = words;
  // The next step of the event is about a login that the CA rejected.
  const isSpecial = words !== WAITING_WORDS[reason];
  return {
    outcome,
    orderNumber,
    fallbackName: deployment.collector,
    domains,
    facts: [
      ...orderFacts(waiting, deployment),
      [reason === 'deadline' ? 'Waiting since' : 'Since', formatTime(reason === 'deadline' ? startedAt : since)],
    ],
    happened: [
      typeof happened === 'string' ? happened : happened(waiting),
      `Details: ${asSentence(withoutOrder(text, orderNumber))}`,
    ],
    logo: [NO_NEW_LOGO],
    nextStep: [...(isSpecial ? [] : [asSentence(nextStep)]), ...how(waiting, deployment)],
    anchor,
  };
}

const NO_NEW_CERTIFICATE = `There is no new certificate, so a new logo does not appear. ${CURRENT_LOGO}`;

/** How a message describes a failed collection. */
interface FailureWords {
  readonly outcome: string;
  readonly happened: string;
  readonly logo: string;
  readonly anchor: string;
  /** The label of the time; default: Failed on. */
  readonly label?: string;
  /** How to do the next step. */
  readonly how: (failure: Failure, context: MessageContext) => readonly Paragraph[];
}

const retry = ({ execution, orderNumber }: Failure, { deployment }: MessageContext): readonly Paragraph[] =>
  // The command is about the execution that collects the order, not about a check beside it.
  orderNumber === undefined || isExtraCheck(execution, orderNumber)
    ? [
        'This command redrives the execution, which continues at the step that failed. It works for 14 days after the failure:',
        { verbatim: redriveCommand(deployment, execution) },
      ]
    : ['This command continues the collection:', { verbatim: retryCommand(deployment, orderNumber) }];

/**
 * The event that orders an order again: with every option that is known, and with a `request` that was not used. Without
 * it, an order that has a certificate would not be collected. The `request` of a push or of the survey would be refused.
 */
export function orderAgain({ order, time }: MessageContext): Order {
  return { ...(order ?? { orderNumber: '' }), request: suggestRequest(new Date(time)) };
}

const sendEventWith =
  (instruction: string) =>
  (_: Failure, context: MessageContext): readonly Paragraph[] => [
    instruction,
    { verbatim: orderCommand(context.deployment, orderAgain(context)) },
  ];
const sendEvent = sendEventWith('This command sends the event:');

/** @param domains those of the order, if the order itself is not known. */
export function announceNewOrder(
  { deployment, order }: MessageContext,
  domains: readonly string[],
): readonly Paragraph[] {
  const { request: _, replace: __, orderNumber: ___, ...known } = order ?? { orderNumber: '' };
  const fields = { ...(domains.length > 0 && { domains: [...domains] }), ...known };
  return [
    `After you have placed the new order, send its event to the collector. Put the number of the new order in place of ` +
      `${NEW_ORDER_NUMBER}:`,
    { verbatim: orderCommand(deployment, { orderNumber: NEW_ORDER_NUMBER, ...fields }) },
  ];
}

const newOrder = ({ domains }: Failure, context: MessageContext) => announceNewOrder(context, domains);

const FAILURE_WORDS: Readonly<Record<FailureName | typeof TIMED_OUT | typeof ABORTED, FailureWords>> = {
  OrderRejected: {
    outcome: 'rejected by the CA',
    happened: 'The CA rejected this order and will not issue a certificate for it.',
    logo: NO_NEW_CERTIFICATE,
    anchor: 'an-order-failed',
    how: newOrder,
  },
  CertificateRevoked: {
    outcome: 'the CA revoked the certificate',
    happened: 'The CA revoked the certificate of this order.',
    logo: 'Mailboxes do not show a logo whose certificate is revoked.',
    anchor: 'an-order-failed',
    how: newOrder,
  },
  CertificateExpired: {
    outcome: 'the certificate has expired',
    happened: 'The certificate of this order expired before the collector received it.',
    logo: 'Mailboxes do not show a logo whose certificate has expired.',
    anchor: 'an-order-failed',
    how: newOrder,
  },
  InvalidRequest: {
    outcome: 'the CA did not accept the request',
    happened:
      'The CA did not accept the request for this order. In most cases, the order number or the account is wrong.',
    logo: NO_NEW_CERTIFICATE,
    anchor: 'an-order-failed',
    how: sendEventWith(
      'If the secret of the account does not exist yet, create it first, as the runbook shows. Then correct the order number or the ' +
        'account in this command, and run it:',
    ),
  },
  UnknownRefusal: {
    outcome: 'the CA gave an unknown answer',
    happened: 'The CA repeatedly answered with a status that the collector does not know.',
    logo: NO_NEW_CERTIFICATE,
    anchor: 'an-order-failed',
    how: retry,
  },
  InvalidChain: {
    outcome: 'the CA sent no valid certificate',
    happened: 'The CA issued the certificate, but its response contains no valid certificate chain.',
    logo: NO_NEW_CERTIFICATE,
    anchor: 'an-order-failed',
    how: (failure, context) => [
      ...(failure.orderNumber === undefined
        ? []
        : [
            'The response and rejected.json, which contains the reason, are in this folder:',
            { verbatim: folderUrl(context.deployment, failure.orderNumber) },
          ]),
      ...sendEventWith('After the CA has issued it again, send the event:')(failure, context),
    ],
  },
  CollectionOverdue: {
    outcome: 'no certificate before the deadline',
    happened: 'The CA did not issue the certificate before the deadline, which the setting giveUpAfter defines.',
    logo: NO_NEW_CERTIFICATE,
    anchor: 'an-order-failed',
    how: sendEvent,
  },
  InvalidInput: {
    outcome: 'started with invalid input',
    happened: 'Somebody started the collection of this order with input that the collector does not accept.',
    logo: NO_NEW_CERTIFICATE,
    anchor: 'an-order-failed',
    how: sendEventWith('Correct the wrong fields in this command, and run it:'),
  },
  CollectionLost: {
    outcome: 'waits, but is no longer checked',
    happened: 'This order has no certificate yet, but the collector no longer checks it: its execution has ended.',
    label: 'Noticed on',
    logo: NO_NEW_CERTIFICATE,
    anchor: 'an-order-is-stuck',
    how: sendEvent,
  },
  [TIMED_OUT]: {
    outcome: 'timed out',
    happened: 'The collection of this order took too long, so AWS Step Functions ended it.',
    logo: NO_NEW_CERTIFICATE,
    anchor: 'an-order-timed-out',
    how: sendEvent,
  },
  [ABORTED]: {
    outcome: 'stopped by somebody',
    happened: 'Somebody stopped the collection of this order. The collector no longer asks the CA about it.',
    label: 'Stopped on',
    logo: NO_NEW_CERTIFICATE,
    anchor: 'an-order-was-aborted',
    how: retry,
  },
};

/** For every error of AWS and of the code. */
const OTHER_FAILURE: FailureWords = {
  outcome: 'failed because of an error',
  happened: 'The collection of this order failed because of an error in the collector or in AWS. Retries did not help.',
  logo: `The certificate may not be stored yet, or not be published. Until then, a new logo does not appear. ${CURRENT_LOGO}`,
  anchor: 'an-order-failed',
  how: (failure, context) => ['The runbook shows how to read the logs.', ...retry(failure, context)],
};

/** For a check that a push or the survey started: the order has a certificate, or another execution collects it. */
const EXTRA_CHECK: Pick<FailureWords, 'outcome' | 'happened' | 'logo'> = {
  outcome: 'a check failed because of an error',
  happened:
    'A check that a push or the daily survey started failed because of an error in the collector or in AWS. Retries did not help.',
  logo: 'What is published stays published. If the CA has issued another certificate, it may not be stored or published yet.',
};

/** For an execution that somebody started by hand, with another input than an order. */
const NOT_AN_ORDER: Pick<FailureWords, 'happened' | 'logo' | 'how'> & { readonly nextStep: string } = {
  happened: 'An execution ended that somebody had started by hand. It is not about an order.',
  logo: 'This has no effect on a logo.',
  nextStep: 'To collect an order, send the event "Mark Certificate Ordered" instead of starting an execution by hand',
  how: () => [NO_COMMAND],
};

/** The message about a collection that ended without a certificate. */
export function failedMessage(failure: Failure, context: MessageContext, since: string): MessageContent {
  const { error, orderNumber, domains, text, execution } = failure;
  const known = Object.entries(FAILURE_WORDS).find(([name]) => name === error)?.[1];
  const isExtra = known === undefined && orderNumber !== undefined && isExtraCheck(execution, orderNumber);
  const { outcome, anchor, label = 'Failed on', ...words } = known ?? { ...OTHER_FAILURE, ...(isExtra && EXTRA_CHECK) };
  const { happened, logo, nextStep, how } = {
    ...words,
    nextStep: failure.nextStep,
    ...(orderNumber === undefined && NOT_AN_ORDER),
  };
  const details = asSentence(withoutOrder(text, orderNumber));
  return {
    outcome,
    orderNumber,
    fallbackName: `Execution ${execution}`,
    domains,
    facts: [...orderFacts(failure, context.deployment), [label, formatTime(since)]],
    happened: [happened, known ? `Details: ${details}` : `Error: ${error}. ${details}`],
    logo: [logo],
    nextStep: [asSentence(nextStep), ...how(failure, context)],
    anchor,
  };
}

/** The rows that identify an order. */
export function orderFacts(
  { orderNumber, account, domains, execution }: OrderFacts,
  { collector, region }: Deployment,
): MessageContent['facts'] {
  return [
    ...(orderNumber === undefined ? [] : [['Order', orderNumber] as const]),
    ...(domains.length === 0 ? [] : [['Domains', listDomains(domains)] as const]),
    ...(account == null ? [] : [['Account', account] as const]),
    ...(execution === undefined ? [] : [['Execution', execution] as const]),
    ['Collector', `${collector} in ${region}`],
  ];
}

interface OrderFacts {
  readonly orderNumber: string | undefined;
  readonly account: string | null;
  readonly domains: readonly string[];
  readonly execution?: string;
}

/** The message names the order already, and has a section for the next step. */
function withoutOrder(text: string, orderNumber: string | undefined): string {
  return text.replace(`Order ${orderNumber}: `, '').replace(/ Next: .*$/s, '');
}
