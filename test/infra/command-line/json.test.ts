/** What each command prints with --json, compared with docs/command-line.md. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { COMMANDS } from '../../../infra/command-line/commands.ts';
import type { CertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import type { LocalCloud } from '../../../infra/local/cloud/local-cloud.ts';
import { openAuthority } from '../../authority.ts';
import { startNameServer } from '../../functions/survey/name-server.ts';
import { page, startPublicSite } from '../../functions/survey/public-site.ts';
import { CREDENTIALS, ORDER } from '../local/collector.ts';
import { read, tableBelow } from '../markdown.ts';
import { error, issued, prepareOrder, processing } from './collect/order.ts';
import { deployForCommands } from './local-collector.ts';
import { documentedFields, judgementFields, undocumentedFields } from './page.ts';
import { run } from './run.ts';

let authority: CertificateAuthority;
let trust: readonly string[];

beforeAll(async () => {
  authority = await openAuthority();
  const root = createHash('sha256').update(authority.root).digest('hex');
  trust = ['--trust', root, '--log', authority.log.key];
});

type Result = Readonly<Record<string, unknown>>;

/** Runs a command with --json. A list stands for its elements. */
async function json(...args: readonly string[]): Promise<Result[]> {
  const { out } = await run([...args, '--json'], { folder: folder(), input: LOGIN });
  return [JSON.parse(out)].flat();
}

const LOGIN = `${CREDENTIALS.loginName}\n${CREDENTIALS.loginPassword}\n`;

/** A new folder, until the end of the test. */
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'json-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A collector with an order that is collected. */
async function collected(): Promise<LocalCloud> {
  const { cloud, sendOrder, execution } = await deployForCommands();
  cloud.ca.order(ORDER, [issued(authority.issue({ domains: ['example.com'] }))]);
  await sendOrder();
  await execution();
  return cloud;
}

/** A collector with an order that waits. */
async function waiting(): Promise<LocalCloud> {
  const { cloud, sendOrder } = await deployForCommands({ waitMilliseconds: () => 600_000 });
  cloud.ca.order(ORDER, [processing]);
  await sendOrder();
  await expect
    .poll(() => cloud.executions.get(`order-${ORDER}`)?.history.at(-1))
    .toMatchObject({ type: 'StateEntered', state: { name: 'Wait' } });
  return cloud;
}

/** The option with which the domain example.com is as it should be. */
async function nameServer(): Promise<readonly string[]> {
  const site = await startPublicSite();
  const { chain, svg } = authority.issue({ domains: ['example.com'] });
  site.pages.set('/chain.pem', page(200, 'application/pem-certificate-chain', pem(chain)));
  site.pages.set('/logo.svg', page(200, 'image/svg+xml', Buffer.from(svg)));
  const server = await startNameServer({
    'default._bimi.example.com': { TXT: [`v=BIMI1; l=${site.url}/logo.svg; a=${site.url}/chain.pem`] },
    '_dmarc.example.com': { TXT: ['v=DMARC1; p=reject'] },
  });
  onTestFinished(async () => {
    await Promise.all([server.close(), site.close()]);
  });
  return ['--name-server', server.address];
}

/** Results of each command that together have every field, and the headings below which the fields are. */
const RESULTS: Readonly<Record<string, readonly [headings: readonly string[], results: () => Promise<Result[]>]>> = {
  collect: [
    ['collect'],
    async () => {
      const scripts = [[processing], [error(-20)], [issued(authority.issue({ domains: ['example.com'] }))]];
      const orders = await Promise.all(scripts.map((script) => prepareOrder(script, { authority })));
      return Promise.all(orders.map(async ({ collect }) => JSON.parse((await collect('--json')).out)));
    },
  ],
  order: [
    ['order'],
    async () => {
      await waiting();
      return [await json('order', ORDER), await json('order', ORDER, '--domain', 'example.com')].flat();
    },
  ],
  orders: [
    ['orders'],
    async () => {
      await collected();
      return json('orders');
    },
  ],
  status: [
    ['status', 'orders'],
    async () => {
      await collected();
      return json('status', ORDER);
    },
  ],
  fetch: [
    ['fetch'],
    async () => {
      await collected();
      return json('fetch', ORDER);
    },
  ],
  open: [
    ['open'],
    async () => {
      const { s3, bucket } = await collected();
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'overview/index.html', Body: 'overview' }));
      return [await json('open', ORDER), await json('open')].flat();
    },
  ],
  watch: [
    ['watch and unwatch'],
    async () => {
      await deployForCommands();
      const results = await json('watch', 'example.com', ...(await nameServer()));
      return results.map(({ check: _, ...others }) => ({ ...others, check: {} }));
    },
  ],
  retry: [
    ['retry'],
    async () => {
      await waiting();
      return [await json('retry', ORDER), await json('retry', ORDER, '--now')].flat();
    },
  ],
  login: [
    ['login'],
    async () => {
      await deployForCommands();
      return [await json('login', '--account', 'brand-a'), await json('login', '--account', 'brand-a')].flat();
    },
  ],
  down: [
    ['down'],
    async () => {
      const { executions } = await waiting();
      const results = await json('down', '--yes');
      // The message about the end of the execution is sent before the test ends.
      await executions.get(`order-${ORDER}`)?.ended;
      return results;
    },
  ],
  completion: [['completion'], () => json('completion', 'bash')],
};

/** `inspect` has a table of results, and `unwatch` is in the section of `watch`. */
const OTHERS = ['inspect', 'unwatch'];

test.each(Object.entries(RESULTS))('The JSON of %s has the documented fields, and all of them.', async (_, command) => {
  const [headings, results] = command;
  const printed = await results();
  expect(printed.length).toBeGreaterThan(0);
  expect([...new Set(printed.flatMap((result) => Object.keys(result)))].toSorted()).toEqual(
    [...new Set(headings.flatMap(documentedFields))].toSorted(),
  );
  // What an execution returned is documented elsewhere.
  const own = printed.map(({ collection: _, keys: __, ...others }) => others);
  expect(undocumentedFields(own, ...headings)).toEqual([]);
});

test('Every command has a test of its JSON.', () => {
  expect([...Object.keys(RESULTS), ...OTHERS].toSorted()).toEqual(COMMANDS.map(({ name }) => name).toSorted());
});

test('The list of watched domains and the result of unwatch have the documented fields.', async () => {
  await deployForCommands();
  await json('watch', 'example.com', ...(await nameServer()));
  const documented = read('docs/command-line.md').replaceAll('\n', ' ');
  const [, list = '', ended = ''] =
    /The list is an array of objects with (.*?)\. .*?`unwatch` prints (.*?)\./.exec(documented) ?? [];
  const codes = (text: string) => [...text.matchAll(/`(\w+)`/g)].map(([, code]) => code);
  expect((await json('watch')).map(Object.keys)).toEqual([codes(list)]);
  expect((await json('unwatch', 'example.com')).map(Object.keys)).toEqual([codes(ended)]);
});

const DOMAIN = 'a domain, beside the fields of its chain or its `error`';
const WITHOUT_CHAIN = 'a file without a valid chain, a URL or a domain without a chain';

test('The JSON of inspect for a domain has the documented fields, and those of its chain.', async () => {
  const [result, check] = [
    await json('inspect', 'example.com', ...trust, ...(await nameServer())),
    await json('inspect', 'example.net', ...(await nameServer())),
  ].map(([first = {}]) => first);
  const { lookup, ...chain } = result ?? {};
  expect(Object.keys(Object(lookup))).toEqual(judgementFields(DOMAIN).lookup);
  expect(Object.keys(Object(Object(lookup).logo))).toEqual(
    Object.keys(judgementFields('a logo')).filter((name) => name !== 'file' && name !== 'failures'),
  );
  const manifest = tableBelow(read('docs/architecture.md'), '| field | content |').flatMap(([cell = '']) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, field]) => field),
  );
  expect(Object.keys(chain).filter((field) => !manifest.includes(field))).toEqual(['file', 'failures']);

  expect(check).toMatchObject({ lookup: { domain: 'example.net', findings: expect.any(Array) } });
  expect(Object.keys(check ?? {})).toEqual(['file', 'error', 'lookup']);
  const { findings } = Object(check?.lookup);
  expect(Object.keys(findings[0])).toEqual(['id', 'severity', 'message']);
});

test('The JSON of inspect for a URL without a chain has the documented fields.', async () => {
  const site = await startPublicSite();
  await site.close();
  const [result = {}] = await json('inspect', `${site.url.replace('http:', 'https:')}/chain.pem`);
  const { leaf: _, ...documented } = judgementFields(WITHOUT_CHAIN);
  expect(Object.keys(result)).toEqual(Object.keys(documented));
  expect(Object.keys(Object(result.error))).toEqual(documented.error);
});

test('The JSON of inspect for a file in a folder that is no chain has the documented fields.', async () => {
  const parent = folder();
  writeFileSync(join(parent, 'notes.txt'), 'notes');
  const { out } = await run(['inspect', parent, '--json']);
  const [first = ''] = out.split('\n');
  expect(Object.keys(JSON.parse(first))).toEqual(
    Object.keys(judgementFields('a file below a folder that is no chain')),
  );
});

test.each([[['inspect', '--unknown']], [['status', 'x']], [['collect', '1', '--login', 'missing.txt']]])(
  'The JSON of an error has the documented fields: %j.',
  async (args) => {
    const [{ error: printed, ...others } = {}] = await json(...args);
    const [, example = ''] = /^## Errors\n[\s\S]*?```json\n(.*)\n```/m.exec(read('docs/command-line.md')) ?? [];
    expect(others).toEqual({});
    expect(Object.keys(Object(printed))).toEqual(Object.keys(JSON.parse(example).error));
  },
);
