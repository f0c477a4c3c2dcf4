import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { newProgress } from '../../../functions/survey/survey.ts';
import type { IssuedMarkCertificate } from '../../../infra/local/ca/certificate-authority.ts';
import { openLongstandingAuthority } from '../../authority.ts';
import {
  dayAfter,
  type RevocationWorld,
  revocationOf,
  SINCE,
  type SurveyOptions,
  startRevocationWorld,
} from './revocation-world.ts';
import { later, NOON } from './samples.ts';

let world: RevocationWorld;

beforeAll(async () => {
  world = await startRevocationWorld();
});

afterEach(() => world.clear());

afterAll(() => world.close());

/** Runs a survey without an error. */
async function survey(options: SurveyOptions = {}) {
  const result = await world.survey(options);
  expect(result.error).toBeUndefined();
  return result;
}

/** Stores certificates of different domains, whose CRLs list none of them. */
async function storeOrders(...orders: readonly string[]): Promise<Record<string, IssuedMarkCertificate>> {
  world.serve();
  const stored: Record<string, IssuedMarkCertificate> = {};
  for (const order of orders) {
    const issued = world.issue(`brand${order}.example`);
    await world.store(order, issued);
    stored[order] = issued;
  }
  return stored;
}

/** The certificate of an order. */
function of(stored: Record<string, IssuedMarkCertificate>, order: string): IssuedMarkCertificate {
  return stored[order] ?? expect.unreachable(order);
}

describe('A survey of certificates that no CRL lists', () => {
  test('downloads each CRL once, reads the chain of one certificate, and changes nothing.', async () => {
    const orders = Array.from({ length: 12 }, (_, index) => String(100 + index));
    await storeOrders(...orders);
    const [leafUrl, rootUrl] = world.serve();
    const before = world.servers.server.requests.length;

    const { summaries } = await survey();

    expect(world.crls.requests.toSorted()).toEqual([leafUrl, rootUrl].toSorted());
    const requests = world.servers.server.requests.slice(before);
    expect(requests.filter(({ key }) => key.endsWith('chain.pem'))).toHaveLength(1);
    expect(requests.filter(({ method }) => method === 'PUT')).toEqual([]);
    expect(summaries).toEqual([{ certificates: 12, groups: 1, judged: 0, unreadable: 0, failing: 0, unusable: 0 }]);
    expect(world.events()).toEqual([]);
  });

  test('downloads the CRL of a common root once for two issuing CAs.', async () => {
    await storeOrders('1');
    const other = world.authority.with({
      issuing: { notBefore: new Date('2021-01-01T00:00:00Z') },
    });
    await world.store('2', world.issue('other.example', undefined, other));
    const urls = world.serve();

    const { summaries } = await survey();

    expect(summaries).toMatchObject([{ certificates: 2, groups: 2 }]);
    expect(world.crls.requests.toSorted()).toEqual(urls.toSorted());
  });

  test('leaves out certificates that have expired, because a CRL need not list them any more.', async () => {
    const { 1: expired } = await storeOrders('1');
    world.serve([revocationOf(expired ?? expect.unreachable())]);
    const { summaries } = await survey({ now: later(NOON, { days: 400 }) });

    expect(summaries).toMatchObject([{ certificates: 0, groups: 0 }]);
    expect(world.crls.requests).toEqual([]);
    expect(world.events()).toEqual([]);
  });
});

describe('A certificate that a CRL lists', () => {
  test('is marked in its manifest and its report, and is reported with the date and the reason.', async () => {
    const stored = await storeOrders('1', '2');
    world.serve([revocationOf(of(stored, '1'))]);
    const before = world.manifest('1');

    const { revoked, reported } = await survey();

    const manifest = world.manifest('1');
    expect(manifest).toMatchObject({
      publishable: false,
      findings: [{ id: 'revoked', severity: 'error' }],
      revocation: { status: 'revoked', certificates: [{ revokedAt: SINCE, reason: 'keyCompromise' }, {}] },
      revocationReport: { knownSince: NOON, sentAt: NOON },
    });
    expect(manifest.receivers?.find(({ id }) => id === 'gmail')).toMatchObject({ shows: false, because: ['revoked'] });
    const { chain, ordered, collectedAt, execution, objects } = before;
    expect(manifest).toMatchObject({ chain, ordered, collectedAt, execution });
    expect(manifest.objects).toMatchObject({ chain: objects.chain, logo: objects.logo, response: objects.response });
    expect(world.report('1')).toContain('keyCompromise');
    const [url] = world.serve();
    expect(world.events()).toEqual([
      {
        collector: 'acme',
        orderNumber: '1',
        account: null,
        domains: ['brand1.example'],
        confirmed: true,
        source: 'crl',
        text: `The revocation list ${url} contains the certificate, revoked since ${SINCE} (keyCompromise)`,
        knownSince: NOON,
        fingerprintSha256: manifest.fingerprintSha256,
        revokedAt: SINCE,
        reason: 'keyCompromise',
        issuer: null,
      },
    ]);
    expect([revoked, reported.length]).toEqual([['1'], 1]);
    expect(world.manifest('2')).toMatchObject({ publishable: true, revocation: null });
  });

  test('is reported once, however often the survey runs, also after a deployment, and the manifest stays as it is.', async () => {
    const stored = await storeOrders('1');
    world.serve([revocationOf(of(stored, '1'))]);
    await survey();
    const before = world.servers.server.peek('orders/1/certificate.json')?.body;

    await survey({ now: later(NOON, { seconds: 60 }), sendDailyEvents: false });
    await survey({ now: dayAfter(1) });
    await survey({ now: dayAfter(2) });

    expect(world.events()).toHaveLength(1);
    expect(world.servers.server.peek('orders/1/certificate.json')?.body).toEqual(before);
  });

  test('without a reason is reported without one.', async () => {
    const stored = await storeOrders('1');
    world.serve([{ certificate: of(stored, '1').leaf, since: new Date(SINCE) }]);

    await survey();

    expect(world.events()).toMatchObject([{ reason: null, revokedAt: SINCE }]);
    expect(world.events()[0]?.text).toContain(`revoked since ${SINCE} (without a reason)`);
  });

  test('keeps the other findings and what was ordered.', async () => {
    world.serve();
    const issued = world.issue('brand1.example');
    await world.store('1', issued);
    const manifest = world.manifest('1');
    const coverage = { id: 'domain-coverage', severity: 'error' as const, message: 'it does not cover other.example' };
    const custom = { id: 'of-another-release', severity: 'warning' as const, message: 'unknown here' };
    await world.servers.put(
      'orders/1/certificate.json',
      JSON.stringify({ ...manifest, publishable: false, findings: [coverage, custom], unknownField: 1 }),
    );
    world.serve([revocationOf(issued)]);
    await survey();

    const after = world.manifest('1');
    expect(after.findings.map(({ id }) => id)).toEqual(['domain-coverage', 'revoked', 'of-another-release']);
    expect(after).toMatchObject({ unknownField: 1 });
    world.serve();
    await survey({ now: dayAfter(1) });
    expect(world.manifest('1')).toMatchObject({ publishable: false, findings: [coverage, custom] });
  });

  test('was put on hold: when the hold ends, it is good again, and a later revocation is reported again.', async () => {
    const stored = await storeOrders('1');
    world.serve([revocationOf(of(stored, '1'), 'certificateHold')]);
    await survey();
    expect(world.manifest('1').publishable).toBe(false);

    world.serve();
    const { ended } = await survey({ now: dayAfter(1) });

    expect(ended).toEqual(['1']);
    expect(world.manifest('1')).toMatchObject({ publishable: true, findings: [], revocation: { status: 'good' } });
    expect(world.manifest('1').revocationReport).toBeUndefined();
    expect(world.events()).toHaveLength(1);
    world.serve([revocationOf(of(stored, '1'))]);
    await survey({ now: dayAfter(2) });
    expect(world.events().map(({ reason }) => reason)).toEqual(['certificateHold', 'keyCompromise']);
  });

  test('stays revoked while its CRL cannot be used.', async () => {
    const stored = await storeOrders('1');
    const [url = ''] = world.serve([revocationOf(of(stored, '1'))]);
    await survey();
    world.crls.answers.set(url, 503);
    await survey({ now: dayAfter(1) });

    expect(world.manifest('1')).toMatchObject({ publishable: false, revocation: { status: 'revoked' } });
    expect(world.events()).toHaveLength(1);
  });

  test('gets another reason when a hold becomes final, without another event.', async () => {
    const stored = await storeOrders('1');
    world.serve([revocationOf(of(stored, '1'), 'certificateHold')]);
    await survey();
    world.serve([revocationOf(of(stored, '1'), 'keyCompromise')]);
    await survey({ now: dayAfter(1) });

    expect(world.manifest('1').revocation?.certificates[0]).toMatchObject({ reason: 'keyCompromise' });
    expect(world.events()).toHaveLength(1);
  });

  test.each([
    [
      'that another issuer signed',
      async () => (await openLongstandingAuthority()).with({ crlServer: world.crls.url, root: {} }),
    ],
  ])('is not revoked by a CRL %s.', async (_, authority) => {
    const stored = await storeOrders('1');
    const [url = ''] = world.serve();
    const foreign = await authority();
    world.serve([revocationOf(of(stored, '1'))], foreign);
    // The list of the root at the address of the issuing CA.
    world.crls.answers.set(url, world.crls.answers.get(url.replace('Issuing', 'Root')) ?? 404);
    await survey();
    expect(world.events()).toEqual([]);
    expect(world.manifest('1').publishable).toBe(true);
  });

  test('is not revoked by a CRL that has expired, which is remembered as unusable.', async () => {
    const stored = await storeOrders('1');
    world.serve([revocationOf(of(stored, '1'))], world.authority, { nextUpdate: new Date('2026-11-20T00:00:00Z') });
    const { failing } = await survey();
    expect(world.events()).toEqual([]);
    expect(failing.map(({ problem }) => problem)).toEqual([
      expect.stringContaining('is out of date'),
      expect.stringContaining('is out of date'),
    ]);
  });
});

describe('An issuing certificate that the CRL of the root lists', () => {
  test('revokes all certificates below it, and each of their orders is reported once.', async () => {
    await storeOrders('1', '2', '3');
    const issuing = { leaf: world.authority.issuing };
    world.serve([revocationOf(issuing, 'cACompromise')]);

    await survey();
    await survey({ now: dayAfter(1) });

    const events = world.events();
    expect(events.map(({ orderNumber }) => orderNumber).toSorted()).toEqual(['1', '2', '3']);
    expect(events[0]).toMatchObject({ reason: 'cACompromise', issuer: expect.stringContaining('VMC Issuing RSA CA') });
    expect(events[0]?.text).toContain('the issuing certificate C=GB');
    for (const order of ['1', '2', '3']) {
      expect(world.manifest(order)).toMatchObject({ publishable: false, findings: [{ id: 'revoked' }] });
    }
  });

  test('makes them good again when the CRL no longer lists it.', async () => {
    await storeOrders('1', '2');
    world.serve([revocationOf({ leaf: world.authority.issuing }, 'certificateHold')]);
    await survey();
    world.serve();
    const { ended } = await survey({ now: dayAfter(1) });
    expect(ended.toSorted()).toEqual(['1', '2']);
    expect(world.manifest('2').publishable).toBe(true);
  });
});

describe('A manifest of an earlier release', () => {
  test('without the CRLs of the issuers is looked up like any other.', async () => {
    const stored = await storeOrders('1', '2');
    for (const order of ['1', '2']) {
      const { receivers: _, revocation: __, ordered: ___, ...manifest } = world.manifest(order);
      const chain = manifest.chain?.map(({ subject, fingerprintSha256 }) => ({ subject, fingerprintSha256 }));
      const { fingerprintSha256 } = manifest.trustAnchor ?? expect.unreachable();
      const old = { ...manifest, chain, trustAnchor: { fingerprintSha256 } };
      await world.servers.put(`orders/${order}/certificate.json`, JSON.stringify(old));
    }
    world.serve([revocationOf(of(stored, '2'))]);
    await survey();
    expect(world.events()).toMatchObject([{ orderNumber: '2', domains: ['brand2.example'] }]);
    expect(world.manifest('2').publishable).toBe(false);
  });

  test.each(['serialNumber', 'crlUrls', 'chain', 'trustAnchor'] as const)(
    'without "%s" is looked up with the chain itself.',
    async (field) => {
      const stored = await storeOrders('1', '2');
      const { [field]: _, ...manifest } = world.manifest('1');
      await world.servers.put('orders/1/certificate.json', JSON.stringify(manifest));
      const [url] = world.serve([revocationOf(of(stored, '1'))]);
      await survey();
      expect(world.events()).toMatchObject([{ orderNumber: '1' }]);
      expect(world.crls.requests.filter((each) => each === url)).toHaveLength(1);
    },
  );

  test('that says "revoked", which nobody has reported, is reported now.', async () => {
    const stored = await storeOrders('1');
    world.serve([revocationOf(of(stored, '1'))]);
    await survey();
    const { revocationReport: _, ...manifest } = world.manifest('1');
    await world.servers.put('orders/1/certificate.json', JSON.stringify(manifest));
    await survey({ now: dayAfter(1) });
    await survey({ now: dayAfter(2) });
    expect(world.events()).toHaveLength(2);
  });
});

describe('A certificate that is not the current one', () => {
  test('is looked up only if it is still published.', async () => {
    world.serve();
    const [older, newer] = [world.issue('brand1.example'), world.issue('brand1.example', '2026-07-01T00:00:00Z')];
    await world.store('1', older);
    await world.store('1', newer, '2026-07-02T08:00:00.000Z');
    world.serve([revocationOf(older)]);
    await survey();
    expect(world.events()).toEqual([]);
  });
});

describe('An order that failed because CollectMC reported the revocation', () => {
  test('is marked because of its CRL, and is not reported again.', async () => {
    const stored = await storeOrders('1');
    await world.servers.storeStatus({
      schemaVersion: 1,
      collector: 'acme',
      orderNumber: '1',
      account: null,
      domains: ['brand1.example'],
      product: null,
      execution: 'order-1-again',
      startedAt: '2026-11-22T08:00:00.000Z',
      state: 'failed',
      error: 'CertificateRevoked',
      text: 'the CA answered -21',
      since: '2026-11-22T08:00:10.000Z',
      reportedAt: '2026-11-22T08:00:20.000Z',
      updatedAt: '2026-11-22T08:00:10.000Z',
    });
    world.serve([revocationOf(of(stored, '1'))]);
    await survey({ withExecutions: true });
    expect(world.events()).toEqual([]);
    expect(world.manifest('1')).toMatchObject({ publishable: false, revocationReport: { sentAt: NOON } });
  });
});

describe('A chain that is lost', () => {
  test('is logged, and hides no other certificate.', async () => {
    const stored = await storeOrders('1', '2', '3');
    world.servers.server.before = ({ key }) =>
      key === 'orders/1/chain.pem' ? { status: 404, code: 'NoSuchKey' } : undefined;
    world.serve([revocationOf(of(stored, '1')), revocationOf(of(stored, '3'))]);
    const { unchecked, summaries, error } = await world.survey();
    expect(error).toBeUndefined();
    expect(unchecked).toEqual([
      {
        key: 'orders/1/certificate.json',
        problem: expect.stringContaining('the chain that the manifest lists is lost'),
      },
    ]);
    expect(summaries).toMatchObject([{ unreadable: 1 }]);
    expect(world.events()).toMatchObject([{ orderNumber: '3' }]);
  });
});

describe('A survey that has too little time for revocations', () => {
  test('continues after the last certificate that is done, and sends every event once.', async () => {
    // More than are judged at the same time.
    const orders = Array.from({ length: 24 }, (_, index) => String(100 + index));
    const stored = await storeOrders(...orders);
    world.serve(orders.map((order) => revocationOf(of(stored, order))));
    let time = Date.parse(NOON);
    let progress = newProgress(new Date(NOON));
    let invocations = 0;
    for (let isComplete = false; !isComplete; invocations += 1) {
      let reads = 0;
      // After some chains, the time is over.
      world.servers.server.before = ({ key }) => {
        if (key.endsWith('chain.pem') && ++reads === 2) {
          time += 200_000;
        }
        return undefined;
      };
      const result = await survey({ clock: () => new Date(time), progress });
      progress = result.progress ?? expect.unreachable();
      isComplete = result.isComplete;
      expect(invocations).toBeLessThan(20);
    }
    expect(invocations).toBeGreaterThan(1);
    const reported = world.events().map(({ orderNumber }) => orderNumber);
    expect(reported.toSorted()).toEqual(orders);
  });

  test('checks them although the records took longer to read than the checks may take.', async () => {
    const stored = await storeOrders('1', '2');
    world.serve([revocationOf(of(stored, '2'))]);
    let time = Date.parse(NOON);
    world.servers.server.before = ({ key }) => {
      time += key.endsWith('certificate.json') && time < Date.parse(NOON) + 300_000 ? 150_000 : 0;
      return undefined;
    };
    const { error, isComplete } = await survey({ clock: () => new Date(time), progress: newProgress(new Date(NOON)) });
    expect({ error, isComplete }).toEqual({ error: undefined, isComplete: true });
    expect(world.events()).toMatchObject([{ orderNumber: '2' }]);
  });

  test('fails instead of continuing if it has no time for a single certificate.', async () => {
    await storeOrders('1');
    const { error } = await world.survey({
      progress: newProgress(new Date(NOON)),
      changes: { totalMilliseconds: 0 },
    });
    expect(error).toMatchObject({ name: 'RevocationsNotCheckedError' });
  });
});

describe('A CRL that cannot be used', () => {
  test.each([
    ['no answer is a CRL', 404 as const],
    ['the server fails', 503 as const],
    ['the answer is no CRL', Buffer.from('<html>')],
  ])('is remembered, and counts as unusable after three days, until it works again: %s.', async (_, answer) => {
    await storeOrders('1');
    const [url = ''] = world.serve();
    world.crls.answers.set(url, answer);
    const days = [];
    for (const day of [0, 1, 2, 3, 4]) {
      const { failing, summaries } = await survey({ now: dayAfter(day) });
      days.push([failing.map((crl) => [crl.url, crl.days]), summaries[0]?.unusable]);
    }
    expect(days).toEqual([
      [[[url, 0]], 0],
      [[[url, 1]], 0],
      [[[url, 2]], 0],
      [[[url, 3]], 1],
      [[[url, 4]], 1],
    ]);
    expect(world.events()).toEqual([]);
    expect(world.manifest('1')).toMatchObject({ publishable: true, revocation: null });

    world.serve();
    const { failing, summaries } = await survey({ now: dayAfter(5) });
    expect([failing, summaries[0]?.unusable]).toEqual([[], 0]);
    expect(JSON.parse(String(world.servers.server.peek('survey/crls.json')?.body))).toEqual({
      schemaVersion: 1,
      failing: [],
    });
    world.crls.answers.set(url, answer);
    expect((await survey({ now: dayAfter(6) })).failing).toMatchObject([{ days: 0 }]);
  });

  test('is forgotten when no certificate names it any more.', async () => {
    await storeOrders('1');
    const [url = ''] = world.serve();
    world.crls.answers.set(url, 503);
    await survey();
    const expired = await survey({ now: dayAfter(400) });
    expect(expired.failing).toEqual([]);
  });
});
