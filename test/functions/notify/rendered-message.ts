import type { Message } from '../../../functions/notify/message.ts';
import { type Audience, createNotify, type NotifyDependencies } from '../../../functions/notify/notify.ts';
import type { Order } from '../../../functions/order.ts';
import { DEPLOYMENT, ORDER, RUNBOOK_URL } from './event-samples.ts';

export interface SentMessage extends Message {
  readonly audience: Audience;
}

/** The messages that notify sends for an event, if no order has a status. */
export async function render(
  event: unknown,
  {
    order = ORDER,
    deployment = DEPLOYMENT,
  }: { readonly order?: Order | undefined; readonly deployment?: typeof DEPLOYMENT } = {},
): Promise<SentMessage[]> {
  const messages: SentMessage[] = [];
  const withoutStatus: ReturnType<NotifyDependencies['status']> = {
    read: async () => ({}),
    update: async (next) => next(undefined),
  };
  const notify = createNotify({
    deployment,
    runbookUrl: RUNBOOK_URL,
    publish: async (audience, message) => {
      messages.push({ audience, ...message });
    },
    status: () => withoutStatus,
    readRecords: async () => ({ file: undefined, manifest: undefined, status: undefined }),
    readOrder: async () => order,
    readReason: async () => ({}),
    observe: { handled: () => {}, problem: () => {} },
    now: () => new Date('2026-11-26T05:17:05.000Z'),
  });
  await notify(event);
  return messages;
}
