import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import type { OrderDetail } from '../events.ts';
import { sendEvents } from '../send-events.ts';

/** Returns the function that sends one event. It rejects if EventBridge does not accept the event. */
export function connectBus(eventBusName: string): (detailType: string, detail: OrderDetail) => Promise<void> {
  const bus = { eventBridge: new EventBridgeClient(), eventBusName };
  return async (detailType, detail) => {
    const [failure] = await sendEvents(bus, detailType, [detail], () => {});
    if (failure) {
      throw new Error(`EventBridge did not accept "${detailType}": ${failure.reason}`);
    }
  };
}
