import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import { armouredPkcs7, base64Lines, pem, pkcs7, zip } from '../../../infra/local/ca/containers.ts';
import { openAuthority } from '../../authority.ts';
import { deployCollector, ORDER, sha256 } from './collector.ts';

let authority: CertificateAuthority;

beforeAll(async () => {
  authority = await openAuthority();
});

describe('The bucket', () => {
  type Chain = readonly Uint8Array[];
  test.each([
    ['pkcs7', 'response.p7b', (chain: Chain) => pkcs7(chain, 'signed-empty')],
    ['pkcs7-base64', 'response.p7b', (chain: Chain) => armouredPkcs7(chain)],
    ['zip', 'response.zip', (chain: Chain) => zip(chain, 'der')],
    ['zip-base64', 'response.zip', (chain: Chain) => `2\n${base64Lines(zip(chain))}`],
    ['pem', 'response.pem', (chain: Chain) => `2\n${pem(chain.toReversed())}`],
  ] as const)(
    'contains, for the format %s, the response byte for byte, a chain that openssl accepts, the logo and the manifest.',
    async (responseFormat, name, bodyOf) => {
      const { chain, root, svg } = authority.issue({ domains: ['example.com'] });
      const collector = await deployCollector({
        settings: { responseFormat, trustAnchors: sha256(root), ctLogs: authority.log.key },
      });
      const body = Buffer.from(bodyOf(chain));
      collector.cloud.ca.order(ORDER, [
        { kind: 'status', status: 0 },
        { kind: 'bytes', body },
      ]);

      await collector.sendOrder({ orderNumber: ORDER, domains: ['example.com'], product: 'VMC' });
      await collector.execution();

      // The simulated CA puts a note into its ZIPs.
      const warnings = name === 'response.zip' ? [{ id: 'ignored-content', severity: 'warning' }] : [];
      const objects = await collector.objects();
      expect(Object.keys(objects).sort()).toEqual([
        'certificate.json',
        'chain.pem',
        'logo.svg',
        'order.json',
        'report.html',
        name,
        'status.json',
      ]);
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
        findings: [...warnings, { id: 'receiver-asn1', severity: 'notice' }],
        logo: { mediaType: 'image/svg+xml', bytes: svg.length, sha256: sha256(svg) },
        objects: {
          response: { key: `orders/${ORDER}/${name}`, size: body.length, sha256: sha256(body) },
          chain: { key: `orders/${ORDER}/chain.pem` },
          logo: { key: `orders/${ORDER}/logo.svg`, sha256: sha256(svg) },
        },
      });
      expect(collector.cloud.announced).toMatchObject([
        {
          source: 'mark-certificate-collector',
          'detail-type': 'Mark Certificate Issued',
          detail: {
            collector: 'mark-certificate-collector',
            orderNumber: ORDER,
            account: null,
            domains: ['example.com'],
            certificate: {
              bucket: collector.cloud.bucket,
              keys: { chain: `orders/${ORDER}/chain.pem`, logo: `orders/${ORDER}/logo.svg` },
              domains: ['example.com'],
              publishable: true,
              findings: warnings,
              receivers: expect.arrayContaining([expect.objectContaining({ id: 'gmail', shows: true })]),
            },
          },
        },
      ]);
    },
  );

  test('contains a chain that mailbox providers would reject too, with its findings.', async () => {
    const collector = await deployCollector();
    collector.cloud.ca.order(ORDER, [
      { kind: 'issued', certificates: authority.issue({ domains: ['example.com'] }).chain },
    ]);

    await collector.sendOrder({ orderNumber: ORDER, domains: ['example.org'], product: 'CMC' });
    await collector.execution();

    const manifest = JSON.parse(String((await collector.objects())['certificate.json']));
    expect(manifest.publishable).toBe(false);
    expect(manifest.findings.map(({ id }: { id: string }) => id)).toEqual([
      'untrusted-root',
      'domain-coverage',
      'sct-unknown',
      'mark-type',
      'receiver-asn1',
    ]);
    expect(collector.cloud.announced).toMatchObject([{ detail: { certificate: { publishable: false } } }]);
  });

  test('contains only the reason if the response contains a private key.', async () => {
    const collector = await deployCollector();
    const { chain } = authority.issue({ domains: ['example.com'] });
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
    collector.cloud.ca.order(ORDER, [{ kind: 'bytes', body: `2\n${pem(chain)}${key}` }]);

    await collector.sendOrder();
    const execution = await collector.execution();

    const objects = await collector.objects();
    expect(execution).toMatchObject({ error: 'InvalidChain', cause: expect.stringContaining('private key') });
    expect(Object.keys(objects)).toEqual(['order.json', 'rejected.json', 'status.json']);
    const secret = String(key).split('\n')[1] ?? '';
    expect(secret).toHaveLength(64);
    expect(
      [collector.output.text(), JSON.stringify(execution), ...Object.values(objects).map(String)].join(),
    ).not.toContain(secret);
  });

  test('contains the response, the reason and what can be read of the leaf if the chain is broken.', async () => {
    const collector = await deployCollector();
    const { leaf, root, svg } = authority.issue({ domains: ['example.com'] });
    collector.cloud.ca.order(ORDER, [{ kind: 'issued', certificates: [leaf, root] }]);

    await collector.sendOrder();
    const execution = await collector.execution();

    expect(execution).toMatchObject({ error: 'InvalidChain', cause: expect.stringContaining('issuer') });
    const objects = await collector.objects();
    expect(Object.keys(objects).sort()).toEqual(['order.json', 'rejected.json', 'response.p7b', 'status.json']);
    expect(JSON.parse(String(objects['rejected.json']))).toMatchObject({
      orderNumber: ORDER,
      reason: expect.stringContaining('the issuer of the mark certificate is missing'),
      leaf: { domains: ['example.com'], fingerprintSha256: sha256(leaf), logo: { sha256: sha256(svg) } },
      response: { key: `orders/${ORDER}/response.p7b` },
    });
  });
});

/** The output of openssl, which fails if it does not validate the chain. */
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
