/** Functions for `scts` of a request: they return SCTs that differ from the right one in one thing. */
import type { KeyObject } from 'node:crypto';
import type { MarkCertificateRequest } from '../../../../infra/local/ca/certificate-authority.ts';
import {
  createTransparencyLog,
  generateLogKey,
  type Precertificate,
} from '../../../../infra/local/ca/transparency-log.ts';
import { ISSUED } from '../finding-case.ts';

export type Scts = NonNullable<MarkCertificateRequest['scts']>;

/** The extension of a static log: the leaf index 5,000 (c2sp.org/static-ct-api, SCT extension). */
export const LEAF_INDEX = Buffer.of(0, 0, 5, 0, 0, 0, 0x13, 0x88);

/** The first bytes of the fields of an SCT. */
export const PLACE = {
  version: 0,
  logId: 1,
  timestamp: 33,
  extensions: 43,
  /** After the extension of a static log. */
  algorithm: 43 + LEAF_INDEX.length,
} as const;

/** A right SCT with this timestamp and these extensions. */
export const sct =
  (timestamp: Date = ISSUED, extensions: Uint8Array = new Uint8Array()): Scts =>
  (precertificate, log) => [log.sign(precertificate, { timestamp, extensions })];

/** All SCTs of these functions. */
export const all =
  (...each: readonly Scts[]): Scts =>
  (precertificate, log) =>
    each.flatMap((scts) => scts(precertificate, log));

/** An SCT of another log; by default of one that nobody knows. */
export const ofLog = (privateKey: KeyObject = generateLogKey()): Scts => {
  const log = createTransparencyLog(privateKey);
  return (precertificate) => [log.sign(precertificate, { timestamp: ISSUED })];
};

/** An SCT of something else. */
export const sctOfOther =
  (change: (precertificate: Precertificate) => Partial<Precertificate>): Scts =>
  (precertificate, log) => [log.sign({ ...precertificate, ...change(precertificate) }, { timestamp: ISSUED })];

/** A right SCT of a static log whose bytes are changed afterwards. */
export const changedSct =
  (change: (sct: Buffer) => Uint8Array): Scts =>
  (precertificate, log) => [
    change(Buffer.from(log.sign(precertificate, { timestamp: ISSUED, extensions: LEAF_INDEX }))),
  ];

/** The bytes with one flipped bit. A negative place counts from the end. */
export function flipped(bytes: Uint8Array, place: number): Buffer {
  const changed = Buffer.from(bytes);
  const at = place < 0 ? bytes.length + place : place;
  changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
  return changed;
}

/** The bytes with others at a place. */
export function overwritten(bytes: Uint8Array, place: number, others: Uint8Array): Buffer {
  const changed = Buffer.from(bytes);
  changed.set(others, place);
  return changed;
}
