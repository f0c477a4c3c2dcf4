import { spawnSync } from 'node:child_process';
import { createHash, createPublicKey, generateKeyPairSync, sign, verify, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readMarkCertificate } from '../../functions/certificate/report.ts';
import { renderReport } from '../../functions/pages/report.ts';
import { subjectOf } from '../../functions/pages/report-view.ts';
import { createCertificateAuthority } from '../../infra/local/ca/certificate-authority.ts';
import { pem, pkcs7 } from '../../infra/local/ca/containers.ts';
import { alternate, atLeast, atMost, exactly, measurement, type Results, ratios } from './measure.ts';

/** Reports per measurement, because a single one is too short for the clock. */
const RUNS_PER_MEASUREMENT = 20;
/** The limit of the BIMI Group's guidance. */
const LARGEST_LOGO_BYTES = 32_768;
/** After some 4000 reports, V8 has compiled their code, as it has node:crypto's before the first one. */
const DISCARDED = 200;

/**
 * Measures the report of a PKCS#7 with three certificates. The references are the unavoidable work (node:crypto parses
 * three certificates and verifies two signatures and that of one SCT) and the two openssl commands that a script would run.
 */
export async function measureReport({ rounds }: { readonly rounds: number }): Promise<Results> {
  const authority = await createCertificateAuthority();
  const { chain, root } = authority.issue({ domains: ['example.com'] });
  const ctLogs = [authority.log.key];
  // As in production, where roots are trusted by their fingerprints.
  const trustAnchors = [createHash('sha256').update(root).digest('hex')];
  const timestamp = signLikeLog(chain);
  const container = pkcs7(chain, 'signed-empty');
  const at = new Date();
  const { report, logo } = await readMarkCertificate(container, { at, trustAnchors, ctLogs });
  // The largest logo that receivers accept.
  const subjects = [subjectOf(report, Buffer.concat([logo ?? Buffer.alloc(0)], LARGEST_LOGO_BYTES))];
  const writing = { writtenAt: at, writtenBy: 'bench' };
  const folder = mkdtempSync(join(tmpdir(), 'mark-certificate-bench-'));
  try {
    const values = await alternate(
      {
        report: () => timeOf(() => readMarkCertificate(container, { at, trustAnchors, ctLogs })),
        crypto: () => timeOf(() => verifyWithCrypto(chain, timestamp)),
      },
      { rounds, discarded: DISCARDED },
    );
    // Separate, because what a page leaves to the garbage collector must not slow down the report.
    const pages = await alternate(
      {
        page: () => timeOf(() => renderReport(subjects, writing)),
        crypto: () => timeOf(() => verifyWithCrypto(chain, timestamp)),
      },
      { rounds },
    );
    const spawned = await alternate(
      {
        report: () => timeOf(() => readMarkCertificate(container, { at, trustAnchors, ctLogs })),
        openssl: opensslCommands(folder, container, chain),
      },
      { rounds: Math.ceil(rounds / 3) },
    );
    return {
      figures: [
        atMost('time', 'report-page', 2, ratios(pages.page, pages.crypto)),
        atMost('time', 'report-vs-crypto', 3, ratios(values.report, values.crypto)),
        atLeast('time', 'report-vs-openssl', 20, ratios(spawned.openssl, spawned.report), 'times faster'),
      ],
      measured: [
        measurement('report of three certificates', 'ms', values.report),
        measurement('bare node:crypto', 'ms', values.crypto),
        measurement('report.html with the largest logo', 'ms', pages.page),
        measurement('report.html with the largest logo', 'KB', exactly(renderReport(subjects, writing).length / 1000)),
        measurement('openssl, two processes', 'ms', spawned.openssl),
      ],
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Milliseconds of one run, as the mean of several consecutive runs. */
async function timeOf(run: () => unknown): Promise<number> {
  const started = performance.now();
  for (let index = 0; index < RUNS_PER_MEASUREMENT; index++) {
    await run();
  }
  return (performance.now() - started) / RUNS_PER_MEASUREMENT;
}

/** A signature like that of a log, on as many bytes. */
interface LogSignature {
  /** The SubjectPublicKeyInfo of the log, DER. */
  readonly key: Buffer;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

function signLikeLog([leaf = new Uint8Array()]: readonly Uint8Array[]): LogSignature {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = publicKey.export({ type: 'spki', format: 'der' });
  return { key, signed: leaf, signature: sign('sha256', leaf, privateKey) };
}

function verifyWithCrypto(chain: readonly Uint8Array[], { key, signed, signature }: LogSignature): void {
  const logKey = createPublicKey({ key, format: 'der', type: 'spki' });
  const [leaf, issuing, root] = chain.map((der) => new X509Certificate(der));
  if (
    !leaf ||
    !issuing ||
    !root ||
    !leaf.verify(issuing.publicKey) ||
    !issuing.verify(root.publicKey) ||
    !verify('sha256', signed, logKey, signature)
  ) {
    throw new Error('The chain does not verify');
  }
}

/** Returns a function that runs both commands and returns their milliseconds. */
function opensslCommands(folder: string, container: Uint8Array, chain: readonly Uint8Array[]): () => number {
  const file = (name: string) => join(folder, name);
  writeFileSync(file('response.p7b'), container);
  for (const [index, name] of ['leaf.pem', 'issuing.pem', 'root.pem'].entries()) {
    writeFileSync(file(name), pem(chain.slice(index, index + 1)));
  }
  const commands = [
    ['pkcs7', '-inform', 'DER', '-in', file('response.p7b'), '-print_certs', '-out', file('chain.pem')],
    ['verify', '-CAfile', file('root.pem'), '-untrusted', file('issuing.pem'), file('leaf.pem')],
  ];
  return () => {
    const started = performance.now();
    for (const command of commands) {
      const { status, stderr } = spawnSync('openssl', command, { encoding: 'utf8' });
      if (status !== 0) {
        throw new Error(`openssl ${command[0]} failed: ${stderr}`);
      }
    }
    return performance.now() - started;
  };
}
