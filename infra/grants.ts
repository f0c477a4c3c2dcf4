import type { IEventBus } from 'aws-cdk-lib/aws-events';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { PUSHED_LABEL } from '../functions/collect/pushes.ts';
import { DOUBTED_LABEL, REJECTED_LABEL } from '../functions/collect/rejections.ts';
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

/**
 * Lets a function read logins at the CA, and move the labels of rejected versions, but no other label: AWSCURRENT decides
 * which login is used. AWS documents the condition key for this action (Service Authorization Reference, AWS Secrets
 * Manager, UpdateSecretVersionStage).
 *
 * @param recordsPushes whether it may also move the label of a version for which the CA pushes.
 */
export function grantCredentials(reader: IGrantable, resources: readonly string[], recordsPushes: boolean): void {
  const labels = [REJECTED_LABEL, DOUBTED_LABEL, ...(recordsPushes ? [PUSHED_LABEL] : [])];
  reader.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({
      actions: ['secretsmanager:GetSecretValue', 'secretsmanager:ListSecretVersionIds'],
      resources: [...resources],
    }),
  );
  reader.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({
      actions: ['secretsmanager:UpdateSecretVersionStage'],
      resources: [...resources],
      conditions: { StringLike: { 'secretsmanager:VersionStage': labels.map((label) => `${label}*`) } },
    }),
  );
}
