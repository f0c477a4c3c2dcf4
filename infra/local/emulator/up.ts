import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createDeployer, type Outputs } from './deployment.ts';
import { EmulatorError, withAwsVariables } from './emulator.ts';
import type { StartedServers } from './serve.ts';
import { clearRunning, LOCAL_UP_DIRECTORY, readRunning, saveRunning } from './state.ts';

const SERVE_LOG = join(LOCAL_UP_DIRECTORY, 'serve.log');

/** The login of the simulated CA, as JSON. */
const LOGIN_FILE = join(LOCAL_UP_DIRECTORY, 'login.json');

/** Defaults that let a developer see a result within a minute. */
const DEFAULT_SETTINGS = { pollEvery: 'PT10S', giveUpAfter: 'PT2H', push: 'true' };

/**
 * Starts the emulator and the simulated CA in a separate process, and deploys the stack with `npm run deploy`. If this
 * process ends before that, so does the other.
 *
 * @param log reports progress.
 * @returns the orders that the simulated CA knows.
 * @throws {EmulatorError} if an emulator is already running, does not start, or the deployment fails.
 */
export async function startAndDeploy(
  settings: Readonly<Record<string, string>>,
  log: (progress: string) => void,
): Promise<StartedServers['orders']> {
  if ((await readRunning()) !== undefined) {
    throw new EmulatorError('The emulator is already running. npm run local:down stops it.');
  }
  await rm(LOCAL_UP_DIRECTORY, { recursive: true, force: true });
  await mkdir(LOCAL_UP_DIRECTORY, { recursive: true });
  log(
    'Starting the emulator and the simulated CA (the first time, this installs the emulator, which takes a minute) ...',
  );
  const serveLog = await open(SERVE_LOG, 'w');
  const child = fork(join(import.meta.dirname, 'serve.ts'), [LOCAL_UP_DIRECTORY], {
    detached: true,
    stdio: ['ignore', serveLog.fd, serveLog.fd, 'ipc'],
  });
  await serveLog.close();
  try {
    const servers = await untilStarted(child);
    log('Deploying with cdk bootstrap and npm run deploy ...');
    const outputs = await deploy(servers, settings);
    await storeLogin(servers, outputs);
    await saveRunning({
      pid: child.pid ?? Number.NaN,
      url: servers.url,
      certificateFile: servers.certificateFile,
      environment: environmentOf(servers, outputs),
    });
    // With this message the other process stops depending on this one.
    child.send('started');
    await once(child, 'disconnect');
    child.unref();
    return servers.orders;
  } catch (error) {
    child.kill();
    throw error;
  }
}

/** What a person can do with the emulator after {@link startAndDeploy}. */
export function describeStarted(orders: StartedServers['orders']): string {
  const order = orders[0]?.orderNumber;
  const inFolder = (path: string) => relative(process.cwd(), path);
  return `
The imitations of AWS and the CA run on this machine until npm run local:down. The collector asks for each order every ten seconds. The CA has
these orders:

${orders.map(({ orderNumber, description }) => `  ${orderNumber}  ${description}`).join('\n')}

npm run local -- COMMAND runs a command against them. To collect an order, to see where it is, and to download the certificate
when it is issued:

  npm run local -- mark-certificates order ${order}
  npm run local -- mark-certificates status ${order}
  npm run local -- mark-certificates fetch ${order} .local/orders/${order}

npm run local alone starts a shell for the commands of docs/runbook.md. Redrives, alarms and saved queries do not work in it.
The login at the CA is in ${inFolder(LOGIN_FILE)} and in the secret. Logs are in ${inFolder(LOCAL_UP_DIRECTORY)}.`;
}

/**
 * Stops the emulator that {@link startAndDeploy} started, and the simulated CA.
 *
 * @returns false if none was running.
 */
export async function stop(): Promise<boolean> {
  const running = await readRunning();
  if (running !== undefined) {
    process.kill(running.pid, 'SIGTERM');
    while ((await readRunning()) !== undefined) {
      await wait(100);
    }
  }
  await clearRunning();
  return running !== undefined;
}

async function untilStarted(child: ChildProcess): Promise<StartedServers> {
  const [servers] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [undefined])]);
  if (servers === undefined) {
    throw new EmulatorError(`The emulator did not start:\n${(await readFile(SERVE_LOG, 'utf8')).trim()}`);
  }
  return servers as StartedServers;
}

async function deploy(servers: StartedServers, settings: Readonly<Record<string, string>>): Promise<Outputs> {
  const deployer = createDeployer(servers.environment);
  await deployer.bootstrap();
  return deployer.deploy({
    ...DEFAULT_SETTINGS,
    collectUrl: servers.collectUrl,
    trustAnchors: servers.trustAnchor,
    ctLogs: servers.ctLog,
    ...settings,
  });
}

function environmentOf({ url, environment }: StartedServers, outputs: Outputs): Record<string, string> {
  const { PATH: _, ...variables } = environment;
  const { host: pushHost } = new URL(outputs.PushUrl ?? 'https://none');
  return {
    ...variables,
    CURL_CA_BUNDLE: environment.AWS_CA_BUNDLE ?? '',
    MACHINE: outputs.StateMachineArn ?? '',
    BUCKET: outputs.BucketName ?? '',
    SECRET: outputs.CredentialsSecretArn ?? '',
    // This machine does not resolve the host name of a function URL.
    PUSH_URL: `${url}/_aws/lambda-url/${pushHost.split('.')[0]}/`,
  };
}

/** Stores the login of the simulated CA in the secret, as an operator does. */
async function storeLogin({ environment, credentials }: StartedServers, outputs: Outputs): Promise<void> {
  await writeFile(LOGIN_FILE, JSON.stringify(credentials), { mode: 0o600 });
  await promisify(execFile)(
    'aws',
    [
      ...['secretsmanager', 'put-secret-value'],
      ...['--secret-id', outputs.CredentialsSecretArn ?? '', '--secret-string', `file://${LOGIN_FILE}`],
    ],
    { env: withAwsVariables(process.env, environment) },
  );
}
