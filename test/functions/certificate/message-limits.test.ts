import * as asn1 from '@peculiar/asn1-x509';
import { beforeAll, describe, expect, test } from 'vitest';
import { FINDINGS, type FindingId } from '../../../functions/certificate/findings.ts';
import { InvalidChainError, readMarkCertificate } from '../../../functions/certificate/report.ts';
import { jsonBytes, STATE_BUDGET } from '../../../functions/text.ts';
import type { CertificateAuthority, MarkCertificateRequest } from '../../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { extension, oid } from '../../../infra/local/ca/mark-extensions.ts';
import { openAuthority } from '../../authority.ts';

/** The state of an execution contains the messages, so no certificate may make them long. */
let authority: CertificateAuthority;

beforeAll(async () => {
  authority = await openAuthority();
});

const manyUsages = Array.from({ length: 20_000 }, (_, index) => `1.3.6.1.4.1.32473.1.${index}`);

const manyReferences = Array.from({ length: 2000 }, (_, n) => `<use href="http://evil.example/${n}"/>`).join('');

const CRAFTED: readonly [FindingId, Partial<MarkCertificateRequest>, RegExp][] = [
  [
    'leaf-eku',
    {
      extensions: (usual) =>
        usual.map((each) =>
          each.oid === oid.extKeyUsage
            ? extension(oid.extKeyUsage, new asn1.ExtendedKeyUsage([oid.brandIndicator, ...manyUsages]))
            : each,
        ),
    },
    /and 19995 more$/,
  ],
  [
    'mark-type',
    {
      attributes: (usual) =>
        usual.map((each) => (each.oid === oid.markType ? { ...each, value: '€"\0'.repeat(50_000) } : each)),
    },
    /…$/,
  ],
  [
    'svg-profile',
    {
      svg: `<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps"><title>x</title>${manyReferences}</svg>`,
    },
    /and \d+ more$/,
  ],
  ['validity', { owner: 'x'.repeat(300_000), notBefore: new Date('2020-01-01T00:00:00Z') }, /…/],
];

describe('The message of a finding', () => {
  test.each(CRAFTED)('%s is at most 600 bytes.', async (id, request, ending) => {
    const { chain } = authority.issue({ domains: ['example.com'], ...request });

    const { report } = await readMarkCertificate(Buffer.from(pem(chain)), { at: new Date() });

    const message = report.findings.find((finding) => finding.id === id)?.message;
    expect(message).toMatch(ending);
    expect(jsonBytes(message)).toBeLessThanOrEqual(STATE_BUDGET.message);
  });

  test('fits into the budget of a state if a chain has every finding.', () => {
    const message = 'x'.repeat(STATE_BUDGET.message - 2);
    const findings = Object.entries(FINDINGS).map(([id, { severity }]) => ({ id, severity, message }));
    expect(jsonBytes(findings)).toBeLessThanOrEqual(STATE_BUDGET.findings);
  });

  test('domain-coverage is at most 600 bytes for 100 long domains.', async () => {
    const { chain } = authority.issue({ domains: ['example.com'] });
    const domains = Array.from({ length: 100 }, (_, n) => `${`${'a'.repeat(60)}.`.repeat(3)}n${n}.example`);

    const { report } = await readMarkCertificate(Buffer.from(pem(chain)), { at: new Date(), domains });

    const message = report.findings.find(({ id }) => id === 'domain-coverage')?.message;
    expect(message).toMatch(/and 95 more$/);
    expect(jsonBytes(message)).toBeLessThanOrEqual(STATE_BUDGET.message);
  });
});

describe('The message of InvalidChain', () => {
  test('is at most 600 bytes if the name of the missing issuer is long.', async () => {
    const long = (usual: readonly { oid: string; value: string }[]) =>
      usual.map((each) => (each.oid === oid.commonName ? { ...each, value: 'x'.repeat(300_000) } : each));
    const { leaf } = authority.with({ issuing: { attributes: long } }).issue({ domains: ['example.com'] });

    const error: unknown = await readMarkCertificate(Buffer.from(pem([leaf])), { at: new Date() }).catch((e) => e);

    const message = error instanceof InvalidChainError ? error.message : '';
    expect(message).toMatch(/^the file contains a leaf alone: its issuing certificate is missing \(issuer .*x…$/);
    expect(jsonBytes(message)).toBeLessThanOrEqual(STATE_BUDGET.message);
  });

  test('keeps its name and its cause.', () => {
    const cause = new SyntaxError('an element is cut off');
    const error = new InvalidChainError('€'.repeat(1_000_000), { cause });
    expect(error).toMatchObject({ name: 'InvalidChain', cause });
    expect(jsonBytes(error.message)).toBeLessThanOrEqual(STATE_BUDGET.message);
    expect(error.stack?.length).toBeLessThan(5000);
  });
});
