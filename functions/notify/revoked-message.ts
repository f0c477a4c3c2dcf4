import { isDomain } from '../order.ts';
import { orderCommand } from './commands.ts';
import type { Revoked } from './events.ts';
import { asSentence, formatTime, type MessageContent, type Paragraph, withoutControls } from './message.ts';
import { announceNewOrder, type MessageContext, orderAgain, orderFacts } from './order-messages.ts';

/** The message about a revocation. */
export function revokedMessage(revoked: Revoked, context: MessageContext): MessageContent {
  const { orderNumber, account, domains, confirmed, text, knownSince, revokedAt, reason } = revoked;
  return {
    outcome: revokedOutcome(revoked),
    orderNumber,
    fallbackName: context.deployment.collector,
    domains,
    facts: [
      ...orderFacts({ orderNumber, account, domains }, context.deployment),
      ['Known since', formatTime(knownSince)],
      ...(revokedAt === null ? [] : [['Revoked on', formatTime(revokedAt)] as const]),
      ...(reason === null ? [] : [['Reason of the CA', withoutControls(reason)] as const]),
    ],
    happened: [...revokedBy(revoked), `Details: ${asSentence(text)}`],
    logo: confirmed
      ? ['Mailboxes do not show a logo whose certificate is revoked.']
      : [
          'Nothing changes yet: what is published stays published. Mailboxes do not show a logo whose certificate is revoked.',
        ],
    nextStep: revokedStep(revoked, context),
    anchor: 'a-published-certificate-was-revoked',
  };
}

/** The reasons of RFC 5280 after which the next step is another one. */
export const HOLD = 'certificateHold';
const SUPERSEDED = 'superseded';

function revokedOutcome({ confirmed, issuer, reason }: Revoked): string {
  if (!confirmed) {
    return 'the CA announces a revocation';
  }
  const what = issuer === null ? 'the certificate' : 'the issuing certificate';
  return reason === HOLD ? `the CA put ${what} on hold` : `the CA revoked ${what}`;
}

function revokedBy({ confirmed, source, issuer, reason }: Revoked): string[] {
  if (!confirmed) {
    return [
      'The CA reported that it has revoked the certificate of this order, or will revoke it. The report is not confirmed: the ' +
        'collector now asks the CA whether it is true.',
    ];
  }
  const found = source === 'crl' ? ' The collector found it on a revocation list (CRL) of the CA.' : '';
  if (issuer !== null) {
    return [
      'The CA revoked the certificate of an issuing CA in the chain of this order. So every certificate that this issuing CA ' +
        `has issued counts as revoked, also that of this order.${found}`,
    ];
  }
  return reason === HOLD
    ? [`The CA put the certificate of this order on hold. It counts as revoked until the CA ends the hold.${found}`]
    : [`The CA revoked the certificate of this order.${found}`];
}

function revokedStep({ confirmed, reason, domains }: Revoked, context: MessageContext): readonly Paragraph[] {
  if (!confirmed) {
    return [
      'Ask the CA whether it revokes the certificate, and why. There is no command to run. If the CA confirms the revocation, you receive another message.',
    ];
  }
  if (reason === HOLD) {
    return [
      'Ask the CA why the certificate is on hold. When the CA ends the hold, collect the order again. This publishes the certificate again:',
      { verbatim: orderCommand(context.deployment, orderAgain(context)) },
    ];
  }
  const announce = announceNewOrder(context, domains.filter(isDomain));
  return reason === SUPERSEDED
    ? [
        'The CA states that a newer certificate has replaced this one. If the newer one is published, there is nothing to do. ' +
          'If not, order one.',
        ...announce,
      ]
    : ['Ask the CA why it revoked the certificate, then order a new one.', ...announce];
}
