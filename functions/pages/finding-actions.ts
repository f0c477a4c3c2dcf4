import type { FindingId } from '../certificate/findings.ts';

/** What to do about each finding, as docs/findings.md says it. A test compares the two. */
export const FINDING_ACTIONS = {
  'untrusted-root':
    'Ask the CA whether the issuer is right. If it is, add the fingerprint to trustAnchors (for inspect, --trust), deploy, and collect the order again.',
  'ca-flags': 'Ask the CA for a new certificate from a correct issuing CA.',
  'leaf-eku': 'Ask the CA for a new certificate.',
  validity: 'Not yet valid: collect the order again after the date in the message. Expired: renew the certificate.',
  'duplicate-extension': 'Ask the CA for a new certificate.',
  'critical-extension': 'Ask the CA for a new certificate.',
  'name-constraints': 'Ask the CA.',
  'pilot-extension':
    'Test whether the receivers that matter to you show the logo. If not, ask the CA for a new certificate.',
  lifetime: 'Ask the CA.',
  'key-strength': 'Order a certificate with a stronger key. If an issuer is weak, ask the CA.',
  'entrust-cutoff': 'Order a certificate from another CA.',
  'root-absent':
    'Nothing, unless users of rspamd matter to you. Then ask the CA for the root and append it to the hosted chain.',
  revoked:
    'Ask the CA why, and for a new certificate. If the message says certificateHold, the CA can end the hold. To publish the certificate after that, collect the order again.',
  'crl-missing': 'Ask the CA for a new certificate.',
  'crl-unknown':
    'Usually nothing: the certificate is stored, announced and published as usual. mark-certificates inspect --revocation chain.pem checks again. If the warning lasts for more than a day, ask the CA. To update the manifest, collect the order again.',
  sct: 'Ask the CA for a new certificate.',
  'sct-missing': 'Ask the CA for a new certificate.',
  'sct-unknown': 'Ask the CA for the key of its log.',
  logotype: 'Ask the CA for a new certificate.',
  'logo-hash': 'Ask the CA for a new certificate.',
  'svg-profile':
    'Correct the logo and order a certificate with it. The hosted logo must equal the embedded one, so correcting the hosted file alone does not help.',
  'svg-size': 'Correct the logo and order a certificate with it.',
  'svg-look': 'Look at the logo in the report. If it looks wrong, order a certificate with a corrected logo.',
  'receiver-asn1': 'Nothing.',
  'domain-missing': 'Ask the CA for a new certificate.',
  'domain-coverage':
    'Compare the domains of the order with those at the CA. Collect the order again with the right --domain and --selector, or ask the CA for a new certificate.',
  size: 'Ask the CA for a new certificate with fewer domains or a smaller logo.',
  'mark-type': 'Compare the product of the event with the order at the CA.',
  policy: 'Ask the CA.',
  'mark-fields': 'Ask the CA.',
  'subject-fields': 'Ask the CA.',
  san: 'Ask the CA.',
  'selector-san':
    'Nothing, unless these receivers matter to you. Then ask for a certificate that contains the domain itself.',
  'ignored-content': 'Nothing, if the chain is the right one.',
} as const satisfies Readonly<Record<FindingId, string>>;
