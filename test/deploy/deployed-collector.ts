import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { DescribeExecutionCommand, ListExecutionsCommand, paginateGetExecutionHistory } from '@aws-sdk/client-sfn';
import { ORDERED } from '../../functions/events.ts';
import { executionArn } from '../../functions/executions.ts';
import type { Credentials } from '../../infra/local/ca/collectmc-simulator.ts';
import type { Outputs } from '../../infra/local/emulator/deployment.ts';
import type { SettingsInput } from '../../infra/settings.ts';
import { stackNameOf } from '../../infra/stack-names.ts';
import type { Cloud, PublicResponse } from './cloud.ts';

/** How an execution ended, as Step Functions reports it. */
export interface EndedExecution {
  readonly status: string;
  readonly error: string | undefined;
  readonly cause: string | undefined;
}

/** A stack, used only from outside: through AWS's APIs, the push URL and the CA. */
export interface DeployedCollector extends Pick<Cloud, 'ca' | 'authority' | 'aws'> {
  readonly stackName: string;
  readonly outputs: Outputs;
  /** Sends the event "Mark Certificate Ordered" once for each detail, ten in one call. */
  announce(...details: readonly object[]): Promise<void>;
  /** Waits until an execution has ended. */
  ended(execution: string): Promise<EndedExecution>;
  /** Names of the executions that begin with the prefix and have the status, if one is given. */
  executions(prefix: string, status?: 'RUNNING' | 'SUCCEEDED' | 'FAILED'): Promise<string[]>;
  /** Every event of an execution, with its data. */
  history(execution: string): Promise<readonly object[]>;
  /** The objects below `orders/<orderNumber>/`, by name. */
  objects(orderNumber: string): Promise<Readonly<Record<string, Buffer>>>;
  /** Stores a login in the secret, as the operator does. */
  putCredentials(credentials: Credentials): Promise<void>;
  /** The content of the secret. */
  readCredentials(): Promise<Credentials>;
  /** Calls the push URL and returns the HTTP status. */
  push(options: PushRequest): Promise<number>;
  /** Reads a path below the output PublishedUrl, as anybody on the internet can. */
  fetchPublished(path: string): Promise<PublicResponse>;
  /** Deploys again with other settings. An undefined one is missing in this deployment. */
  redeploy(settings: SettingsInput): Promise<void>;
  /** `npm run down`, without its question: stops the waiting orders and deletes the stack. Returns what it prints. */
  down(...remove: readonly string[]): Promise<string>;
}

export interface PushRequest {
  readonly method: 'GET' | 'POST';
  readonly fields: Readonly<Record<string, string>>;
  /** `user:password`; without it no Authorization header is sent. */
  readonly login?: string;
}

/** Each order is checked every second: the emulator's waits take a tenth of the time. */
const POLLING: SettingsInput = { pollEvery: 'PT10S', giveUpAfter: 'PT2H' };

/** Deploys a stack. Only its settings differ from a user's deployment. */
export async function deployCollector(
  { ca, authority, aws, clients, deployer, send }: Cloud,
  options: SettingsInput,
): Promise<DeployedCollector> {
  const settings: SettingsInput = {
    ...POLLING,
    collectUrl: ca.url,
    trustAnchors: createHash('sha256').update(authority.root).digest('hex'),
    ctLogs: authority.log.key,
    ...options,
  };
  // Another collector may be in the account already.
  let outputs = await deployer.deploy(settings, ['name']);
  const output = (name: string) => outputs[name] ?? '';

  return {
    ca,
    authority,
    outputs,
    aws,
    stackName: stackNameOf(settings.name),
    async announce(...details) {
      const entries = details.map((detail) => ({
        Source: settings.eventSource ?? 'mark-certificates',
        DetailType: ORDERED,
        Detail: JSON.stringify(detail),
      }));
      for (let at = 0; at < entries.length; at += 10) {
        const { FailedEntryCount } = await clients.events.send(
          new PutEventsCommand({ Entries: entries.slice(at, at + 10) }),
        );
        if (FailedEntryCount !== 0) {
          throw new Error(`EventBridge rejected ${FailedEntryCount} events`);
        }
      }
    },
    async ended(execution) {
      for (;;) {
        try {
          const {
            status = '',
            error,
            cause,
          } = await clients.states.send(
            new DescribeExecutionCommand({ executionArn: executionArn(output('StateMachineArn'), execution) }),
          );
          if (status !== 'RUNNING') {
            return { status, error, cause };
          }
        } catch (error) {
          if (!(error instanceof Error && error.name === 'ExecutionDoesNotExist')) {
            throw error;
          }
        }
        await wait(100);
      }
    },
    async executions(prefix, statusFilter) {
      const names: string[] = [];
      let nextToken: string | undefined;
      do {
        const page = await clients.states.send(
          new ListExecutionsCommand({ stateMachineArn: output('StateMachineArn'), statusFilter, nextToken }),
        );
        names.push(...(page.executions ?? []).flatMap(({ name = '' }) => (name.startsWith(prefix) ? [name] : [])));
        nextToken = page.nextToken;
      } while (nextToken);
      return names;
    },
    async history(execution) {
      const input = { executionArn: executionArn(output('StateMachineArn'), execution), includeExecutionData: true };
      const history: object[] = [];
      for await (const { events = [] } of paginateGetExecutionHistory({ client: clients.states }, input)) {
        history.push(...events);
      }
      return history;
    },
    async objects(orderNumber) {
      const Bucket = output('BucketName');
      const Prefix = `orders/${orderNumber}/`;
      const { Contents = [] } = await clients.s3.send(new ListObjectsV2Command({ Bucket, Prefix }));
      const objects = Contents.map(async ({ Key = '' }) => {
        const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket, Key }));
        return [Key.slice(Prefix.length), Buffer.from((await Body?.transformToByteArray()) ?? [])] as const;
      });
      return Object.fromEntries(await Promise.all(objects));
    },
    async putCredentials(credentials) {
      await clients.secrets.send(
        new PutSecretValueCommand({
          SecretId: output('CredentialsSecretArn'),
          SecretString: JSON.stringify(credentials),
        }),
      );
    },
    async readCredentials() {
      const { SecretString = '' } = await clients.secrets.send(
        new GetSecretValueCommand({ SecretId: output('CredentialsSecretArn') }),
      );
      return JSON.parse(SecretString) as Credentials;
    },
    async push({ method, fields, login }) {
      const form = new URLSearchParams(fields).toString();
      const { status } = await send(output('PushUrl'), method === 'GET' ? `/?${form}` : '/', {
        method,
        headers: {
          ...(login !== undefined && { authorization: `Basic ${Buffer.from(login).toString('base64')}` }),
          ...(method === 'POST' && { 'content-type': 'application/x-www-form-urlencoded' }),
        },
        body: method === 'POST' ? form : undefined,
      });
      return status;
    },
    fetchPublished: (path) => send(output('PublishedUrl'), path, { method: 'GET', headers: {}, body: undefined }),
    async redeploy(changed) {
      outputs = await deployer.deploy({ ...settings, ...changed });
    },
    down: (...remove) => deployer.down(settings, remove),
  };
}
