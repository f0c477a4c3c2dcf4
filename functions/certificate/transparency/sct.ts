import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto';
import { CLOCK_TOLERANCE_MILLISECONDS } from '../../days.ts';
import { attempt, contentsOf, readDer, TAG } from '../x509/der.ts';
import type { CertificateFields } from '../x509/fields.ts';
import { CT_LOGS, type CtLog, logIdOf, signatureAlgorithmOf } from './ct-logs.ts';
import { precertificateOf, SCT_LIST } from './precertificate.ts';

/** One signed certificate timestamp: the promise of a log to include the certificate. */
export interface Sct {
  /** SHA-256 of the log's key, lower-case hex. */
  readonly logId: string;
  /** The name of the log; null if this release does not know it. */
  readonly log: string | null;
  /** ISO 8601 UTC. */
  readonly timestamp: string;
  readonly status: SctStatus;
}

/**
 * - `valid`: a known log signed the certificate, and its SCT counts.
 * - `invalid`: the log is known, but the signature is not one of this certificate.
 * - `unknown-log`: the key of the log is neither known nor trusted by `ctLogs` or `--log`.
 * - `other-interval`: the signature is right, but the log is for certificates that expire at another time.
 * - `future`: the signature is right, but the timestamp is after the moment of the check.
 * - `unchecked`: the certificate contains more SCTs of known logs than are verified.
 */
export type SctStatus = 'valid' | 'invalid' | 'unknown-log' | 'other-interval' | 'future' | 'unchecked';

/** What each status means, as a clause. */
export const SCT_STATUSES = {
  valid: 'valid',
  invalid: 'the signature does not verify',
  'unknown-log': 'not verified, because the log is not known',
  'other-interval': 'the log is for certificates that expire at another time',
  future: 'the timestamp is in the future',
  unchecked: 'not verified, because there are too many',
} as const satisfies Readonly<Record<SctStatus, string>>;

/** What SCTs are verified with. */
export interface SctContext {
  /** The SubjectPublicKeyInfo of the issuer of the leaf, DER; without it, no SCT of a known log is valid. */
  readonly issuerKey: Uint8Array | undefined;
  /** The moment of the check. */
  readonly at: Date;
  /** Keys of logs that count in addition to {@link CT_LOGS}: SubjectPublicKeyInfo, base64. */
  readonly ctLogs: readonly string[];
}

/** A list of 64 KiB can contain a thousand SCTs; real certificates have up to four. A verification takes 0.1 ms. */
export const VERIFICATIONS_LIMIT = 20;

/** The last moment that a Date can be. The 64 bits of a timestamp reach further. */
const LAST_MOMENT = 8.64e15;

const VERSION_1 = 0;
const LOG_ID_BYTES = 32;
const TIMESTAMP_BYTES = 8;
const ALGORITHM_BYTES = 2;

/** The fields of an SCT (RFC 6962, 3.2), with the bytes that are signed. */
interface SctFields {
  readonly logId: string;
  readonly timestamp: Buffer;
  readonly extensions: Buffer;
  /** HashAlgorithm and SignatureAlgorithm. */
  readonly algorithm: Buffer;
  readonly signature: Buffer;
}

/** The SCTs in a leaf; none if it has no list of them or the list cannot be read. */
export function sctsOf(leaf: CertificateFields, { issuerKey, at, ctLogs }: SctContext): readonly Sct[] {
  const der = leaf.extension(SCT_LIST);
  const scts = (der && attempt(() => readSctList(der))) || [];
  const logs = logsWith(ctLogs);
  const entry = issuerKey && attempt(() => precertEntry(precertificateOf(leaf.certificate), issuerKey));
  let verifications = 0;
  const statusOf = (sct: SctFields, log: TrustedLog | undefined, timestamp: Date): SctStatus => {
    if (!log) {
      return 'unknown-log';
    }
    verifications += 1;
    if (verifications > VERIFICATIONS_LIMIT) {
      return 'unchecked';
    }
    if (!entry || !attempt(() => isSignedBy(log, sct, entry))) {
      return 'invalid';
    }
    if (!accepts(log, leaf.certificate.validToDate)) {
      return 'other-interval';
    }
    return timestamp.getTime() > at.getTime() + CLOCK_TOLERANCE_MILLISECONDS ? 'future' : 'valid';
  };
  return scts.map((sct) => {
    const log = logs.get(sct.logId);
    const timestamp = new Date(Math.min(Number(sct.timestamp.readBigUInt64BE()), LAST_MOMENT));
    const status = statusOf(sct, log, timestamp);
    return { logId: sct.logId, log: log?.name ?? null, timestamp: timestamp.toISOString(), status };
  });
}

/** The logs of the table and those of the settings, by their ids. Parsing the keys costs as much as a verification. */
function logsWith(ctLogs: readonly string[]): ReadonlyMap<string, TrustedLog> {
  const known = trustedLogs.get(ctLogs);
  if (known) {
    return known;
  }
  // A log of the table keeps its name and its interval if its key is given in addition.
  const all = [...ctLogs.map((key) => ({ name: null, key })), ...CT_LOGS];
  const logs = new Map(all.map((log) => [logIdOf(log), new TrustedLog(log)]));
  trustedLogs.set(ctLogs, logs);
  return logs;
}

/** By the list of additional keys, which is the same for all certificates of a process. */
const trustedLogs = new WeakMap<readonly string[], ReadonlyMap<string, TrustedLog>>();

/** A log whose key is parsed when an SCT of the log is first verified. */
class TrustedLog implements CtLog {
  readonly name: string | null;
  readonly key: string;
  readonly notAfter: CtLog['notAfter'];
  #parsed: { readonly publicKey: KeyObject; readonly algorithm: Buffer | undefined } | undefined;

  constructor({ name, key, notAfter }: CtLog) {
    this.name = name;
    this.key = key;
    this.notAfter = notAfter;
  }

  /** The key, and the bytes that name the algorithm of its signatures. */
  get parsed() {
    if (!this.#parsed) {
      const publicKey = createPublicKey({ key: Buffer.from(this.key, 'base64'), format: 'der', type: 'spki' });
      this.#parsed = { publicKey, algorithm: signatureAlgorithmOf(publicKey) };
    }
    return this.#parsed;
  }
}

/** Whether a log is for certificates that expire at this moment. */
function accepts({ notAfter }: CtLog, expiry: Date): boolean {
  return !notAfter || (expiry >= new Date(notAfter[0]) && expiry < new Date(notAfter[1]));
}

/** The entry of a log for a precertificate: entry_type, then PreCert (RFC 6962, 3.2). */
function precertEntry(tbsCertificate: Uint8Array, issuerKey: Uint8Array): Buffer {
  const issuerKeyHash = hash('sha256', issuerKey, 'buffer');
  const length = Buffer.alloc(3);
  length.writeUIntBE(tbsCertificate.length, 0, 3);
  return Buffer.concat([Buffer.of(0, 1), issuerKeyHash, length, tbsCertificate]);
}

/** Verifies the signature on version, SignatureType certificate_timestamp, timestamp, entry and extensions. */
function isSignedBy({ parsed: { publicKey, algorithm } }: TrustedLog, sct: SctFields, entry: Uint8Array): boolean {
  const certificateTimestamp = Buffer.of(VERSION_1, 0);
  const extensionsLength = Buffer.alloc(2);
  extensionsLength.writeUInt16BE(sct.extensions.length);
  const signed = Buffer.concat([certificateTimestamp, sct.timestamp, entry, extensionsLength, sct.extensions]);
  return algorithm?.equals(sct.algorithm) === true && verify('sha256', signed, publicKey, sct.signature);
}

/**
 * Reads an OCTET STRING that contains a SignedCertificateTimestampList (RFC 6962, 3.3). As the RFC intends, an SCT of
 * another version than 1 is skipped.
 *
 * @throws if anything is cut off, or if bytes follow.
 */
function readSctList(der: Uint8Array): SctFields[] {
  const contents = vectors(contentsOf(readDer(der), TAG.octetString));
  const [list] = contents;
  if (!list || contents.length > 1) {
    throw new SyntaxError('the extension does not contain exactly one list');
  }
  return vectors(list)
    .filter((sct) => sct.readUInt8() === VERSION_1)
    .map(readSct);
}

function readSct(sct: Buffer): SctFields {
  const timestampAt = 1 + LOG_ID_BYTES;
  const extensionsAt = timestampAt + TIMESTAMP_BYTES;
  const extensions = vectorAt(sct, extensionsAt);
  const algorithmAt = extensionsAt + 2 + extensions.length;
  const signatureAt = algorithmAt + ALGORITHM_BYTES;
  const signature = vectorAt(sct, signatureAt);
  if (signatureAt + 2 + signature.length !== sct.length) {
    throw new SyntaxError('there are bytes after an SCT');
  }
  return {
    logId: sct.toString('hex', 1, timestampAt),
    timestamp: sct.subarray(timestampAt, extensionsAt),
    extensions,
    algorithm: sct.subarray(algorithmAt, signatureAt),
    signature,
  };
}

/** The contents of TLS vectors that follow each other without a gap (RFC 5246, 4.3). */
function vectors(bytes: Buffer): Buffer[] {
  const all: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const vector = vectorAt(bytes, at);
    all.push(vector);
    at += 2 + vector.length;
  }
  return all;
}

/** The contents of a TLS vector, which begins with their length in two bytes. */
function vectorAt(bytes: Buffer, at: number): Buffer {
  const start = at + 2;
  const end = start + bytes.readUInt16BE(at);
  if (end > bytes.length) {
    throw new SyntaxError('a vector is cut off');
  }
  return bytes.subarray(start, end);
}
