import { DAY_MILLISECONDS } from '../../days.ts';
import { type CheckedChain, type FindingTable, nameOf, withDetails } from '../checked-chain.ts';
import { BIMI_USAGE } from '../mark/mark.ts';
import { attempt } from '../x509/fields.ts';

/** Key usage and basic constraints: every verifier knows them. */
const KNOWN_CRITICAL_EXTENSIONS = new Set(['2.5.29.15', '2.5.29.19']);
/** The longest validity that the Mark Certificate Requirements allow. */
const LIFETIME_LIMIT_DAYS = 398;
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

/** Findings about the certificates of the chain, their signatures and their trust anchor. */
export const PATH_FINDINGS = {
  'untrusted-root': {
    severity: 'error',
    check: ({ trustAnchor }) => !trustAnchor && 'no issuer in the chain is a known trust anchor',
  },
  'ca-flags': { severity: 'error', check: checkIssuers },
  'leaf-eku': { severity: 'error', check: checkLeafUsage },
  validity: { severity: 'error', check: checkValidity },
  'duplicate-extension': {
    severity: 'error',
    check: ({ chain }) =>
      withDetails(
        'a certificate contains the same extension more than once',
        chain.flatMap(({ certificate, duplicateExtensions }) =>
          duplicateExtensions.map((oid) => `${nameOf(certificate)} repeats ${oid}`),
        ),
      ),
  },
  'critical-extension': {
    severity: 'warning',
    check: ({ chain }) =>
      withDetails(
        'some verifiers refuse the chain, because they do not know these critical extensions',
        chain.flatMap(({ criticalExtensions }) =>
          criticalExtensions.filter((oid) => !KNOWN_CRITICAL_EXTENSIONS.has(oid)),
        ),
      ),
  },
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
  'root-absent': {
    severity: 'warning',
    check: ({ rootDelivered }) =>
      !rootDelivered && 'the file does not contain the root of the chain, which one mailbox provider requires',
  },
} as const satisfies FindingTable;

function checkLeafUsage({ leaf: { extendedKeyUsage } }: CheckedChain): string | undefined {
  if (extendedKeyUsage.length === 0) {
    return 'the extended key usage of the leaf cannot be read';
  }
  const others = extendedKeyUsage.filter((oid) => oid !== BIMI_USAGE);
  return withDetails('the leaf may be used not only as a mark certificate but also for', others);
}

/** RFC 5280, 4.2.1.3 and 4.2.1.9: an issuer may sign certificates, and its path length limits the CAs below it. */
function checkIssuers({ chain }: CheckedChain): string | undefined {
  const problems = chain.slice(1).flatMap(({ certificate, basicConstraints, keyCertSign, extendedKeyUsage }, below) => {
    const { pathLength } = basicConstraints ?? {};
    return [
      !basicConstraints?.cA && 'is not a CA certificate',
      !keyCertSign && 'may not sign certificates',
      pathLength !== undefined &&
        pathLength < below &&
        `has more CAs below it (${below}) than its path length allows (${pathLength})`,
      below === 0 && !extendedKeyUsage.includes(BIMI_USAGE) && 'may not issue mark certificates',
    ].flatMap((problem) => (problem ? [`${nameOf(certificate)} ${problem}`] : []));
  });
  return withDetails('an issuer does not meet the requirements for a CA', problems);
}

function checkValidity({ chain, at }: CheckedChain): string | undefined {
  const problems = chain.flatMap(({ certificate }) => {
    const { validFromDate, validToDate } = certificate;
    if (at < validFromDate) {
      return [`${nameOf(certificate)} is not valid before ${validFromDate.toISOString()}`];
    }
    return at > validToDate ? [`${nameOf(certificate)} was valid until ${validToDate.toISOString()}`] : [];
  });
  return withDetails(`the chain is not valid at ${at.toISOString()}`, problems);
}

function checkStrength({ chain, rootDelivered }: CheckedChain): string | undefined {
  const problems = chain.flatMap(({ certificate, signatureAlgorithm }, index) => {
    const key = attempt(() => certificate.publicKey);
    const { asymmetricKeyType: type = '', asymmetricKeyDetails: { modulusLength = 0, namedCurve = '' } = {} } =
      key ?? {};
    const weakKey =
      (!key && 'a key that OpenSSL cannot read') ||
      (type.startsWith('rsa') && modulusLength < 2048 && `an RSA key of ${modulusLength} bits`) ||
      (type === 'ec' && !CURVES.has(namedCurve) && `a key on the curve ${namedCurve}`) ||
      (key && !type.startsWith('rsa') && type !== 'ec' && `a key of the type ${type}`);
    // No verifier relies on a root's own signature.
    const isRoot = rootDelivered && index === chain.length - 1;
    const weakSignature = !isRoot && signatureAlgorithm.hash === 'SHA-1' && 'a SHA-1 signature';
    return [weakKey, weakSignature].flatMap((weakness) => (weakness ? [`${nameOf(certificate)} has ${weakness}`] : []));
  });
  return withDetails('the chain contains weak keys or signatures', problems);
}
