import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import * as tls from 'node:tls';
import { promisify } from 'node:util';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { DescribeExecutionCommand, ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import { executionArn } from '../../functions/executions.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../../infra/local/ca/certificate-authority.ts';
import { type Credentials, type Simulator, startCollectMcSimulator } from '../../infra/local/ca/collectmc-simulator.ts';
import { createDeployer, type Outputs } from '../../infra/local/emulator/deployment.ts';
import { startEmulator } from '../../infra/local/emulator/emulator.ts';
import type { SettingsInput } from '../../infra/settings.ts';

const run = promisify(execFile);
const LOCAL = join(import.meta.dirname, '..', '..', '.local');

/** How an execution ended, as Step Functions reports it. */
export interface EndedExecution {
  readonly status: string;
  readonly error: string | undefined;
  readonly cause: string | undefined;
}

/** The stack in a separate account, used only from outside: through AWS's APIs, the push URL and the CA. */
export interface DeployedCollector {
  readonly ca: Simulator;
  readonly authority: CertificateAuthority;
  readonly outputs: Outputs;
  /** Runs the AWS CLI and parses its output. */
  aws(...args: readonly string[]): Promise<unknown>;
  /** Sends the event "Mark Certificate Ordered" once for each detail, ten in one call. */
  announce(...details: readonly object[]): Promise<void>;
  /** Waits until an execution has ended. */
  ended(execution: string): Promise<EndedExecution>;
  /** Names of the executions that begin with the prefix and have the status, if one is given. */
  executions(prefix: string, status?: 'RUNNING' | 'SUCCEEDED' | 'FAILED'): Promise<string[]>;
  /** The objects below `orders/<orderNumber>/`, by name. */
  objects(orderNumber: string): Promise<Readonly<Record<string, Buffer>>>;
  /** Stores a login in the secret, as the operator does. */
  putCredentials(credentials: Credentials): Promise<void>;
  /** Calls the push URL and returns the HTTP status. */
  push(options: PushRequest): Promise<number>;
  /** Reads a path below the output PublishedUrl, as anybody on the internet can. */
  fetchPublished(path: string): Promise<PublicResponse>;
  /** Deploys again with other settings. */
  redeploy(settings: SettingsInput): Promise<void>;
  /** `cdk destroy`. */
  destroy(): Promise<void>;
  close(): Promise<void>;
}

export interface PushRequest {
  readonly method: 'GET' | 'POST';
  readonly fields: Readonly<Record<string, string>>;
  /** `user:password`; without it no Authorization header is sent. */
  readonly login?: string;
}

/** A response of the public address. */
export interface PublicResponse {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: Buffer;
}

/** The login that the CA accepts at first. The secret of a new stack contains a placeholder. */
export const LOGIN: Credentials = { loginName: 'brand@example.com', loginPassword: 'correct+horse battery%staple' };

/**
 * Step Functions waits a tenth of the time, so that it retries as often as on AWS but faster. Each order is checked
 * every second.
 */
const WAIT_SCALE = 0.1;
const POLLING: SettingsInput = { pollEvery: 'PT10S', giveUpAfter: 'PT2H' };

/** Starts the emulator and the CA and deploys the stack. Only its settings differ from a user's deployment. */
export async function deployCollector(): Promise<DeployedCollector> {
  await mkdir(LOCAL, { recursive: true });
  const authority = await createCertificateAuthority({ directory: join(LOCAL, 'ca') });
  const ca = await startCollectMcSimulator({ credentials: LOGIN });
  const emulator = await startEmulator({ logFile: join(LOCAL, 'emulator.log'), waitScale: WAIT_SCALE });
  const { PATH: _, ...environment } = emulator.environment;
  Object.assign(process.env, environment);
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), emulator.certificate]);
  const clients = {
    events: new EventBridgeClient(),
    s3: new S3Client(),
    secrets: new SecretsManagerClient(),
    states: new SFNClient(),
  };
  const deployer = createDeployer(emulator.environment);
  const settings: SettingsInput = {
    ...POLLING,
    collectUrl: ca.url,
    push: true,
    publish: true,
    trustAnchors: createHash('sha256').update(authority.root).digest('hex'),
  };

  async function close(): Promise<void> {
    for (const client of Object.values(clients)) {
      client.destroy();
    }
    await Promise.all([ca.close(), emulator.stop()]);
  }

  let outputs: Outputs;
  try {
    await deployer.bootstrap();
    outputs = await deployer.deploy(settings);
  } catch (error) {
    await close();
    throw error;
  }
  const output = (name: string) => outputs[name] ?? '';

  /** Sends a request to the emulator, which serves every host name, with the host name of the URL. */
  async function send(
    url: string,
    path: string,
    { method, headers, body }: { method: string; headers: Record<string, string>; body: string | undefined },
  ): Promise<PublicResponse> {
    const sent = request(`${emulator.url}${path}`, {
      method,
      // The emulator's certificate has no host names of AWS.
      servername: 'localhost',
      headers: { host: new URL(url).host, ...headers },
    }).end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return {
      status: response.statusCode ?? 0,
      contentType: response.headers['content-type'],
      body: await buffer(response),
    };
  }

  return {
    ca,
    authority,
    outputs,
    async aws(...args) {
      const { stdout } = await run('aws', [...args, '--output', 'json'], {
        env: { ...process.env, ...emulator.environment },
        maxBuffer: 64 * 1024 * 1024,
      });
      return stdout.trim() === '' ? undefined : JSON.parse(stdout);
    },
    async announce(...details) {
      const entries = details.map((detail) => ({
        Source: 'mark-certificates',
        DetailType: 'Mark Certificate Ordered',
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
    destroy: () => deployer.destroy(),
    close,
  };
}
