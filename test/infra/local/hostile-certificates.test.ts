import { HeadObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { zipSync } from 'fflate';
import { beforeAll, describe, expect, test } from 'vitest';
import { STATE_LIMIT } from '../../../functions/text.ts';
import type {
  CertificateAuthority,
  CertificateChanges,
  MarkCertificateRequest,
} from '../../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { crlDistributionPoint, type Extension, oid, subjectAltNames } from '../../../infra/local/ca/mark-extensions.ts';
import { openAuthority } from '../../authority.ts';
import { deployCollector, ORDER, sha256 } from './collector.ts';

/** Texts that certificates contain to change how another program shows, stores or sends them. */
const TEXTS: readonly (readonly [name: string, text: string])[] = [
  ['an organization of 10,000 characters', 'Example '.repeat(1250)],
  ['2,000 characters of four bytes', '\u{1f3af}'.repeat(2000)],
  ['newlines and a forged log line', 'Example\r\n{"level":"ERROR","message":"forged"}\n\u2028\u2029'],
  ['a header', 'Example\r\nBcc: everybody@example.org\r\nX-Amz-Meta-Owner: forged\r\n\r\n'],
  ['escape sequences', 'Example\u001b[2J\u001b]8;;http://example.org\u0007\u009b31m\u0085\u0000\u007f'],
  ['text from right to left', 'Example\u202egpj.exe\u2066\u2069\u200f\ufeff\u200b'],
  ['a formula', "=cmd|'/c calc'!A1"],
  ['markup', '</script><script>alert(1)</script>&"\'`$(id)'],
  ['a template of a message', '{{7*7}} %s %n States.Format({}) $.order'],
  ['marks on every letter', 'E\u0301'.repeat(3000)],
];

const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
const LOG_BYTES = 256 * 1024;

let authority: CertificateAuthority;
/** For each text, an authority whose name contains the beginning of the text. */
let hostileAuthorities: ReadonlyMap<string, CertificateAuthority>;

beforeAll(async () => {
  authority = await openAuthority();
  hostileAuthorities = new Map(
    TEXTS.map(([, text]) => {
      const named = everywhere(text.slice(0, 300));
      return [text, authority.with({ root: named, issuing: named })];
    }),
  );
});

/** Every attribute of the subject has the text. Only the owner has all of a long one: a chain of 64 KiB is not published. */
const everywhere = (text: string, owner = text): CertificateChanges => ({
  attributes: (attributes) =>
    attributes.map((each) => ({
      oid: each.oid,
      value: each.oid === oid.organizationName ? owner : text.slice(0, 300),
    })),
});

/** Deploys the stack, and collects the order once for each reply. The settings are the same for all texts. */
async function collectEach(replies: readonly (string | Uint8Array)[]) {
  const collector = await deployCollector({
    settings: {
      publish: true,
      responseFormat: typeof replies[0] === 'string' ? 'pem' : 'zip',
      trustAnchors: [...hostileAuthorities.values()].map(({ root }) => sha256(root)).join(','),
      ctLogs: authority.log.key,
      notifyEmail: 'brand@example.com',
    },
  });
  const replied = replies.map((body) => ({ kind: 'bytes', body }) as const);
  collector.cloud.ca.order(ORDER, replied);
  for (const index of replies.keys()) {
    const request = `again-${index}`;
    await collector.sendOrder({ orderNumber: ORDER, domains: ['example.com'], ...(index > 0 && { request }) });
    await collector.execution(index > 0 ? `order-${ORDER}-${request}` : undefined);
  }
  return collector;
}

type Collector = Awaited<ReturnType<typeof collectEach>>;

/** Checks everything that leaves the collector. */
async function expectHarmless(collector: Collector) {
  const { cloud, output } = collector;
  const events = [...cloud.announced, ...cloud.reported];
  expect(events).not.toEqual([]);
  for (const event of events) {
    expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThan(STATE_LIMIT);
  }
  for (const { history, ...execution } of cloud.executions.values()) {
    // Any other error would be a fault of the collector or of a request that it sent.
    expect(history.filter((event) => 'Error' in event && event.Error !== 'InvalidChain')).toEqual([]);
    expect(Buffer.byteLength(JSON.stringify(execution))).toBeLessThan(STATE_LIMIT * 2);
    for (const event of history) {
      expect(Buffer.byteLength(JSON.stringify('state' in event ? event.state : {}))).toBeLessThan(STATE_LIMIT * 2);
    }
  }

  expect(cloud.deadLetters).toEqual([]);
  expect(cloud.messages).not.toEqual([]);
  for (const { subject, body } of cloud.messages) {
    expect(subject).toMatch(/^[\x21-\x7e][\x20-\x7e]{0,98}$/);
    expect(Buffer.byteLength(body)).toBeLessThan(250_001);
    expect(body.replaceAll('\n', '')).not.toMatch(HIDDEN);
    expect(body).not.toMatch(/^(Bcc|X-Amz-Meta-Owner):/m);
    expect(body).not.toMatch(/^\{"level"/m);
  }

  const lines = output.text().split('\n');
  expect(lines.pop()).toBe('');
  for (const line of lines) {
    expect(Buffer.byteLength(line)).toBeLessThan(LOG_BYTES);
    expect(line).not.toMatch(HIDDEN);
    expect(JSON.parse(line)).not.toMatchObject({ message: 'forged' });
  }
  const metrics = output.lines().filter((line) => '_aws' in line);
  expect(metrics).not.toEqual([]);
  for (const { _aws, ...fields } of metrics) {
    expect(Object.entries(fields).filter(([, value]) => typeof value === 'string')).toEqual(
      expect.arrayContaining([['collector', 'mark-certificate-collector']]),
    );
    expect(JSON.stringify(fields).length).toBeLessThan(1024);
  }

  const { Contents = [] } = await cloud.s3.send(new ListObjectsV2Command({ Bucket: cloud.bucket }));
  for (const { Key } of Contents) {
    expect(Key).toMatch(/^(orders\/1378973013|published\/example\.com)\/[\w./-]+$/);
    const { Metadata, ContentType, ContentDisposition, CacheControl } = await cloud.s3.send(
      new HeadObjectCommand({ Bucket: cloud.bucket, Key }),
    );
    for (const header of [...Object.entries(Metadata ?? {}).flat(), ContentType, ContentDisposition, CacheControl]) {
      expect(header ?? '').toMatch(/^[\x20-\x7e]{0,200}$/);
    }
  }

  const { 'status.json': status, 'rejected.json': rejected } = await collector.objects();
  const { text } = JSON.parse(String(status));
  expect(text).not.toMatch(HIDDEN);
  expect(text.length).toBeLessThan(1000);
  if (rejected) {
    expect(JSON.parse(String(rejected)).reason).not.toMatch(HIDDEN);
    expect(rejected.length).toBeLessThan(128 * 1024);
  }
}

describe.each(TEXTS)('A certificate that contains %s', (_, text) => {
  const hostileAuthority = () => hostileAuthorities.get(text) ?? authority;

  test('is collected, published, renewed and announced without harm.', async () => {
    const hostile = hostileAuthority();
    const issue = (days: number, request: Partial<MarkCertificateRequest>) =>
      hostile.issue({ domains: ['example.com'], notBefore: new Date(Date.now() - days * 86_400_000), ...request })
        .chain;
    // A ZIP cannot contain a name of more than 65,535 bytes.
    const note = `${text.slice(0, 10_000)}.txt`;
    const reply = (chain: readonly Uint8Array[]) =>
      zipSync({ 'chain.pem': Buffer.from(pem(chain)), [note]: Buffer.from('a note') });
    const collector = await collectEach([
      reply(issue(3, everywhere(text))),
      // The owner differs, so the message about the refusal quotes both.
      reply(issue(2, everywhere(`${text}.`))),
      reply(
        issue(1, {
          ...everywhere(text),
          svg: logoWith(text),
          extensions: (extensions) => extensions.map((each) => withText(each, text)),
        }),
      ),
    ]);
    const { 'certificate.json': manifest } = await collector.objects();
    expect(JSON.parse(String(manifest)).attributes.organizationName).toEqual([`${text}.`]);
    // Some texts cannot be in the fields of the last certificate, so it may be rejected.
    expect(collector.cloud.announced.slice(0, 2)).toMatchObject([
      { detail: { certificate: { changed: true }, publication: { published: [{ domain: 'example.com' }] } } },
      { detail: { certificate: { changed: true }, publication: { notPublished: [{ reason: 'other-owner' }] } } },
    ]);
    await expectHarmless(collector);
  });

  test('is refused without harm if its issuer is missing.', async () => {
    const { leaf } = hostileAuthority().issue({ domains: ['example.com'], ...everywhere(text) });
    const collector = await collectEach([pem([leaf])]);
    expect(Object.keys(await collector.objects())).toContain('rejected.json');
    await expectHarmless(collector);
  });
});

function withText(extension: Extension, text: string): Extension {
  switch (extension.oid) {
    case oid.subjectAltName:
      return subjectAltNames([
        'example.com',
        ...['1', '2', '3', '4', '5'].map((digit) => `${digit}${text}.example.com`),
      ]);
    case oid.crlDistributionPoints:
      return crlDistributionPoint(`http://crl.example.net/${text}`);
    default:
      return extension;
  }
}

function logoWith(text: string): string {
  const escaped = escapeXml(text);
  return (
    '<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 9 9">' +
    `<title>${escaped}</title><a b="${escaped}"/></svg>`
  );
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
