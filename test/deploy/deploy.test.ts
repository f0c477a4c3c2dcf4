import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RESPONSE_FORMATS, type ResponseFormat } from '../../functions/collectmc/request.ts';
import { executionArn } from '../../functions/executions.ts';
import type { IssuedMarkCertificate } from '../../infra/local/ca/certificate-authority.ts';
import type { SimulatedResponse } from '../../infra/local/ca/collectmc-responses.ts';
import { pem } from '../../infra/local/ca/containers.ts';
import { type DeployedCollector, deployCollector, type EndedExecution, LOGIN } from './deployed-collector.ts';
import { createInbox, type Inbox, receive } from './inbox.ts';
import { createTable } from './table.ts';

const run = promisify(execFile);

const processing: SimulatedResponse = { kind: 'status', status: 0 };
const error = (code: number): SimulatedResponse => ({ kind: 'error', code });
const issued = ({ chain }: IssuedMarkCertificate): SimulatedResponse => ({ kind: 'issued', certificates: chain });

const WRONG = { ...LOGIN, loginPassword: 'wrong+horse battery%staple' };
const CHANGED = { ...LOGIN, loginPassword: 'changed+horse battery%staple' };
const DAY = 86_400_000;
const YEAR = 365 * DAY;

let collector: DeployedCollector;
/** What a consumer's rule on the bus brings: everything of this project, and how executions end. */
let bus: Inbox;
/** What the alarm topic tells its subscribers. */
let alarms: Inbox;
const table = createTable();

beforeAll(async () => {
  collector = await deployCollector();
  const { aws, outputs } = collector;
  bus = await createInbox(collector, 'consumer', 'events.amazonaws.com');
  alarms = await createInbox(collector, 'operator', 'sns.amazonaws.com');
  const pattern = { source: ['mark-certificate-collector', 'aws.states'] };
  await aws('events', 'put-rule', '--name', 'consumer', '--event-pattern', JSON.stringify(pattern));
  await aws('events', 'put-targets', '--rule', 'consumer', '--targets', `Id=consumer,Arn=${bus.arn}`);
  await aws(
    'sns',
    'subscribe',
    '--topic-arn',
    outputs.AlarmTopicArn ?? '',
    '--protocol',
    'sqs',
    '--notification-endpoint',
    alarms.arn,
  );
});
afterAll(async () => {
  table.print();
  await collector?.close();
});

/** A case with an order of its own, and a row in the table: what it returns is the outcome. */
function story(name: string, tell: (order: string) => Promise<string>): void {
  const order = table.nextOrder();
  test(name, async () => {
    await table.row(
      name,
      () => tell(order),
      () => callsOf(order).length,
    );
  });
}

const callsOf = (order: string) => collector.ca.calls.filter(({ orderNumber }) => orderNumber === order);
const outcomeOf = ({ status, error: name }: EndedExecution) => (name === undefined ? status : `${status} ${name}`);

/** An order that the CA knows: announced, and waited for. */
async function collect(
  order: string,
  script: readonly SimulatedResponse[],
  detail: object = {},
): Promise<EndedExecution> {
  collector.ca.order(order, script);
  await collector.announce({ orderNumber: order, domains: ['example.com'], product: 'VMC', ...detail });
  return collector.ended(`order-${order}`);
}

function certificate(changes: { notBefore?: Date; notAfter?: Date; domains?: string[] } = {}): IssuedMarkCertificate {
  return collector.authority.issue({ domains: ['example.com'], ...changes });
}

async function manifestOf(order: string) {
  const { 'certificate.json': manifest = Buffer.from('{}') } = await collector.objects(order);
  return JSON.parse(manifest.toString()) as {
    readonly fingerprintSha256: string;
    readonly publishable: boolean;
    readonly objects: Readonly<Record<string, { key: string; size: number; sha256: string; versionId: string }>>;
  };
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Each fails once the emulator can do it: then the step goes, and its line in docs/decisions/emulator.md. */
describe('what the emulator lacks', () => {
  test('reserved concurrency of a template: set through the interface of Lambda', async () => {
    for (const [part, reserved] of [
      ['CollectFunction', '1'],
      ['PushFunction', '5'],
    ] as const) {
      const name = await functionName(part);
      expect(await collector.aws('lambda', 'get-function-concurrency', '--function-name', name)).toBeUndefined();
      await collector.aws(
        ...['lambda', 'put-function-concurrency', '--function-name', name],
        ...['--reserved-concurrent-executions', reserved],
      );
    }
  });

  test('redriving: the runbook sends the event again instead', async () => {
    const arn = executionArn(collector.outputs.StateMachineArn ?? '', 'order-1');
    await expect(collector.aws('stepfunctions', 'redrive-execution', '--execution-arn', arn)).rejects.toThrow(
      'Unknown action: RedriveExecution',
    );
  });

  test('a generated password without punctuation', async () => {
    expect(await pushLogin()).toMatch(/^ca:.*[^A-Za-z0-9]/s);
  });
});

describe('the login', () => {
  story('placeholder in the secret, then a wrong login, then the right one', async (order) => {
    collector.ca.order(order, [issued(certificate())]);
    await collector.announce({ orderNumber: order });
    await until(async () => (await collector.executions(`order-${order}`, 'RUNNING')).length === 1);
    await severalChecks();
    expect(callsOf(order)).toEqual([]);
    await collector.putCredentials(WRONG);
    await until(() => callsOf(order).length > 0);
    await severalChecks();
    expect(callsOf(order).map(({ answer }) => answer)).toEqual(['error -16']);
    await collector.putCredentials(LOGIN);
    const ended = await collector.ended(`order-${order}`);
    expect(callsOf(order).map(({ answer }) => answer)).toEqual(['error -16', 'issued pkcs7-binary']);
    return outcomeOf(ended);
  });
});

/** Time for an order to be asked for again, if it were. */
const severalChecks = () => wait(4_000);

describe('an issued order', () => {
  // The default comes last, for the cases after these.
  for (const format of (Object.keys(RESPONSE_FORMATS) as ResponseFormat[]).toReversed()) {
    story(`issued as ${format}`, async (order) => {
      await collector.redeploy({ responseFormat: format });
      const { chain, root, svg } = certificate();
      const ended = await collect(order, [{ kind: 'issued', certificates: chain }]);
      expect(callsOf(order)).toHaveLength(1);
      const objects = await collector.objects(order);
      const { objects: listed } = await manifestOf(order);
      const body = Object.entries(objects).find(([name]) => name.startsWith('response.'))?.[1];
      expect(sha256(body ?? Buffer.of())).toBe(callsOf(order).at(-1)?.sha256);
      expect(objects['logo.svg']?.equals(svg)).toBe(true);
      expect(objects['chain.pem']?.toString()).toBe(pem(chain));
      for (const { key, size, sha256: digest } of Object.values(listed)) {
        const object = objects[key.slice(`orders/${order}/`.length)] ?? Buffer.alloc(0);
        expect([object.length, sha256(object)]).toEqual([size, digest]);
      }
      expect(await verify(root, objects['chain.pem'])).toBe(true);
      return outcomeOf(ended);
    });
  }
});

/** Whether OpenSSL, which shares no code with us, proves a chain up to a root. */
async function verify(root: Uint8Array, chain: Uint8Array | undefined): Promise<boolean> {
  const directory = await mkdtemp(join(tmpdir(), 'mark-certificate-collector-'));
  try {
    const [rootFile, chainFile] = [join(directory, 'root.pem'), join(directory, 'chain.pem')];
    await writeFile(rootFile, pem([root]));
    await writeFile(chainFile, chain ?? '');
    const { stdout } = await run('openssl', ['verify', '-CAfile', rootFile, '-untrusted', chainFile, chainFile]);
    return stdout.trim() === `${chainFile}: OK`;
  } finally {
    await rm(directory, { recursive: true });
  }
}

describe('an order that waits', () => {
  story('pending twice, then issued', async (order) => {
    const ended = await collect(order, [processing, processing, issued(certificate())]);
    expect(callsOf(order).map(({ answer }) => answer)).toEqual(['status 0', 'status 0', 'issued pkcs7-binary']);
    return outcomeOf(ended);
  });

  story('available once, then issued', async (order) => {
    const ended = await collect(order, [{ kind: 'status', status: 1 }, issued(certificate())]);
    expect(callsOf(order)).toHaveLength(2);
    return outcomeOf(ended);
  });

  story('event sent twice at once', async (order) => {
    collector.ca.order(order, [processing, issued(certificate())]);
    await collector.announce({ orderNumber: order }, { orderNumber: order });
    const ended = await collector.ended(`order-${order}`);
    expect(await collector.executions(`order-${order}`)).toEqual([`order-${order}`]);
    expect(callsOf(order)).toHaveLength(2);
    return outcomeOf(ended);
  });

  for (const [name, answer, times] of [
    ['call limit (-42), then issued', error(-42), 1],
    ['HTTP 503 three times, then issued', { kind: 'http', status: 503 }, 3],
    ['a maintenance page, then issued', { kind: 'html' }, 1],
    ['dropped connections, then issued', { kind: 'drop' }, 2],
    ['an empty body, then issued', { kind: 'empty' }, 1],
    ['payment (-22), then issued', error(-22), 1],
  ] as const) {
    story(name, async (order) => {
      const ended = await collect(order, [...Array<SimulatedResponse>(times).fill(answer), issued(certificate())]);
      expect(callsOf(order)).toHaveLength(times + 1);
      return outcomeOf(ended);
    });
  }

  story('password changed at the CA, then in the secret', async (order) => {
    collector.ca.order(order, [issued(certificate())]);
    collector.ca.setCredentials(CHANGED);
    await collector.announce({ orderNumber: order });
    await until(() => callsOf(order).length > 0);
    await severalChecks();
    expect(callsOf(order).map(({ answer }) => answer)).toEqual(['error -16']);
    await collector.putCredentials(CHANGED);
    const ended = await collector.ended(`order-${order}`);
    expect(callsOf(order).map(({ answer }) => answer)).toEqual(['error -16', 'issued pkcs7-binary']);
    return outcomeOf(ended);
  });

  story('redeployed while it waits', async (order) => {
    collector.ca.order(order, [processing]);
    await collector.announce({ orderNumber: order });
    await until(() => callsOf(order).length > 0);
    await collector.redeploy({ remindBefore: 'P40D', pollEvery: 'PT20S' });
    expect(await collector.executions(`order-${order}`, 'RUNNING')).toHaveLength(1);
    collector.ca.order(order, [issued(certificate())]);
    const ended = await collector.ended(`order-${order}`);
    await collector.redeploy({});
    return outcomeOf(ended);
  });
});

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await wait(100);
  }
}

describe("the CA's own no", () => {
  for (const [code, name] of [
    [-20, 'OrderRejected'],
    [-21, 'CertificateRevoked'],
    [-36, 'CertificateExpired'],
    [-3, 'InvalidRequest'],
  ] as const) {
    story(`refused with ${code}`, async (order) => {
      const ended = await collect(order, [error(code)]);
      expect(ended).toMatchObject({ status: 'FAILED', error: name });
      expect(callsOf(order)).toHaveLength(1);
      const told = await alarms.find((message) => message.includes(`order-${order} `));
      expect(told).toContain(`FAILED: ${name}.`);
      expect(told).toContain('Next: ');
      return outcomeOf(ended);
    });
  }

  story('unknown to the CA; sent again when it is known', async (order) => {
    await collector.announce({ orderNumber: order });
    const ended = await collector.ended(`order-${order}`);
    expect(ended).toMatchObject({ status: 'FAILED', error: 'InvalidRequest' });
    collector.ca.order(order, [issued(certificate())]);
    await collector.announce({ orderNumber: order });
    const again = await collector.ended(`order-${order}-${today()}`);
    expect(again.status).toBe('SUCCEEDED');
    return `${outcomeOf(ended)}, then ${outcomeOf(again)}`;
  });

  story('a number that is none', async (order) => {
    await collector.announce({ orderNumber: `${order}x` });
    const url = await deadLetterQueue();
    let letters: string[] = [];
    while (!letters.some((letter) => letter.includes(`${order}x`))) {
      letters = await receive(collector.aws, url);
    }
    expect(letters.join()).toContain('orderNumber');
    expect(await collector.executions(`order-${order}`)).toEqual([]);
    return 'dead-letter queue';
  });
});

async function deadLetterQueue(): Promise<string> {
  const { QueueUrls } = (await collector.aws('sqs', 'list-queues')) as { readonly QueueUrls: readonly string[] };
  return QueueUrls.find((url) => url.includes('DeadLetterQueue')) ?? '';
}

describe('a certificate', () => {
  story('replaced at the CA, and asked for again', async (order) => {
    const first = certificate({ notBefore: new Date(Date.UTC(2026, 0, 1)) });
    await collect(order, [issued(first)]);
    const second = certificate();
    collector.ca.order(order, [issued(second)]);
    await collector.announce({ orderNumber: order, request: 'replacement' });
    const ended = await collector.ended(`order-${order}-replacement`);
    expect((await manifestOf(order)).fingerprintSha256).toBe(sha256(second.leaf));
    expect((await collector.objects(order))['chain.pem']?.toString()).toBe(pem(second.chain));
    const { Versions } = (await collector.aws(
      ...['s3api', 'list-object-versions', '--bucket', collector.outputs.BucketName ?? ''],
      ...['--prefix', `orders/${order}/chain.pem`],
    )) as { readonly Versions: readonly object[] };
    expect(Versions).toHaveLength(2);
    // The older one never comes back.
    collector.ca.order(order, [issued(first)]);
    await collector.announce({ orderNumber: order, request: 'again' });
    await collector.ended(`order-${order}-again`);
    expect((await manifestOf(order)).fingerprintSha256).toBe(sha256(second.leaf));
    return outcomeOf(ended);
  });

  story('with a broken chain, kept and refused; then good, by the same event', async (order) => {
    const { leaf, root } = certificate();
    const stranger = collector.authority.with({ issuing: {} }).issue({ domains: ['example.com'] });
    const altered = Buffer.from(leaf);
    altered.writeUInt8(altered.readUInt8(altered.length - 1) ^ 1, altered.length - 1);
    const broken = await collect(order, [{ kind: 'issued', certificates: [altered, stranger.issuing, root] }]);
    expect(broken).toMatchObject({ status: 'FAILED', error: 'InvalidChain' });
    const kept = await collector.objects(order);
    expect(Object.keys(kept).toSorted()).toEqual(['rejected.json', 'response.p7b']);
    expect(sha256(kept['response.p7b'] ?? Buffer.of())).toBe(callsOf(order).at(-1)?.sha256);
    const good = certificate();
    collector.ca.order(order, [issued(good)]);
    await collector.announce({ orderNumber: order });
    const again = await collector.ended(`order-${order}-${today()}`);
    expect(again.status).toBe('SUCCEEDED');
    expect((await manifestOf(order)).fingerprintSha256).toBe(sha256(good.leaf));
    return `${outcomeOf(broken)}, then ${outcomeOf(again)}`;
  });
});

const today = () => new Date().toISOString().slice(0, 10).replaceAll('-', '');

describe('events', () => {
  story('issued: one event; the same certificate again: none', async (order) => {
    const one = certificate();
    await collect(order, [issued(one)]);
    const told = await bus.find((message) => isIssued(message, order));
    expect(JSON.parse(told)).toMatchObject({
      source: 'mark-certificate-collector',
      detail: {
        orderNumber: order,
        certificate: { bucket: collector.outputs.BucketName, fingerprintSha256: sha256(one.leaf), publishable: true },
      },
    });
    await collector.announce({ orderNumber: order, request: 'again' });
    const ended = await collector.ended(`order-${order}-again`);
    await bus.find((message) => message.includes(`order-${order}-again`) && message.includes('SUCCEEDED'));
    expect(bus.messages.filter((message) => isIssued(message, order))).toHaveLength(1);
    return outcomeOf(ended);
  });

  story('the survey reminds of one that ends', async (order) => {
    // Noon of the fifth day from today: how many days are left depends on no hour, only on whether midnight passes meanwhile.
    const today = Math.floor(Date.now() / DAY);
    const soon = certificate({
      notBefore: new Date(Date.now() - YEAR),
      notAfter: new Date((today + 5.5) * DAY),
      domains: [`order-${order}.example.com`],
    });
    await collect(order, [issued(soon)]);
    await collector.aws('lambda', 'invoke', '--function-name', await functionName('SurveyFunction'), '/dev/null');
    const told = await bus.find((message) => message.includes('Expiring') && message.includes(order));
    const { detail } = JSON.parse(told);
    const daysSince = Math.floor(Date.now() / DAY) - today;
    expect(detail.orderNumber).toBe(order);
    expect([5, 5 - daysSince]).toContain(detail.daysLeft);
    return 'reminded';
  });
});

async function functionName(part: string): Promise<string> {
  const { Functions } = (await collector.aws('lambda', 'list-functions')) as {
    readonly Functions: readonly { readonly FunctionName: string }[];
  };
  return Functions.find(({ FunctionName }) => FunctionName.includes(part))?.FunctionName ?? '';
}

const isIssued = (message: string, order: string) =>
  message.includes('"Mark Certificate Issued"') && message.includes(`"${order}"`);

describe('a public address', () => {
  story('published, renewed by another order, kept from a stranger', async (order) => {
    const domain = `order-${order}.example.com`;
    const [renewal, strange] = [table.nextOrder(), table.nextOrder()];
    const detail = { domains: [domain] };
    const first = certificate({ domains: [domain], notBefore: new Date(Date.UTC(2026, 0, 1)) });
    const ended = await collect(order, [issued(first)], detail);
    const live = async () => {
      const [chain, logo] = await Promise.all(
        ['pem', 'svg'].map((type) => collector.fetchPublished(`/${domain}/default.${type}`)),
      );
      expect([chain?.status, chain?.contentType]).toEqual([200, 'application/pem-certificate-chain']);
      expect([logo?.status, logo?.contentType]).toEqual([200, 'image/svg+xml']);
      return chain?.body.toString();
    };
    expect(await live()).toBe(pem(first.chain));
    const second = certificate({ domains: [domain] });
    await collect(renewal, [issued(second)], detail);
    expect(await live()).toBe(pem(second.chain));
    const { Versions } = (await collector.aws(
      ...['s3api', 'list-object-versions', '--bucket', collector.outputs.BucketName ?? ''],
      ...['--prefix', `published/${domain}/default.pem`],
    )) as { readonly Versions: readonly object[] };
    expect(Versions).toHaveLength(2);
    const foreign = collector.authority.issue({ domains: [domain], owner: 'Somebody Else Limited' });
    await collect(strange, [issued(foreign)], detail);
    expect(JSON.parse(await bus.find((message) => isIssued(message, strange)))).toMatchObject({
      detail: { publication: { published: [], notPublished: [{ domain, reason: 'other-owner' }] } },
    });
    expect(await live()).toBe(pem(second.chain));
    // Nothing else of the bucket is public, and nothing is listed.
    expect((await collector.fetchPublished(`/../orders/${order}/chain.pem`)).status).toBe(403);
    expect((await collector.fetchPublished(`/${domain}/default.json`)).status).toBe(403);
    expect((await collector.fetchPublished('/')).status).toBe(403);
    return outcomeOf(ended);
  });

  story('revoked by the CA: noted, and served until somebody decides', async (order) => {
    const domain = `order-${order}.example.com`;
    await collect(order, [issued(certificate({ domains: [domain] }))], { domains: [domain] });
    collector.ca.order(order, [error(-21)]);
    await collector.announce({ orderNumber: order, request: 'again' });
    const ended = await collector.ended(`order-${order}-again`);
    expect(ended).toMatchObject({ status: 'FAILED', error: 'CertificateRevoked' });
    const describeAddress = () =>
      collector.aws(
        's3',
        'cp',
        `s3://${collector.outputs.BucketName}/published/${domain}/default.json`,
        '-',
      ) as Promise<{
        readonly revokedAt: string | null;
        readonly served: boolean;
      }>;
    await until(async () => (await describeAddress()).revokedAt !== null);
    expect((await describeAddress()).served).toBe(true);
    expect((await collector.fetchPublished(`/${domain}/default.pem`)).status).toBe(200);
    return outcomeOf(ended);
  });
});

describe('a push of the CA', () => {
  for (const method of ['GET', 'POST'] as const) {
    story(`pushed by ${method}, with a wrong login, without and with the right one`, async (order) => {
      collector.ca.order(order, [issued(certificate())]);
      const fields = {
        orderNumber: order,
        certificateID: '7',
        eventType: 'certificate',
        status: 'issued',
        statusCode: '6',
      };
      const login = await pushLogin();
      expect(await collector.push({ method, fields })).toBe(401);
      expect(await collector.push({ method, fields, login: 'ca:wrong' })).toBe(401);
      expect(await collector.executions(`order-${order}`)).toEqual([]);
      expect(await collector.push({ method, fields, login })).toBe(200);
      expect(await collector.push({ method, fields: { ...fields, statusCode: '12' }, login })).toBe(200);
      const ended = await collector.ended(`order-${order}-push-6-${today()}`);
      expect(await collector.executions(`order-${order}`)).toHaveLength(1);
      return outcomeOf(ended);
    });
  }
});

async function pushLogin(): Promise<string> {
  const { SecretString } = (await collector.aws(
    ...['secretsmanager', 'get-secret-value', '--secret-id', collector.outputs.PushCredentialsSecretArn ?? ''],
  )) as { readonly SecretString: string };
  const { username, password } = JSON.parse(SecretString) as { readonly username: string; readonly password: string };
  return `${username}:${password}`;
}

/** 200 orders at once, each pending twice. */
const LOAD = Array.from({ length: 200 }, (_, index) => String(5_000_000_001 + index));

describe('a burst', () => {
  test('of 200 orders is collected whole, one call at a time', async () => {
    const { ca, aws } = collector;
    const since = ca.calls.length;
    const certificates = new Map(
      LOAD.map((order) => [order, certificate({ domains: [`order-${order}.example.com`] })]),
    );
    for (const [order, one] of certificates) {
      ca.order(order, [processing, processing, issued(one)]);
    }
    await table.row(
      '200 orders announced at once, each pending twice',
      async () => {
        await collector.announce(...LOAD.map((orderNumber) => ({ orderNumber })));
        const all = await Promise.all(LOAD.map((order) => collector.ended(`order-${order}`)));
        return `${all.filter(({ status }) => status === 'SUCCEEDED').length} SUCCEEDED`;
      },
      () => ca.calls.length - since,
    );
    for (const [order, { chain }] of certificates) {
      expect((await collector.objects(order))['chain.pem']?.toString()).toBe(pem(chain));
      expect(callsOf(order)).toHaveLength(3);
    }
    expect(await collector.executions('order-5')).toHaveLength(LOAD.length);
    expect(ca.peakConcurrency).toBe(1);
    const peak = Math.max(
      ...(await logsOf(aws)).flatMap((line) => Number(/Max Memory Used: (\d+) MB/.exec(line)?.[1] ?? 0)),
    );
    expect(peak).toBeGreaterThan(0);
    table.note(
      `Load: at most ${ca.peakConcurrency} call at once at the CA; peak memory of a Lambda process ${peak} MB of 512 MB`,
    );
  }, 600_000);
});

/** Every line that any function or the state machine logged. */
async function logsOf(aws: DeployedCollector['aws']): Promise<string[]> {
  const { logGroups } = (await aws('logs', 'describe-log-groups')) as {
    readonly logGroups: readonly { readonly logGroupName: string }[];
  };
  const lines = logGroups.map(async ({ logGroupName }) => {
    const { events } = (await aws('logs', 'filter-log-events', '--log-group-name', logGroupName)) as {
      readonly events: readonly { readonly message: string }[];
    };
    return events.map(({ message }) => message);
  });
  return (await Promise.all(lines)).flat();
}

describe('in the end', () => {
  test('no password is found in a log, an environment, an event or an execution', async () => {
    const { aws, outputs } = collector;
    const [, pushPassword = ''] = (await pushLogin()).split(/:(.*)/s);
    const machine = outputs.StateMachineArn ?? '';
    const histories = (await collector.executions('order-4')).map((name) => {
      const arn = executionArn(machine, name);
      return aws('stepfunctions', 'get-execution-history', '--execution-arn', arn, '--include-execution-data');
    });
    const seen = JSON.stringify([
      await logsOf(aws),
      await aws('lambda', 'list-functions'),
      bus.messages,
      alarms.messages,
      await Promise.all(histories),
    ]);
    expect(seen).toContain('SUCCEEDED');
    for (const password of [LOGIN, WRONG, CHANGED].map(({ loginPassword }) => loginPassword).concat(pushPassword)) {
      expect(password).not.toBe('');
      for (const form of [
        password,
        encodeURIComponent(password),
        new URLSearchParams({ '': password }).toString().slice(1),
      ]) {
        expect(seen.includes(JSON.stringify(form).slice(1, -1))).toBe(false);
      }
    }
  });

  story('the stack destroyed: what was collected stays', async (order) => {
    const one = certificate();
    await collect(order, [issued(one)]);
    await collector.destroy();
    const objects = await collector.objects(order);
    expect(Object.keys(objects)).toHaveLength(4);
    expect(objects['chain.pem']?.toString()).toBe(pem(one.chain));
    const { StackSummaries } = (await collector.aws(
      ...['cloudformation', 'list-stacks', '--stack-status-filter', 'DELETE_COMPLETE'],
    )) as { readonly StackSummaries: readonly { readonly StackName: string }[] };
    expect(StackSummaries.map(({ StackName }) => StackName)).toContain('MarkCertificateCollector');
    return 'bucket and objects there';
  });
});
