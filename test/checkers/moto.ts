/** moto's server, and the calls that CloudFormation would make for the resources that it checks. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { BIN } from './install.ts';
import { ENVIRONMENT, runPython } from './python.ts';
import { type RawTemplate, REGION, resolvedResources } from './templates.ts';

/** A call of AWS's SDK for Python. */
export interface Call {
  readonly service: string;
  readonly operation: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

export interface Moto {
  readonly url: string;
  /** Makes the calls one after the other. The result has an error, or null, for each. */
  call(calls: readonly Call[]): Promise<(string | null)[]>;
  /** Deletes everything. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

/** @throws {Error} if the server does not start. */
export async function startMoto(): Promise<Moto> {
  const server = spawn(join(BIN, 'python'), [join(import.meta.dirname, 'moto_server.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: ENVIRONMENT,
  });
  const ended = once(server, 'exit');
  const port = await Promise.race([
    firstLine(server),
    ended.then(([code]) => {
      throw new Error(`moto ended with exit code ${code}`);
    }),
  ]);
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    async call(calls) {
      const input = JSON.stringify({ endpoint: url, region: REGION, calls });
      return JSON.parse(await runPython('python', [join(import.meta.dirname, 'call_aws.py')], input));
    },
    async reset() {
      await fetch(`${url}/moto-api/reset`, { method: 'POST' });
    },
    async close() {
      server.stdin?.end();
      await ended;
    },
  };
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  const [line] = stdout ? await once(createInterface(stdout), 'line') : [''];
  return line;
}

type Properties = Readonly<Record<string, unknown>>;

/** The calls for one resource, by type. The properties of the template have the names of the parameters. */
const CALLS: Readonly<Record<string, (name: string, properties: Properties) => Call[]>> = {
  'AWS::CloudWatch::Alarm': (AlarmName, properties) => [
    { service: 'cloudwatch', operation: 'put_metric_alarm', parameters: { AlarmName, ...properties } },
  ],
  'AWS::CloudWatch::Dashboard': (DashboardName, properties) => [
    { service: 'cloudwatch', operation: 'put_dashboard', parameters: { DashboardName, ...properties } },
  ],
  'AWS::Events::Rule': (Name, { Targets, EventPattern, ...properties }) => {
    const { EventBusName } = properties;
    const bus = EventBusName === undefined ? {} : { EventBusName };
    const pattern = EventPattern === undefined ? {} : { EventPattern: JSON.stringify(EventPattern) };
    return [
      { service: 'events', operation: 'put_rule', parameters: { Name, ...properties, ...pattern } },
      { service: 'events', operation: 'put_targets', parameters: { Rule: Name, ...bus, Targets } },
    ];
  },
  'AWS::Scheduler::Schedule': (Name, properties) => [
    { service: 'scheduler', operation: 'create_schedule', parameters: { Name, ...properties } },
  ],
  'AWS::StepFunctions::StateMachine': (name, { StateMachineName, DefinitionString, ...properties }) => {
    const parameters = { name: StateMachineName ?? name, definition: DefinitionString, ...lowerCamel(properties) };
    return [{ service: 'stepfunctions', operation: 'create_state_machine', parameters }];
  },
};

/** The calls for the alarms, the dashboard, the rules, the schedules and the state machine of a template. */
export function callsFor(template: RawTemplate): Call[] {
  return Object.entries(CALLS).flatMap(([type, calls]) =>
    resolvedResources(template, type).flatMap(([name, properties]) => calls(name, properties)),
  );
}

/** The parameters of Step Functions begin with a lower-case letter, the properties of the template do not. */
function lowerCamel(properties: Properties): Properties {
  return Object.fromEntries(
    Object.entries(properties).map(([key, value]) => [
      `${key.charAt(0).toLowerCase()}${key.slice(1)}`,
      lowerCamelValue(value),
    ]),
  );
}

function lowerCamelValue(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(lowerCamelValue);
  }
  return typeof value === 'object' && value !== null ? lowerCamel(value as Properties) : value;
}
