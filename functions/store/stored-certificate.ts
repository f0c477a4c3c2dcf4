import { CollectorError } from '../collector-error.ts';
import { schemaProblems } from './json.ts';
import { manifestKey, parseManifest, type StoredManifest } from './manifest.ts';
import { type ObjectStorage, openObjects, type StoredObject } from './objects.ts';
import type { PublishedPart } from './publication.ts';

/** Logo and chain of a certificate: the bytes, and the object that the manifest lists for them. */
export type StoredPair = Readonly<Record<PublishedPart, { readonly bytes: Uint8Array; readonly listed: StoredObject }>>;

/** The certificate in the folder of an order. */
export interface StoredCertificate {
  readonly manifest: StoredManifest;
  /**
   * Reads logo and chain once, with the bytes that the manifest lists.
   *
   * @throws {CertificateUnreadableError} if these bytes of one are no longer there.
   */
  readonly readPair: () => Promise<StoredPair>;
}

/** The folder of an order does not contain what its manifest lists, or has no readable manifest. */
export class CertificateUnreadableError extends CollectorError {
  override readonly name = 'CertificateUnreadable';
  constructor(orderNumber: string, problem: string) {
    super(`Order ${orderNumber}: ${problem}. Next: send the event again with another "request", to collect it again.`);
  }
}

/**
 * Opens the certificate of an order and reads its manifest.
 *
 * @throws {CertificateUnreadableError} if the manifest is missing or damaged.
 */
export async function openStoredCertificate(storage: ObjectStorage, orderNumber: string): Promise<StoredCertificate> {
  const { read, readListed } = openObjects(storage);
  const key = manifestKey(orderNumber);
  const unreadable = (problem: string) => new CertificateUnreadableError(orderNumber, problem);
  const object = await read(key);
  if (!object) {
    throw unreadable(`${key} is missing`);
  }
  const result = parseManifest(object.body, key);
  if (!result.success) {
    throw unreadable(`${key} is damaged: ${schemaProblems(result.issues)}`);
  }
  const manifest = result.output;

  async function readPart(part: PublishedPart) {
    const listed = manifest.objects[part];
    if (!listed) {
      throw unreadable(`${key} lists no ${part}`);
    }
    const stored = await readListed(listed);
    if (!stored) {
      throw unreadable(`${listed.key} is missing in the version that the manifest lists, or has another SHA-256`);
    }
    return { bytes: stored.body, listed };
  }

  let pair: StoredPair | undefined;
  return {
    manifest,
    readPair: async () => {
      pair ??= { logo: await readPart('logo'), chain: await readPart('chain') };
      return pair;
    },
  };
}
