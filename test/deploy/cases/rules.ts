import { ListRulesCommand, ListTargetsByRuleCommand, TestEventPatternCommand } from '@aws-sdk/client-eventbridge';
import { describe, expect, test } from 'vitest';
import { EVENT_SOURCE, ISSUED, ORDERED, REVOKED } from '../../../functions/events.ts';
import { cloud, collector, other } from '../suite.ts';

const own = { collector: 'mark-certificate-collector' };
const STATUS_CHANGE = 'Step Functions Execution Status Change';

/**
 * The end of an execution of `collector`. Error is null if an execution timed out or was stopped (AWS: Step Functions,
 * Automating event delivery).
 */
const ended = (status: string, error: string | null) => ({
  stateMachineArn: collector.outputs.StateMachineArn,
  name: 'order-1',
  status,
  error,
});

export function describeRules(): void {
  describe('the rules of two collectors', () => {
    test.each<[string, string, string, () => object, string[]]>([
      ['an order', 'mark-certificates', ORDERED, () => ({ orderNumber: '1' }), ['Start']],
      ['an order of the other collector', 'other-orders', ORDERED, () => ({ orderNumber: '1' }), ['other Start']],
      ['an order of another source', 'another', ORDERED, () => ({ orderNumber: '1' }), []],
      ['a collected order', EVENT_SOURCE, ISSUED, () => own, ['Notify']],
      ['an order that the other one collected', EVENT_SOURCE, ISSUED, () => ({ collector: 'other' }), ['other Notify']],
      ['a revocation', EVENT_SOURCE, REVOKED, () => ({ ...own, confirmed: true }), ['Notify', 'Revoke']],
      ['a revocation that is not confirmed', EVENT_SOURCE, REVOKED, () => ({ ...own, confirmed: false }), ['Notify']],
      ['a failure that Collect reports', 'aws.states', STATUS_CHANGE, () => ended('FAILED', 'OrderRejected'), []],
      ['another failure', 'aws.states', STATUS_CHANGE, () => ended('FAILED', 'States.Timeout'), ['Notify']],
      ['an execution that timed out', 'aws.states', STATUS_CHANGE, () => ended('TIMED_OUT', null), ['Notify']],
      ['an aborted execution', 'aws.states', STATUS_CHANGE, () => ended('ABORTED', null), ['Notify']],
      ['a collection', 'aws.states', STATUS_CHANGE, () => ended('SUCCEEDED', null), []],
    ])(
      'An event about %s reaches the functions that handle it, and no others.',
      async (_, source, detailType, detail, receivers) => {
        expect(await receiversOf(source, detailType, detail())).toEqual(receivers);
      },
    );
  });
}

/** Which functions of the stacks receive an event, as the emulator decides for TestEventPattern and for every event. */
async function receiversOf(source: string, detailType: string, detail: object): Promise<string[]> {
  const { events } = cloud.clients;
  const Event = JSON.stringify({
    id: '11111111-1111-1111-1111-111111111111',
    time: '2026-01-01T00:00:00Z',
    account: '000000000000',
    region: 'eu-central-2',
    resources: [],
    source,
    'detail-type': detailType,
    detail,
  });
  const { Rules = [] } = await events.send(new ListRulesCommand({ NamePrefix: collector.stackName }));
  const receivers = Rules.map(async ({ Name, EventPattern }) => {
    if (EventPattern === undefined) {
      return [];
    }
    const { Result } = await events.send(new TestEventPatternCommand({ EventPattern, Event }));
    const { Targets = [] } = await events.send(new ListTargetsByRuleCommand({ Rule: Name }));
    return Result === true ? Targets.map(({ Arn = '' }) => receiverIn(Arn)) : [];
  });
  return (await Promise.all(receivers)).flat().toSorted();
}

/** The name of a function, with the name of the other collector if it is in that stack. */
function receiverIn(arn: string): string {
  const [, stack = '', name = arn] = /:(MarkCertificateCollector(?:-other)?)-Collector([A-Z][a-z]+)/.exec(arn) ?? [];
  return stack === other.stackName ? `other ${name}` : name;
}
