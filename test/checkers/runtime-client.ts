/** AWS's own runtime client for Node.js, with which Lambda runs every handler, and a Runtime API for it on loopback. */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { promisify } from 'node:util';

const run = promisify(execFile);

const VERSION = '4.0.2';
/** The digest of this version in the registry. */
const SHA512 = 'FE5Vskx7mYNnqAnWWJXUOsLp2VGgdsJsCoRLFTa8L4Yk0QVtArqR8q58yPA++QC1a73ZWJXBQ2AH31nIAv7NOQ==';

const FOLDER = join(import.meta.dirname, '..', '..', '.local', 'runtime-client', VERSION);
const CLIENT = join(FOLDER, 'package', 'index.mjs');

/**
 * Downloads the client from the npm registry, once. It is not a development dependency, because its install scripts
 * compile the native part, which fails on machines without a compiler.
 *
 * @throws {Error} if the registry has another package under this version.
 */
export async function installRuntimeClient(): Promise<void> {
  if (existsSync(CLIENT)) {
    return;
  }
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(FOLDER, { recursive: true });
  const { stdout } = await run('npm', ['pack', '--silent', `aws-lambda-ric@${VERSION}`], { cwd: FOLDER });
  const archive = join(FOLDER, stdout.trim());
  const digest = createHash('sha512')
    .update(await readFile(archive))
    .digest('base64');
  if (digest !== SHA512) {
    throw new Error(`aws-lambda-ric ${VERSION} has the SHA-512 ${digest}, and not ${SHA512}`);
  }
  await run('tar', ['-xzf', archive, '-C', FOLDER]);
}

/** What Lambda receives from the client for one event. */
export interface InvocationResult {
  /** `error` if the handler threw. */
  readonly kind: 'response' | 'error';
  /** The body: what Step Functions receives as the result, or as the cause. */
  readonly body: Readonly<Record<string, unknown>>;
  /** What the process wrote to its standard streams: on AWS, the log. */
  readonly log: string;
}

/**
 * Runs a bundle as Lambda does, in another process, with one event.
 *
 * @param bundle the folder of index.mjs.
 */
export async function invokeBundle(
  bundle: string,
  event: unknown,
  environment: Readonly<Record<string, string>>,
): Promise<InvocationResult> {
  const requestId = '6ff5c4ad-0c1c-4d29-b1c7-a5be50e3cd4b';
  const { promise, resolve, reject } = Promise.withResolvers<Omit<InvocationResult, 'log'>>();
  let isDelivered = false;
  const api = createServer(async (request, response) => {
    if (request.url?.endsWith('/invocation/next')) {
      // The second request for an event waits until the process ends.
      if (!isDelivered) {
        isDelivered = true;
        const headers = {
          'content-type': 'application/json',
          'lambda-runtime-aws-request-id': requestId,
          'lambda-runtime-deadline-ms': String(Date.now() + 60_000),
          'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:us-east-1:111122223333:function:Collect',
        };
        response.writeHead(200, headers).end(JSON.stringify(event));
      }
      return;
    }
    const kind = request.url?.endsWith('/response') ? 'response' : 'error';
    resolve({ kind, body: (await json(request)) as InvocationResult['body'] });
    response.writeHead(202).end();
  });
  api.listen(0, '127.0.0.1');
  await once(api, 'listening');
  const child = spawn(process.execPath, ['--import', join(import.meta.dirname, 'native-client.ts'), CLIENT], {
    cwd: bundle,
    env: {
      PATH: process.env.PATH,
      _HANDLER: 'index.handler',
      LAMBDA_TASK_ROOT: bundle,
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${(api.address() as AddressInfo).port}`,
      AWS_LAMBDA_FUNCTION_NAME: 'Collect',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
      AWS_LAMBDA_LOG_GROUP_NAME: 'Collect',
      AWS_LAMBDA_LOG_STREAM_NAME: 'local',
      AWS_LAMBDA_LOG_FORMAT: 'JSON',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_MAX_ATTEMPTS: '1',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      log += String(chunk);
    });
  }
  child.on('exit', (code) => reject(new Error(`The runtime client ended with ${code}: ${log}`)));
  try {
    const result = await promise;
    child.kill();
    // After this event, everything that the process wrote has arrived.
    await once(child, 'close');
    return { ...result, log };
  } finally {
    child.kill();
    api.closeAllConnections();
    api.close();
  }
}
