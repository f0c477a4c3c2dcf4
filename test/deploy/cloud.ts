import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import * as tls from 'node:tls';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SQSClient } from '@aws-sdk/client-sqs';
import { type CertificateAuthority, createCertificateAuthority } from '../../infra/local/ca/certificate-authority.ts';
import { type Credentials, type Simulator, startCollectMcSimulator } from '../../infra/local/ca/collectmc-simulator.ts';
import { serveCrls } from '../../infra/local/cloud/crl-server.ts';
import { createDeployer } from '../../infra/local/emulator/deployment.ts';
import { startEmulator } from '../../infra/local/emulator/emulator.ts';
import { startAwsCli } from './aws-cli.ts';

const LOCAL = join(import.meta.dirname, '..', '..', '.local');

/** The login that the CA accepts at first. The secret of a new stack contains a placeholder. */
export const LOGIN: Credentials = { loginName: 'brand@example.com', loginPassword: 'correct+horse battery%staple' };

/**
 * Step Functions waits a tenth of the time, so that it retries as often as on AWS but faster.
 */
const WAIT_SCALE = 0.1;

/** A response of an address that needs no AWS credentials. */
export interface PublicResponse {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** An AWS account in which nothing is deployed, and a CA. */
export interface Cloud {
  readonly ca: Simulator;
  readonly authority: CertificateAuthority;
  readonly clients: {
    readonly events: EventBridgeClient;
    readonly queues: SQSClient;
    readonly s3: S3Client;
    readonly secrets: SecretsManagerClient;
    readonly states: SFNClient;
  };
  readonly deployer: ReturnType<typeof createDeployer>;
  /** Environment variables with which other processes use the account. */
  readonly environment: Readonly<Record<string, string>>;
  /** Runs the AWS CLI and parses its output. */
  aws(...args: readonly string[]): Promise<unknown>;
  /** Sends a request to the emulator, which serves every host name, with the host name of the URL. */
  send(url: string, path: string, options: PublicRequest): Promise<PublicResponse>;
  close(): Promise<void>;
}

export interface PublicRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** Starts the emulator and the CA, and prepares the account for CDK. */
export async function startCloud(): Promise<Cloud> {
  await mkdir(LOCAL, { recursive: true });
  const stored = await createCertificateAuthority({ directory: join(LOCAL, 'ca') });
  const crls = await serveCrls(() => authority.crls());
  const authority = stored.with({ crlServer: crls.url });
  const ca = await startCollectMcSimulator({ credentials: LOGIN });
  const emulator = await startEmulator({ logFile: join(LOCAL, 'emulator.log'), waitScale: WAIT_SCALE });
  const { PATH: _, ...environment } = emulator.environment;
  Object.assign(process.env, environment);
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), emulator.certificate]);
  const clients = {
    events: new EventBridgeClient(),
    queues: new SQSClient(),
    s3: new S3Client(),
    secrets: new SecretsManagerClient(),
    states: new SFNClient(),
  };
  const deployer = createDeployer(emulator.environment);
  const awsCli = startAwsCli(emulator.environment);

  async function close(): Promise<void> {
    for (const client of Object.values(clients)) {
      client.destroy();
    }
    await Promise.all([ca.close(), crls.close(), awsCli.close(), emulator.stop()]);
  }

  try {
    await deployer.bootstrap();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ca,
    authority,
    clients,
    deployer,
    environment: emulator.environment,
    aws: awsCli.run,
    async send(url, path, { method, headers, body }) {
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
        headers: response.headers,
        body: await buffer(response),
      };
    },
    close,
  };
}
