import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { dayAfter, type RevocationWorld, startRevocationWorld } from './revocation-world.ts';
import { later, NOON } from './samples.ts';

let world: RevocationWorld;

beforeAll(async () => {
  world = await startRevocationWorld();
});

beforeEach(async () => {
  await world.store('1', world.issue('brand1.example'));
});

afterEach(() => world.clear());

afterAll(() => world.close());

/** The overview after a survey. */
async function overview(now = NOON): Promise<string> {
  const { error } = await world.survey({ now, writesOverview: true });
  expect(error).toBeUndefined();
  return String(world.servers.server.peek('overview/index.html')?.body);
}

test('The overview contains each CRL that could not be used for three days, until it works again.', async () => {
  const [url = '', rootUrl = ''] = world.serve();
  world.crls.answers.set(url, 503);

  for (const day of [0, 1, 2]) {
    expect(await overview(dayAfter(day)), `day ${day}`).not.toContain('id="crls"');
  }
  const page = await overview(dayAfter(3));
  expect(page).toContain('<li><a href="#crls">Revocation lists</a>: 1</li>');
  expect(page).toContain(url);
  expect(page).not.toContain(rootUrl);
  expect(page).toContain('HTTP 503');
  expect(page).toContain('2026-11-23');

  world.serve();
  expect(await overview(dayAfter(4))).not.toContain('id="crls"');
});

test('The overview contains at most twenty CRLs, and escapes what certificates and servers chose.', async () => {
  const failing = Array.from({ length: 25 }, (_, index) => ({
    url: `http://crl.example/<b>${String(index).padStart(2, '0')}</b>`,
    since: '2026-11-01T00:00:00.000Z',
    problem: '<script>alert(1)</script>\u202e',
    checkedAt: later(NOON, { days: -1 }),
  }));
  await world.servers.put('survey/crls.json', JSON.stringify({ schemaVersion: 1, failing }));
  world.serve();
  const page = await overview();
  expect(page).not.toMatch(/<script|<b>\d|\u202e/);
  expect(page.match(/http:\/\/crl\.example\//g)).toHaveLength(20);
  expect(page).toContain('<p>5 more: see <code>survey/crls.json</code> in the bucket.</p>');
  expect(page).toContain('<li><a href="#crls">Revocation lists</a>: 25</li>');
});

test('A damaged list of CRLs does not prevent the overview.', async () => {
  world.serve();
  await world.servers.put('survey/crls.json', '{');
  expect(await overview()).toContain('<h2 id="all">All orders</h2>');
});
