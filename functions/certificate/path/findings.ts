import { DAY_MILLISECONDS } from '../../days.ts';
import { type CheckedChain, type FindingTable, nameOf, withDetails } from '../checked-chain.ts';
import { BIMI_USAGE } from '../mark/mark.ts';
import { attempt } from '../x509/der.ts';
import type { CertificateFields } from '../x509/fields.ts';
import { fingerprintOf } from '../x509/fingerprint.ts';
import { EC_KEY, RSA_BITS_LIMIT } from '../x509/public-key.ts';
import { namesAnchor } from './links.ts';
import { extensionProblems, issuerProblems, PILOT_EXTENSION, validityProblem } from './rules.ts';
import { ENTRUST_CUTOFF, TRUST_ANCHORS } from './trust-anchors.ts';

/** The longest validity that the Mark Certificate Requirements allow. */
const LIFETIME_LIMIT_DAYS = 398;
/** Leaves that are valid from this moment must not have the pilot extension (Mark Certificate Requirements). */
const PILOT_END = new Date('2025-03-15T00:00:00Z');
const ORGANIZATION = '2.5.4.10';

const RSA_BITS_MINIMUM = 2048;
/** P-256, P-384 and P-521. */
const CURVES: ReadonlySet<string> = new Set(['1.2.840.10045.3.1.7', '1.3.132.0.34', '1.3.132.0.35']);

/** Findings about the certificates of the chain, their signatures and their trust anchor. */
export const PATH_FINDINGS = {
  'untrusted-root': { severity: 'error', check: checkAnchor },
  'ca-flags': { severity: 'error', check: checkIssuers },
  'leaf-eku': { severity: 'error', check: checkLeafUsage },
  validity: {
    severity: 'error',
    check: ({ path, at }) =>
      withDetails(
        `the chain is not valid at ${at.toISOString()}`,
        problemsOf(path, (each) => [validityProblem(each, at)]),
      ),
  },
  'duplicate-extension': {
    severity: 'error',
    check: ({ path }) =>
      withDetails(
        'a certificate contains the same extension more than once',
        problemsOf(path, ({ duplicateExtensions }) => duplicateExtensions.map((oid) => `repeats ${oid}`)),
      ),
  },
  'critical-extension': { severity: 'error', check: checkExtensions },
  'name-constraints': {
    severity: 'warning',
    check: ({ leaf }) =>
      leaf.nameConstraints &&
      'the leaf has name constraints, which only a CA certificate may have (RFC 5280, 4.2.1.10)',
  },
  'pilot-extension': { severity: 'warning', check: checkPilotExtension },
  lifetime: {
    severity: 'warning',
    check: ({ leaf: { certificate } }) => {
      const days = (certificate.validToDate.getTime() - certificate.validFromDate.getTime()) / DAY_MILLISECONDS;
      return (
        days > LIFETIME_LIMIT_DAYS &&
        `the leaf is valid for ${Math.ceil(days)} days, but at most ${LIFETIME_LIMIT_DAYS} are allowed`
      );
    },
  },
  'key-strength': { severity: 'warning', check: checkStrength },
  'entrust-cutoff': {
    severity: 'warning',
    check: ({ path, leaf: { certificate } }) =>
      isFromEntrust(path) &&
      certificate.validFromDate > ENTRUST_CUTOFF &&
      `Apple Mail refuses certificates that Entrust issued after ${ENTRUST_CUTOFF.toISOString().slice(0, 10)}`,
  },
  'root-absent': {
    severity: 'warning',
    check: ({ rootDelivered }) =>
      !rootDelivered && 'the file does not contain the root of the chain, which the BIMI helper of rspamd requires',
  },
} as const satisfies FindingTable;

/** The problems of the certificates of a path, each after the name of its certificate. */
function problemsOf(
  path: readonly CertificateFields[],
  problems: (certificate: CertificateFields, index: number) => readonly (string | false | undefined)[],
): readonly string[] {
  return path.flatMap((each, index) =>
    problems(each, index).flatMap((problem) => (problem ? [`${nameOf(each.certificate)} ${problem}`] : [])),
  );
}

function checkAnchor({ trustAnchor, chain }: CheckedChain): string | undefined {
  const top = chain.at(-1);
  if (trustAnchor || !top) {
    return undefined;
  }
  const namesake = TRUST_ANCHORS.find((anchor) => namesAnchor(top, anchor));
  if (namesake) {
    return (
      `the chain names ${namesake.displayName} as its root, but the key of this root did not sign it. ` +
      'The chain may be a forgery: do not trust it'
    );
  }
  return (
    `the chain ends at ${nameOf(top.certificate)}, which is not a known trust anchor. If you trust it, ` +
    `add its SHA-256 fingerprint to the setting trustAnchors or to --trust: ${fingerprintOf(top.certificate)}`
  );
}

/** RFC 5280, 6.1.4: what an issuer may sign. */
function checkIssuers({ path }: CheckedChain): string | undefined {
  return withDetails('an issuer does not meet the requirements for a CA', [
    ...(path.length === 1 ? ['the root issued the leaf itself, without an issuing CA for mark certificates'] : []),
    ...problemsOf(path, (issuer, index) => (index > 0 ? issuerProblems(issuer, path.slice(0, index)) : [])),
  ]);
}

function checkLeafUsage({ leaf: { extendedKeyUsage } }: CheckedChain): string | undefined {
  if (extendedKeyUsage.length === 0) {
    return 'the extended key usage of the leaf cannot be read';
  }
  const others = extendedKeyUsage.filter((oid) => oid !== BIMI_USAGE);
  return withDetails('the extended key usage of the leaf contains other usages than that of mark certificates', others);
}

function checkExtensions({ path }: CheckedChain): string | undefined {
  const problems = problemsOf(path, (each, index) => extensionProblems(each, index === 0));
  const refused = path.flatMap((each, index) => {
    const issuer = path[index + 1];
    return issuer && isRefusedByOpenSsl(each, issuer) ? [each] : [];
  });
  return withDetails('a certificate contains an extension that cannot be evaluated, so verifiers refuse the chain', [
    ...problems,
    // OpenSSL reads some extensions more strictly than the report.
    ...(problems.length === 0
      ? problemsOf(refused, () => ['or its issuer has an extension that OpenSSL refuses'])
      : []),
  ]);
}

/** Whether OpenSSL refuses the issuer of a certificate for a reason that no other finding names. */
function isRefusedByOpenSsl(certificate: CertificateFields, issuer: CertificateFields): boolean {
  const isNamed =
    !issuer.keyCertSign ||
    [certificate, issuer].some(
      ({ duplicateExtensions, malformedExtensions }) => duplicateExtensions.length + malformedExtensions.length > 0,
    );
  return !isNamed && !certificate.certificate.checkIssued(issuer.certificate);
}

function checkPilotExtension({ leaf }: CheckedChain): string | undefined {
  if (!leaf.extension(PILOT_EXTENSION)) {
    return undefined;
  }
  if (leaf.criticalExtensions.includes(PILOT_EXTENSION)) {
    return `some verifiers refuse the chain, because the leaf has the critical extension of the BIMI pilot (${PILOT_EXTENSION})`;
  }
  return leaf.certificate.validFromDate >= PILOT_END
    ? `the leaf has the extension of the BIMI pilot (${PILOT_EXTENSION}), which is forbidden since ${PILOT_END.toISOString().slice(0, 10)}`
    : undefined;
}

function checkStrength({ path, trustAnchor, rootDelivered }: CheckedChain): string | undefined {
  // No verifier relies on the signature of a root or of another trust anchor.
  const unsigned = (trustAnchor ? trustAnchor.delivered : rootDelivered) ? path.length - 1 : path.length;
  return withDetails(
    'the chain contains weak or unusual keys or signatures',
    problemsOf(path, (each, index) => {
      const weaknesses = [keyWeakness(each, index === 0), ...(index < unsigned ? signatureWeaknesses(each) : [])];
      return weaknesses.map((weakness) => weakness && `has ${weakness}`);
    }),
  );
}

/** The key of an issuer has verified a signature, so OpenSSL can read it. */
function keyWeakness({ certificate, publicKeyInfo }: CertificateFields, isLeaf: boolean): string | false | undefined {
  const { algorithm, curve, rsa } = publicKeyInfo;
  const details = () => attempt(() => certificate.publicKey);
  if (isLeaf && !details()) {
    return 'a key that OpenSSL cannot read';
  }
  if (rsa) {
    return (rsa.modulus < RSA_BITS_MINIMUM || rsa.modulus > RSA_BITS_LIMIT) && `an RSA key of ${rsa.modulus} bits`;
  }
  if (algorithm === EC_KEY) {
    const name = () => details()?.asymmetricKeyDetails?.namedCurve ?? curve;
    return (curve === undefined || !CURVES.has(curve)) && `a key on the curve ${name() ?? 'that has no name'}`;
  }
  return `a key of the type ${details()?.asymmetricKeyType ?? algorithm}`;
}

function signatureWeaknesses({ signatureAlgorithm: { hash, isPss } }: CertificateFields): readonly (string | false)[] {
  return [hash === 'SHA-1' && 'a SHA-1 signature', isPss && 'an RSA-PSS signature, which some receivers may refuse'];
}

/** Whether a CA of Entrust, or Entrust's root that was not delivered, issued the leaf. */
function isFromEntrust(path: readonly CertificateFields[]): boolean {
  const root = TRUST_ANCHORS.find(({ issuedUntil }) => issuedUntil?.apple);
  const top = path.at(-1);
  return (
    path.some(
      ({ subject }, index) =>
        index > 0 && subject.some(({ oid, value }) => oid === ORGANIZATION && /^Entrust\b/i.test(value)),
    ) || Boolean(root && top && namesAnchor(top, root))
  );
}
