/** Chains that every verifier must accept, and chains with one fault each, most of them forgeries. */
import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CertificateChanges, MarkType } from '../../infra/local/ca/certificate-authority.ts';
import { basicConstraints, logotype, logotypeImage, subjectAltNames } from '../../infra/local/ca/mark-extensions.ts';
import { openLongstandingAuthority } from '../authority.ts';
import { instead, svg } from '../functions/certificate/certificate-changes.ts';
import { copyUnderRoot, copyWithOtherKeys, flipSignatureBit, replaceExtension } from './forgeries.ts';

/** What every verifier is asked. Certificates are DER. */
export interface Input {
  /** The name of the chain, or of the one that was changed. */
  readonly chainName: string;
  /** What is wrong with it; null if nothing is. */
  readonly fault: Fault | null;
  /** Leaf first. */
  readonly chain: readonly Uint8Array[];
  /** The roots that are trusted. */
  readonly roots: readonly Uint8Array[];
  /** Fingerprints of the roots that this project does not know by itself, as in the setting `trustAnchors`. */
  readonly trustAnchors: readonly string[];
  readonly at: Date;
  /** The domain whose logo a receiver would display. */
  readonly domain: string;
}

/** Faults that only the signatures show. */
export const FORGERIES = [
  'signature of the leaf: one bit flipped',
  'signature of the issuing CA: one bit flipped',
  'another domain in the SAN',
  'another logo with its hash',
  'leaf signed by another key with the name of the issuing CA',
  'all keys replaced, also that of the root',
  'all keys replaced, without the root',
  'another key with the name of a known root',
  'another key with the name of a known root, without the root',
] as const;

/** A verifier that verifies signatures refuses each of these. */
export const FAULTS = [
  ...FORGERIES,
  'issuing CA missing',
  'issuing CA without the CA flag',
  'issuing CA expired',
  'leaf expired',
  'issued under a root that is not trusted',
] as const;

export type Fault = (typeof FAULTS)[number];

const DAY = 86_400_000;
/** A moment inside the validity of all known roots. */
const AT = new Date('2026-06-01T00:00:00Z');
const MARK_TYPES = ['Registered Mark', 'Government Mark', 'Prior Use Mark', 'Modified Registered Mark'] as const;
const DOMAIN = 'brand.example';
/** Nobody ordered a certificate for it. */
const FORGED_DOMAIN = 'forged.example';
const FORGED_LOGO = Buffer.from(svg('<rect width="64" height="64" fill="#c00"/>', undefined, 'Forged'));

/**
 * Chains of the project's certificate authority, one of each mark type, and faulty ones.
 *
 * @param knownRoots the roots of real mark certificates, DER, of which forgeries are made.
 */
export async function localInputs(knownRoots: readonly Uint8Array[]): Promise<Input[]> {
  const authority = await openLongstandingAuthority();
  const trust = { roots: [authority.root], trustAnchors: [fingerprintOf(authority.root)] };
  const notBefore = new Date(AT.getTime() - 30 * DAY);
  const issue = (markType: MarkType, fault: Fault | null = null, issuing?: CertificateChanges): Input => ({
    chainName: `local ${markType}`,
    fault,
    chain: (issuing ? authority.with({ issuing }) : authority).issue({ domains: [DOMAIN], markType, notBefore }).chain,
    ...trust,
    at: AT,
    domain: DOMAIN,
  });
  const genuine = MARK_TYPES.map((markType) => issue(markType));
  const [example] = genuine;
  const [markType] = MARK_TYPES;
  return [
    ...genuine,
    ...(example ? faultsOf(example) : []),
    issue(markType, 'issuing CA without the CA flag', {
      notBefore,
      extensions: instead(basicConstraints({ cA: false })),
    }),
    issue(markType, 'issuing CA expired', {
      notBefore,
      notAfter: new Date(AT.getTime() - DAY),
    }),
    ...(example ? knownRoots.flatMap((root) => forgeriesUnder(root, knownRoots, example)) : []),
  ];
}

/** The folder of real certificates that `MARK_CERTIFICATES` names, if there is one. */
export function realFolder(): string | undefined {
  const folder = process.env.MARK_CERTIFICATES;
  return folder !== undefined && existsSync(folder) ? folder : undefined;
}

/** The self-signed certificates in `roots/`, DER. The folder also contains an issuing CA. */
export function realRoots(folder: string): Uint8Array[] {
  return readdirSync(join(folder, 'roots'))
    .map((name) => new X509Certificate(readFileSync(join(folder, 'roots', name))))
    .filter((certificate) => certificate.checkIssued(certificate))
    .map(derOf);
}

/** What `expected.json` contains about a file. Without a chain, the file contains none. */
interface Expected {
  readonly chain?: readonly string[];
  readonly at?: string;
  readonly domains?: readonly string[];
  readonly markType?: string | null;
}

/** Real chains at a moment inside their validity, and forgeries of one chain of each issuing CA. */
export function realInputs(folder: string, roots: readonly Uint8Array[]): Input[] {
  const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Record<string, Expected>;
  const rootNames = new Set(roots.map((root) => new X509Certificate(root).subject));
  const genuine: Input[] = [];
  const toForge = new Map<string, Input>();
  for (const [file, { chain: fingerprints, at, domains: [domain] = [], markType }] of Object.entries(expected)) {
    if (!fingerprints || at === undefined || domain === undefined || !file.startsWith('real/')) {
      continue;
    }
    const delivered = new Map(certificatesOf(join(folder, file)).map((each) => [fingerprintOf(each), each]));
    const chain = fingerprints.flatMap((fingerprint) => delivered.get(fingerprint) ?? []);
    if (chain.length !== fingerprints.length) {
      throw new Error(`${file} does not contain the chain of expected.json.`);
    }
    const [highest] = chain.slice(-1).map((each) => new X509Certificate(each).issuer);
    const fault = highest !== undefined && rootNames.has(highest) ? null : 'issued under a root that is not trusted';
    const input: Input = { chainName: file, fault, chain, roots, trustAnchors: [], at: new Date(at), domain };
    genuine.push(input);
    // A verifier that refuses a chain without a mark type would refuse its forgeries for the same reason.
    if (fault === null && typeof markType === 'string') {
      toForge.set(String(chain[1]), input);
    }
  }
  return [...genuine, ...[...toForge.values()].flatMap(faultsOf)];
}

/** Faulty chains that can be made of a genuine one without a key of its CA. */
function faultsOf(genuine: Input): Input[] {
  const { chain } = genuine;
  const [leaf, issuing, ...above] = chain;
  if (!leaf || !issuing) {
    throw new Error(`${genuine.chainName} has no issuing CA.`);
  }
  const copies = copyWithOtherKeys(chain);
  const [leafCopy = leaf] = copies;
  const change = (fault: Fault, changed: readonly Uint8Array[], changes: Partial<Input> = {}): Input => ({
    ...genuine,
    ...changes,
    fault,
    chain: changed,
  });
  const otherSan = replaceExtension(leaf, subjectAltNames([FORGED_DOMAIN]));
  const otherLogo = replaceExtension(leaf, logotype(logotypeImage(FORGED_LOGO)));
  const expired = new Date(new X509Certificate(leaf).validToDate.getTime() + DAY);
  return [
    change('signature of the leaf: one bit flipped', [flipSignatureBit(leaf), issuing, ...above]),
    change('signature of the issuing CA: one bit flipped', [leaf, flipSignatureBit(issuing), ...above]),
    change('another domain in the SAN', [otherSan, issuing, ...above], { domain: FORGED_DOMAIN }),
    change('another logo with its hash', [otherLogo, issuing, ...above]),
    change('leaf signed by another key with the name of the issuing CA', [leafCopy, issuing, ...above]),
    // A chain without its root has no copy of the root's key.
    ...(above.length > 0 ? [change('all keys replaced, also that of the root', copies)] : []),
    change('all keys replaced, without the root', copies.slice(0, 2)),
    change('issuing CA missing', [leaf, ...above]),
    change('leaf expired', chain, { at: expired }),
  ];
}

/** The local chain as if a known root had issued it: all that a forger lacks is the root's private key. */
function forgeriesUnder(root: Uint8Array, knownRoots: readonly Uint8Array[], { chain, at, domain }: Input): Input[] {
  const chainName = /CN=(.*)/.exec(new X509Certificate(root).subject)?.[1] ?? '';
  const forged = copyUnderRoot(chain, root);
  const under = { chainName, roots: knownRoots, trustAnchors: [], at, domain };
  return [
    { ...under, fault: 'another key with the name of a known root', chain: forged },
    { ...under, fault: 'another key with the name of a known root, without the root', chain: forged.slice(0, -1) },
  ];
}

function certificatesOf(file: string): Uint8Array[] {
  const blocks = readFileSync(file, 'utf8').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => derOf(new X509Certificate(block)));
}

function derOf(certificate: X509Certificate): Uint8Array {
  return new Uint8Array(certificate.raw);
}

function fingerprintOf(certificate: Uint8Array): string {
  return new X509Certificate(certificate).fingerprint256.replaceAll(':', '').toLowerCase();
}
