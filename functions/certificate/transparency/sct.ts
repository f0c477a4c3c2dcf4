import { contentsOf, readDer, TAG } from '../x509/der.ts';
import { attempt, type CertificateFields } from '../x509/fields.ts';

/** One signed certificate timestamp: the promise of a log to include the certificate. */
export interface Sct {
  /** SHA-256 of the log's key, lower-case hex. */
  readonly logId: string;
  /** ISO 8601 UTC. */
  readonly timestamp: string;
}

/** RFC 6962, 3.3. */
const SCT_LIST = '1.3.6.1.4.1.11129.2.4.2';
const LOG_ID_BYTES = 32;

/** The SCTs in a certificate; none if the list cannot be read. */
export function sctsOf(fields: CertificateFields): readonly Sct[] {
  const der = fields.extension(SCT_LIST);
  return (der && attempt(() => readSctList(der))) || [];
}

/**
 * An OCTET STRING that contains TLS vectors. The list and each SCT begin with a length of two bytes; an SCT continues
 * with version, log id and timestamp.
 */
function readSctList(der: Uint8Array): Sct[] {
  const list = contentsOf(readDer(der), TAG.octetString);
  const end = 2 + list.readUInt16BE(0);
  const scts: Sct[] = [];
  for (let at = 2; at < end; ) {
    const sct = list.subarray(at + 2, at + 2 + list.readUInt16BE(at));
    const timestamp = Number(sct.readBigUInt64BE(1 + LOG_ID_BYTES));
    scts.push({
      logId: sct.subarray(1, 1 + LOG_ID_BYTES).toString('hex'),
      timestamp: new Date(timestamp).toISOString(),
    });
    at += 2 + sct.length;
  }
  return scts;
}
