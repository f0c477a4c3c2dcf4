/** The names and addresses of BIMI (draft-brand-indicators-for-message-identification). Nothing here reads or writes. */

/** What a BIMI selector is where none is said (draft-brand-indicators-for-message-identification, 4.3). */
export const DEFAULT_SELECTOR = 'default';

/** Where the BIMI record of one selector of a domain is looked up (BIMI draft, 4.2). */
export function assertionName(domain: string, selector: string): string {
  return `${selector}._bimi.${domain}`;
}

/**
 * Whether a certificate of these names covers a domain for one selector: it names the domain, or the name of the selector's
 * record (draft-fetch-validation-vmc-wchuang). A-labels in lower case.
 */
export function covers(names: readonly string[], domain: string, selector: string): boolean {
  return names.includes(domain) || names.includes(assertionName(domain, selector));
}

/** Whether a certificate of these names covers everything that another name of a certificate stands for. */
export function coversName(names: readonly string[], name: string): boolean {
  const [, selector, domain] = /^([^.]+)\._bimi\.(.+)$/.exec(name) ?? [];
  return selector !== undefined && domain !== undefined ? covers(names, domain, selector) : names.includes(name);
}

/** The public addresses of one domain, below the URL that serves the folder. */
export function publishedUrls(baseUrl: string, domain: string, selector: string) {
  const url = (extension: string) => new URL(`${domain}/${selector}.${extension}`, withSlash(baseUrl)).href;
  return { chain: url('pem'), logo: url('svg') };
}

/** The finished TXT record (BIMI draft, 4.2): `l=` is the logo, `a=` the chain. */
export function bimiRecord(baseUrl: string, domain: string, selector: string): string {
  const { chain, logo } = publishedUrls(baseUrl, domain, selector);
  return `${assertionName(domain, selector)}. TXT "v=BIMI1; l=${logo}; a=${chain}"`;
}

function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}
