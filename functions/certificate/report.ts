/**
 * The library: a chain in bytes, and what is expected of it, become a report. It uses no AWS, no network, no file and no
 * clock.
 */
import { DEFAULT_SELECTOR } from '../bimi.ts';
import type { CheckedChain } from './checked-chain.ts';
import { decodeCertificates } from './container/decode.ts';
import { PrivateKeyFoundError, searchForPrivateKey } from './container/private-key.ts';
import { type Finding, findingsOf, isFinding, sortFindings } from './findings.ts';
import { InvalidChainError, type LeafDescription } from './invalid-chain.ts';
import { describeLeaf } from './leaf.ts';
import { readLogo } from './logo/logotype.ts';
import type { Product } from './mark/mark.ts';
import { buildChain, type Chain, oneLine, writeChainPem } from './path/chain.ts';
import { anchorKey, anchorKeyInfo, anchorName, TRUST_ANCHORS, type TrustAnchor } from './path/trust-anchors.ts';
import { type ReceiverVerdict, receiversOf } from './receivers.ts';
import type { CrlEntry, FetchedCrl } from './revocation/crl.ts';
import { isFromCrls } from './revocation/findings.ts';
import { listedBeside, type Revocation, type RevocationOptions, revocationOf } from './revocation/revocation.ts';
import { type Sct, sctsOf } from './transparency/sct.ts';
import { explainWithoutChain } from './without-chain.ts';
import { fingerprintOf } from './x509/fingerprint.ts';

export type { Severity } from './checked-chain.ts';
export { type KeySearch, PrivateKeyFoundError, searchForPrivateKey } from './container/private-key.ts';
export type { Finding, FindingId } from './findings.ts';
export { InvalidChainError, type LeafDescription } from './invalid-chain.ts';
export type { NamedAttributes, Product } from './mark/mark.ts';
export type { TrustAnchor } from './path/trust-anchors.ts';
export type { ReceiverVerdict } from './receivers.ts';
export type { CrlEntry, FetchedCrl } from './revocation/crl.ts';
export type { CertificateRevocation, Revocation } from './revocation/revocation.ts';
export { crlUrlsOf } from './revocation/revocation.ts';
export type { Sct, SctStatus } from './transparency/sct.ts';

/** The description of a validated chain: its leaf, and what the checks say. */
export interface CertificateReport extends LeafDescription {
  /** Whether no finding is an error. */
  readonly publishable: boolean;
  /** Leaf first. */
  readonly chain: readonly CertificateIdentity[];
  /** The trust anchor that validates the chain, the nearest to the leaf; null if there is none. */
  readonly trustAnchor: TrustAnchor | null;
  readonly policies: readonly string[];
  readonly crlUrls: readonly string[];
  /** The signed certificate timestamps of the leaf, in their order. */
  readonly scts: readonly Sct[];
  /** The result of the CRLs; null if none were given. */
  readonly revocation: Revocation | null;
  readonly findings: readonly Finding[];
  /** Whether each receiver displays the logo. */
  readonly receivers: readonly ReceiverVerdict[];
}

/** The subject and the SHA-256 fingerprint (lower-case hex) of one certificate, and where its CRLs are. */
export interface CertificateIdentity {
  readonly subject: string;
  readonly fingerprintSha256: string;
  readonly crlUrls: readonly string[];
}

/** A chain that was decoded, validated and checked. */
export interface MarkCertificate {
  readonly report: CertificateReport;
  readonly chainPem: string;
  /** The logo, inflated, byte for byte. */
  readonly logo: Uint8Array | undefined;
  /**
   * The report with the CRLs of the chain, which become known only after the chain. The chain is not read again.
   *
   * @throws {InvalidChainError} never because of the bytes of a CRL: those that do not count are a finding.
   */
  withCrls(crls: readonly FetchedCrl[]): CertificateReport;
  /**
   * What CRLs change in a report that is stored already. Its other findings stay: they come from what was ordered, and from
   * the container, which the chain alone does not show.
   *
   * @throws {InvalidChainError} never because of the bytes of a CRL.
   */
  assessCrls(crls: readonly FetchedCrl[], findings: readonly KnownFinding[]): CrlAssessment;
  /**
   * The certificates of the same issuer, with the same URLs of CRLs, that the CRLs list.
   *
   * @param serials the contents of the INTEGERs of their serial numbers (X.690, 8.3).
   * @returns the entries by serial number in hex.
   */
  listedBeside(crls: readonly FetchedCrl[], serials: readonly Buffer[]): ReadonlyMap<string, CrlEntry>;
}

/** A stored finding. Another release can have stored it under an id that this one does not know. */
export interface KnownFinding extends Pick<Finding, 'severity' | 'message'> {
  /** The id of a finding of this or another release. */
  readonly id: string;
}

/** The part of a report that depends on CRLs. */
export interface CrlAssessment extends Pick<CertificateReport, 'publishable' | 'revocation' | 'receivers'> {
  /** The stored findings, with those of the CRLs in place of the earlier ones. Errors are the first. */
  readonly findings: readonly KnownFinding[];
}

/** What a chain is checked against. */
export interface Expectations {
  /** The moment at which the chain must be valid. */
  readonly at: Date;
  /** The ordered domains, as A-labels in lower case. */
  readonly domains?: readonly string[] | undefined;
  /** The BIMI selector whose record refers to the certificate; default `default`. */
  readonly selector?: string | undefined;
  /** The ordered product. */
  readonly product?: Product | undefined;
  /** SHA-256 fingerprints of certificates that are trusted in addition to the known roots, lower-case hex. */
  readonly trustAnchors?: readonly string[] | undefined;
  /** Keys of logs that are trusted in addition to the known ones: SubjectPublicKeyInfo, base64. */
  readonly ctLogs?: readonly string[] | undefined;
  /** The CRLs of the chain; without them, the report contains no revocation. */
  readonly crls?: readonly FetchedCrl[] | undefined;
  /** Removes secrets from the names of files and PEM blocks, before a finding or a reason quotes them. */
  readonly redact?: ((name: string) => string) | undefined;
}

/** One list, because what is prepared for a list of logs is kept with it. */
const NO_LOGS: readonly string[] = [];

/**
 * Decodes a response of the CA, validates its chain, checks it and describes it. Everything it needs is given to it: it
 * reads no file and no clock, and sends no request.
 *
 * @param bytes a chain in any container: PKCS#7, ZIP, gzip, PEM, DER or base64.
 * @throws {InvalidChainError} if no chain can be built from the bytes. Its message is the reason. No other error is
 * thrown, whatever the bytes are.
 * @throws {PrivateKeyFoundError} if the bytes contain a private key. It is an `InvalidChainError`.
 */
export async function readMarkCertificate(bytes: Uint8Array, expectations: Expectations): Promise<MarkCertificate> {
  try {
    return certificateOf(await readChain(bytes, expectations), expectations);
  } catch (error) {
    throw asInvalidChain(error);
  }
}

/** A fault of this code must not look like a fault of AWS, which is retried with a call to the CA each time. */
function asInvalidChain(error: unknown): InvalidChainError {
  return error instanceof InvalidChainError
    ? error
    : new InvalidChainError(`the file cannot be read: ${error}`, { cause: error });
}

/** The chain in a container, and what else the container holds. */
interface DeliveredChain {
  readonly built: Chain;
  readonly ignored: readonly string[];
}

async function readChain(bytes: Uint8Array, { at, trustAnchors = [], redact }: Expectations): Promise<DeliveredChain> {
  const found = searchForPrivateKey(bytes);
  if (found === 'found') {
    throw new PrivateKeyFoundError();
  }
  if (found === 'unfinished') {
    throw new InvalidChainError(
      'the file cannot be searched for private keys completely: a part is encrypted, too large (several MiB), or compressed ' +
        'by another method than deflate. Remove that part, so that the file contains the certificates alone',
    );
  }
  const { certificates, ignored, damages } = await decodeCertificates(bytes, redact);
  try {
    return { built: buildChain(certificates, { known: TRUST_ANCHORS, pinned: trustAnchors }, at), ignored };
  } catch (error) {
    throw error instanceof InvalidChainError ? explainWithoutChain(error, certificates, damages) : error;
  }
}

/** Everything that does not depend on CRLs is read once. */
function certificateOf({ built, ignored }: DeliveredChain, expectations: Expectations): MarkCertificate {
  const { at, domains: orderedDomains = [], product: orderedProduct } = expectations;
  const { selector = DEFAULT_SELECTOR, ctLogs = NO_LOGS } = expectations;
  const { certificates: chain, path, trustAnchor, rootDelivered } = built;
  const chainPem = writeChainPem(built);
  const [leaf, issuer] = chain;
  const logo = readLogo(leaf);
  const described = describeLeaf(leaf, logo);
  const anchor = TRUST_ANCHORS.find(({ fingerprintSha256 }) => fingerprintSha256 === trustAnchor?.fingerprintSha256);
  const issuerKey = issuer?.publicKeyInfo.der ?? (anchor && anchorKeyInfo(anchor));
  const scts = sctsOf(leaf, { issuerKey, at, ctLogs });
  const deliveredAnchor = trustAnchor?.delivered ? trustAnchor.fingerprintSha256 : undefined;
  const anchorAbove = anchor && !trustAnchor?.delivered ? anchor : undefined;
  const identities = chain.map((each) => ({
    subject: oneLine(each.certificate.subject),
    fingerprintSha256: fingerprintOf(each.certificate),
    crlUrls: each.crlUrls,
  }));

  function revocationOptions(crls: readonly FetchedCrl[]): RevocationOptions {
    const anchor = anchorAbove && { name: anchorName(anchorAbove), key: anchorKey(anchorAbove), maySignCrls: true };
    return { at, crls, deliveredAnchor, anchor };
  }

  function checkWith(crls: readonly FetchedCrl[] | undefined): CheckedChain {
    const revocation = crls ? revocationOf(chain, revocationOptions(crls)) : null;
    return {
      chain,
      path,
      leaf,
      revocation,
      ignored,
      attributes: described.attributes,
      domains: described.domains,
      logo,
      scts,
      trustAnchor,
      rootDelivered,
      pemBytes: chainPem.length,
      at,
      orderedDomains,
      selector,
      orderedProduct,
    };
  }

  function assessCrls(crls: readonly FetchedCrl[], known: readonly KnownFinding[]): CrlAssessment {
    const checked = checkWith(crls);
    const all = [...known.filter((finding) => !isFromCrls(finding)), ...findingsOf(checked).filter(isFromCrls)];
    const findings = sortFindings(all);
    return {
      publishable: findings.every(({ severity }) => severity !== 'error'),
      revocation: checked.revocation,
      findings,
      receivers: receiversOf(checked, findings.filter(isFinding)),
    };
  }

  function reportWith(crls: readonly FetchedCrl[] | undefined): CertificateReport {
    const checked = checkWith(crls);
    const findings = findingsOf(checked);
    return {
      publishable: findings.every(({ severity }) => severity !== 'error'),
      ...described,
      chain: identities,
      trustAnchor,
      policies: leaf.policies,
      crlUrls: leaf.crlUrls,
      scts,
      revocation: checked.revocation,
      findings,
      receivers: receiversOf(checked, findings),
    };
  }

  const svg = typeof logo === 'string' ? undefined : logo.svg;
  return new ReadCertificate(chainPem, svg, reportWith(expectations.crls), {
    reportWith,
    assessCrls,
    listedBeside: (crls, serials) => listedBeside(chain, revocationOptions(crls), serials),
  });
}

/** What can be checked of a chain that is read, once its CRLs are there. */
interface Checks {
  readonly reportWith: (crls: readonly FetchedCrl[]) => CertificateReport;
  readonly assessCrls: MarkCertificate['assessCrls'];
  readonly listedBeside: MarkCertificate['listedBeside'];
}

/** A class, so that two of them are equal if their data are. */
class ReadCertificate implements MarkCertificate {
  readonly chainPem: string;
  readonly logo: Uint8Array | undefined;
  readonly report: CertificateReport;
  readonly #checks: Checks;

  constructor(chainPem: string, logo: Uint8Array | undefined, report: CertificateReport, checks: Checks) {
    this.chainPem = chainPem;
    this.logo = logo;
    this.report = report;
    this.#checks = checks;
  }

  withCrls(crls: readonly FetchedCrl[]): CertificateReport {
    try {
      return this.#checks.reportWith(crls);
    } catch (error) {
      throw asInvalidChain(error);
    }
  }

  assessCrls(crls: readonly FetchedCrl[], findings: readonly KnownFinding[]): CrlAssessment {
    try {
      return this.#checks.assessCrls(crls, findings);
    } catch (error) {
      throw asInvalidChain(error);
    }
  }

  listedBeside(crls: readonly FetchedCrl[], serials: readonly Buffer[]): ReadonlyMap<string, CrlEntry> {
    try {
      return this.#checks.listedBeside(crls, serials);
    } catch (error) {
      throw asInvalidChain(error);
    }
  }
}
