import { createPublicKey, type KeyObject } from 'node:crypto';
import { type CanonicalName, canonicalName } from '../x509/names.ts';

/** The trust anchor that validates a chain. */
export interface TrustAnchor {
  readonly subject: string;
  /** SHA-256 of the anchor's certificate, lower-case hex. */
  readonly fingerprintSha256: string;
  /** Whether the file contains the anchor's certificate. */
  readonly delivered: boolean;
  /** `known` if this release contains the anchor, `settings` if only `trustAnchors` or `--trust` names it. */
  readonly source: 'known' | 'settings';
}

/** A root under which mark certificates are issued: its name and its key (RFC 5280, 6.1.1). */
export interface KnownAnchor {
  /** The name in messages. */
  readonly displayName: string;
  /** The attributes of the subject, in their order. */
  readonly name: readonly (readonly [type: keyof typeof ATTRIBUTE_TYPES, value: string])[];
  /** SHA-256 of the root certificate (DER), lower-case hex. */
  readonly fingerprintSha256: string;
  /** SubjectPublicKeyInfo, base64. Spaces and line ends have no meaning. */
  readonly key: string;
  /** The ids of the receivers that do not know the root. */
  readonly unknownTo?: readonly string[];
  /** The ids of the receivers of which it is not known whether they know the root. */
  readonly notTestedWith?: readonly string[];
  /** By the id of a receiver: it refuses leaves that become valid after this moment. */
  readonly issuedUntil?: Readonly<Record<string, Date>>;
}

/** X.520. */
const ATTRIBUTE_TYPES = {
  C: '2.5.4.6',
  ST: '2.5.4.8',
  L: '2.5.4.7',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  CN: '2.5.4.3',
} as const;

/**
 * The last moment at which Entrust could issue leaves that Apple displays. Source:
 * https://www.entrust.com/tls-certificate-information-center/apple-changes-regarding-entrust-roots
 */
export const ENTRUST_CUTOFF = new Date('2024-11-15T23:59:59Z');

/**
 * The roots under which mark certificates are issued. Source: the CAs' repositories and the chains that they deliver.
 * Sectigo's chains end at the roots of SSL.com, or at Sectigo's own root R49. CONTRIBUTING.md explains how to add one.
 */
export const TRUST_ANCHORS: readonly KnownAnchor[] = [
  {
    displayName: 'Sectigo Public BIMI Root R49',
    name: [
      ['C', 'GB'],
      ['O', 'Sectigo Limited'],
      ['CN', 'Sectigo Public BIMI Root R49'],
    ],
    fingerprintSha256: '0783d68c14cfe5eb1eafda2aa984b7e3a4b8bab000092d2ba02f73757558fdfd',
    key: `
      MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEA1/KGigkjmBXuEKLwd4/dujR8ScFTimUzBFiglICIbgbZMDfnuUQduVnG1Lf03312Ib
      kEZdC8wTVKcrBAuTDXee881AHIqmaNUsALjm8PH3DNK1zxHXmG10UN+t0CMAYkRyzaq326nmiIOWBUogtDGXbNuHp9q5VSjhJt9cPu8/soGP/1
      3fmPB7LSLDllPic+UMKoyirGv43Ix5a1MRLCoNNnaFkhEiJK68TQKrmzvlHyRhkwtZjzEniZDWWYz6z+9RnoISmCUyYMSIbnzjWEHCERrF8DwG
      WSGkY/yjkY4LELhQcBhOSnddkfUx9PybfNkzeJ+LIYxgmvnXGQ/Zgb5EB1f+LEyqDubkepWH3JqIELreb/+4zRk+mq6dh08U3kw4y/k9fBoiOA
      grj5SYCOhon4IxX4UMQvzgTTX5oeS94wgDdiZoxqCIGQd+o0wYLCLN+mMWF1d4OvbYWC9jxxE4KNvoywjNMsmyeJh7Pt8R8yFQfBm+qJA4D+Jy
      euvf004RUb9YDXD/KyUM+g/X3mWdnNNGDmTTXnEmkarrE3UChbBW8qF+st4t73xAYgn2f0AjsOkNZsEyRG/0bA1yM+d+AYKnT2c8VlY1y7+03y
      4ozquqM9350rDWQhJCQurIpoQusN8ysPXvzDVSH8Wq/two7jTeXjfSAR8GuPStlEwR0CAwEAAQ==
    `,
    notTestedWith: ['rspamd', 'halon'],
  },
  {
    displayName: 'SSL.com VMC RSA Root CA 2024',
    name: [
      ['C', 'US'],
      ['O', 'SSL Corporation'],
      ['CN', 'SSL.com VMC RSA Root CA 2024'],
    ],
    fingerprintSha256: '8f9d1b7698886782a599b48510651c66a1aa0c5ca3192097bdc68534154bd30d',
    key: `
      MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAjISCVR058yLDBLXf5D12GjmzBrcdt09kHJY0/CAPW0N09jIJ2jHYXRsnF+sGdQUoJ/
      jpJlXsMRKSf9hMqPu0xKRWvhz0bM1uvtZZIymtUSyAOvAPD9Ez1hzCwU2XHU8W36ANCGK0D97MhE7S57G0GnjT8c/sdDtl44pUHRbvVagG3LpM
      EI36XktVAYYNK9EaZCd1/3OyYhNCl12nXEBtQwC7EWeRLba9gId0RbNJW4RYtqRWHnepxgXuSsNljzaQi6s4LXATAY2R2x9DQcul/xhWEcw6b8
      mgI5dwDv2e+N6HKRlv7tzXOA+BSNF3h39RvCgMHLRjgasbDhD5zRuxzP/GWvF/5JgijMBJQQWM1x+86Q8IuVMePtXzKFBGbnxDfr8Z2dqHAuB1
      HCGThY/mnta2TEmsci92xAmAgf05UvTz0wd84dAe4BzFXnj79gqv8BPqbemCv5mzTrutBgwxz+RMIaJqXf0oyeQfJ3LwB25b7XtTVq4imq3tc6
      2ugLjogxsvbNVANjWXK9R+/Bz7kq1+NhWmeyV7uD5+QS6la9tAcJZlHiIT2MU1HoRMXZ1qYAzH7K4U/51/JzgIBlSgbDPT5mFQhi5N4QwI9K5k
      C8fLS6BM8S5Jzksqcnkkr5s56q1tGRBWYULvh+QCqGQJ/O2+RyQdtMIjm6Sh4q54JEkCAwEAAQ==
    `,
    unknownTo: ['halon'],
  },
  {
    displayName: 'SSL.com VMC ECC Root CA 2024',
    name: [
      ['C', 'US'],
      ['O', 'SSL Corporation'],
      ['CN', 'SSL.com VMC ECC Root CA 2024'],
    ],
    fingerprintSha256: '1b82e7f4910b51e3e802a493acdc17ff58eac8b9eb7c09b52ac6cd2efb83598c',
    key: `
      MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAECVg0oiiTYfYygRGk7rr+18uez9pFttU3weE0Zt7Odc4mFCjMqIegI4I3tsIK4x2kBdWixSm1ez7xKS
      x3weW6H3UnVbVBBWL0rIVLCAxVMDKe4Drhf0xutA3CRloJBc+0
    `,
    unknownTo: ['halon'],
  },
  {
    displayName: 'DigiCert Verified Mark Root CA',
    name: [
      ['C', 'US'],
      ['ST', 'Utah'],
      ['L', 'Lehi'],
      ['O', 'DigiCert, Inc.'],
      ['OU', 'www.digicert.com'],
      ['CN', 'DigiCert Verified Mark Root CA'],
    ],
    fingerprintSha256: '504386c9ee8932fecc95fade427f69c3e2534b7310489e300fee448e33c46b42',
    key: `
      MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEA2sL7yDu3C9OKbWcYC8P2MKg7pbohbDLxrK/r2XH6uXN4Srl9LjK7Jc2vdThQekj5m5
      BtoSxKznGlR9JzJxtERNwDOnaX4cO6lPp93Olz0ux5TvWQuexiXmjl8m9HJnCthvelgv1UbgdWYI6mKKujz+Mo5/wwfz3Pu5I8CdhAx+QRRJ8s
      FauKx9WvkAG1Q6cSXwn0GVdVSlviTbTvyiil/jZT67R66EoCokWdNfaFqbSJsn4KYO4+hTTQE0fLj7L1Oc2CcggzsSr+DKpZTCZlFcBlBxetVp
      24mXibMc2+R+cDKYpF+Jn3SmiJtMptkLB1UWs0k9WyFbwGU4XCj3dhJ8rEIul6WKTHKYkkaOfBDV2VuOzPznLu5gQiz0yRDxAvWBtmgnx8RUs/
      5+sWUfta7zT1MXC2fhTTsGUZx6nKnuUwzUHsKAvPwFkdDnSqrtloAReNJ3F5rZuUJ2IZU5gXKD1Fn0eNGwiybJuH1dgeIZAuWQh1f/dY6bL+44
      bBpKUKWOp/V1gQAVumRkFjOI18cm2zZm97ttccfKxJGiIdtorNPIuNcXlfYi2HnD7qep6WZ2W4ikjhBUN1gMM4t07QAZkZJzjMmxSSkpSUFzHx
      6hDX8CqTbzDEVTvD5SfjoegDfJe+b2WhRdu4KgYW5oydmPYqKkyO4Pg4OKgpVEKlzwkCAwEAAQ==
    `,
  },
  {
    displayName: 'GlobalSign Verified Mark Root R42',
    name: [
      ['C', 'BE'],
      ['O', 'GlobalSign nv-sa'],
      ['CN', 'GlobalSign Verified Mark Root R42'],
    ],
    fingerprintSha256: 'cd122cb877c6928b9017b0f0b80dbd508196300bbd03cd7356c3beef524e7e0b',
    key: `
      MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEA3OpNy+5tFupfQLM/uxlsd93W6ypY4+sfOgu9tlOcmq31aAHBDBwYQWXyuYhw6yzteZ
      7ACqOgLHs9CnUUn7+j/IZ7Mxuc8KCUBXBam1Q4whrtQn/yqtXnT+pBJE3yzwwByeGPcBslr+ZWOUwfONgKjQ76Nzbi4eUQdwije8k+w/ZLL0fB
      wwfjAHatDjEM3uQCfk2apcjEC9KcnYoatmyg3HwwYB9fl2XQAI6lpqpuicEa1rC9EYATp/vjsT6lRqaMaOKxDzJkLRfke3WzneyWLL0AcOk5RZ
      VwIs6hAI/9jzIOOSMTVVaIvVjsuUKdh8BV9jzsNEPzW2gg4uMU0ALF4bTZC+DODQkwqHzWx6Jl9IturwOB6kMAFROzxZik3+7nb+R0z79R5pAS
      f6rYcMMjw4yYGrBWj3yT50JDRCAouQdovGmbkSNpxKQ1kV6qnW20NmwYpC31EQ8nGljo470pJi4U0WmeYt9oM0D9WeAvD5niFgfn1GcTanez3k
      J9Rr4JPgFS8PJZ59z1E2IlWmltA2JngMoqmLFV9em2C6RueHmXu/INWicoZ2A0Rl43liOikzlXb4l4iuwLe7Q6YNXjVxIV97/V2ahSHLkR9OBZ
      eos46ChTGrLrZiXsMPCjJd6sTMPNkCqdIET8cCtrf93ml2Pz/lZejJuNtdgz9uwoAssCAwEAAQ==
    `,
    unknownTo: ['halon'],
  },
  {
    displayName: 'GoDaddy Verified Mark Root CA - VMCR1',
    name: [
      ['C', 'US'],
      ['O', 'GoDaddy.com'],
      ['CN', 'GoDaddy Verified Mark Root CA - VMCR1'],
    ],
    fingerprintSha256: '6ae4f0b06b187a7fc2b5815d252b637629734ae64a409ccbb53b14a352563d61',
    key: `
      MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEA7kpA0DDjQVT0G6MFM4qF7qEghIFruE5/5gyvRccu44qO9CEgMFvhHW69zzrxJVWeWV
      3h0bNepnuqJEcouJA/TEmP/JsqVS8NEuu4trpD6EATekXYM5r1Kgc+UDGtEPIRLc4/VFdTXcDmxcs8bu+veLJKpdhHVpnoExIuzLWUKwTs6xI+
      FDO7FUWu1YKt57jw8GwMK9ls3+ykJPqIczz/rmBJfysE7NmA0A0ECwAEcKREupVXWRxHDoUrQB8YTzK14wPA0QfsNBeMdS2YkFyJUr1idc4EgV
      Kwmhk7/ly+RBekWpMKpJKnanQXWrbT33NcQbAY7w41Lo6VmytIW9bMph1cmJoCxfXugIBzHN0AoTZjA+u2j5jXJCbkxNS/RrS6hLYuzVr4cYFW
      hnA7U68jwAtoLzDUSExo5FSUjgI5vDLTyWRE0o2gvko+usPkkkHkHafjVrGM2imVZvmcs2GV4ee6zPn5Lbg2DG0CY8QhLOLSs8IdnSfddHNlDr
      32tcZcIOeiVTTL4LoIM68AaBH0DW+qISxIXgRtRJF3gB0c53pdlt2uXQI2XsaCJ2pn6lfTHeCtL0fPCJ6q/M7artoDYNGdYtMH6TRpsrv/pW6y
      jEwADWtpxuzWX2GXVettaYLzhL23QqadC5sel1FX0Bs59qs9gg40+ILX3BgfSQ0Ws8sCAwEAAQ==
    `,
    notTestedWith: ['rspamd', 'halon'],
  },
  {
    displayName: 'Cybertrust iTrust VMC RSA4096 Root CA 2025',
    name: [
      ['C', 'JP'],
      ['O', 'Cybertrust Japan Co., Ltd.'],
      ['CN', 'Cybertrust iTrust VMC RSA4096 Root CA 2025'],
    ],
    fingerprintSha256: 'b21a1663d8feb6b17d10d739363b8d147ea6d114966cda584c656a57bae40826',
    key: `
      MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAk/u3CrMdbUsE5AlPMbzkvTQswcnucU/+xOGOs+yPAEMW8iE90WVqTPK6Mw/yOuFkBT
      7lBVPWHuQwJJbvjPpKuY8Yi+93dUCLyEq5lCmbg9ejg4rLACQ3YbOwdxqbZ3lNxM5lfkbJ7GgxZki0BeBR/R+kedg6q4G238vvUm721kzPmn3i
      DNR3MYtOkVxMfLmbDsCCw2O/c1DrQQ8pgSuHJ+GSOAeiT52bGSmN7WDyO2Y2aSrjjLcasYfktIeArpdaTHO5DIClTA8mikwk8cGqonOCtkeveO
      X0TiA9bX3PiFusc8gARqtej2VmmylFmsfOBVdgtY5C1yltiKm9SVkSGrwN2D9PZRzRBSBgOXvfwKLLMBE/cEQYCbZ6p39rWMNFEy9wWHiLdm6I
      CRq/bGbC+agTessad/N1BHDF6ZGKsasfxWzNQy+QxJzcbRvr4ti/zusPHJV/cxZN3LvOuykOPIhyhD+RO8j6SjXHn6uTjVFla69/LSRhwPnDfi
      RvAZOy3BrBSxh4IooPwrkJXD1kY1VH67iOdtEvbUDOTcI9TyBan8/rUYFrrxlmjQkVLNO9KylJ1A6vPSJz80auY19XXTzvbajuZr6VzHew+SiZ
      vk4xowDH/8cm+VG7HhemZKjAInYevUx8X3ZzWlq9+cv3jwHx0aqaVc19h93UNtvEsFMCAwEAAQ==
    `,
    notTestedWith: ['rspamd', 'halon'],
  },
  {
    displayName: 'Entrust Verified Mark Root CA - VMCR1',
    name: [
      ['C', 'US'],
      ['O', 'Entrust, Inc.'],
      ['CN', 'Entrust Verified Mark Root Certification Authority - VMCR1'],
    ],
    fingerprintSha256: '7831d95a47d42508cd5c9e6264f9096bac19f04eb9b7c8bdd35fffc71c189617',
    key: `
      MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAvVL8Ym3DcQjcnoJy+EVFOkBlRadNOCP/SfTjEQERm7htVHwmVgWdp19Ob4IvJSQsJT
      simipjQPqMNwPayRa5edKxN5C2IUgOIYkfhzpBaY1fDWZkOU2Eux7Srax9cLGUCV8Gv0xzYo6s1QWTfot3pVARk5v9HVpT8bBt83QD/yYNBJGg
      geUWBau2pjA5EEXwwWq/hrYy8TznyHopopoHL/xNUy6+5hnfaxrXIYeJsA/wqvRhoUeIr6IsnGclxyPJePN8sxjND2u39S4CUdMhew0kT5lijg
      7e6c8wrbmUcZ6cRVFY5mIhWb8qX8l3GrERNlEPAJIqJeUdxceQVO285BFDmpxHSnUyuAhTOvNVlKogz073ar+06CwrK/4ahNyEFWufns2rYSxq
      sU/bNCouVILZnUpM75zZuN/3QFsMv6aXFjJxtF8dzkZn0tefGaKUFIvPmbQwarW5qaoLmmSuLtXa0N74xvcVBwP/IOFpOzuMv84O/V1i/c4JD1
      jNRm2C9ZKrOL2se3bIWi1H5czgEHyfcN7VAqcUtkHuzjr3FFRSMUgnTuU5qkFO5laxqsQK0BaWhbS4qvT4ss7ac1fe33aps9yYS710jZnsr3hU
      tn842FW6ug8uXMnfq1M/jMtejkZdoxhSeiwpraOQy7hB8gj2Dw2QdhGZQGTbq+cJLYkCAwEAAQ==
    `,
    issuedUntil: { apple: ENTRUST_CUTOFF },
  },
];

/** What can validate a chain: the known roots, and the certificates that the settings name. */
export interface TrustAnchors {
  readonly known: readonly KnownAnchor[];
  /** SHA-256 fingerprints of certificates, lower-case hex. */
  readonly pinned: readonly string[];
}

/** The subject of a known root on one line, in the order and with the escapes of OpenSSL. */
export function subjectOf({ name }: KnownAnchor): string {
  return name.map(([type, value]) => `${type}=${value.replaceAll(/[,+"\\<>;]/g, '\\$&')}`).join(', ');
}

/** The name of a known root, as names are compared. */
export function anchorName({ name }: KnownAnchor): CanonicalName {
  return canonicalName(name.map(([type, value]) => ({ oid: ATTRIBUTE_TYPES[type], value })));
}

/** The DER of the public key of a known root. */
export function anchorKeyInfo({ key }: KnownAnchor): Buffer {
  return Buffer.from(key, 'base64');
}

/** The public key of a known root. */
export function anchorKey(anchor: KnownAnchor): KeyObject {
  return createPublicKey({ key: anchorKeyInfo(anchor), format: 'der', type: 'spki' });
}

/** The SHA-256 fingerprint in a text, in lower-case hex without colons; undefined if the text is not a fingerprint. */
export function readFingerprint(text: string): string | undefined {
  const hex = text.replaceAll(':', '').toLowerCase();
  return /^[0-9a-f]{64}$/.test(hex) ? hex : undefined;
}
