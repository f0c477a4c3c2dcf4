import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { issueCertificates, NEWER } from './certificates.ts';
import { type Issue, type PublishedBucket, publishedResult, sha256, startBucket } from './published-bucket.ts';

let newer: Issue;
let bucket: PublishedBucket;

beforeAll(async () => {
  ({ newer } = await issueCertificates());
});

beforeEach(async () => {
  bucket = await startBucket();
});

afterEach(() => bucket.close());

describe('The damaged folder of an order', () => {
  const MANIFEST = `orders/${NEWER}/certificate.json`;
  const manifest = async () => JSON.parse((await bucket.read(MANIFEST)).body.toString());

  test.each([
    ['no manifest', () => bucket.remove(MANIFEST), `${MANIFEST} is missing`],
    [
      'a manifest that is not JSON',
      () => bucket.overwrite(MANIFEST, '{'),
      `${MANIFEST} is damaged: the whole object: `,
    ],
    [
      'a manifest without its domains',
      async () => bucket.overwrite(MANIFEST, JSON.stringify({ ...(await manifest()), domains: undefined })),
      `${MANIFEST} is damaged: domains: `,
    ],
    [
      'a manifest without a logo',
      async () => {
        const { objects, ...rest } = await manifest();
        return bucket.overwrite(MANIFEST, JSON.stringify({ ...rest, objects: { ...objects, logo: undefined } }));
      },
      `${MANIFEST} lists no logo`,
    ],
    [
      'a manifest that lists another version of the chain',
      async () => {
        const other = { ...(await manifest()) };
        other.objects.chain.versionId = other.objects.response.versionId;
        return bucket.overwrite(MANIFEST, JSON.stringify(other));
      },
      `orders/${NEWER}/chain.pem is missing in the version`,
    ],
    [
      'a manifest that lists another hash of the chain',
      async () => {
        const other = { ...(await manifest()) };
        other.objects.chain.sha256 = sha256('');
        return bucket.overwrite(MANIFEST, JSON.stringify(other));
      },
      `orders/${NEWER}/chain.pem does not have the SHA-256`,
    ],
  ])('With %s, publish fails with the reason and publishes nothing.', async (_, harm, problem) => {
    await bucket.store(NEWER, newer);
    await harm();
    await expect(bucket.publish(NEWER)).rejects.toMatchObject({
      name: 'CertificateUnreadable',
      message: expect.stringContaining(`Order ${NEWER}: ${problem}`),
    });
    expect(await bucket.keys()).toEqual([]);
  });

  test('A newer version of an object does not matter, because the listed version is read.', async () => {
    await bucket.store(NEWER, newer);
    await bucket.overwrite(`orders/${NEWER}/chain.pem`, 'damage');
    await bucket.remove(`orders/${NEWER}/logo.svg`);
    expect(await bucket.publish(NEWER)).toEqual(publishedResult(true));
    await bucket.expectLive(newer, NEWER);
  });
});
