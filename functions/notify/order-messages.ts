import type { FailureName } from '../errors.ts';
import type { Order } from '../order.ts';
import {
  type Deployment,
  folderUrl,
  NEW_ORDER_NUMBER,
  orderCommand,
  redriveCommand,
  storeLoginCommand,
} from './commands.ts';
import { ABORTED, type Failure, TIMED_OUT } from './ended-execution.ts';
import type { Waiting } from './events.ts';
import { asSentence, formatTime, listDomains, type MessageContent, type Paragraph } from './message.ts';

/** What a message needs besides its event. */
export interface MessageContext {
  readonly deployment: Deployment;
  /** The order with every field that is known, for the command that sends its event again. */
  readonly order: Order | undefined;
  /** When the event was sent. */
  readonly time: string;
}

const NO_COMMAND = 'There is no command to run.';

const NO_NEW_LOGO =
  'No certificate is collected while the order waits, so a new logo does not appear yet. A logo that mailboxes show now ' +
  'stays until its present certificate expires.';

/** How a message describes a concern of a waiting order. */
interface WaitingWords {
  readonly outcome: string;
  readonly happened: string;
  readonly anchor: string;
  /** What follows the next step: how to do it, or why there is nothing else to do. */
  readonly how: (waiting: Waiting, deployment: Deployment) => readonly Paragraph[];
}

const continuesByItself = (when: string) => () => [`${NO_COMMAND} The order continues by itself ${when}.`];

const WAITING_WORDS: Readonly<Record<Waiting['reason'], WaitingWords>> = {
  credentials: {
    outcome: 'waits, the CA rejects the login',
    happened:
      'The CA rejected the login of this collector, or the secret contains no login yet. The collector does not use a rejected ' +
      'login again, because the CA would lock the account. All orders of this account wait.',
    anchor: 'credentials-were-wrong',
    how: ({ account }, deployment) => [
      "First log in at the CA's web page, once, to find out why the CA rejects the login. Then write the login to the file " +
        'login.json, in the form that the runbook shows, and run:',
      { verbatim: storeLoginCommand(deployment, account) },
      'If the account was locked, the CA must unlock it first. Then store the login again, even if it is the same as before: ' +
        'the orders continue only when the secret has a new version.',
    ],
  },
  payment: {
    outcome: 'waits for payment',
    happened: 'The CA issues the certificate only after this order is paid.',
    anchor: 'orders-wait-for-payment',
    how: continuesByItself('after the payment'),
  },
  permission: {
    outcome: 'waits, the CA denies permission',
    happened: 'The CA does not allow this account to collect the certificate of this order.',
    anchor: 'orders-wait-for-permission',
    how: continuesByItself('when the CA allows it'),
  },
  outage: {
    outcome: 'waits, the CA does not answer',
    happened: 'For at least six hours, no call to the CA about this order had a usable answer.',
    anchor: 'the-ca-is-down',
    how: continuesByItself('when the CA answers again'),
  },
  deadline: {
    outcome: 'still waits, and its deadline is near',
    happened:
      'The order has waited for three quarters of the time that the collector allows. When all of this time is used up, the ' +
      'collection fails.',
    anchor: 'an-order-has-waited-for-a-long-time',
    how: continuesByItself('until its deadline'),
  },
};

/** The message about an order that starts to need a person. */
export function waitingMessage(waiting: Waiting, { deployment }: MessageContext): MessageContent {
  const { reason, orderNumber, domains, text, since, startedAt, nextStep } = waiting;
  const { outcome, happened, anchor, how } = WAITING_WORDS[reason];
  return {
    outcome,
    orderNumber,
    fallbackName: deployment.collector,
    domains,
    facts: [
      ...orderFacts(waiting, deployment),
      [reason === 'deadline' ? 'Waiting since' : 'Since', formatTime(reason === 'deadline' ? startedAt : since)],
    ],
    happened: [happened, `Details: ${asSentence(withoutOrder(text, orderNumber))}`],
    logo: [NO_NEW_LOGO],
    nextStep: [asSentence(nextStep), ...how(waiting, deployment)],
    anchor,
  };
}

const NO_NEW_CERTIFICATE =
  'There is no new certificate, so a new logo does not appear. A logo that mailboxes show now stays until its present ' +
  'certificate expires.';

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

const redrive = ({ execution }: Failure, { deployment }: MessageContext): readonly Paragraph[] => [
  'A redrive asks the CA again. It is possible for 14 days after the failure:',
  { verbatim: redriveCommand(deployment, execution) },
];

const orderAgain =
  (instruction: string) =>
  (failure: Failure, context: MessageContext): readonly Paragraph[] => [
    instruction,
    { verbatim: orderCommand(context.deployment, orderFrom(failure, context)) },
  ];
const sendEvent = orderAgain('This command sends the event of the order:');

/** @param domains those of the order, if the order itself is not known. */
export function announceNewOrder(
  { deployment, order }: MessageContext,
  domains: readonly string[],
): readonly Paragraph[] {
  const { request: _, orderNumber: __, ...fields } = order ?? { orderNumber: '', domains: [...domains] };
  return [
    `When you have placed the new order, send its event to the collector. Replace ${NEW_ORDER_NUMBER} by the number of the ` +
      'new order:',
    { verbatim: orderCommand(deployment, { orderNumber: NEW_ORDER_NUMBER, ...fields }) },
  ];
}

const newOrder = ({ domains }: Failure, context: MessageContext) => announceNewOrder(context, domains);

const FAILURE_WORDS: Readonly<Record<FailureName | typeof TIMED_OUT | typeof ABORTED, FailureWords>> = {
  OrderRejected: {
    outcome: 'rejected by the CA',
    happened: 'The CA rejected the order. It will not issue a certificate for this order.',
    logo: NO_NEW_CERTIFICATE,
    anchor: 'an-order-failed',
    how: newOrder,
  },
  CertificateRevoked: {
    outcome: 'the CA revoked the certificate',
    happened: 'The CA revoked the certificate of this order.',
    logo: 'Mailboxes stop showing a logo whose certificate is revoked.',
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
      'The CA did not accept the request for this order. In most cases the order number or the account is wrong.',
    logo: NO_NEW_CERTIFICATE,
    anchor: 'an-order-failed',
    how: orderAgain('Correct the order number or the account in this command, and run it:'),
  },
  UnknownRefusal: {
    outcome: 'the CA gave an unknown answer',
    happened: 'The CA gave an answer that the collector does not know, many times in a row.',
    logo: NO_NEW_CERTIFICATE,
    anchor: 'an-order-failed',
    how: redrive,
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
            'rejected.json and the response are in this folder:',
            { verbatim: folderUrl(context.deployment, failure.orderNumber) },
          ]),
      ...sendEvent(failure, context),
    ],
  },
  CollectionOverdue: {
    outcome: 'no certificate before the deadline',
    happened: 'The CA did not issue the certificate before the deadline of the collector.',
    logo: NO_NEW_CERTIFICATE,
    anchor: 'an-order-failed',
    how: sendEvent,
  },
  InvalidInput: {
    outcome: 'started with an invalid input',
    happened: 'The collection of this order was started with an input that the collector does not accept.',
    logo: NO_NEW_CERTIFICATE,
    anchor: 'an-order-failed',
    how: orderAgain('Correct the wrong fields in this command, and run it:'),
  },
  CollectionLost: {
    outcome: 'no longer collected',
    happened: 'The order has no certificate yet, but the collector no longer checks it: its execution has ended.',
    label: 'Noticed on',
    logo: NO_NEW_CERTIFICATE,
    anchor: 'an-order-is-stuck',
    how: sendEvent,
  },
  [TIMED_OUT]: {
    outcome: 'timed out',
    happened: 'The collection of this order took too long, so Step Functions ended it.',
    logo: NO_NEW_CERTIFICATE,
    anchor: 'an-order-timed-out',
    how: sendEvent,
  },
  [ABORTED]: {
    outcome: 'stopped by somebody',
    happened: 'Somebody stopped the collection of this order, so the collector no longer asks the CA about it.',
    label: 'Stopped on',
    logo: NO_NEW_CERTIFICATE,
    anchor: 'an-order-was-aborted',
    how: redrive,
  },
};

/** For every error of AWS and of the code. */
const OTHER_FAILURE: FailureWords = {
  outcome: 'failed because of an error',
  happened: 'The collection of this order ended with an error in the collector or in AWS, which retries did not solve.',
  logo:
    'If the certificate is already stored, it may not be published yet. Otherwise a new logo does not appear. A logo that ' +
    'mailboxes show now stays until its present certificate expires.',
  anchor: 'an-order-failed',
  how: ({ execution }, { deployment }) => [
    'The runbook shows how to read the logs. A redrive continues where the collection failed. It is possible for 14 days ' +
      'after the failure:',
    { verbatim: redriveCommand(deployment, execution) },
  ],
};

/** For an execution that somebody started by hand, with another input than an order. */
const NOT_AN_ORDER: Pick<FailureWords, 'happened' | 'logo' | 'how'> & { readonly nextStep: string } = {
  happened: 'An execution of the state machine ended that is not about an order. Somebody started it by hand.',
  logo: 'This has no effect on a logo.',
  nextStep: 'To collect an order, send its event "Mark Certificate Ordered" and do not start an execution by hand',
  how: () => [NO_COMMAND],
};

/** The message about a collection that ended without a certificate. */
export function failedMessage(failure: Failure, context: MessageContext, since: string): MessageContent {
  const { error, orderNumber, domains, text, execution } = failure;
  const known = Object.entries(FAILURE_WORDS).find(([name]) => name === error)?.[1];
  const { outcome, anchor, label = 'Failed on', ...words } = known ?? OTHER_FAILURE;
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

/** The order with all known fields, or what the event contains of it. */
function orderFrom({ orderNumber, account, domains }: Failure, { order }: MessageContext) {
  return {
    orderNumber: orderNumber ?? '',
    ...(account !== null && { account }),
    ...(domains.length > 0 && { domains: [...domains] }),
    ...order,
  };
}

/** The message names the order already, and has a section for the next step. */
function withoutOrder(text: string, orderNumber: string | undefined): string {
  return text.replace(`Order ${orderNumber}: `, '').replace(/ Next: .*$/s, '');
}
