/**
 * A separate process with the servers that a check calls, so that their CPU does not count as the check's: the CA,
 * Secrets Manager and S3, each on loopback. servers.ts starts it, and it ends with its parent.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, PassThrough, Transform } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import { createCertificateAuthority } from '../../infra/local/ca/certificate-authority.ts';
import { startCollectMcSimulator } from '../../infra/local/ca/collectmc-simulator.ts';
import { serveCrls } from '../../infra/local/cloud/crl-server.ts';
import { startSecretsEndpoint } from '../../infra/local/cloud/secrets.ts';
import { startS3Server } from '../s3-server.ts';
import {
  CREDENTIALS,
  FIRST_ISSUED_ORDER,
  FIRST_NEW_ORDER,
  ISSUED_ORDERS,
  NEW_ORDERS,
  PENDING_ORDER,
  S3_MILLISECONDS,
  SECRET_ID,
  type ServerAddresses,
} from './servers.ts';

const [ca, secrets, s3, created] = await Promise.all([
  startCollectMcSimulator({ credentials: CREDENTIALS }),
  startSecretsEndpoint({ [SECRET_ID]: JSON.stringify(CREDENTIALS) }),
  startS3Server(),
  createCertificateAuthority(),
]);
const crls = await serveCrls(() => signed);
const authority = created.with({ crlServer: crls.url });
// Once, because a real server only sends a file.
const signed = authority.crls();
ca.order(PENDING_ORDER, [{ kind: 'status', status: 0 }]);
for (let order = FIRST_NEW_ORDER; order < FIRST_NEW_ORDER + NEW_ORDERS; order++) {
  ca.order(String(order), [{ kind: 'status', status: 0 }]);
}
const { chain, root } = authority.issue({ domains: ['example.com'] });
for (let order = FIRST_ISSUED_ORDER; order < FIRST_ISSUED_ORDER + ISSUED_ORDERS; order++) {
  ca.order(String(order), [{ kind: 'issued', certificates: chain }]);
}

const temporary = mkdtempSync(join(tmpdir(), 'mark-certificate-bench-'));
process.on('exit', () => rmSync(temporary, { recursive: true }));
const trustFile = join(temporary, 'trust.pem');

process.on('message', () =>
  process.send?.(s3.requests.map(({ query, ...request }) => ({ ...request, query: String(query) }))),
);
process.on('disconnect', () => process.exit());
process.on('SIGTERM', () => process.exit());
process.send?.({
  collectUrl: ca.url,
  secureCollectUrl: await secure(ca.url),
  trustFile,
  secretsUrl: secrets.url,
  s3Url: s3.url,
  distantS3Url: await distant(s3.url),
  rootSha256: createHash('sha256').update(root).digest('hex'),
  ctLog: authority.log.key,
  crlUrls: signed.map(({ url }) => url),
} satisfies ServerAddresses);

/** Puts TLS in front of a server of this process: decrypts each connection and forwards it. */
async function secure(url: string): Promise<string> {
  const keyFile = join(temporary, 'key.pem');
  const selfSigned = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-subj',
    '/CN=bench',
  ];
  execFileSync(
    'openssl',
    [...selfSigned, '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', keyFile, '-out', trustFile],
    { stdio: 'ignore' },
  );
  const server = createTlsServer({ key: readFileSync(keyFile), cert: readFileSync(trustFile) });
  return (await forward(server.on('secureConnection', connectTo(url)), url)).replace('http:', 'https:');
}

/** Puts a network in front of a server of this process: each response arrives later. */
function distant(url: string): Promise<string> {
  const delay = () =>
    new Transform({
      transform(chunk, _encoding, done) {
        setTimeout(done, S3_MILLISECONDS, null, chunk);
      },
    });
  return forward(createServer(connectTo(url, delay)), url);
}

/** Forwards each connection to a server of this process. The response passes through a stream of `response`. */
function connectTo(url: string, response: () => Duplex = () => new PassThrough()): (socket: Socket) => void {
  return (socket) => {
    const upstream = connect(Number(new URL(url).port), '127.0.0.1');
    for (const end of [socket, upstream]) {
      end.on('error', () => {});
    }
    socket.pipe(upstream).pipe(response()).pipe(socket);
  };
}

/** Listens on another port, and returns the URL with it. */
async function forward(server: Server, url: string): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return url.replace(`:${new URL(url).port}`, `:${(server.address() as AddressInfo).port}`);
}
