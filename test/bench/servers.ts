import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Deployed } from './deployed.ts';

export const SECRET_ID = 'login-of-the-ca';
export const BUCKET = 'bench';

/** The login of the loopback CA. */
export const CREDENTIALS = { loginName: 'bench', loginPassword: 'no-secret-at-all' };

/** The CA always answers "being processed" for this order. */
export const PENDING_ORDER = '1';

/** The first of the order numbers that are new, and wait too: Collect writes the status of each. */
export const FIRST_NEW_ORDER = 1000;
export const NEW_ORDERS = 200;

/** The first order number with a chain of three certificates, and how many follow it. */
export const FIRST_ISSUED_ORDER = 100_000;
export const ISSUED_ORDERS = 20_000;

/**
 * How long the distant S3 takes to respond, in milliseconds: the lower end of the "tens of milliseconds" that AWS names as
 * the usual median of small requests
 * (https://docs.aws.amazon.com/whitepapers/latest/s3-optimizing-performance-best-practices/timeouts-and-retries-for-latency-sensitive-applications.html).
 */
export const S3_MILLISECONDS = 10;

export interface ServerAddresses {
  readonly collectUrl: string;
  /** The same CA over https, as in production, and the file with the certificate to trust for it. */
  readonly secureCollectUrl: string;
  readonly trustFile: string;
  readonly secretsUrl: string;
  readonly s3Url: string;
  /** The same S3, {@link S3_MILLISECONDS} away. */
  readonly distantS3Url: string;
  /** SHA-256 of the root of the issued chain, in lower-case hex. */
  readonly rootSha256: string;
  /** The key of the CA's log, base64. */
  readonly ctLog: string;
  /** The CRLs of the issued chain. */
  readonly crlUrls: readonly string[];
}

/** A request as the S3 server received it. */
export interface RecordedRequest {
  readonly method: string;
  readonly key: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export interface Servers extends ServerAddresses {
  /** Every request to S3 so far. */
  requests(): Promise<readonly RecordedRequest[]>;
  close(): void;
}

/** Starts the CA, Secrets Manager and S3 in a separate process. */
export async function startServers(): Promise<Servers> {
  const child = fork(join(import.meta.dirname, 'server-process.ts'), { execArgv: [] });
  const [addresses] = (await once(child, 'message')) as [ServerAddresses];
  return {
    ...addresses,
    async requests() {
      child.send('requests');
      const [requests] = (await once(child, 'message')) as [readonly RecordedRequest[]];
      return requests;
    },
    close: () => child.kill(),
  };
}

/** The complete environment of a function: what the stack and Lambda set, and the endpoints of AWS. */
export function functionEnvironment({ environment, memorySize }: Deployed, servers: ServerAddresses) {
  return {
    ...environment,
    COLLECTOR: 'bench',
    BUCKET_NAME: BUCKET,
    CREDENTIALS_SECRET_ARN: SECRET_ID,
    COLLECT_URL: servers.collectUrl,
    TRUST_ANCHORS: servers.rootSha256,
    CT_LOGS: servers.ctLog,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: servers.secretsUrl,
    AWS_ENDPOINT_URL_S3: servers.s3Url,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: 'collect',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memorySize),
    AWS_LAMBDA_LOG_FORMAT: 'JSON',
    LANG: 'en_US.UTF-8',
    // Lambda has no shared configuration files.
    HOME: '/nonexistent',
  };
}

/**
 * The input of a check: a later one of the order that waits, or the first one of another order. Nearly every check is like
 * the former: nothing has changed since the previous one.
 */
export function checkOf(orderNumber: string) {
  const startedAt = new Date().toISOString();
  const collection = {
    checks: 1,
    status: 0,
    reason: 'processing',
    consecutive: 1,
    since: startedAt,
    reported: ['status'],
  };
  const order = orderNumber === PENDING_ORDER ? { orderNumber, collection } : { orderNumber };
  return { order, execution: `order-${orderNumber}`, startedAt };
}
