import { orderCommand } from './commands.ts';
import type { Issued } from './events.ts';
import { listDomains, type Paragraph } from './message.ts';
import { announceNewOrder, type MessageContext, orderAgain } from './order-messages.ts';

type Refused = NonNullable<Issued['publication']>['notPublished'];

/** What to do about a domain for which a certificate is not published. */
interface Step {
  readonly text: string;
  /** How to do it. */
  readonly how?: {
    /** The sentence before the command. */
    readonly instruction: string;
    readonly command: (context: MessageContext) => string;
  };
  /** Whether the step is a new order at the CA. */
  readonly isNewOrder?: true;
}

const again = (context: MessageContext) => orderCommand(context.deployment, orderAgain(context));

const REPLACE: Step = {
  text: 'Another certificate is published, and stays published. If this one may replace it, collect the order again and allow the replacement.',
  how: {
    instruction: 'This command does both:',
    command: (context) => orderCommand(context.deployment, { ...orderAgain(context), replace: true }),
  },
};

/** The next step by the reason of a refusal to publish. docs/publishing.md lists the reasons. */
export const REFUSED_STEPS: Readonly<Record<string, Step>> = {
  'not-yet-valid': { text: 'There is nothing to do. The collector publishes the certificate when it becomes valid.' },
  'not-publishable': {
    text: 'Send this message to the CA and ask for a corrected certificate.',
    how: { instruction: 'After the CA has issued it, collect the order again:', command: again },
  },
  'not-covered': {
    text:
      'If the domain is wrong in the order, correct it. If it is right, ask the CA for a certificate that covers it, and collect ' +
      'the order again after the CA has issued it.',
    how: {
      instruction: 'This command collects the order again. Correct the domains in it if they are wrong:',
      command: again,
    },
  },
  expired: { text: 'Order a renewal at the CA.', isNewOrder: true },
  damaged: {
    text: 'Restore an earlier version of the description of the publication, as the runbook shows.',
    how: { instruction: 'Then collect the order again, which publishes the certificate:', command: again },
  },
  revoked: { text: 'Ask the CA why it revoked the certificate, then order a new one.', isNewOrder: true },
  older: { text: 'There is nothing to do, because a newer certificate is published.' },
  'other-owner': REPLACE,
  'less-coverage': REPLACE,
};

const OTHER_STEP: Step = {
  text: 'The runbook explains the reason. Fix the cause if you can, then collect the order again.',
};

/**
 * The next steps for the domains for which a certificate is not published, one for each reason. Only the first command is
 * complete: a reader copies one command.
 */
export function refusedSteps(refused: Refused, context: MessageContext): readonly Paragraph[] {
  const domains = new Map<Step, string[]>();
  for (const { domain, reason } of refused) {
    const step = REFUSED_STEPS[reason] ?? OTHER_STEP;
    domains.set(step, [...(domains.get(step) ?? []), domain]);
  }
  const steps = [...domains.keys()];
  const first = steps.find(({ how, isNewOrder }) => how || isNewOrder);
  return steps.flatMap((step) => {
    const { text, how, isNewOrder } = step;
    const named = `For ${listDomains(domains.get(step) ?? [])}: ${text.charAt(0).toLowerCase()}${text.slice(1)}`;
    if (step !== first) {
      return [how || isNewOrder ? `${named} The runbook shows the command.` : named];
    }
    return [
      named,
      ...(how
        ? [how.instruction, { verbatim: how.command(context) }]
        : announceNewOrder(context, domains.get(step) ?? [])),
    ];
  });
}
