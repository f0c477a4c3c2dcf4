import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Collection } from '../../../functions/collect/collect.ts';
import {
  type CertificateAuthority,
  createCertificateAuthority,
} from '../../../infra/local/ca/certificate-authority.ts';
import type { SimulatedResponse } from '../../../infra/local/ca/collectmc-responses.ts';
import { armouredPkcs7, base64Lines, pem, pkcs7, zip } from '../../../infra/local/ca/containers.ts';
import {
  LOCAL_PUSH_LOGIN,
  type LocalCloud,
  type LocalCloudOptions,
  startLocalCloud,
} from '../../../infra/local/cloud/local-cloud.ts';
import { runScenario, SCENARIOS } from '../../../infra/local/scenarios.ts';
import { basic } from '../../functions/push/request.ts';

const credentials = { loginName: 'brand@example.com', loginPassword: 'correct+horse battery%staple' };
const ORDER = '1378973013';
const processing: SimulatedResponse = { kind: 'status', status: 0 };

let authority: CertificateAuthority;
let cloud: LocalCloud;
/** What the functions wrote to standard output and error: in AWS, to CloudWatch. */
let logged: string;

beforeAll(async () => {
  authority = await createCertificateAuthority();
});
beforeEach(() => {
  logged = '';
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((chunk) => {
      logged += String(chunk);
      return true;
    });
  }
});
afterEach(async () => {
  vi.restoreAllMocks();
  await cloud.close();
});

async function deploy(options: Partial<LocalCloudOptions> = {}): Promise<void> {
  cloud = await startLocalCloud({ credentials, ...options });
}

const announce = (detail: object = { orderNumber: ORDER }) =>
  cloud.send({ source: 'mark-certificates', 'detail-type': 'Mark Certificate Ordered', detail });

async function executionOf(name = `order-${ORDER}`) {
  const execution = cloud.executions.get(name);
  await execution?.ended;
  return execution;
}

async function objectsOf(orderNumber = ORDER): Promise<Record<string, Buffer>> {
  const { Contents = [] } = await cloud.s3.send(
    new ListObjectsV2Command({ Bucket: cloud.bucket, Prefix: `orders/${orderNumber}/` }),
  );
  const objects = await Promise.all(
    Contents.map(async ({ Key = '' }) => {
      const { Body } = await cloud.s3.send(new GetObjectCommand({ Bucket: cloud.bucket, Key }));
      return [
        Key.slice(`orders/${orderNumber}/`.length),
        Buffer.from((await Body?.transformToByteArray()) ?? []),
      ] as const;
    }),
  );
  return Object.fromEntries(objects);
}

/** What the checks left in the execution, one after the other. */
async function collections(name?: string): Promise<Collection[]> {
  const execution = await executionOf(name);
  return (execution?.history ?? []).flatMap((event) =>
    event.type === 'StateExited' && event.state.name === 'Collect'
      ? [(event.state.output as unknown as { collection: Collection }).collection]
      : [],
  );
}

describe('every scenario ends as it should, and no password is seen anywhere', () => {
  test.each(Object.entries(SCENARIOS))('%s', async (_, scenario) => {
    const secrets = [credentials.loginPassword, ...Object.values(JSON.parse(scenario.secret ?? '{}'))].filter(
      (value) => value !== 'REPLACE-ME' && value !== credentials.loginName,
    );
    await deploy({
      secret: scenario.secret,
      settings: scenario.settings ?? {},
      async beforeCheck(check) {
        await scenario.operator?.[check]?.({ cloud, credentials, say: () => {} });
      },
    });
    const notBefore = new Date(Math.floor(Date.now() / 1000 - 3600) * 1000);
    const [certificate, earlier] = [{}, { notBefore }].map((changes) =>
      authority.issue({ domains: ['example.com'], ...changes }),
    );
    if (!certificate || !earlier) {
      throw new Error('two certificates are issued above');
    }
    cloud.ca.order(ORDER, scenario.answers(certificate, earlier));

    const execution = await runScenario(scenario, cloud, { orderNumber: ORDER, domains: ['example.com'] }, () => {});

    expect(execution?.error).toBe(scenario.failsWith);
    expect(execution?.status).toBe(scenario.failsWith ? 'FAILED' : 'SUCCEEDED');
    const objects = await objectsOf();
    expect('certificate.json' in objects).toBe(!scenario.failsWith);
    if (scenario.failsWith) {
      expect(cloud.announced).toEqual([]);
    } else {
      expect(String(objects['chain.pem'])).toBe(pem(certificate.chain));
      expect(cloud.announced.length).toBeGreaterThan(0);
    }
    const histories = [...cloud.executions.values()].flatMap(({ history }) => history);
    const checks = histories.filter(
      (event) => /^State(Exited|Failed)$/.test(event.type) && 'state' in event && event.state.name === 'Collect',
    );
    expect(logged.match(/"message":"check"/g)?.length).toBe(checks.length);
    const everything = [
      logged,
      JSON.stringify([[...cloud.executions.values()], cloud.announced, cloud.deadLetters, process.env]),
      ...Object.values(objects).map(String),
    ].join('\n');
    expect(everything).toContain(ORDER);
    for (const secret of secrets.map(String)) {
      for (const spelling of [secret, encodeURIComponent(secret), btoa(secret), secret.replaceAll(' ', '+')]) {
        expect(everything).not.toContain(spelling);
      }
    }
  });
});

describe('what an order leaves in S3', () => {
  type Chain = readonly Uint8Array[];
  test.each([
    ['pkcs7', 'response.p7b', (chain: Chain) => pkcs7(chain, 'signed-empty')],
    ['pkcs7-base64', 'response.p7b', (chain: Chain) => armouredPkcs7(chain)],
    ['zip', 'response.zip', (chain: Chain) => zip(chain, 'der')],
    ['zip-base64', 'response.zip', (chain: Chain) => `2\n${base64Lines(zip(chain))}`],
    ['pem', 'response.pem', (chain: Chain) => `2\n${pem(chain.toReversed())}`],
  ] as const)(
    'asked for as %s is the response byte for byte, a chain that openssl accepts, the logo and the manifest',
    async (responseFormat, name, bodyOf) => {
      const { chain, root, svg } = authority.issue({ domains: ['example.com'] });
      await deploy({ settings: { responseFormat, trustAnchors: fingerprintOf(root) } });
      const body = Buffer.from(bodyOf(chain));
      cloud.ca.order(ORDER, [processing, { kind: 'bytes', body }]);

      await announce({ orderNumber: ORDER, domains: ['example.com'], product: 'VMC' });
      await executionOf();

      const objects = await objectsOf();
      expect(Object.keys(objects).sort()).toEqual(['certificate.json', 'chain.pem', 'logo.svg', name]);
      expect(objects[name]?.equals(body)).toBe(true);
      expect(objects['chain.pem']?.toString()).toBe(pem(chain));
      expect(objects['logo.svg']?.equals(svg)).toBe(true);
      expect(verify(objects['chain.pem'] ?? Buffer.alloc(0), root)).toMatch(/chain\.pem: OK/);
      expect(JSON.parse(String(objects['certificate.json']))).toMatchObject({
        schemaVersion: 1,
        orderNumber: ORDER,
        execution: `order-${ORDER}`,
        product: 'VMC',
        markType: 'Registered Mark',
        domains: ['example.com'],
        publishable: true,
        findings: [],
        logo: { mediaType: 'image/svg+xml', bytes: svg.length, sha256: fingerprintOf(svg) },
        objects: {
          response: { key: `orders/${ORDER}/${name}`, size: body.length, sha256: fingerprintOf(body) },
          chain: { key: `orders/${ORDER}/chain.pem` },
          logo: { key: `orders/${ORDER}/logo.svg`, sha256: fingerprintOf(svg) },
        },
      });
      expect(cloud.announced).toMatchObject([
        {
          source: 'mark-certificate-collector',
          'detail-type': 'Mark Certificate Issued',
          detail: {
            orderNumber: ORDER,
            certificate: {
              bucket: cloud.bucket,
              keys: { chain: `orders/${ORDER}/chain.pem`, logo: `orders/${ORDER}/logo.svg` },
              domains: ['example.com'],
              publishable: true,
              findings: [],
            },
          },
        },
      ]);
    },
  );

  test('that a mailbox provider would refuse is stored all the same, with the findings', async () => {
    await deploy();
    cloud.ca.order(ORDER, [{ kind: 'issued', certificates: authority.issue({ domains: ['example.com'] }).chain }]);

    await announce({ orderNumber: ORDER, domains: ['example.org'], product: 'CMC' });
    await executionOf();

    const manifest = JSON.parse(String((await objectsOf())['certificate.json']));
    expect(manifest.publishable).toBe(false);
    expect(manifest.findings.map(({ id }: { id: string }) => id)).toEqual([
      'untrusted-root',
      'domain-coverage',
      'mark-type',
    ]);
    expect(cloud.announced).toMatchObject([{ detail: { certificate: { publishable: false } } }]);
  });

  test('with a private key in it is the reason alone', async () => {
    await deploy();
    const { chain } = authority.issue({ domains: ['example.com'] });
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
    cloud.ca.order(ORDER, [{ kind: 'bytes', body: `2\n${pem(chain)}${key}` }]);

    await announce();
    const execution = await executionOf();

    const objects = await objectsOf();
    expect(execution).toMatchObject({ error: 'InvalidChain', cause: expect.stringContaining('private key') });
    expect(Object.keys(objects)).toEqual(['rejected.json']);
    const secret = String(key).split('\n')[1] ?? '';
    expect(secret).toHaveLength(64);
    expect([logged, JSON.stringify(execution), ...Object.values(objects).map(String)].join()).not.toContain(secret);
  });

  test('whose chain is broken is the response and the reason', async () => {
    await deploy();
    const { leaf, root } = authority.issue({ domains: ['example.com'] });
    cloud.ca.order(ORDER, [{ kind: 'issued', certificates: [leaf, root] }]);

    await announce();
    const execution = await executionOf();

    expect(execution).toMatchObject({ error: 'InvalidChain', cause: expect.stringContaining('issuer') });
    const objects = await objectsOf();
    expect(Object.keys(objects).sort()).toEqual(['rejected.json', 'response.p7b']);
    expect(JSON.parse(String(objects['rejected.json']))).toMatchObject({
      orderNumber: ORDER,
      reason: expect.stringContaining('the issuer of the mark certificate is missing'),
      response: { key: `orders/${ORDER}/response.p7b` },
    });
  });
});

describe('events', () => {
  test('that come ten times at once cost one execution, one certificate and one announcement', async () => {
    await deploy();
    const { chain } = authority.issue({ domains: ['example.com'] });
    cloud.ca.order(ORDER, [processing, { kind: 'issued', certificates: chain }]);

    await Promise.all(Array.from({ length: 10 }, () => announce()));
    await executionOf();

    expect([...cloud.executions.keys()]).toEqual([`order-${ORDER}`]);
    expect(cloud.ca.calls).toHaveLength(2);
    expect(cloud.announced).toHaveLength(1);
  });

  test('for an order that failed begin anew', async () => {
    await deploy();
    const { chain } = authority.issue({ domains: ['example.com'] });
    cloud.ca.order(ORDER, [
      { kind: 'error', code: -4 },
      { kind: 'issued', certificates: chain },
    ]);
    await announce();
    await executionOf();

    await announce();
    const [, again] = [...cloud.executions.keys()];
    const execution = await executionOf(again);

    expect(again).toMatch(new RegExp(`^order-${ORDER}-\\d{8}$`));
    expect(execution?.status).toBe('SUCCEEDED');
  });

  test('may come over the API of EventBridge', async () => {
    await deploy();
    cloud.ca.order(ORDER, [{ kind: 'issued', certificates: authority.issue({ domains: ['example.com'] }).chain }]);
    const client = new EventBridgeClient({ endpoint: cloud.eventsUrl });

    const { FailedEntryCount } = await client.send(
      new PutEventsCommand({
        Entries: [
          {
            Source: 'mark-certificates',
            DetailType: 'Mark Certificate Ordered',
            Detail: JSON.stringify({ orderNumber: ORDER }),
          },
        ],
      }),
    );
    client.destroy();

    expect(FailedEntryCount).toBe(0);
    expect((await executionOf())?.status).toBe('SUCCEEDED');
  });

  test('of another source or kind start nothing', async () => {
    await deploy({ settings: { eventSource: 'reseller' } });

    await announce();
    await cloud.send({ source: 'reseller', 'detail-type': 'Other', detail: { orderNumber: ORDER } });
    expect(cloud.executions.size).toBe(0);
    await cloud.send({ source: 'reseller', 'detail-type': 'Mark Certificate Ordered', detail: { orderNumber: ORDER } });
    expect(cloud.executions.size).toBe(1);
    await executionOf();
  });

  test('that are wrong go to the dead letters with the reason, and start nothing', async () => {
    await deploy();

    await announce({ orderNumber: 'one', domain: 'example.com' });

    expect(cloud.executions.size).toBe(0);
    expect(cloud.deadLetters).toMatchObject([
      {
        error: {
          name: 'InvalidInput',
          message: expect.stringMatching(/orderNumber: "one".*domain: is not a known key/),
        },
      },
    ]);
  });

  test('that ask for the same order again find the same certificate, and announce nothing', async () => {
    await deploy();
    const { chain } = authority.issue({ domains: ['example.com'] });
    cloud.ca.order(ORDER, [{ kind: 'issued', certificates: chain }]);
    await announce();
    await executionOf();
    const before = await objectsOf();

    await announce({ orderNumber: ORDER, request: 'again' });
    const execution = await executionOf(`order-${ORDER}-again`);

    expect(execution).toMatchObject({
      status: 'SUCCEEDED',
      output: { collection: { certificate: { changed: false } } },
    });
    expect(cloud.announced).toHaveLength(1);
    expect(await objectsOf()).toEqual(before);
  });

  test('that ask again for an order whose certificate was replaced collect and announce the new one', async () => {
    await deploy();
    const notBefore = new Date(Math.floor(Date.now() / 1000) * 1000 - 3_600_000);
    const first = authority.issue({ domains: ['example.com'], notBefore });
    const second = authority.issue({ domains: ['example.com'] });
    cloud.ca.order(ORDER, [
      { kind: 'issued', certificates: first.chain },
      { kind: 'issued', certificates: second.chain },
      { kind: 'issued', certificates: first.chain },
    ]);
    await announce();
    await executionOf();

    await announce({ orderNumber: ORDER, request: 'replaced' });
    await executionOf(`order-${ORDER}-replaced`);
    const after = await objectsOf();
    await announce({ orderNumber: ORDER, request: 'older' });
    await executionOf(`order-${ORDER}-older`);

    expect(String(after['chain.pem'])).toBe(pem(second.chain));
    expect(await objectsOf()).toEqual(after);
    expect(cloud.announced).toHaveLength(2);
  });
});

describe('wrong credentials', () => {
  const wrong = JSON.stringify({ loginName: 'brand@example.com', loginPassword: 'last year' });

  test('reach the CA once for all orders of a process, and every order goes on by itself when they are mended', async () => {
    let mended = false;
    await deploy({
      secret: wrong,
      async beforeCheck(check) {
        if (check === 5 && !mended) {
          mended = true;
          const client = new SecretsManagerClient({ endpoint: cloud.secretsUrl });
          await client.send(
            new PutSecretValueCommand({ SecretId: cloud.secretId, SecretString: JSON.stringify(credentials) }),
          );
          client.destroy();
        }
      },
    });
    const orders = ['11', '12', '13', '14', '15'];
    for (const order of orders) {
      cloud.ca.order(order, [{ kind: 'issued', certificates: authority.issue({ domains: ['example.com'] }).chain }]);
    }

    await Promise.all(orders.map((orderNumber) => announce({ orderNumber })));
    const executions = await Promise.all(orders.map((order) => executionOf(`order-${order}`)));

    expect(executions.map((execution) => execution?.status)).toEqual(orders.map(() => 'SUCCEEDED'));
    expect(cloud.ca.calls.filter(({ credentialsCorrect }) => !credentialsCorrect)).toHaveLength(1);
  });

  test('are not tried again by a new process, because the order remembers them', async () => {
    await deploy({
      secret: wrong,
      settings: { giveUpAfter: 'P1D' },
      beforeCheck: async (check) => {
        if (check > 1) {
          cloud.restartFunctions();
        }
      },
    });
    cloud.ca.order(ORDER, [processing]);

    await announce();
    const execution = await executionOf();

    expect(execution?.error).toBe('CollectionOverdue');
    expect((await collections()).length).toBeGreaterThan(3);
    expect(cloud.ca.calls).toHaveLength(1);
  });
});

describe('the CA', () => {
  const issuedThen = (...answers: readonly SimulatedResponse[]): SimulatedResponse[] => [
    ...answers,
    { kind: 'issued', certificates: authority.issue({ domains: ['example.com'] }).chain },
  ];

  test('may be down for a week: the order waits, and is collected when it is back', async () => {
    await deploy();
    // 60 s doubled until the poll interval is reached, and then 7 days of 8 calls.
    cloud.ca.order(
      ORDER,
      issuedThen(...Array.from({ length: 64 }, (): SimulatedResponse => ({ kind: 'http', status: 503 }))),
    );

    await announce();
    const execution = await executionOf();

    expect(execution?.status).toBe('SUCCEEDED');
    expect(execution?.waitedSeconds).toBeGreaterThan(7 * 86_400);
    expect((await collections()).filter(({ reason }) => reason === 'outage')).toHaveLength(64);
  });

  test('may answer -42 all day: it is asked every six hours, and the order is collected', async () => {
    await deploy();
    cloud.ca.order(
      ORDER,
      issuedThen(...Array.from({ length: 4 }, (): SimulatedResponse => ({ kind: 'error', code: -42 }))),
    );

    await announce();
    const execution = await executionOf();

    expect(execution).toMatchObject({ status: 'SUCCEEDED', waitedSeconds: 86_400 });
    expect(cloud.ca.calls).toHaveLength(5);
  });

  test('may be down when the deadline passes: the order is overdue, and says that the CA was down', async () => {
    await deploy({ settings: { giveUpAfter: 'P2D' } });
    cloud.ca.order(ORDER, [processing, { kind: 'drop' }]);

    await announce();

    expect(await executionOf()).toMatchObject({
      status: 'FAILED',
      error: 'CollectionOverdue',
      cause: expect.stringMatching(/no certificate after 2 days.*last: (ECONNRESET|socket hang up)/),
    });
  });
});

describe('a push of the CA', () => {
  const orderEvent = { orderNumber: ORDER, domains: ['example.com'], product: 'VMC' };
  const issuedPush = (login = LOCAL_PUSH_LOGIN) =>
    fetch(`${cloud.pushUrl}?orderNumber=${ORDER}&statusCode=6`, { headers: { authorization: basic(login) } });
  const pushName = () => [...cloud.executions.keys()].find((name) => name.includes('-push-6-')) ?? '';

  async function prepare(...before: readonly SimulatedResponse[]) {
    await deploy({ settings: { push: true } });
    const { chain } = authority.issue({ domains: ['example.com'] });
    cloud.ca.order(ORDER, [...before, { kind: 'issued', certificates: chain }]);
  }

  test('before the event of its order: both find the certificate, and it is announced once', async () => {
    await prepare();

    expect((await issuedPush()).status).toBe(200);
    await executionOf(pushName());
    await announce(orderEvent);
    const execution = await executionOf();

    expect(execution).toMatchObject({
      status: 'SUCCEEDED',
      output: { collection: { certificate: { changed: false } } },
    });
    expect(cloud.announced).toHaveLength(1);
  });

  test('while its order waits: the certificate is collected at once, and the waiting execution ends without another word', async () => {
    const waiting = Promise.withResolvers<void>();
    const pushed = Promise.withResolvers<void>();
    await deploy({
      // The push's execution runs beside the one that is held in its second check.
      settings: { push: true, reservedConcurrency: 2 },
      async beforeCheck(check) {
        if (check === 2) {
          waiting.resolve();
          await pushed.promise;
        }
      },
    });
    const { chain } = authority.issue({ domains: ['example.com'] });
    cloud.ca.order(ORDER, [processing, { kind: 'issued', certificates: chain }]);
    await announce(orderEvent);
    await waiting.promise;

    await issuedPush();
    const push = await executionOf(pushName());
    pushed.resolve();
    const execution = await executionOf();

    expect(push).toMatchObject({
      status: 'SUCCEEDED',
      input: orderEvent,
      output: { collection: { certificate: { changed: true } } },
    });
    expect(execution).toMatchObject({
      status: 'SUCCEEDED',
      output: { collection: { certificate: { changed: false } } },
    });
    expect(cloud.announced).toHaveLength(1);
  });

  test('twice starts one execution, and its password is seen nowhere', async () => {
    await prepare();

    await issuedPush();
    await issuedPush();
    const execution = await executionOf(pushName());

    expect([...cloud.executions.keys()]).toHaveLength(1);
    const everything = [logged, JSON.stringify([execution, cloud.announced, process.env])].join();
    expect(everything).toContain(ORDER);
    const { username, password } = LOCAL_PUSH_LOGIN;
    for (const spelling of [password, encodeURIComponent(password), btoa(`${username}:${password}`), btoa(password)]) {
      expect(everything).not.toContain(spelling);
    }
  });

  test('may be a form with certificates, which are not looked at', async () => {
    await prepare();

    const answer = await fetch(String(cloud.pushUrl), {
      method: 'POST',
      headers: { authorization: basic(LOCAL_PUSH_LOGIN) },
      body: new URLSearchParams({ orderNumber: ORDER, statusCode: '9', certificate: 'not looked at' }),
    });

    expect(answer.status).toBe(200);
    expect((await executionOf([...cloud.executions.keys()][0]))?.status).toBe('SUCCEEDED');
    expect(logged).not.toContain('not looked at');
  });

  test('with a wrong password starts nothing', async () => {
    await prepare();

    const answer = await issuedPush({ ...LOCAL_PUSH_LOGIN, password: 'guessed' });

    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
    expect(cloud.executions.size).toBe(0);
  });
});

test('thirty orders at once are asked for one after the other, and none is lost', async () => {
  await deploy();
  const orders = Array.from({ length: 30 }, (_, index) => String(1000 + index));
  const { chain } = authority.issue({ domains: ['example.com'] });
  for (const order of orders) {
    cloud.ca.order(order, [processing, { kind: 'issued', certificates: chain }]);
  }

  await Promise.all(orders.map((orderNumber) => announce({ orderNumber })));
  const executions = await Promise.all(orders.map((order) => executionOf(`order-${order}`)));

  expect(executions.map((execution) => execution?.status)).toEqual(orders.map(() => 'SUCCEEDED'));
  expect(cloud.ca.peakConcurrency).toBe(1);
  expect(cloud.ca.calls).toHaveLength(60);
  // The queue was felt: some were told to come back.
  const retried = executions.flatMap(
    (execution) => execution?.history.filter(({ type }) => type === 'StateRetried') ?? [],
  );
  expect(retried.length).toBeGreaterThan(0);
});

function fingerprintOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function verify(chain: Uint8Array, root: Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'verify-'));
  try {
    const [chainFile, rootFile] = [join(folder, 'chain.pem'), join(folder, 'root.pem')];
    writeFileSync(chainFile, chain);
    writeFileSync(rootFile, pem([root]));
    return execFileSync('openssl', ['verify', '-CAfile', rootFile, '-untrusted', chainFile, chainFile]).toString();
  } finally {
    rmSync(folder, { recursive: true });
  }
}
