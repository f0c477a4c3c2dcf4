import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { createDeployer, type Outputs } from '../local/emulator/deployment.ts';
import { isReachable } from '../local/emulator/emulator.ts';
import type { Served } from '../local/emulator/serve.ts';
import { LOCAL_UP_DIRECTORY, readRunning, saveRunning } from '../local/emulator/state.ts';

const USAGE = `npm run local:up -- [-c SETTING=VALUE]...

Starts an AWS emulator and a simulated CA on this machine, and deploys the stack to it with cdk deploy. Both stay until
npm run local:down.

  -c  a setting of the stack, as cdk deploy takes it: -c responseFormat=zip, -c collectUrl=http://127.0.0.1:8080/...`;

/** A developer does not wait for hours. Other settings can be given. */
const SETTINGS = { pollEvery: 'PT10S', giveUpAfter: 'PT2H', push: 'true' };

async function up(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      context: { type: 'string', short: 'c', multiple: true, default: [] },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const settings = Object.fromEntries(values.context.map(readSetting));
  if ((await readRunning(isReachable)) !== undefined) {
    throw new Error('It is up already: npm run local:down ends it');
  }
  await rm(LOCAL_UP_DIRECTORY, { recursive: true, force: true });
  await mkdir(LOCAL_UP_DIRECTORY, { recursive: true });
  console.log(
    'Starting the emulator and the CA (the first time installs the emulator, which takes some seconds longer) ...',
  );
  const log = await open(join(LOCAL_UP_DIRECTORY, 'serve.log'), 'w');
  const daemon = fork(join(import.meta.dirname, '..', 'local', 'emulator', 'serve.ts'), [LOCAL_UP_DIRECTORY], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
  });
  await log.close();
  const served = await ready(daemon);
  console.log('Deploying with cdk bootstrap and cdk deploy ...');
  const deployer = createDeployer(served.environment);
  await deployer.bootstrap();
  const outputs = await deployer.deploy({
    ...SETTINGS,
    collectUrl: served.collectUrl,
    trustAnchors: served.trustAnchor,
    ...settings,
  });
  await writeFile(join(LOCAL_UP_DIRECTORY, 'env'), environmentFile(served, outputs));
  await putLogin(served, outputs);
  await saveRunning({
    pid: daemon.pid ?? Number.NaN,
    url: served.url,
    certificateFile: served.environment.NODE_EXTRA_CA_CERTS ?? '',
  });
  tell(served);
  // It stays from now on. Until here it would have ended with this process, whatever ended that.
  daemon.send('all is well');
  await once(daemon, 'disconnect');
  daemon.unref();
}

function readSetting(text: string): [string, string] {
  const [, name = '', value = ''] = /^([A-Za-z]+)=(.*)$/s.exec(text) ?? [];
  if (name === '') {
    throw new RangeError(`-c ${text}: SETTING=VALUE is expected`);
  }
  return [name, value];
}

async function ready(daemon: ChildProcess): Promise<Served> {
  const [served] = await Promise.race([once(daemon, 'message'), once(daemon, 'exit').then(() => [undefined])]);
  if (served === undefined) {
    throw new Error(`It does not start:\n${(await readFile(join(LOCAL_UP_DIRECTORY, 'serve.log'), 'utf8')).trim()}`);
  }
  return served as Served;
}

/** What a shell reads: where AWS is, and the names that the runbook's commands use. */
function environmentFile({ url, environment }: Served, outputs: Outputs): string {
  const { host: pushHost } = new URL(outputs.PushUrl ?? 'https://none');
  const { PATH = '', ...variables } = environment;
  const exported = {
    ...variables,
    CURL_CA_BUNDLE: environment.AWS_CA_BUNDLE ?? '',
    MACHINE: outputs.StateMachineArn ?? '',
    BUCKET: outputs.BucketName ?? '',
    SECRET: outputs.CredentialsSecretArn ?? '',
    // The host name of a function URL is not one that this machine resolves.
    PUSH_URL: `${url}/_aws/lambda-url/${pushHost.split('.')[0]}/`,
  };
  const [commands] = PATH.split(':');
  return [
    `export PATH="${commands}:$PATH"`,
    ...Object.entries(exported).map(([name, value]) => `export ${name}='${value}'`),
    '',
  ].join('\n');
}

/** The login of the simulated CA, as an operator puts it. */
async function putLogin({ environment, credentials }: Served, outputs: Outputs): Promise<void> {
  const file = join(LOCAL_UP_DIRECTORY, 'login.json');
  await writeFile(file, JSON.stringify(credentials), { mode: 0o600 });
  await promisify(execFile)(
    'aws',
    [
      'secretsmanager',
      'put-secret-value',
      '--secret-id',
      outputs.CredentialsSecretArn ?? '',
      '--secret-string',
      `file://${file}`,
    ],
    { env: { ...process.env, ...environment } },
  );
}

function tell({ orders }: Served): void {
  const first = orders[0]?.orderNumber;
  const here = (file: string) => relative(process.cwd(), join(LOCAL_UP_DIRECTORY, file));
  console.log(`
It is up: AWS and the CA on this machine, until npm run local:down. An order is asked for every ten seconds. The CA knows

${orders.map(({ orderNumber, description }) => `  ${orderNumber}  ${description}`).join('\n')}

In any shell:

  . ${here('env')}
  aws events put-events --entries '[{"Source": "mark-certificates", "DetailType": "Mark Certificate Ordered", "Detail": "{\\"orderNumber\\": \\"${first}\\"}"}]'
  aws stepfunctions list-executions --state-machine-arn "$MACHINE"
  aws s3 cp --recursive "s3://$BUCKET/orders/${first}/" ${first}/

and every command of docs/runbook.md. The login of the CA is in ${here('login.json')}, and in the secret; logs are in ${here('')}.`);
}

try {
  await up(process.argv.slice(2));
} catch (error) {
  if (error instanceof RangeError || (error instanceof TypeError && 'code' in error)) {
    console.error(`${error.message}\n\n${USAGE}`);
    process.exit(64);
  }
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
