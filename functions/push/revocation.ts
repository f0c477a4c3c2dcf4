import { CollectorError } from '../collector-error.ts';
import { orderDetail, REVOKED, type RevokedDetail } from '../events.ts';
import type { Order } from '../order.ts';
import { type Bus, sendEvents } from '../send-events.ts';
import type { PushedRevocation } from './notification.ts';

/** EventBridge did not accept the event of a reported revocation. */
class RevocationNotSentError extends CollectorError {
  override readonly name = 'RevocationNotSentError';
}

const REPORTED = {
  revoked: 'The CA reported by push that it revoked the certificate of order',
  announced: 'The CA announced by push that it will revoke the certificate of order',
} as const;

/** What a push reports about the certificate of an order. */
export interface ReportedRevocation {
  readonly collector: string;
  readonly order: Pick<Order, 'orderNumber' | 'account' | 'domains'>;
  readonly revocation: PushedRevocation;
  readonly now: Date;
  /** The execution that asks CollectMC because of the push. */
  readonly execution: string | undefined;
}

/**
 * Sends the event of a revocation that CollectMC has not confirmed yet, each time that the CA reports it.
 *
 * @throws {RevocationNotSentError} if EventBridge did not accept it. The CA then repeats the push.
 */
export async function reportRevocation(
  bus: Bus,
  { collector, order, revocation: { kind, details }, now, execution }: ReportedRevocation,
): Promise<void> {
  const reported = `${REPORTED[kind]} ${order.orderNumber}`;
  const detail: RevokedDetail = {
    ...orderDetail(collector, order),
    confirmed: false,
    source: 'push',
    text: details === '' ? reported : `${reported} (${details})`,
    knownSince: now.toISOString(),
    ...(execution !== undefined && { execution }),
  };
  const [failure] = await sendEvents(bus, REVOKED, [detail], () => {});
  if (failure) {
    throw new RevocationNotSentError(
      `EventBridge did not accept the event of order ${order.orderNumber} (${failure.reason})`,
    );
  }
}
