/** Which functions the rules of the stack invoke for an event, according to moto's implementation of EventBridge. */
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import * as events from '../../functions/events.ts';
import { runPython } from './python.ts';
import { COMBINATIONS, type Combination, NAMES, rawTemplate, referenceTo, resolvedResources } from './templates.ts';

interface Event {
  readonly source: string;
  readonly 'detail-type': string;
  readonly detail: object;
}

const OTHER_MACHINE = 'arn:aws:states:us-east-1:111122223333:stateMachine:Other';
const OTHER_STACK = 'arn:aws:cloudformation:us-east-1:111122223333:stack/Other/12345678-90ab-cdef-1234-567890abcdef';

const ordered = (source: string): Event => ({
  source,
  'detail-type': events.ORDERED,
  detail: { orderNumber: '1378973013' },
});

/** AWS sends null for fields that an execution does not have (Step Functions, Automating event delivery). */
const ended = (stateMachineArn: string, status: string, error: string | null = null): Event => ({
  source: 'aws.states',
  'detail-type': 'Step Functions Execution Status Change',
  detail: { stateMachineArn, status, error, cause: null },
});

const stackChanged = (stack: string): Event => ({
  source: 'aws.cloudformation',
  'detail-type': 'CloudFormation Stack Status Change',
  detail: { 'stack-id': stack, 'status-details': { status: 'UPDATE_COMPLETE' } },
});

const outgoing = (collector: string): Event[] =>
  [events.ISSUED, events.WAITING, events.FAILED, events.EXPIRING, events.REVOKED, events.PUBLICATION_BROKEN].map(
    (detailType) => ({
      source: events.EVENT_SOURCE,
      'detail-type': detailType,
      detail: { collector, domains: ['example.com'], orderNumber: '1378973013' },
    }),
  );

/** Events that do not concern the collector, although most of them have the form of those that do. */
const OTHERS: readonly Event[] = [
  ordered('another-shop'),
  ended(OTHER_MACHINE, 'FAILED', 'CertificateRevoked'),
  ended(OTHER_MACHINE, 'FAILED', 'Lambda.Unknown'),
  ended(OTHER_MACHINE, 'TIMED_OUT'),
  ended(OTHER_MACHINE, 'ABORTED'),
  stackChanged(OTHER_STACK),
  ...outgoing('another-collector'),
];

/** The events that concern a collector, by what a rule must do with them. */
interface OwnEvents {
  readonly start: Event;
  /** Ends that no function has reported, so a rule must. */
  readonly unreported: readonly Event[];
  /** Outgoing events, of which each becomes a message. */
  readonly sent: readonly Event[];
  /** Ends that nobody must be informed about. */
  readonly quiet: readonly Event[];
}

function ownEvents(name: Combination): OwnEvents {
  const {
    eventSource = 'mark-certificates',
    name: collector = 'mark-certificate-collector',
  }: Readonly<Record<string, string>> = COMBINATIONS[name];
  const machine = referenceTo(rawTemplate(name), 'AWS::StepFunctions::StateMachine');
  return {
    start: ordered(eventSource),
    unreported: [
      ended(machine, 'FAILED', 'Lambda.Unknown'),
      ended(machine, 'FAILED', 'States.Timeout'),
      ended(machine, 'TIMED_OUT'),
      ended(machine, 'ABORTED'),
    ],
    sent: outgoing(collector),
    quiet: [ended(machine, 'RUNNING'), ended(machine, 'SUCCEEDED')],
  };
}

/** The matching rules by event, for all combinations: `the defaults: Ordered`. */
let matches: ReadonlyMap<string, readonly string[]>;

/** The functions that the rules of a combination invoke for an event, one for each rule and target. */
function invokedBy(name: Combination, event: Event): string[] {
  const rules = matches.get(JSON.stringify(event)) ?? [];
  return resolvedResources(rawTemplate(name), 'AWS::Events::Rule')
    .filter(([rule]) => rules.includes(`${name}: ${rule}`))
    .flatMap(([, { Targets }]) => Targets as readonly { readonly Arn: string }[])
    .map(({ Arn }) => Arn.split(':').at(-1) ?? '');
}

/** Matches all events with all rules in one run. */
beforeAll(async () => {
  const patterns: Record<string, unknown> = {};
  const all: Event[] = [...OTHERS];
  for (const name of NAMES) {
    const { start, unreported, sent, quiet } = ownEvents(name);
    all.push(start, ...unreported, ...sent, ...quiet);
    for (const [rule, { EventPattern }] of resolvedResources(rawTemplate(name), 'AWS::Events::Rule')) {
      patterns[`${name}: ${rule}`] = EventPattern;
    }
  }
  const script = join(import.meta.dirname, 'match_events.py');
  const found: string[][] = JSON.parse(await runPython('python', [script], JSON.stringify({ patterns, events: all })));
  matches = new Map(all.map((event, n) => [JSON.stringify(event), found[n] ?? []]));
});

describe.each(NAMES)('With %s', (name) => {
  const { start, unreported, sent, quiet } = ownEvents(name);

  test('An order invokes Start.', () => {
    expect(invokedBy(name, start)).toEqual(['StartFunction']);
  });

  test.each(unreported)('An execution that ends with $detail.status $detail.error invokes Notify once.', (event) => {
    expect(invokedBy(name, event)).toEqual(['NotifyFunction']);
  });

  test.each(sent)('The event "$detail-type" invokes Notify once, and no function twice.', (event) => {
    const invoked = invokedBy(name, event);
    expect(invoked).toContain('NotifyFunction');
    expect(invoked).toEqual([...new Set(invoked)]);
  });

  test.each(quiet)('An execution that is $detail.status invokes nothing.', (event) => {
    expect(invokedBy(name, event)).toEqual([]);
  });

  test.each(OTHERS)('An event of another $source, $detail-type $detail, invokes nothing.', (event) => {
    expect(invokedBy(name, event)).toEqual([]);
  });
});
