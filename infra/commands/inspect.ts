import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { parseArgs, styleText } from 'node:util';
import * as v from 'valibot';
import {
  type CertificateReport,
  type Expectations,
  InvalidChainError,
  type MarkCertificate,
  readMarkCertificate,
} from '../../functions/certificate/report.ts';
import { readFingerprint } from '../../functions/certificate/trust-anchors.ts';
import { daysLeft } from '../../functions/days.ts';
import { domainSchema } from '../../functions/order.ts';

const USAGE = `npm run inspect -- [OPTIONS] FILE...

Decodes, proves and checks mark certificate chains: PKCS#7, ZIP, PEM, base64. The file "-" is standard input.

  --json            one JSON object a file
  --at ISO-DATE     the moment at which a chain shall be valid (default: now)
  --domain NAME     a domain that the certificate shall cover; may be repeated
  --product KIND    VMC or CMC: what was ordered
  --trust SHA256    a certificate to trust beside the known roots; may be repeated
  --out DIR         write chain.pem, logo.svg and certificate.json there

Exit status: 0 every chain is publishable, 1 some chain has an error, 2 some file holds no chain, 64 wrong usage.`;

const EXIT = { publishable: 0, error: 1, noChain: 2, usage: 64 } as const;

/** Where the command was typed: npm runs scripts in the project's folder. */
const HERE = process.env.INIT_CWD ?? process.cwd();

interface Options {
  readonly files: readonly string[];
  readonly json: boolean;
  readonly out: string | undefined;
  readonly expectations: Expectations;
}

/** What Node's codes mean to a person. */
const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'it may not be read',
};

class UsageError extends Error {}

function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parse(args);
  if (values.help) {
    console.log(USAGE);
    process.exit();
  }
  if (positionals.length === 0) {
    throw new UsageError('no FILE is given');
  }
  if (values.out !== undefined && positionals.length > 1) {
    throw new UsageError('--out: takes one FILE, for the names in the folder would be the same');
  }
  const { product } = values;
  if (product !== undefined && product !== 'VMC' && product !== 'CMC') {
    throw new UsageError(`--product: ${product} is not accepted; accepted: VMC, CMC`);
  }
  const at = values.at === undefined ? new Date() : readDate(values.at);
  return {
    files: positionals,
    json: values.json,
    out: values.out,
    expectations: {
      at,
      product,
      domains: values.domain.map(readDomain),
      trustAnchors: values.trust.map(readTrust),
    },
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        at: { type: 'string' },
        domain: { type: 'string', multiple: true, default: [] },
        product: { type: 'string' },
        trust: { type: 'string', multiple: true, default: [] },
        out: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** A day alone means its first moment, and a time without a zone is UTC. */
function readDate(text: string): Date {
  const date = new Date(/T[\d:.]+$/.test(text) ? `${text}Z` : text);
  const [, day] = /^(\d{4}-\d{2}-\d{2})(T.*)?$/.exec(text) ?? [];
  // A 30th of February is one of March to Date.
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

function readTrust(text: string): string {
  const fingerprint = readFingerprint(text);
  if (!fingerprint) {
    throw new UsageError(`--trust: ${text} is not accepted; accepted: the 64 hex digits of a certificate's SHA-256`);
  }
  return fingerprint;
}

async function inspect(file: string, { json, out, expectations }: Options): Promise<number> {
  try {
    const bytes = file === '-' ? await buffer(process.stdin) : await readFile(resolve(HERE, file));
    const certificate = await readMarkCertificate(bytes, expectations);
    if (out !== undefined) {
      await write(resolve(HERE, out), certificate).catch(cannotWrite);
    }
    console.log(
      json ? JSON.stringify({ file, ...certificate.report }) : describe(file, certificate.report, expectations.at),
    );
    return certificate.report.publishable ? EXIT.publishable : EXIT.error;
  } catch (error) {
    if (!(error instanceof InvalidChainError) && !(error instanceof Error && 'syscall' in error)) {
      throw error;
    }
    const name = error instanceof InvalidChainError ? error.name : 'UnreadableFile';
    const message = 'code' in error ? (UNREADABLE[String(error.code)] ?? error.message) : error.message;
    const problem = { file, error: { name, message } };
    console.log(json ? JSON.stringify(problem) : `${file}\n  ${mark('error')} ${name}: ${message}`);
    return EXIT.noChain;
  }
}

/** The chain is not to blame for it. */
function cannotWrite(error: unknown): never {
  throw new UsageError(`--out: the folder cannot be written (${error instanceof Error ? error.message : error})`);
}

async function write(folder: string, { report, chainPem, logo }: MarkCertificate): Promise<void> {
  const files: Record<string, Uint8Array> = { 'chain.pem': Buffer.from(chainPem), ...(logo && { 'logo.svg': logo }) };
  const objects = Object.fromEntries(
    Object.entries(files).map(([key, bytes]) => [
      key.split('.')[0],
      { key, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') },
    ]),
  );
  files['certificate.json'] = Buffer.from(`${JSON.stringify({ schemaVersion: 1, ...report, objects }, null, 2)}\n`);
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) {
    await writeFile(join(folder, name), bytes);
  }
}

function describe(file: string, report: CertificateReport, at: Date): string {
  const { attributes, chain, trustAnchor, logo, findings } = report;
  const days = daysLeft(report.notAfter, at);
  const left = days < 0 ? `expired ${-days} days ago` : `${days} days left`;
  const rows = [
    [
      'mark',
      [report.markType ?? 'without a mark type', report.product && `(${report.product})`].filter(Boolean).join(' '),
    ],
    ['owner', attributes.organizationName?.join(', ') ?? report.subject],
    ['domains', report.domains.join(', ')],
    ['valid', `${report.notBefore.slice(0, 10)} to ${report.notAfter.slice(0, 10)} (${left})`],
    ['issuer', report.issuer],
    [
      'root',
      trustAnchor ? `${trustAnchor.subject} (trusted)` : `not trusted; the chain ends at ${chain.at(-1)?.subject}`,
    ],
    ['logo', logo ? `${logo.bytes} bytes, SHA-256 ${logo.sha256}` : 'none'],
    ['SHA-256', report.fingerprintSha256],
  ];
  return [
    styleText('bold', file),
    ...rows.map(([label = '', value]) => `  ${label.padEnd(8)} ${value}`),
    ...findings.map(({ id, severity, message }) => `  ${mark(severity)} ${id}: ${message}`),
    report.publishable ? `  ${mark('publishable')} publishable` : `  ${mark('error')} not publishable`,
  ].join('\n');
}

/** Colour where standard output is a terminal that has it. */
function mark(kind: 'publishable' | 'warning' | 'error'): string {
  const [sign, colour] = { publishable: ['✓', 'green'], warning: ['!', 'yellow'], error: ['✗', 'red'] }[kind] as [
    string,
    'green' | 'yellow' | 'red',
  ];
  return styleText(colour, sign);
}

try {
  const options = readOptions(process.argv.slice(2));
  const statuses: number[] = [];
  for (const file of options.files) {
    statuses.push(await inspect(file, options));
  }
  process.exitCode = Math.max(...statuses);
} catch (error) {
  if (!(error instanceof UsageError)) {
    throw error;
  }
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = EXIT.usage;
}
