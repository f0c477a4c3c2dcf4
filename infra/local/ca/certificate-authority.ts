/**
 * A certificate authority for tests. Its mark certificates have the same fields as those of Sectigo, under a root that
 * nobody trusts. The model is a public leaf that Sectigo issued in April 2026.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { AsnConvert } from '@peculiar/asn1-schema';
import * as asn1 from '@peculiar/asn1-x509';
import { pem } from './containers.ts';
import { type CrlContent, type IssuedCrl, signCrl } from './crls.ts';
import {
  BOOLEAN,
  element,
  explicit,
  INTEGER,
  OCTET_STRING,
  objectIdentifier,
  PRINTABLE_STRING,
  SEQUENCE,
  SET,
  UTF8_STRING,
} from './der.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  caIssuers,
  certificateSigning,
  crlDistributionPoint,
  type Extension,
  extendedKeyUsage,
  logotype,
  logotypeImage,
  oid,
  policies,
  type SignatureHash,
  subjectAltNames,
  subjectKeyIdentifier,
} from './mark-extensions.ts';
import { remembered } from './remembered.ts';
import { withSignature } from './signed.ts';
import {
  createTransparencyLog,
  generateLogKey,
  type Precertificate,
  sctList,
  type TransparencyLog,
} from './transparency-log.ts';

/** A Registered Mark and a Government Mark are a VMC, the others a CMC. */
export type MarkType = 'Registered Mark' | 'Government Mark' | 'Prior Use Mark' | 'Modified Registered Mark';

/** One attribute of a subject. Each is in a separate RDN. */
export interface SubjectAttribute {
  readonly oid: string;
  readonly value: string;
}

/** Returns the items that a certificate gets in place of the default ones. */
export type Change<Item> = (defaults: readonly Item[]) => readonly Item[];

/** How a certificate differs from the default one of its kind. */
export interface CertificateChanges {
  readonly attributes?: Change<SubjectAttribute>;
  readonly extensions?: Change<Extension>;
  /** Whole seconds; default: now. */
  readonly notBefore?: Date;
  /**
   * Whole seconds; default: 365 days after notBefore for a leaf, 10 years for the issuing CA, 25 years for the root.
   */
  readonly notAfter?: Date;
  /** The hash of the signature on this certificate; default: SHA-256. */
  readonly signatureHash?: SignatureHash;
  /** Another signature on this certificate, with the DER of its AlgorithmIdentifier. */
  readonly signing?: {
    readonly algorithm: Uint8Array;
    readonly sign: (bytes: Uint8Array, key: KeyObject) => Uint8Array;
  };
}

/** An order of a customer, and how its certificate differs from the default one. */
export interface MarkCertificateRequest extends CertificateChanges {
  /** The dNSNames of the certificate, byte for byte. An empty list makes an invalid certificate. */
  readonly domains: readonly string[];
  /** Selects the markType: Registered Mark for VMC (the default), Prior Use Mark for CMC. */
  readonly product?: 'VMC' | 'CMC';
  /** Takes precedence over `product`. */
  readonly markType?: MarkType;
  /** The organization; default: a fictitious one. */
  readonly owner?: string;
  /** The uncompressed logo; default: a small SVG Tiny PS with the owner as its title. */
  readonly svg?: string | Uint8Array;
  /** Whether the hash algorithm of the logotype has NULL parameters; default: none, as in the real leaf. */
  readonly nullParameters?: boolean;
  /** The key to certify; default: a new EC P-256 key. Nothing is signed with it, so the private key is not needed. */
  readonly publicKey?: KeyObject;
  /**
   * Returns the signed certificate timestamps; default: one of the authority's log, at notBefore or, without one, now.
   * They are made after all other changes, and replace the value of the default SCT extension, wherever `extensions`
   * keeps it.
   */
  readonly scts?: (precertificate: Precertificate, log: TransparencyLog) => readonly Uint8Array[];
}

/** An issued certificate and its issuers, each DER. */
export interface IssuedMarkCertificate {
  readonly leaf: Uint8Array;
  readonly issuing: Uint8Array;
  readonly root: Uint8Array;
  /** Leaf, issuing CA, root. */
  readonly chain: readonly Uint8Array[];
  /** The embedded logo, uncompressed. */
  readonly svg: Uint8Array;
}

/** A root and an issuing CA, which issues mark certificates. */
export interface CertificateAuthority {
  /** The self-signed root, DER: RSA-4096. */
  readonly root: Uint8Array;
  /** The CA that signs the leaves, DER: RSA-3072. */
  readonly issuing: Uint8Array;
  /** The log whose SCTs the leaves contain. */
  readonly log: TransparencyLog;
  /** Issues a certificate, within a few milliseconds. */
  issue(request: MarkCertificateRequest): IssuedMarkCertificate;
  /**
   * The CRLs of the issuing CA and of the root, in the order of a chain, with the URLs that the certificates name. Each
   * certificate is on the list of its issuer.
   */
  crls(content?: CrlContent): readonly IssuedCrl[];
  /**
   * The same keys with other certificates, so that a test with a fault above the leaf needs no new keys. With a changed
   * root or another server, the issuing CA gets a new certificate too.
   */
  with(changes: AuthorityChanges): CertificateAuthority;
}

/** How an authority differs from another one with the same keys. */
export interface AuthorityChanges {
  readonly root?: CertificateChanges;
  readonly issuing?: CertificateChanges;
  /** Where the CRLs are, without the final slash. The default server does not exist. */
  readonly crlServer?: string;
}

export interface CertificateAuthorityOptions {
  /**
   * The folder that stores the authority between runs, with its private keys. It is created if missing. A stored
   * authority is replaced if it is damaged or would expire before a leaf that is issued today. Default: nothing is
   * stored.
   */
  readonly directory?: string;
  /** The lengths of the new RSA keys in bits; default: {@link KEY_BITS}. Short keys are for tests of many authorities. */
  readonly keyBits?: KeyBits;
  /** How the certificates of a new authority differ from the usual ones. */
  readonly changes?: AuthorityChanges;
}

interface KeyBits {
  readonly root: number;
  readonly issuing: number;
}

/** The lengths of the keys of the real authorities. */
const KEY_BITS: KeyBits = { root: 4096, issuing: 3072 };

interface Keys {
  readonly root: KeyObject;
  readonly issuing: KeyObject;
  /** The key of the certificate transparency log. */
  readonly log: KeyObject;
}

/** A certificate before it is signed. */
interface Draft {
  readonly attributes: readonly SubjectAttribute[];
  readonly extensions: readonly Extension[];
  readonly publicKey: KeyObject;
  readonly lifetimeDays: number;
}

const DAY = 24 * 60 * 60 * 1000;
const LEAF_DAYS = 365;

/**
 * Creates an authority, or loads the stored one. The two new RSA keys take up to several seconds, so create one
 * authority and issue every certificate from it.
 */
export async function createCertificateAuthority(
  options: CertificateAuthorityOptions = {},
): Promise<CertificateAuthority> {
  if (options.directory === undefined) {
    return newAuthority(await generateKeys(options.keyBits), options.changes);
  }
  const file = path.join(options.directory, 'certificate-authority.pem');
  const stored = await load(file);
  if (stored) {
    return stored;
  }
  const keys = await generateKeys(options.keyBits);
  const created = newAuthority(keys, options.changes);
  await save(file, created, keys);
  return created;
}

/** The paths of the CRLs on their server. */
const CRL_PATHS = { root: '/VMC-Root-RSA-CA.crl', issuing: '/VMC-Issuing-RSA-CA.crl' };
const CRL_SERVER = 'http://crls.mark-certificates.test';

function authority(keys: Keys, root: Uint8Array, issuing: Uint8Array, crlServer = CRL_SERVER): CertificateAuthority {
  const log = createTransparencyLog(keys.log);
  return {
    root,
    issuing,
    log,
    issue: (request) => {
      const svg = Buffer.from(request.svg ?? exampleLogo(ownerOf(request)));
      const draft = leafDraft(request, svg, publicKeyOf(keys.issuing), crlServer);
      const timestamp = request.notBefore ?? new Date();
      const { scts = (precertificate) => [log.sign(precertificate, { timestamp })] } = request;
      const leaf = certify(draft, request, keys.issuing, issuing, (precertificate) => scts(precertificate, log));
      return { leaf, issuing, root, chain: [leaf, issuing, root], svg };
    },
    crls: (content) => [
      { url: crlServer + CRL_PATHS.issuing, bytes: signCrl(issuing, keys.issuing, content) },
      { url: crlServer + CRL_PATHS.root, bytes: signCrl(root, keys.root, content) },
    ],
    with: (changes) => {
      const otherRoot = changes.root ? certifyRoot(keys, changes.root) : root;
      const { crlServer: otherServer = crlServer } = changes;
      const untouched = !changes.root && !changes.issuing && otherServer === crlServer;
      const otherIssuing = untouched ? issuing : certifyIssuing(keys, otherRoot, changes.issuing, otherServer);
      return authority(keys, otherRoot, otherIssuing, otherServer);
    },
  };
}

function newAuthority(keys: Keys, changes: AuthorityChanges = {}): CertificateAuthority {
  const root = certifyRoot(keys);
  return authority(keys, root, certifyIssuing(keys, root)).with(changes);
}

async function generateKeys(bits: KeyBits = KEY_BITS): Promise<Keys> {
  const generate = promisify(generateKeyPair);
  const [root, issuing] = await Promise.all([
    generate('rsa', { modulusLength: bits.root }),
    generate('rsa', { modulusLength: bits.issuing }),
  ]);
  return { root: root.privateKey, issuing: issuing.privateKey, log: generateLogKey() };
}

// One file and a rename: two processes that create an authority at once cannot mix the root of one with the CA of the
// other.
async function save(file: string, { root, issuing }: CertificateAuthority, keys: Keys): Promise<void> {
  const content = [pem([root]), pkcs8(keys.root), pem([issuing]), pkcs8(keys.issuing), pkcs8(keys.log)].join('');
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await writeFile(temporary, content, { mode: 0o600 });
  await rename(temporary, file);
}

async function load(file: string): Promise<CertificateAuthority | undefined> {
  try {
    const blocks = (await readFile(file, 'utf8')).match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----\n/g) ?? [];
    const [root = '', rootKey = '', issuing = '', issuingKey = '', logKey = ''] = blocks;
    const keys = {
      root: createPrivateKey(rootKey),
      issuing: createPrivateKey(issuingKey),
      log: createPrivateKey(logKey),
    };
    const certificates = { root: new X509Certificate(root), issuing: new X509Certificate(issuing) };
    return isUsable(certificates, keys)
      ? authority(keys, new Uint8Array(certificates.root.raw), new Uint8Array(certificates.issuing.raw))
      : undefined;
  } catch {
    // A missing and an unreadable file have the same effect: a new authority. If the folder is the problem, save()
    // throws.
    return undefined;
  }
}

function isUsable(certificates: { root: X509Certificate; issuing: X509Certificate }, keys: Keys): boolean {
  const { root, issuing } = certificates;
  const outlivesALeaf = (certificate: X509Certificate) =>
    certificate.validFromDate.getTime() <= Date.now() &&
    certificate.validToDate.getTime() > Date.now() + (LEAF_DAYS + 1) * DAY;
  return (
    root.verify(root.publicKey) &&
    issuing.verify(root.publicKey) &&
    root.checkPrivateKey(keys.root) &&
    issuing.checkPrivateKey(keys.issuing) &&
    outlivesALeaf(root) &&
    outlivesALeaf(issuing) &&
    keys.log.asymmetricKeyDetails?.namedCurve === 'prime256v1'
  );
}

function pkcs8(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function certifyRoot(keys: Keys, changes: CertificateChanges = {}): Uint8Array {
  const publicKey = publicKeyOf(keys.root);
  const draft = {
    attributes: authorityName('US', 'SSL.com', 'VMC Root RSA CA'),
    publicKey,
    lifetimeDays: 25 * 365,
    extensions: [
      basicConstraints({ cA: true }),
      authorityKeyIdentifier(publicKey),
      subjectKeyIdentifier(publicKey),
      certificateSigning(),
    ],
  } satisfies Draft;
  return certify(draft, changes, keys.root);
}

function certifyIssuing(
  keys: Keys,
  root: Uint8Array,
  changes: CertificateChanges = {},
  crlServer = CRL_SERVER,
): Uint8Array {
  const publicKey = publicKeyOf(keys.issuing);
  const draft = {
    attributes: authorityName('GB', 'Sectigo Limited', 'VMC Issuing RSA CA'),
    publicKey,
    lifetimeDays: 10 * 365,
    extensions: [
      basicConstraints({ cA: true, pathLenConstraint: 0 }),
      authorityKeyIdentifier(publicKeyOf(keys.root)),
      caIssuers('http://cert.mark-certificates.test/VMC-Root-RSA-CA.cer'),
      policies([{ id: asn1.id_ce_certificatePolicies_anyPolicy }]),
      extendedKeyUsage(),
      crlDistributionPoint(crlServer + CRL_PATHS.root),
      subjectKeyIdentifier(publicKey),
      certificateSigning(),
    ],
  } satisfies Draft;
  return certify(draft, changes, keys.root, root);
}

function authorityName(country: string, original: string, commonName: string): SubjectAttribute[] {
  return [
    { oid: oid.countryName, value: country },
    { oid: oid.organizationName, value: `Local Look-alike of ${original}` },
    { oid: oid.commonName, value: `(made on this machine) ${commonName}` },
  ];
}

/** The extensions that all leaves have. */
const LEAF_CONSTRAINTS = basicConstraints({ cA: false });
const LEAF_ISSUER = caIssuers('http://cert.mark-certificates.test/VMC-Issuing-RSA-CA.cer');
const LEAF_POLICIES = policies([
  { id: oid.examplePolicy, statement: 'https://www.mark-certificates.test/repository' },
  { id: oid.generalPolicy },
]);
const LEAF_USAGE = extendedKeyUsage();

/** The order is that of the real leaf, which has neither a commonName nor a keyUsage. */
function leafDraft(request: MarkCertificateRequest, svg: Uint8Array, issuingKey: KeyObject, crlServer: string): Draft {
  const publicKey = request.publicKey ?? generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  const markType = request.markType ?? (request.product === 'CMC' ? 'Prior Use Mark' : 'Registered Mark');
  return {
    attributes: [
      { oid: oid.countryName, value: 'GB' },
      { oid: oid.stateOrProvinceName, value: 'Greater Manchester' },
      { oid: oid.localityName, value: 'Salford' },
      { oid: oid.organizationName, value: ownerOf(request) },
      { oid: oid.organizationalUnitName, value: 'Brand' },
      { oid: oid.serialNumber, value: '01234567' },
      { oid: oid.markType, value: markType },
      ...MARK_ATTRIBUTES[markType],
      { oid: oid.businessCategory, value: 'Private Organization' },
      { oid: oid.streetAddress, value: '1 Example Street' },
      { oid: oid.jurisdictionStateOrProvinceName, value: 'England' },
      { oid: oid.jurisdictionCountryName, value: 'GB' },
    ],
    publicKey,
    lifetimeDays: LEAF_DAYS,
    extensions: [
      LEAF_CONSTRAINTS,
      authorityKeyIdentifier(issuingKey),
      LEAF_ISSUER,
      subjectAltNames(request.domains),
      LEAF_POLICIES,
      LEAF_USAGE,
      crlDistributionPoint(crlServer + CRL_PATHS.issuing),
      subjectKeyIdentifier(publicKey),
      logotype(logotypeImage(svg, undefined, { nullParameters: request.nullParameters })),
      PENDING_SCTS,
    ],
  };
}

/** Marks the place of the SCTs among the extensions. Their signature covers all others, so it is made last. */
const PENDING_SCTS: Extension = { oid: oid.sctList, value: new Uint8Array() };

const REGISTERED_TRADEMARK = [
  { oid: oid.trademarkCountry, value: 'GB' },
  { oid: oid.trademarkOffice, value: 'Intellectual Property Office' },
  { oid: oid.trademarkIdentifier, value: 'UK00001234567' },
  { oid: oid.legalEntityIdentifier, value: '00000000000000000098' },
] satisfies SubjectAttribute[];

/** The attributes that prove the right to each kind of mark. */
const MARK_ATTRIBUTES = {
  'Registered Mark': REGISTERED_TRADEMARK,
  'Modified Registered Mark': REGISTERED_TRADEMARK,
  'Government Mark': [
    { oid: oid.statuteCountry, value: 'GB' },
    { oid: oid.statuteCitation, value: 'Example Marks Act 1994, section 1' },
  ],
  'Prior Use Mark': [{ oid: oid.priorUseSourceUrl, value: 'https://archive.mark-certificates.test/2020/logo' }],
} satisfies Record<MarkType, SubjectAttribute[]>;

function ownerOf(request: MarkCertificateRequest): string {
  return request.owner ?? 'Example Brand Limited';
}

/** A valid SVG Tiny PS: version 1.2, baseProfile tiny-ps, a title, square, without x, y and external references. */
function exampleLogo(owner: string): string {
  const title = owner.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 64 64">
  <title>${title}</title>
  <rect width="64" height="64" fill="#14324a"/>
  <circle cx="32" cy="32" r="22" fill="none" stroke="#f2b632" stroke-width="5"/>
  <path d="M21 33l8 8 15-18" fill="none" stroke="#ffffff" stroke-width="6"/>
</svg>
`;
}

/** X.520 and the EV guidelines require PrintableString for these. In the real leaf, all others are UTF8String. */
const PRINTABLE: ReadonlySet<string> = new Set([oid.countryName, oid.serialNumber, oid.jurisdictionCountryName]);

const SIGNATURE_ALGORITHMS = {
  'SHA-1': '1.2.840.113549.1.1.5',
  'SHA-256': '1.2.840.113549.1.1.11',
  'SHA-384': '1.2.840.113549.1.1.12',
  'SHA-512': '1.2.840.113549.1.1.13',
} satisfies Record<SignatureHash, string>;

/**
 * Signs a draft with an RSA key. Without the issuer's certificate, the result is self-signed.
 *
 * @param sctsOf returns the SCTs of a certificate that contains {@link PENDING_SCTS}.
 */
function certify(
  draft: Draft,
  changes: CertificateChanges,
  privateKey: KeyObject,
  issuer?: Uint8Array,
  sctsOf: (precertificate: Precertificate) => readonly Uint8Array[] = () => [],
): Uint8Array {
  const subject = name(changes.attributes?.(draft.attributes) ?? draft.attributes);
  const extensions = changes.extensions?.(draft.extensions) ?? draft.extensions;
  const notBefore = changes.notBefore ?? wholeSecond(Date.now());
  const notAfter = changes.notAfter ?? new Date(notBefore.getTime() + draft.lifetimeDays * DAY);
  const hash = changes.signatureHash ?? 'SHA-256';
  const signatureAlgorithm = changes.signing
    ? AsnConvert.parse(changes.signing.algorithm, asn1.AlgorithmIdentifier)
    : new asn1.AlgorithmIdentifier({ algorithm: SIGNATURE_ALGORITHMS[hash], parameters: null });
  const fields = [
    element(explicit(0), element(INTEGER, Buffer.of(asn1.Version.v3))),
    element(INTEGER, serialNumber()),
    serialize(signatureAlgorithm),
    issuer ? subjectOf(issuer) : subject,
    serialize(new asn1.Validity({ notBefore, notAfter })),
    subject,
    draft.publicKey.export({ type: 'spki', format: 'der' }),
  ];
  const withExtensions = (list: readonly Extension[]) =>
    element(SEQUENCE, ...fields, element(explicit(3), element(SEQUENCE, ...list.map(extensionOf))));
  // A test may have removed, replaced or repeated the place of the SCTs, or made it critical.
  const isPending = ({ value }: Extension) => value === PENDING_SCTS.value;
  let complete = extensions;
  if (extensions.some(isPending)) {
    const { value } = sctList(
      sctsOf({
        tbsCertificate: withExtensions(extensions.filter((each) => each.oid !== oid.sctList)),
        issuerKeyHash: keyHashOf(privateKey),
      }),
    );
    complete = extensions.map((each) => (isPending(each) ? { ...each, value } : each));
  }
  const signed = withExtensions(complete);
  const signature = changes.signing?.sign(signed, privateKey) ?? sign(hash, signed, privateKey);
  return withSignature(signed, signatureAlgorithm, signature);
}

/** RFC 5280, 4.1: `critical` is only written if it is true. */
function extensionOf({ oid: id, critical = false, value }: Extension): Buffer {
  const flag = critical ? [element(BOOLEAN, Buffer.of(0xff))] : [];
  return element(SEQUENCE, objectIdentifier(id), ...flag, element(OCTET_STRING, value));
}

function name(attributes: readonly SubjectAttribute[]): Buffer {
  const rdns = attributes.map(({ oid: type, value }) => {
    const text = PRINTABLE.has(type)
      ? element(PRINTABLE_STRING, Buffer.from(value, 'latin1'))
      : element(UTF8_STRING, Buffer.from(value));
    return element(SET, element(SEQUENCE, objectIdentifier(type), text));
  });
  return element(SEQUENCE, ...rdns);
}

/** 16 octets, positive and without a leading zero. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return bytes;
}

const publicKeyOf = remembered((privateKey: KeyObject) => createPublicKey(privateKey));

/** The SHA-256 of the public key that belongs to a key. */
const keyHashOf = remembered((privateKey: KeyObject) =>
  createHash('SHA-256')
    .update(publicKeyOf(privateKey).export({ type: 'spki', format: 'der' }))
    .digest(),
);

/** The name of a certificate, DER. */
const subjectOf = remembered((certificate: Uint8Array) =>
  serialize(AsnConvert.parse(certificate, asn1.Certificate).tbsCertificate.subject),
);

function serialize(value: unknown): Buffer {
  return Buffer.from(AsnConvert.serialize(value));
}

/** Dates in certificates have no milliseconds. */
function wholeSecond(milliseconds: number): Date {
  return new Date(Math.floor(milliseconds / 1000) * 1000);
}
