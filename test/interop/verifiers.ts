/** Independent verifiers of certificate chains. None of them uses the network, its own roots or the present moment. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { validateVMC } from 'mailauth/lib/bimi/index.js';
import { InvalidChainError, readMarkCertificate } from '../../functions/certificate/report.ts';
import { pem } from '../../infra/local/ca/containers.ts';
import { type Certtool, certtoolVersion, installCerttool } from './certtool.ts';
import type { Input } from './inputs.ts';
import { base64, commandPath, FOLDER, installPackages, runScript } from './python.ts';

const run = promisify(execFile);

/** Why a verifier refuses an input; empty if it accepts it. */
export type Problems = readonly string[];

export interface Verifier {
  readonly name: string;
  readonly version: string;
  /** Whether it verifies signatures, so that it must refuse every forgery. */
  readonly verifiesSignatures: boolean;
  /** The problems of each input, in the same order. */
  judge(inputs: readonly Input[]): Promise<readonly Problems[]>;
}

/** A verifier that cannot be installed on this machine, and the reason. */
export interface MissingVerifier {
  readonly name: string;
  readonly missing: string;
}

/** Installs the verifiers, unless they are installed already. Only certtool can be missing. */
export async function installVerifiers(): Promise<(Verifier | MissingVerifier)[]> {
  const [certtool] = await Promise.all([installCerttool(join(FOLDER, 'debian')), installPackages()]);
  return [
    await openssl(),
    typeof certtool === 'string' ? { name: 'certtool', missing: certtool } : await gnutls(certtool),
    await pythonVerifier('pyhanko-certvalidator', true),
    await pythonVerifier('checkdmarc', false),
    await mailauth(),
  ];
}

/** The verdict of this project. */
export async function judgeHere({ chain, at, domain, trustAnchors }: Input): Promise<Problems> {
  try {
    const { report } = await readMarkCertificate(Buffer.from(pem(chain)), { at, domains: [domain], trustAnchors });
    return report.findings.flatMap(({ id, severity }) => (severity === 'error' ? [id] : []));
  } catch (error) {
    if (error instanceof InvalidChainError) {
      return [`InvalidChain: ${error.message}`];
    }
    throw error;
  }
}

async function openssl(): Promise<Verifier> {
  const { stdout } = await run('openssl', ['version']);
  return {
    name: 'OpenSSL',
    version: stdout.trim(),
    verifiesSignatures: true,
    judge: (inputs) =>
      judgeByCommand(inputs, ({ leaf, issuers, roots }, at) =>
        run('openssl', [
          ...['verify', '-attime', String(at.getTime() / 1000), '-no-CAfile', '-no-CApath', '-no-CAstore'],
          ...['-trusted', roots, '-untrusted', issuers, leaf],
        ]),
      ),
  };
}

async function gnutls(certtool: Certtool): Promise<Verifier> {
  return {
    name: 'certtool',
    version: await certtoolVersion(certtool),
    verifiesSignatures: true,
    judge: (inputs) =>
      judgeByCommand(inputs, ({ chain, roots }, at) =>
        run(certtool.command, ['--verify', '--infile', chain, '--load-ca-certificate', roots], {
          env: certtool.environmentAt(at),
        }),
      ),
  };
}

/** The paths of PEM files. */
interface Files {
  readonly chain: string;
  readonly leaf: string;
  readonly issuers: string;
  readonly roots: string;
}

/** Runs a command for each input. It refuses an input if its exit code is not 0. */
async function judgeByCommand(
  inputs: readonly Input[],
  command: (files: Files, at: Date) => Promise<unknown>,
): Promise<Problems[]> {
  const folder = await mkdtemp(join(tmpdir(), 'mark-certificates-'));
  const files = {
    chain: join(folder, 'chain.pem'),
    leaf: join(folder, 'leaf.pem'),
    issuers: join(folder, 'issuers.pem'),
    roots: join(folder, 'roots.pem'),
  };
  const verdicts: Problems[] = [];
  try {
    for (const { chain, roots, at } of inputs) {
      await writeFile(files.chain, pem(chain));
      await writeFile(files.leaf, pem(chain.slice(0, 1)));
      await writeFile(files.issuers, pem(chain.slice(1)));
      await writeFile(files.roots, pem(roots));
      verdicts.push(await command(files, at).then(() => [], problemsOf));
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return verdicts;
}

/** What a command that ended with an exit code printed. @throws the error, if the command did not run. */
function problemsOf(error: unknown): Problems {
  if (error instanceof Error && 'code' in error && typeof error.code === 'number') {
    const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string };
    const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => /error \d|output:|^error/i.test(line));
    return lines.length > 0 ? lines.map((line) => line.trim()) : [error.message];
  }
  throw error;
}

async function pythonVerifier(name: string, verifiesSignatures: boolean): Promise<Verifier> {
  const { stdout } = await run(commandPath('pip'), ['show', '--disable-pip-version-check', name]);
  return {
    name,
    version: `${name} ${/^Version: (.+)$/m.exec(stdout)?.[1]}`,
    verifiesSignatures,
    judge: async (inputs) => {
      const questions = inputs.map(({ chain, roots, at, domain }) => ({
        chain: chain.map(base64),
        roots: roots.map(base64),
        at: at.getTime() / 1000,
        domain,
      }));
      return (await runScript('verify.py', [name], questions)) as Problems[];
    },
  };
}

async function mailauth(): Promise<Verifier> {
  const load = createRequire(import.meta.resolve('mailauth/lib/bimi/index.js'));
  const { RootStore } = load('@postalsys/vmc/lib/root-store') as {
    readonly RootStore: new () => { rootCerts: readonly X509Certificate[] };
  };
  const { version } = load('mailauth/package.json') as { readonly version: string };
  return {
    name: 'mailauth',
    version: `mailauth ${version}`,
    verifiesSignatures: false,
    judge: (inputs) =>
      Promise.all(
        inputs.map(async ({ chain, roots, at, domain }) => {
          const rootStore = new RootStore();
          rootStore.rootCerts = roots.map((root) => new X509Certificate(root));
          const found = {
            status: { result: 'pass', header: { selector: 'default', d: domain } },
            info: '',
            // The bytes in place of a URL.
            authorityPath: Buffer.from(pem(chain)),
          } as const;
          const result = await validateVMC(found, { rootStore, now: at });
          const authority = result ? result.authority : undefined;
          return authority?.success && authority.domainVerified ? [] : [authority?.error?.message ?? 'no verdict'];
        }),
      ),
  };
}
