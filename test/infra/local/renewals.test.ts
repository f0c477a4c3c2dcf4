import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SFNClient } from '@aws-sdk/client-sfn';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ISSUED, REVOKED } from '../../../functions/events.ts';
import type { Publication } from '../../../functions/store/publication.ts';
import type { RenewalCheck } from '../../../functions/survey/renewals.ts';
import { survey } from '../../../functions/survey/survey.ts';
import type {
  CertificateAuthority,
  IssuedMarkCertificate,
  MarkCertificateRequest,
} from '../../../infra/local/ca/certificate-authority.ts';
import type { SimulatedResponse } from '../../../infra/local/ca/collectmc-responses.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import type { SettingsInput } from '../../../infra/settings.ts';
import { openLongstandingAuthority } from '../../authority.ts';
import { crlDownload } from '../../crls.ts';
import { recordingObserver } from '../../functions/survey/survey-run.ts';
import { CREDENTIALS, deployCollector, type LocalCollector, ORDER, sha256 } from './collector.ts';

const DAY = 86_400_000;

/** The address of the order of a test, and everything else that its renewal must inherit. */
const EVENT = { orderNumber: ORDER, domains: ['example.com', 'example.org'], selector: 'summer', product: 'VMC' };

let authority: CertificateAuthority;

beforeAll(async () => {
  authority = await openLongstandingAuthority();
});

const inDays = (days: number) => new Date(Math.floor(Date.now() / 1000) * 1000 + days * DAY);

function issue(request: Partial<MarkCertificateRequest> = {}): IssuedMarkCertificate {
  return authority.issue({ domains: EVENT.domains, ...request });
}

/** A certificate that ends in 20 days. */
const issueEnding = (request: Partial<MarkCertificateRequest> = {}) =>
  issue({ notBefore: inDays(-345), notAfter: inDays(20), ...request });

const reply = ({ chain }: IssuedMarkCertificate): SimulatedResponse => ({ kind: 'issued', certificates: chain });

/** The stack with an order that is collected and published. */
async function collected(
  certificate: IssuedMarkCertificate,
  { settings = {}, detail = EVENT }: { readonly settings?: SettingsInput; readonly detail?: object } = {},
): Promise<LocalCollector> {
  const collector = await deployCollector({
    settings: { publish: true, trustAnchors: sha256(authority.root), ctLogs: authority.log.key, ...settings },
    downloadCrls: crlDownload([], openLongstandingAuthority),
  });
  collector.cloud.ca.order(ORDER, [reply(certificate)]);
  await collector.sendOrder(detail);
  await collector.execution();
  expect(collector.cloud.announced).toHaveLength(1);
  return collector;
}

/** Runs the survey on a later day, and lets the checks end that it starts. */
async function surveyAfter(
  { cloud, execution }: LocalCollector,
  days = 0,
  { askAgainDays = 45 }: { readonly askAgainDays?: number } = {},
): Promise<readonly RenewalCheck[]> {
  const [eventBridge, sfn] = [new EventBridgeClient(), new SFNClient()];
  onTestFinished(() => {
    eventBridge.destroy();
    sfn.destroy();
  });
  const { observe, records } = recordingObserver();
  await survey({
    collector: 'mark-certificate-collector',
    s3: cloud.s3,
    bucket: cloud.bucket,
    eventBridge,
    eventBusName: 'default',
    remindBeforeDays: 30,
    askAgainDays,
    sendDailyEvents: false,
    executions: { stateMachineArn: cloud.stateMachineArn, sfn },
    publications: undefined,
    topics: undefined,
    writesOverview: false,
    observe,
    now: () => inDays(days),
  });
  for (const check of records.renewalChecks) {
    await execution(check.execution);
  }
  return records.renewalChecks;
}

const manifest = async ({ objects }: LocalCollector) =>
  JSON.parse(String((await objects())['certificate.json'])) as {
    readonly fingerprintSha256: string;
    readonly ordered: object;
    readonly account: string | null;
    readonly revokedAt?: string;
  };

/** The hash of a published file. */
async function fetchPublished({ cloud }: LocalCollector, domain: string, extension: string): Promise<string> {
  return hash(await (await fetch(`${cloud.publishedUrl}${domain}/summer.${extension}`)).text());
}

/** The metrics of a call to the CA. */
const CALL = ['CallsToCa', 'CaReached', 'CaMilliseconds'];

/** The names of the metrics that Collect wrote, in the order of the checks. */
function metricNames({ output }: LocalCollector): string[] {
  return output
    .lines()
    .filter(({ service, _aws }) => service === 'collect' && _aws !== undefined)
    .flatMap(({ _aws }) => {
      const { CloudWatchMetrics } = _aws as { CloudWatchMetrics: { Metrics: { Name: string }[] }[] };
      return CloudWatchMetrics.flatMap(({ Metrics }) => Metrics.map(({ Name }) => Name));
    });
}

const hash = (text: string) => sha256(Buffer.from(text));
const callsOf = ({ cloud }: LocalCollector) => cloud.ca.calls.filter(({ orderNumber }) => orderNumber === ORDER).length;
const reportedTypes = ({ cloud }: LocalCollector) => cloud.reported.map((event) => event['detail-type']);

describe('A check of an order whose certificate ends soon', () => {
  const LOGO =
    '<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 9 9"><title>New</title><rect width="9" height="9" fill="#123"/></svg>';

  test.each<[kind: string, request: Partial<MarkCertificateRequest>]>([
    ['a renewal', {}],
    ['a renewal with another logo', { svg: LOGO }],
    ['a replacement with the same end', { notAfter: inDays(20) }],
    ['the next year of a longer order', { notBefore: inDays(-1), notAfter: inDays(397) }],
  ])('stores, publishes and announces %s under the same number.', async (_, request) => {
    const first = issueEnding();
    const collector = await collected(first);
    const statusBefore = (await collector.objects())['status.json'];
    const next = issue(request);
    collector.cloud.ca.order(ORDER, [reply(next)]);

    const [check] = await surveyAfter(collector);

    expect(check).toMatchObject({ orderNumber: ORDER, fingerprintSha256: sha256(first.leaf) });
    expect(await collector.execution(check?.execution)).toMatchObject({
      status: 'SUCCEEDED',
      input: { ...EVENT, once: true },
      output: { collection: { outcome: 'issued', certificate: { changed: true, publishable: true } } },
    });
    expect(await manifest(collector)).toMatchObject({
      fingerprintSha256: sha256(next.leaf),
      ordered: { domains: EVENT.domains, selector: EVENT.selector, product: EVENT.product },
    });
    const objects = await collector.objects();
    expect(Object.keys(objects)).toContain(`superseded/${sha256(first.leaf)}/certificate.json`);
    for (const domain of EVENT.domains) {
      expect(await fetchPublished(collector, domain, 'pem')).toBe(hash(pem(next.chain)));
      expect(await fetchPublished(collector, domain, 'svg')).toBe(hash(next.svg.toString()));
    }
    expect(collector.cloud.announced).toHaveLength(2);
    expect(collector.cloud.announced[1]).toMatchObject({
      'detail-type': ISSUED,
      detail: { orderNumber: ORDER, certificate: { fingerprintSha256: sha256(next.leaf) } },
    });
    expect(collector.cloud.messages).toHaveLength(2);
    expect(objects['status.json']).toEqual(statusBefore);
    expect(collector.cloud.deadLetters).toEqual([]);
  });

  test('is quiet if the certificate is the same, on each day.', async () => {
    const collector = await collected(issueEnding());
    const before = await collector.objects();

    const checks = [];
    for (const days of [0, 1, 2]) {
      checks.push(...(await surveyAfter(collector, days)));
    }

    expect(new Set(checks.map(({ execution }) => execution)).size).toBe(3);
    expect(callsOf(collector)).toBe(4);
    expect(await collector.objects()).toEqual(before);
    expect(collector.cloud.announced).toHaveLength(1);
    expect(collector.cloud.reported).toEqual([]);
    expect(collector.cloud.messages).toHaveLength(1);
    expect(collector.output.text()).not.toMatch(/"level":"(WARN|ERROR)"/);
    expect(metricNames(collector)).toEqual(['OrdersIssued', 'DaysToIssued', ...CALL, ...CALL, ...CALL, ...CALL]);
  });

  test.each<[reply: string, response: SimulatedResponse]>([
    ['0', { kind: 'status', status: 0 }],
    ['1', { kind: 'status', status: 1 }],
    ['-3', { kind: 'error', code: -3 }],
    ['-14', { kind: 'error', code: -14 }],
    ['-20', { kind: 'error', code: -20 }],
    ['-22', { kind: 'error', code: -22 }],
    ['-35', { kind: 'error', code: -35 }],
    ['-42', { kind: 'error', code: -42 }],
    ['-91', { kind: 'error', code: -91 }],
    ['an unknown error', { kind: 'error', code: -4711 }],
    ['a maintenance page', { kind: 'http', status: 503, body: '<html>Back soon</html>', contentType: 'text/html' }],
    ['no answer', { kind: 'drop' }],
  ])('ends quietly after %s, and nothing changes.', async (_, response) => {
    const collector = await collected(issueEnding());
    const before = await collector.objects();
    collector.cloud.ca.order(ORDER, [response]);

    const [check] = await surveyAfter(collector);

    expect(await collector.execution(check?.execution)).toMatchObject({
      status: 'SUCCEEDED',
      output: { collection: { outcome: 'ended', checks: 1 } },
    });
    expect(callsOf(collector)).toBe(2);
    expect(await collector.objects()).toEqual(before);
    expect(collector.cloud.announced).toHaveLength(1);
    expect(collector.cloud.reported).toEqual([]);
    expect(collector.cloud.messages).toHaveLength(1);
    expect(metricNames(collector)).toEqual(['OrdersIssued', 'DaysToIssued', ...CALL, ...CALL]);
  });

  test('makes no call for hours after the CA refused one because of its limit.', async () => {
    const collector = await collected(issueEnding());
    const { cloud } = collector;
    const other = { orderNumber: '77', domains: ['example.net'] };
    cloud.ca.order('77', [reply(issueEnding({ domains: other.domains }))]);
    await collector.sendOrder(other);
    await collector.execution('order-77');
    for (const orderNumber of [ORDER, '77']) {
      cloud.ca.order(orderNumber, [{ kind: 'error', code: -42 }]);
    }
    const before = cloud.ca.calls.length;

    expect(await surveyAfter(collector)).toHaveLength(2);
    expect(cloud.ca.calls.length - before).toBe(1);
    expect(collector.output.text()).toContain('the CA was not asked, because it has just refused a call');

    cloud.restartFunctions();
    expect(await surveyAfter(collector, 1)).toHaveLength(2);
    expect(cloud.ca.calls.length - before).toBe(2);
  });

  test('never sends a rejected login again, and reports nothing.', async () => {
    const collector = await collected(issueEnding());
    const { cloud } = collector;
    cloud.ca.setCredentials({ ...CREDENTIALS, loginPassword: 'another password' });

    for (const days of [0, 1, 2]) {
      cloud.restartFunctions();
      expect(await surveyAfter(collector, days)).toHaveLength(1);
    }

    expect(cloud.ca.calls.filter(({ credentialsCorrect }) => !credentialsCorrect)).toHaveLength(1);
    expect(cloud.reported).toEqual([]);
    expect(cloud.messages).toHaveLength(1);
    const everything = [collector.output.text(), JSON.stringify([...cloud.executions.values()])].join();
    expect(everything).toContain(ORDER);
    expect(everything).not.toContain(CREDENTIALS.loginPassword);
  });

  test('reports a revocation once, marks the certificate, and is the last one.', async () => {
    const collector = await collected(issueEnding());
    const { cloud } = collector;
    const statusBefore = (await collector.objects())['status.json'];
    cloud.ca.order(ORDER, [{ kind: 'error', code: -21 }]);

    expect(await surveyAfter(collector)).toHaveLength(1);
    expect(await surveyAfter(collector, 1)).toEqual([]);
    expect(await surveyAfter(collector, 2)).toEqual([]);

    expect(reportedTypes(collector)).toEqual([REVOKED]);
    expect(cloud.messages).toHaveLength(2);
    expect(await manifest(collector)).toMatchObject({ revokedAt: expect.any(String) });
    expect((await collector.objects())['status.json']).toEqual(statusBefore);
  });

  test('publishes a renewal at the domains where the order is live, if its event named none.', async () => {
    const first = issueEnding();
    const collector = await collected(first, { detail: { orderNumber: ORDER } });
    await collector.sendOrder({ orderNumber: ORDER, request: 'again', domains: ['example.com'], selector: 'summer' });
    await collector.execution(`order-${ORDER}-again`);
    const next = issue();
    collector.cloud.ca.order(ORDER, [reply(next)]);

    await surveyAfter(collector);

    expect(await fetchPublished(collector, 'example.com', 'pem')).toBe(hash(pem(next.chain)));
    const { live } = JSON.parse(await fetchText(collector, 'published/example.com/summer.json')) as Publication;
    expect(live.fingerprintSha256).toBe(sha256(next.leaf));
  });

  test('announces a renewal that cannot be published once, and keeps the present certificate.', async () => {
    const first = issueEnding();
    const collector = await collected(first);
    const next = issue({ owner: 'Somebody Else Limited' });
    collector.cloud.ca.order(ORDER, [reply(next)]);

    await surveyAfter(collector);
    await surveyAfter(collector, 1);

    expect(await fetchPublished(collector, 'example.com', 'pem')).toBe(hash(pem(first.chain)));
    expect(collector.cloud.announced).toHaveLength(2);
    expect(collector.cloud.announced[1]).toMatchObject({
      detail: { publication: { notPublished: [{ reason: 'other-owner' }, { reason: 'other-owner' }] } },
    });
  });

  test('does not report again that the certificate does not cover a domain of the order.', async () => {
    const detail = { ...EVENT, domains: [...EVENT.domains, 'example.net'] };
    const collector = await collected(issueEnding(), { detail });

    await surveyAfter(collector);
    await surveyAfter(collector, 1);

    expect(collector.cloud.announced).toHaveLength(1);
    // The alarm about refusals counts them: one of the first check, and none of the others.
    expect(collector.output.lines().flatMap(({ PublicationsRefused = [] }) => PublicationsRefused)).toEqual([
      0, 1, 0, 0,
    ]);
  });

  test('is made as long after the end as before it, and collects what is late.', async () => {
    const collector = await collected(issueEnding({ notAfter: inDays(7) }));
    const late = issue();

    expect(await surveyAfter(collector, 7 + 46)).toEqual([]);
    collector.cloud.ca.order(ORDER, [reply(late)]);
    expect(await surveyAfter(collector, 7 + 44)).toHaveLength(1);

    expect(await fetchPublished(collector, 'example.com', 'pem')).toBe(hash(pem(late.chain)));
  });

  test('is not made if the setting is off, or before its time.', async () => {
    const collector = await collected(issueEnding({ notAfter: inDays(46) }));

    expect(await surveyAfter(collector)).toEqual([]);
    expect(await surveyAfter(collector, 40, { askAgainDays: 0 })).toEqual([]);

    expect(callsOf(collector)).toBe(1);
  });
});

async function fetchText({ cloud }: LocalCollector, key: string): Promise<string> {
  return (await fetch(`${cloud.s3Url}/${cloud.bucket}/${key}`)).text();
}
