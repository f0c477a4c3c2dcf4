import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { authorityFile } from '../../../authority.ts';

/** What is special about a CRL that the openssl command line makes. */
export interface OpensslCrl {
  /** The lines of the section of CRL extensions. */
  readonly extensions?: readonly string[];
  /** Serial numbers in hex, with the reason as OpenSSL writes it. */
  readonly revoked?: readonly { readonly serialNumber: string; readonly reason?: string; readonly since?: Date }[];
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** Further options of `openssl ca`. */
  readonly options?: readonly string[];
}

/** Makes CRLs with `openssl ca -gencrl`. The files are in a folder of the caller. */
export function createOpensslIssuer(folder: string, certificatePem: string, keyPem: string) {
  mkdirSync(folder, { recursive: true });
  const file = (name: string) => path.join(folder, name);
  writeFileSync(file('ca.pem'), certificatePem);
  writeFileSync(file('ca.key'), keyPem);

  return ({ extensions = [], revoked = [], thisUpdate, nextUpdate, options = [] }: OpensslCrl): Buffer => {
    const entries = revoked.map(({ serialNumber, reason, since = thisUpdate }) =>
      [
        'R',
        '401231235959Z',
        [utcTime(since), reason].filter(Boolean).join(','),
        serialNumber,
        'unknown',
        '/CN=x\n',
      ].join('\t'),
    );
    writeFileSync(file('index.txt'), entries.join(''));
    writeFileSync(file('number'), '01\n');
    writeFileSync(
      file('openssl.cnf'),
      [
        '[ca]\ndefault_ca = own',
        `[own]\ndatabase = ${file('index.txt')}\ncrlnumber = ${file('number')}\ndefault_md = sha256\ndefault_crl_days = 7`,
        `[extensions]\nauthorityKeyIdentifier = keyid\n${extensions.join('\n')}`,
      ].join('\n'),
    );
    const moment = (date: Date) => `20${utcTime(date)}`;
    const times = ['-crl_lastupdate', moment(thisUpdate), '-crl_nextupdate', moment(nextUpdate)];
    const files = ['-config', file('openssl.cnf'), '-cert', file('ca.pem'), '-keyfile', file('ca.key')];
    execFileSync(
      'openssl',
      ['ca', '-gencrl', ...files, '-crlexts', 'extensions', ...times, '-out', file('crl.pem'), ...options],
      { stdio: 'pipe' },
    );
    const [, base64 = ''] = readFileSync(file('crl.pem'), 'utf8').split(/-----[^-]+-----/);
    return Buffer.from(base64, 'base64');
  };
}

/**
 * What `openssl verify -crl_check_all` says about a chain: "OK", or the reasons why it refuses the chain.
 *
 * @param chain leaf, issuing CA and root, PEM.
 * @param crls DER.
 * @param options further options of `openssl verify`.
 */
export function opensslVerdict(
  folder: string,
  chain: readonly string[],
  crls: readonly Uint8Array[],
  at: Date,
  options: readonly string[] = [],
): string {
  const write = (name: string, content: string | Uint8Array) => {
    writeFileSync(path.join(folder, name), content);
    return path.join(folder, name);
  };
  const [leaf = '', issuing = '', root = ''] = chain.map((pem, index) => write(`${index}.pem`, pem));
  const lists = crls.flatMap((crl, index) => ['-CRLfile', write(`${index}.crl`, crl)]);
  const args = ['verify', '-crl_check_all', ...options, ...lists, '-attime', String(at.getTime() / 1000)];
  try {
    execFileSync('openssl', [...args, '-trusted', root, '-untrusted', issuing, leaf], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
    return 'OK';
  } catch (error) {
    const { stderr } = error as { readonly stderr: string };
    return [...stderr.matchAll(/depth lookup: (.*)$/gm)].map(([, reason]) => reason).join('; ') || stderr;
  }
}

/** Certificates and keys of a stored authority: root, its key, issuing CA, its key. */
export function readAuthorityFile(): readonly string[] {
  const text = readFileSync(authorityFile(), 'utf8');
  return text.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----\n/g) ?? [];
}

function utcTime(date: Date): string {
  return `${date.toISOString().slice(2, 19).replaceAll(/[-:T]/g, '')}Z`;
}
