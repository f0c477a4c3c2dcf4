import { expect, test } from 'vitest';
import { readMarkCertificate } from '../../../functions/certificate/report.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { openAuthority } from '../../authority.ts';

test('A leaf with an empty subject is read, and its findings name it without a name.', async () => {
  const { chain } = (await openAuthority()).issue({
    domains: ['example.com'],
    attributes: () => [],
    notAfter: new Date('2020-01-02T00:00:00Z'),
    notBefore: new Date('2020-01-01T00:00:00Z'),
  });
  const { report } = await readMarkCertificate(Buffer.from(pem(chain)), { at: new Date() });
  expect(report).toMatchObject({ subject: '', attributes: {}, product: null, markType: null });
  const messages = Object.fromEntries(report.findings.map(({ id, message }) => [id, message]));
  expect(messages.validity).toContain('a certificate without a name was valid until 2020-01-02T00:00:00.000Z');
  expect(messages['mark-type']).toBe('the certificate contains no mark type');
});
