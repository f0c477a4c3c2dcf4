import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { readMarkCertificate } from '../../../../functions/certificate/report.ts';
import { logotype } from '../../../../infra/local/ca/mark-extensions.ts';
import { openAuthority } from '../../../authority.ts';
import { hashOf, instead, logotypeImage } from '../certificate-changes.ts';
import { logo } from './logos.ts';

test('A logotype with thousands of hashes of a large logo is read in little time.', async () => {
  const large = Buffer.from(logo({ body: '\r\n'.repeat(120_000) }));
  const hashes = (['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'] as const).map((algorithm) => hashOf(algorithm, large));
  const wrong = { ...hashOf('SHA-512', 'another logo'), nullParameters: false };
  const image = { ...logotypeImage(large), hashes: [...hashes, ...Array.from({ length: 5000 }, () => wrong)] };
  const authority = await openAuthority();
  const { leaf, issuing, root } = authority.issue({
    domains: ['example.com'],
    extensions: instead(logotype(image)),
  });
  const trustAnchors = [createHash('sha256').update(root).digest('hex')];
  const start = process.cpuUsage();

  const { report } = await readMarkCertificate(Buffer.concat([leaf, issuing, root]), { at: new Date(), trustAnchors });

  // The time of the processor, because other tests run at the same time.
  expect(process.cpuUsage(start).user / 1000).toBeLessThan(1000);
  expect(report.findings.find(({ id }) => id === 'logo-hash')?.message).toBe(
    'the logo does not match the hash in the logotype: sha512',
  );
});

test.each(['', ' image/svg+xml', 'IMAGE/SVG+XML'])(
  'A media type is quoted in the message: "%s".',
  async (mediaType) => {
    const authority = await openAuthority();
    const image = { ...logotypeImage(Buffer.from(logo())), mediaType };
    const { chain } = authority.issue({ domains: ['example.com'], extensions: instead(logotype(image)) });

    const { report } = await readMarkCertificate(Buffer.concat(chain), { at: new Date() });

    expect(report.findings.find(({ id }) => id === 'logotype')?.message).toBe(
      `the media type of the logo is "${mediaType}", but must be "image/svg+xml"`,
    );
  },
);
