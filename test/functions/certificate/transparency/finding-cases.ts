import { createHash } from 'node:crypto';
import { CT_LOGS, logIdOf } from '../../../../functions/certificate/transparency/ct-logs.ts';
import type { TRANSPARENCY_FINDINGS } from '../../../../functions/certificate/transparency/findings.ts';
import { VERIFICATIONS_LIMIT } from '../../../../functions/certificate/transparency/sct.ts';
import { oid } from '../../../../infra/local/ca/mark-extensions.ts';
import { instead, without } from '../certificate-changes.ts';
import { AT, DAY, type FindingCases, ISSUED } from '../finding-case.ts';
import { all, changedSct, flipped, LEAF_INDEX, ofLog, overwritten, PLACE, sct, sctOfOther } from './scts.ts';

const TOLERANCE = 5 * 60 * 1000;

const sctsOf = (count: number) => all(...Array.from({ length: count }, () => sct()));

export const TRANSPARENCY_CASES: FindingCases<keyof typeof TRANSPARENCY_FINDINGS> = {
  clean: [
    { of: 'an SCT of a static log, which has an extension', leaf: { scts: sct(ISSUED, LEAF_INDEX) } },
    { of: 'two SCTs of a known log', leaf: { scts: all(sct(), sct(AT)) } },
    { of: 'an SCT of a known log before one of an unknown log', leaf: { scts: all(sct(), ofLog()) } },
    { of: 'an SCT of a known log after one of an unknown log', leaf: { scts: all(ofLog(), sct()) } },
    { of: 'an SCT five minutes after the check', leaf: { scts: sct(new Date(AT.getTime() + TOLERANCE)) } },
    {
      of: 'an SCT five years before the leaf is valid',
      leaf: { scts: sct(new Date(ISSUED.getTime() - 5 * 365 * DAY)) },
    },
    {
      of: 'an SCT of version 1 after one of another version and form',
      leaf: { scts: all(() => [Buffer.of(1, 2, 3)], sct()) },
    },
    { of: 'a list of SCTs that is the first extension', leaf: { extensions: (usual) => usual.toReversed() } },
    { of: 'as many SCTs as are verified', leaf: { scts: sctsOf(VERIFICATIONS_LIMIT) } },
  ],
  found: {
    sct: [
      {
        of: 'an SCT of a certificate that differs in one bit',
        leaf: {
          scts: sctOfOther(({ tbsCertificate }) => ({
            tbsCertificate: flipped(tbsCertificate, 300),
          })),
        },
      },
      {
        of: 'an SCT of a certificate of another issuer',
        leaf: { scts: sctOfOther(() => ({ issuerKeyHash: createHash('SHA-256').update('another').digest() })) },
      },
      { of: 'another timestamp', leaf: { scts: changedSct((each) => flipped(each, PLACE.timestamp + 7)) } },
      {
        of: 'a timestamp beyond all calendars',
        leaf: { scts: changedSct((each) => flipped(each, PLACE.timestamp)) },
      },
      {
        of: 'another extension of the SCT',
        leaf: { scts: changedSct((each) => flipped(each, PLACE.algorithm - 1)) },
      },
      { of: 'another signature', leaf: { scts: changedSct((each) => flipped(each, -1)) } },
      {
        of: 'an algorithm that the log does not have',
        leaf: { scts: changedSct((each) => overwritten(each, PLACE.algorithm, Buffer.of(4, 1))) },
      },
      {
        of: 'a hash that logs do not use',
        leaf: { scts: changedSct((each) => overwritten(each, PLACE.algorithm, Buffer.of(5, 3))) },
      },
      {
        of: 'no signature',
        leaf: {
          scts: changedSct((each) => Buffer.concat([each.subarray(0, PLACE.algorithm + 2), Buffer.of(0, 0)])),
        },
      },
      ...CT_LOGS.map((log) => ({
        of: `the signature of another log under the id of ${log.name}`,
        leaf: { scts: changedSct((each) => overwritten(each, PLACE.logId, Buffer.from(logIdOf(log), 'hex'))) },
      })),
      {
        of: 'a wrong SCT beside a right one',
        leaf: {
          scts: all(
            sct(),
            changedSct((each) => flipped(each, -1)),
          ),
        },
      },
      {
        of: 'a wrong SCT beside one of an unknown log',
        leaf: {
          scts: all(
            changedSct((each) => flipped(each, -1)),
            ofLog(),
          ),
        },
      },
      { of: 'one SCT more than are verified', leaf: { scts: sctsOf(VERIFICATIONS_LIMIT + 1) } },
      {
        of: 'a wrong SCT behind as many as are verified',
        leaf: {
          scts: all(
            sctsOf(VERIFICATIONS_LIMIT),
            changedSct((each) => flipped(each, -1)),
          ),
        },
      },
    ],
    'sct-missing': [
      { of: 'no SCT list', leaf: { extensions: without(oid.sctList) } },
      { of: 'an empty SCT list', leaf: { scts: () => [] } },
      {
        of: 'an incomplete SCT list',
        leaf: { extensions: instead({ oid: oid.sctList, value: Buffer.of(4, 4, 0, 99, 0, 97) }) },
      },
      {
        of: 'an SCT list that is not an OCTET STRING',
        leaf: { extensions: instead({ oid: oid.sctList, value: Buffer.of(5, 0) }) },
      },
      {
        of: 'bytes after the SCT list',
        leaf: { extensions: instead({ oid: oid.sctList, value: Buffer.of(4, 6, 0, 3, 0, 1, 1, 0) }) },
      },
      { of: 'an SCT without a byte', leaf: { scts: all(sct(), () => [new Uint8Array()]) } },
      { of: 'an SCT that is cut off', leaf: { scts: changedSct((each) => each.subarray(0, -1)) } },
      { of: 'a byte after an SCT', leaf: { scts: changedSct((each) => Buffer.concat([each, Buffer.of(0)])) } },
      { of: 'only an SCT of another version', leaf: { scts: changedSct((each) => flipped(each, PLACE.version)) } },
    ],
    'sct-unknown': [
      { of: 'an SCT of an unknown log', leaf: { scts: ofLog() } },
      { of: 'SCTs of two unknown logs', leaf: { scts: all(ofLog(), ofLog()) } },
      { of: 'an SCT of a log whose id differs in one bit', leaf: { scts: changedSct((each) => flipped(each, 1)) } },
      {
        of: 'an SCT five minutes and a second after the check',
        leaf: { scts: sct(new Date(AT.getTime() + TOLERANCE + 1000)) },
      },
      { of: 'an SCT of the year 275,760', leaf: { scts: sct(new Date(8.64e15)) } },
      { of: 'a future SCT beside a right one', leaf: { scts: all(sct(), sct(new Date('2027-01-01'))) } },
    ],
  },
};
