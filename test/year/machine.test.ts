import { StartExecutionCommand } from '@aws-sdk/client-sfn';
import { StateMachine, type StateMachineDefinition } from 'aws-local-stepfunctions';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Clock, DAY } from './clock.ts';
import { deployYear } from './cloud.ts';
import { parseDefinition } from './definition.ts';
import { Machine } from './machine.ts';
import { randomNumbers } from './random.ts';

const ARN = 'arn:aws:states:us-east-1:000000000000:stateMachine:Collector';
const NAME = 'order-1378973013';
const ORDER = { orderNumber: '1378973013', domains: ['example.com'] };
const WAITING = { outcome: 'waiting', reason: 'processing', checks: 1, waitSeconds: 60 };
const ENDED = { outcome: 'ended', checks: 1, waitSeconds: 0 };
const issued = (changed: boolean) => ({
  outcome: 'issued',
  waitSeconds: 0,
  account: null,
  certificate: { changed, domains: ['example.com'], publishable: true },
});
const PUBLISHED = { published: [], notPublished: [] };

/** What the tasks of one execution return, one after the other. An error is thrown. */
type Script = readonly unknown[];

const SCRIPTS: Readonly<Record<string, Script>> = {
  'a certificate after two waits': [WAITING, WAITING, issued(true), PUBLISHED, {}],
  'a certificate that another execution stored': [issued(false), PUBLISHED],
  'a certificate that another execution stored and that is newly published': [
    issued(false),
    { ...PUBLISHED, announce: true },
    {},
  ],
  'a quiet check': [ENDED],
  'a refusal': [WAITING, named('OrderRejected')],
  'errors that are repeated': [
    named('Lambda.TooManyRequestsException'),
    named('Error'),
    issued(true),
    named('Error'),
    PUBLISHED,
    {},
  ],
  'an error that is repeated too often': Array.from({ length: 20 }, () => named('Error')),
};

let definition: string;
let clock: Clock | undefined;

beforeAll(() => {
  const template = deployYear();
  const { Properties } = template.resource('AWS::StepFunctions::StateMachine');
  definition = String(template.resolve(Properties.DefinitionString));
}, 60_000);

afterEach(() => clock?.stop());

function named(name: string): Error {
  return Object.assign(new Error(`because of ${name}`), { name });
}

/** Runs a script, and records the parameters of each task. */
function play(script: Script) {
  const left = [...script];
  const parameters: unknown[] = [];
  return {
    parameters,
    task: async (given: unknown) => {
      parameters.push(given);
      const next = left.shift();
      if (next instanceof Error) {
        throw next;
      }
      return next;
    },
  };
}

async function inVirtualTime(script: Script) {
  const { task, parameters } = play(script);
  clock = new Clock(Date.parse('2027-01-01'));
  const machine = new Machine(parseDefinition(definition), {
    arn: ARN,
    clock,
    random: randomNumbers(1),
    task: (_, given) => task(given),
    record: () => {},
    started: () => {},
    ended: () => {},
  });
  machine.answer(new StartExecutionCommand({ stateMachineArn: ARN, name: NAME, input: JSON.stringify(ORDER) }));
  await clock.pass(DAY);
  const [execution] = machine.history;
  return { parameters: withoutStart(parameters), status: execution?.status };
}

/** The same with the interpreter of a library, in real time and without waits. */
async function withLibrary(script: Script) {
  const { task, parameters } = play(script);
  const { TimeoutSeconds: _, ...rest } = JSON.parse(definition) as StateMachineDefinition;
  const machine = new StateMachine(rest, { validationOptions: { checkArn: false } });
  const { result } = machine.run(ORDER, {
    context: { Execution: { Name: NAME, StartTime: '' } },
    overrides: {
      taskResourceLocalHandlers: Object.fromEntries(
        Object.keys(rest.States).map((state) => [state, async (given: unknown) => (await task(given)) as never]),
      ),
      retryIntervalOverrides: new Proxy({}, { get: () => 0 }),
      waitTimeOverrides: { Wait: 0 },
    },
  });
  const status = await result.then(
    () => 'SUCCEEDED',
    () => 'FAILED',
  );
  return { parameters: withoutStart(parameters), status };
}

/** The two interpreters start at different times. */
function withoutStart(parameters: readonly unknown[]): unknown[] {
  return parameters.map((each) => ({ ...(each as object), startedAt: '' }));
}

describe('The interpreter in virtual time', () => {
  test.each(Object.entries(SCRIPTS))('runs the definition as another interpreter does: %s', async (_, script) => {
    const expected = await withLibrary(script);
    expect(expected.parameters.length).toBeGreaterThan(0);

    await expect(inVirtualTime(script)).resolves.toEqual({
      ...expected,
      parameters: expected.parameters.map((each) => ({ ...(each as object), startedAt: '' })),
    });
  });

  test('waits as long as the state says', async () => {
    const times: number[] = [];
    const { task } = play([WAITING, WAITING, ENDED]);
    const virtual = new Clock(Date.parse('2027-01-01'));
    clock = virtual;
    const machine = new Machine(parseDefinition(definition), {
      arn: ARN,
      clock: virtual,
      random: randomNumbers(1),
      task: (_, given) => {
        times.push(virtual.now);
        return task(given);
      },
      record: () => {},
      started: () => {},
      ended: () => {},
    });
    machine.answer(new StartExecutionCommand({ stateMachineArn: ARN, name: NAME, input: JSON.stringify(ORDER) }));
    await virtual.pass(DAY);

    expect(times.map((time) => time - (times[0] ?? 0))).toEqual([0, 60_000, 120_000]);
  });

  test.each([
    ['a state of another type', (json: string) => json.replace('"Type":"Succeed"', '"Type":"Fail"')],
    [
      'a field that it does not support',
      (json: string) => json.replace('"Type":"Succeed"', '"Type":"Succeed","OutputPath":"$"'),
    ],
  ])('refuses a definition with %s', (_, change) => {
    const changed = change(definition);
    expect(changed).not.toBe(definition);

    expect(() => parseDefinition(changed)).toThrow();
  });
});
