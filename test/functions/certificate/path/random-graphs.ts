import type { KeyObject } from 'node:crypto';
import { X509Certificate } from 'node:crypto';
import { InvalidChainError, readMarkCertificate } from '../../../../functions/certificate/report.ts';
import { pem } from '../../../../infra/local/ca/containers.ts';
import { basicConstraints, type Extension, extendedKeyUsage, oid } from '../../../../infra/local/ca/mark-extensions.ts';
import { mulberry32 } from '../../../mulberry32.ts';
import { nameConstraints, without } from '../certificate-changes.ts';
import { identifier, NULL, sequence } from '../der.ts';
import { AT, DAY } from '../finding-case.ts';
import {
  authorityKeyIdentifier,
  certify,
  commonName,
  fingerprint,
  ISSUING_EXTENSIONS,
  LEAF_EXTENSIONS,
  newKey,
  opensslVerify,
  publicHalf,
  STRING,
  subjectKeyIdentifier,
  time,
} from './hand-made.ts';

/** Why OpenSSL may accept a path that the report refuses: a part of the message of the finding, and the reason. */
const STRICTER: readonly { readonly message: RegExp; readonly why: string }[] = [
  { message: /may not issue mark certificates/, why: 'OpenSSL checks no extended key usage without a purpose.' },
  { message: /may also issue certificates for/, why: 'OpenSSL checks no extended key usage without a purpose.' },
  { message: /does not allow mark certificates below/, why: 'OpenSSL checks no extended key usage without a purpose.' },
  { message: /may not sign certificates/, why: 'OpenSSL accepts a CA without a key usage.' },
  { message: /is not a CA certificate/, why: 'OpenSSL accepts a trusted CA whose only mark is its key usage.' },
  { message: /repeats 1\.3\.6\.1\.4\.1\.32473/, why: 'OpenSSL does not look at repeated extensions it does not know.' },
  { message: /has the same name as another CA/, why: 'The order of the certificates decides what OpenSSL takes.' },
  { message: /must contain exactly one/, why: 'A CA without the cA flag is a second mark certificate.' },
  { message: /has the critical extension 2\.5\.29\.36/, why: 'OpenSSL evaluates policies only on request.' },
];

/** The result of some random graphs. */
export interface GraphResults {
  /** Graphs whose chain is publishable. OpenSSL accepts each. */
  readonly publishable: number;
  /** Graphs that OpenSSL and the report refuse. */
  readonly refused: number;
  /** Graphs that only OpenSSL accepts, for one of the reasons in the table. */
  readonly stricter: number;
  /** Contradictions, each with the seed of its graph. */
  readonly contradictions: readonly string[];
}

/**
 * Compares the reports of random cross-signed certificates with OpenSSL: a chain that OpenSSL refuses must not be
 * publishable, and a path that OpenSSL accepts must be publishable except for the reasons in a table. Only the keys are
 * not determined by the seed.
 */
export async function runRandomGraphs({
  seed,
  count,
}: {
  readonly seed: number;
  readonly count: number;
}): Promise<GraphResults> {
  const keys = Array.from({ length: 4 }, newKey);
  const results = { publishable: 0, refused: 0, stricter: 0, contradictions: [] as string[] };
  for (let graph = seed; graph < seed + count; graph += 1) {
    const [outcome, contradictions] = await compare(randomGraph(mulberry32(graph), keys));
    results[outcome] += 1;
    results.contradictions.push(...contradictions.map((each) => `graph ${graph}: ${each}`));
  }
  return results;
}

interface Graph {
  readonly leaf: Buffer;
  readonly issuers: readonly Buffer[];
  readonly trusted: readonly Buffer[];
}

/** The messages of the errors of a chain, and the chain. */
interface Judgement {
  readonly errors: readonly string[];
  readonly chain: readonly Buffer[];
  readonly anchor: string | undefined;
}

async function compare({ leaf, issuers, trusted }: Graph): Promise<['publishable' | 'refused' | 'stricter', string[]]> {
  const { errors, chain, anchor } = await judge([leaf, ...issuers], trusted);
  if (errors.length === 0) {
    const top = chain.find((each) => fingerprint(each) === anchor);
    const refusal = top ? opensslVerify(leaf, { trusted: [top], untrusted: chain }) : 'there is no trust anchor';
    return ['publishable', refusal === 'OK' ? [] : [`publishable, but OpenSSL: ${refusal}`]];
  }
  const paths = pathsOf(leaf, issuers, trusted);
  const all = paths.filter((path) => opensslVerify(leaf, { trusted: path.slice(-1), untrusted: path }) === 'OK');
  // OpenSSL need not use all certificates of a path.
  const accepted = all.filter(
    (path) => !all.some((part) => part !== path && part.every((each) => path.includes(each))),
  );
  const unexplained: string[] = [];
  for (const path of accepted) {
    const alone = await judge(path, trusted);
    const unlisted = alone.errors.filter((error) => !isListed(error));
    if (alone.errors.length === 0 && !errors.some(isListed)) {
      unexplained.push(`refused, but publishable without the surplus certificates: ${errors.join('; ')}`);
    }
    unexplained.push(...unlisted.map((error) => `OpenSSL accepts what the report refuses: ${error}`));
  }
  return [accepted.length > 0 ? 'stricter' : 'refused', unexplained];
}

function isListed(error: string): boolean {
  return STRICTER.some(({ message }) => message.test(error));
}

async function judge(certificates: readonly Buffer[], trusted: readonly Buffer[]): Promise<Judgement> {
  try {
    const trustAnchors = trusted.map(fingerprint);
    const { report, chainPem } = await readMarkCertificate(Buffer.from(pem(certificates)), { at: AT, trustAnchors });
    const chain = chainPem.match(/-----BEGIN[^-]+-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    return {
      errors: report.findings.filter(({ severity }) => severity === 'error').map(({ message }) => message),
      chain: chain.map((block) => Buffer.from(new X509Certificate(block).raw)),
      anchor: report.trustAnchor?.fingerprintSha256,
    };
  } catch (error) {
    if (error instanceof InvalidChainError) {
      return { errors: [error.message], chain: [], anchor: undefined };
    }
    throw error;
  }
}

/** All paths from the leaf to a trusted certificate, by name. */
function pathsOf(leaf: Buffer, issuers: readonly Buffer[], trusted: readonly Buffer[]): readonly Buffer[][] {
  const parsed = new Map([leaf, ...issuers].map((each) => [each, new X509Certificate(each)]));
  const found: Buffer[][] = [];
  const extend = (path: Buffer[]) => {
    const top = path.at(-1) ?? leaf;
    if (path.length > 1 && trusted.includes(top)) {
      found.push(path);
    }
    for (const issuer of issuers) {
      const [below, above] = [parsed.get(top), parsed.get(issuer)];
      if (!path.includes(issuer) && below?.issuer.toLowerCase() === above?.subject.toLowerCase()) {
        extend([...path, issuer]);
      }
    }
  };
  extend([leaf]);
  return found;
}

type Random = () => number;

const NAMES = ['Issuing', 'Middle', 'Root', 'Other'] as const;

/** What the certificates of a graph are: a name and a key, and who issued them. */
interface Node {
  readonly name: number;
  readonly key: number;
}

function randomGraph(random: Random, keys: readonly KeyObject[]): Graph {
  const below = (limit: number) => Math.floor(random() * limit);
  const chance = (probability: number) => random() < probability;
  const keyOf = (index: number) => keys[index] ?? newKey();
  // Few names and keys, so that many certificates can have issued many others.
  const nodes = Array.from(
    { length: 2 + below(5) },
    (): Node => ({ name: below(NAMES.length), key: below(keys.length) }),
  );
  const nodeAt = (index: number): Node => nodes[index] ?? { name: 0, key: 0 };

  const issuers = nodes.map((node, index) => {
    const issuer = chance(0.25) ? node : nodeAt(below(nodes.length));
    const signer = chance(0.04) ? below(keys.length) : issuer.key;
    return certify({
      subject: written(node.name, random),
      issuer: written(issuer.name, random),
      publicKey: publicHalf(keyOf(node.key)),
      signedBy: keyOf(signer),
      serialNumber: index + 1,
      ...randomValidity(random),
      extensions: randomExtensions(ISSUING_EXTENSIONS, { random, subject: node, issuer, isLeaf: false }),
    });
  });
  const issuer = nodeAt(below(nodes.length));
  const leaf = certify({
    subject: commonName('Example Brand'),
    issuer: written(issuer.name, random),
    publicKey: publicHalf(keyOf(0)),
    signedBy: keyOf(chance(0.03) ? below(keys.length) : issuer.key),
    serialNumber: 100,
    ...randomValidity(random),
    extensions: randomExtensions(LEAF_EXTENSIONS, { random, subject: { name: 0, key: 0 }, issuer, isLeaf: true }),
  });
  const trusted = issuers.filter(() => chance(1.5 / issuers.length));
  return { leaf, issuers: shuffled(issuers, random), trusted };
}

/** The name in one of the forms that are equal (RFC 5280, 7.1). */
function written(index: number, random: Random): Buffer {
  const text = NAMES[index] ?? '';
  const forms = [text, text, text, text.toUpperCase(), ` ${text}  `];
  const tags = [STRING.utf8, STRING.utf8, STRING.printable, STRING.bmp, STRING.teletex];
  const pick = <Item>(items: readonly Item[]): Item | undefined => items[Math.floor(random() * items.length)];
  return commonName(pick(forms) ?? text, pick(tags));
}

function randomValidity(random: Random) {
  const shifted = (days: number) => time(new Date(AT.getTime() + days * DAY));
  const kind = random();
  if (kind < 0.04) {
    return { notBefore: shifted(-100), notAfter: shifted(-1) };
  }
  return kind < 0.08 ? { notBefore: shifted(1), notAfter: shifted(100) } : {};
}

interface ExtensionContext {
  readonly random: Random;
  readonly subject: Node;
  readonly issuer: Node;
  readonly isLeaf: boolean;
}

const UNKNOWN: Extension = { oid: '1.3.6.1.4.1.32473.1.9', value: NULL };

/** The key identifier of a node: usually of its key. */
const keyIdentifier = ({ key }: Node) => Buffer.alloc(20, key + 1);

function randomExtensions(
  usual: readonly Extension[],
  { random, subject, issuer, isLeaf }: ExtensionContext,
): readonly Extension[] {
  const chance = (probability: number) => random() < probability;
  let extensions = [...usual];
  const replace = (extension: Extension) => {
    extensions = [...extensions.filter((each) => each.oid !== extension.oid), extension];
  };
  if (chance(0.5)) {
    extensions.push(subjectKeyIdentifier(chance(0.1) ? Buffer.alloc(20, 99) : keyIdentifier(subject)));
  }
  if (chance(0.5)) {
    extensions.push(authorityKeyIdentifier({ keyIdentifier: keyIdentifier(issuer) }));
  } else if (chance(0.1)) {
    extensions.push(authorityKeyIdentifier({ issuer: commonName('Root'), serialNumber: 1 + Math.floor(random() * 4) }));
  }
  if (chance(0.03)) {
    extensions.push({ ...UNKNOWN, critical: chance(0.5) });
  }
  if (chance(0.02)) {
    extensions.push(UNKNOWN, UNKNOWN);
  }
  if (chance(0.02)) {
    extensions.push(...extensions.slice(0, 1));
  }
  if (isLeaf) {
    return extensions;
  }
  if (chance(0.25)) {
    replace(basicConstraints({ cA: true, pathLenConstraint: Math.floor(random() * 3) }));
  }
  if (chance(0.04)) {
    replace(basicConstraints({ cA: false }));
  }
  if (chance(0.03)) {
    extensions = [...without<Extension>(oid.basicConstraints)(extensions)];
  }
  if (chance(0.04)) {
    extensions = [...without<Extension>(oid.keyUsage)(extensions)];
  }
  if (chance(0.03)) {
    replace({ oid: oid.keyUsage, value: Buffer.from('03020186', 'hex').fill(0x02, 3), critical: true });
  }
  if (chance(0.1)) {
    const serverAuth = identifier('1.3.6.1.5.5.7.3.1');
    replace(chance(0.5) ? { oid: oid.extKeyUsage, value: sequence(serverAuth) } : extendedKeyUsage());
  }
  if (chance(0.05)) {
    extensions = [...without<Extension>(oid.extKeyUsage)(extensions)];
  }
  if (chance(0.12)) {
    const names = [chance(0.5) ? 'example.com' : 'example.org'];
    extensions.push(nameConstraints(chance(0.5) ? { permitted: names } : { excluded: names }, chance(0.5)));
  }
  if (chance(0.02)) {
    extensions.push({ oid: '2.5.29.36', value: Buffer.from('3003800100', 'hex'), critical: true });
  }
  return extensions;
}

function shuffled<Item>(items: readonly Item[], random: Random): readonly Item[] {
  return items
    .map((item) => [random(), item] as const)
    .toSorted(([one], [other]) => one - other)
    .map(([, item]) => item);
}
