import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { statusKey } from '../../../functions/store/status.ts';
import { manifestOf, NOON, sha256Of, statusOf } from '../../functions/survey/samples.ts';
import { deployed, put, stackNamed } from './deployed.ts';
import { undocumentedFields } from './page.ts';
import { run } from './run.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(NOON) });
  onTestFinished(() => {
    vi.useRealTimers();
  });
});

describe('open', () => {
  test.each([
    ['report', 'report.html', ['report.html', 'logo.svg', 'certificate.json']],
    ['logo', 'logo.svg', ['logo.svg', 'certificate.json']],
    ['manifest', 'certificate.json', ['certificate.json']],
  ])('It prints a URL of the %s of an order, which anybody can read for an hour.', async (what, name, names) => {
    const s3 = await deployed();
    for (const each of names) {
      await put(s3, `orders/1/${each}`, `the ${each}`);
    }
    const { exitCode, out, err } = await run(['open', '1']);
    expect(exitCode).toBe(0);
    expect(await (await fetch(out.trim())).text()).toBe(`the ${name}`);
    expect(new URL(out.trim()).searchParams.get('X-Amz-Expires')).toBe('3600');
    expect(err).toContain(`The ${what} orders/1/${name}. The URL works until 2026-11-23 13:00 UTC (in 60 minutes).`);
    const { out: json } = await run(['open', '1', '--json']);
    expect(undocumentedFields(JSON.parse(json), 'open')).toEqual([]);
    expect(JSON.parse(json)).toEqual({
      url: expect.stringContaining(`orders/1/${name}?`),
      what,
      key: `orders/1/${name}`,
      expiresAt: '2026-11-23T13:00:00.000Z',
      credentialsEndAt: null,
    });
  });

  test.each([
    ['report', true],
    ['logo', false],
  ])('It opens the %s of an order if the manifest lists the stored report: %s.', async (what, isListed) => {
    const s3 = await deployed();
    const listed = (name: string, content: string) => ({
      key: `orders/1/${name}`,
      size: content.length,
      sha256: sha256Of(content),
    });
    const { objects } = manifestOf('1');
    const report = listed('report.html', isListed ? 'the report' : 'an earlier report');
    const changes = { objects: { ...objects, logo: listed('logo.svg', 'the logo'), report } };
    await put(s3, 'orders/1/certificate.json', JSON.stringify(manifestOf('1', changes)));
    await put(s3, 'orders/1/report.html', 'the report');
    await put(s3, 'orders/1/logo.svg', 'the logo');
    expect(await (await fetch((await run(['open', '1'])).out.trim())).text()).toBe(`the ${what}`);
  });

  test('Without an order it prints a URL of the overview.', async () => {
    const s3 = await deployed();
    await put(s3, 'overview/index.html', 'the overview');
    expect(await (await fetch((await run(['open'])).out.trim())).text()).toBe('the overview');
  });

  test('Without an overview, the next step is the list of orders.', async () => {
    await deployed({ stacks: [stackNamed('brand')] });
    const { exitCode, out, err } = await run(['open', '--collector', 'brand']);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err).toContain('has no overview page');
    expect(err).toContain('Next: mark-certificates orders --html orders.html --collector brand');
  });

  test('A URL ends with the credentials that signed it.', async () => {
    const s3 = await deployed();
    await put(s3, 'orders/1/report.html', 'the report');
    vi.stubEnv('AWS_SESSION_TOKEN', 'token');
    expect((await run(['open', '1'])).err).toContain('If they end earlier, the URL ends with them.');
    vi.stubEnv('AWS_CREDENTIAL_EXPIRATION', '2026-11-23T12:30:00.000Z');
    const { err } = await run(['open', '1']);
    expect(err).toContain('The URL works until 2026-11-23 12:30 UTC (in 30 minutes).');
    expect(err).toContain('sign in again');
    vi.stubEnv('AWS_CREDENTIAL_EXPIRATION', '2026-11-23T14:30:00.000Z');
    expect((await run(['open', '1'])).err).toMatch(
      /^The report orders\/1\/report.html\. The URL works until 2026-11-23 13:00 UTC .*\n$/,
    );
  });

  test.each([
    [true, 3],
    [false, 2],
  ])('An order without objects is an error; it is known: %s.', async (isKnown, exitCode) => {
    const s3 = await deployed();
    if (isKnown) {
      await put(s3, statusKey('1'), statusOf('1'));
    }
    expect(await run(['open', '1'])).toMatchObject({ exitCode, out: '', err: expect.stringContaining('Next: ') });
  });
});
