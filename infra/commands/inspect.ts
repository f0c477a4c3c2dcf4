import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import * as v from 'valibot';
import { readFingerprint } from '../../functions/certificate/path/trust-anchors.ts';
import {
  type CertificateReport,
  crlUrlsOf,
  type Expectations,
  InvalidChainError,
  type MarkCertificate,
  readMarkCertificate,
} from '../../functions/certificate/report.ts';
import { LOG_KEY_FORM, readLogKey } from '../../functions/certificate/transparency/ct-logs.ts';
import { createCrlDownload } from '../../functions/crl-download.ts';
import { domainSchema, orderInStateSchema } from '../../functions/order.ts';
import { printableJson } from '../../functions/text.ts';
import { describeReport, describeWithoutReport } from '../local/report-text.ts';
import { EXIT_CODES, exitCodeOf, isProgram, parseArguments, UsageError } from './usage.ts';

const USAGE = `npm run inspect -- [OPTIONS] FILE...

Decodes, validates and checks mark certificate chains: PKCS#7, ZIP, PEM, base64. The file "-" is standard input.

  --json            print one JSON object for each file
  --at ISO-DATE     the moment at which a chain must be valid (default: now)
  --domain NAME     a domain that the certificate must cover; may be repeated
  --selector NAME   the BIMI selector for which the certificate must cover the domains (default: default)
  --product KIND    the product that was ordered: VMC or CMC
  --trust SHA256    a root or an issuing CA to trust in addition to the known roots; may be repeated
  --log KEY         the key of a certificate transparency log to trust in addition to the known ones, as base64; may be repeated
  --revocation      download and check the CRLs of each chain: the only option that uses the network. CRLs on this machine
                    are downloaded only if a certificate of --trust validates the chain
  --out DIR         write chain.pem, logo.svg and certificate.json into this folder

For each chain, the command prints the findings and whether each receiver shows the logo. ✗ marks an error: some receiver
does not show the logo. ! marks a warning, and i a notice. docs/findings.md explains the findings and the receivers.

Exit status: 0 every chain is publishable, 1 a chain has an error, 2 a file contains no valid
chain or cannot be read, 64 wrong usage, 70 internal error.`;

/** The folder in which the user typed the command: npm runs scripts in the folder of the project. */
const userFolder = () => process.env.INIT_CWD ?? process.cwd();

interface Options {
  readonly files: readonly string[];
  readonly json: boolean;
  readonly out: string | undefined;
  readonly revocation: boolean;
  readonly expectations: Expectations;
}

/** Node's error codes in words. */
const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'the file does not exist',
  EISDIR: 'the path is a folder',
  EACCES: 'permission is denied',
};

/** @returns undefined if the user asks for help only. */
function readOptions(args: string[]): Options | undefined {
  const { values, positionals } = parseArguments({
    args,
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      at: { type: 'string' },
      domain: { type: 'string', multiple: true, default: [] },
      selector: { type: 'string' },
      product: { type: 'string' },
      trust: { type: 'string', multiple: true, default: [] },
      log: { type: 'string', multiple: true, default: [] },
      out: { type: 'string' },
      revocation: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    return undefined;
  }
  if (positionals.length === 0) {
    throw new UsageError('no FILE is given');
  }
  if (values.out !== undefined && positionals.length > 1) {
    throw new UsageError('--out: accepts only one FILE, because every chain would be written to the same file names');
  }
  const { product } = values;
  if (product !== undefined && product !== 'VMC' && product !== 'CMC') {
    throw new UsageError(`--product: ${product} is not accepted; accepted: VMC, CMC`);
  }
  return {
    files: positionals,
    json: values.json,
    out: values.out,
    revocation: values.revocation,
    expectations: {
      at: values.at === undefined ? new Date() : readDate(values.at),
      product,
      domains: values.domain.map(readDomain),
      selector: readSelector(values.selector),
      trustAnchors: values.trust.map(readTrust),
      ctLogs: values.log.map(readLog),
    },
  };
}

/** A date alone means its first moment. A time without a zone is UTC. */
function readDate(text: string): Date {
  const date = new Date(/T[\d:.]+$/.test(text) ? `${text}Z` : text);
  const [, day] = /^(\d{4}-\d{2}-\d{2})(T.*)?$/.exec(text) ?? [];
  // JavaScript's Date reads February 30 as March 2.
  if (!day || Number.isNaN(date.getTime()) || !new Date(day).toISOString().startsWith(day)) {
    throw new UsageError(
      `--at: ${text} is not accepted; accepted: an ISO 8601 date like 2026-06-01 or 2026-06-01T12:00:00Z`,
    );
  }
  return date;
}

function readDomain(text: string): string {
  const result = v.safeParse(domainSchema, text);
  if (!result.success) {
    throw new UsageError(`--domain: ${text} is not accepted; accepted: a domain name like example.com`);
  }
  return result.output;
}

function readSelector(text: string | undefined): string | undefined {
  const result = v.safeParse(orderInStateSchema.entries.selector, text);
  if (!result.success) {
    throw new UsageError(`--selector: ${text} is not accepted; accepted: a BIMI selector like default`);
  }
  return result.output;
}

function readTrust(text: string): string {
  const fingerprint = readFingerprint(text);
  if (!fingerprint) {
    throw new UsageError(`--trust: ${text} is not accepted; accepted: the 64 hex digits of a certificate's SHA-256`);
  }
  return fingerprint;
}

function readLog(text: string): string {
  const key = readLogKey(text);
  if (!key) {
    throw new UsageError(`--log: ${text} is not accepted; accepted: the key of a log, ${LOG_KEY_FORM}`);
  }
  return key;
}

/** Prints the report of one file. @returns its exit code. */
async function inspect(file: string, options: Options, input: Readable): Promise<number> {
  const { json, out, revocation, expectations } = options;
  try {
    const bytes = file === '-' ? await buffer(input) : await readFile(resolve(userFolder(), file));
    const certificate = await readMarkCertificate(bytes, expectations);
    const report = revocation ? await checkCrls(certificate) : certificate.report;
    if (out !== undefined) {
      await write(resolve(userFolder(), out), certificate, report);
    }
    console.log(
      json ? printableJson(JSON.stringify({ file, ...report })) : describeReport(file, report, expectations.at),
    );
    return report.publishable ? EXIT_CODES.success : EXIT_CODES.problem;
  } catch (error) {
    if (!(error instanceof InvalidChainError) && !isSystemError(error)) {
      throw error;
    }
    const { name, message } = isSystemError(error)
      ? { name: 'UnreadableFile', message: UNREADABLE[String(error.code)] ?? error.message }
      : error;
    const leaf = error instanceof InvalidChainError ? error.leaf : undefined;
    console.log(
      json
        ? printableJson(JSON.stringify({ file, error: { name, message }, leaf }))
        : describeWithoutReport(file, { name, message }, leaf, expectations.at),
    );
    return EXIT_CODES.unavailable;
  }
}

/** Downloads the CRLs of a chain and judges it with them. */
async function checkCrls(certificate: MarkCertificate): Promise<CertificateReport> {
  const { chain, trustAnchor } = certificate.report;
  const urls = crlUrlsOf(chain);
  // A chain from an attacker must not cause requests to servers on this machine. With --trust, the user chose the CA.
  const allowLoopback = trustAnchor?.source === 'settings';
  const crls = await createCrlDownload({ allowLoopback })(urls);
  return certificate.withCrls(crls);
}

/** An error of the operating system, for example a missing file. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

/** @throws {UsageError} if the folder cannot be written. */
async function write(folder: string, { chainPem, logo }: MarkCertificate, report: CertificateReport): Promise<void> {
  const files: Record<string, Uint8Array> = { 'chain.pem': Buffer.from(chainPem), ...(logo && { 'logo.svg': logo }) };
  const objects = Object.fromEntries(
    Object.entries(files).map(([key, bytes]) => [
      key.split('.')[0],
      { key, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') },
    ]),
  );
  files['certificate.json'] = Buffer.from(`${JSON.stringify({ schemaVersion: 1, ...report, objects }, null, 2)}\n`);
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, bytes] of Object.entries(files)) {
      await writeFile(join(folder, name), bytes);
    }
  } catch (error) {
    if (!isSystemError(error)) {
      throw error;
    }
    throw new UsageError(`--out: the folder cannot be written (${error.message})`, { cause: error });
  }
}

/**
 * Runs the command.
 *
 * @param input standard input.
 * @returns the exit code.
 */
export function runInspect(args: readonly string[], input: Readable): Promise<number> {
  return exitCodeOf(USAGE, async () => {
    const options = readOptions([...args]);
    if (!options) {
      console.log(USAGE);
      return EXIT_CODES.success;
    }
    const exitCodes: number[] = [];
    for (const file of options.files) {
      exitCodes.push(await inspect(file, options, input));
    }
    return Math.max(...exitCodes);
  });
}

if (isProgram(import.meta.filename)) {
  process.exitCode = await runInspect(process.argv.slice(2), process.stdin);
}
