import type { IEventBus } from 'aws-cdk-lib/aws-events';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { EVENT_SOURCE } from '../functions/events.ts';

/**
 * Allows to send events of this project with these detail types, and no others. AWS bounds PutEvents with these two keys
 * and StringEquals in its own example (EventBridge, Permissions for event buses, "Send custom events to a different
 * bus"). EventBridge evaluates them for each entry of a call.
 */
export function putEventsStatement(eventBus: IEventBus, detailTypes: readonly string[]): PolicyStatement {
  return new PolicyStatement({
    actions: ['events:PutEvents'],
    resources: [eventBus.eventBusArn],
    conditions: { StringEquals: { 'events:source': EVENT_SOURCE, 'events:detail-type': detailTypes } },
  });
}

/** Lets a function send events of this project with these detail types: see {@link putEventsStatement}. */
export function grantPutEvents(sender: IGrantable, eventBus: IEventBus, detailTypes: readonly string[]): void {
  sender.grantPrincipal.addToPrincipalPolicy(putEventsStatement(eventBus, detailTypes));
}
