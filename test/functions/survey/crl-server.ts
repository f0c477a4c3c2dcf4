import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CrlDownload } from '../../../functions/crl-download.ts';

/** How a server of CRLs answers: with bytes or a status, or never. */
export type CrlAnswer = Uint8Array | number | 'never';

/** A server of CRLs on loopback. */
export interface CrlServer {
  readonly url: string;
  /** By URL. Any other one does not exist. */
  readonly answers: Map<string, CrlAnswer>;
  /** The URLs that were requested. */
  readonly requests: string[];
  /** Downloads CRLs from this server without HTTP, for scenes that are repeated many times. */
  readonly download: CrlDownload;
  /** Forgets all answers and requests. */
  clear(): void;
  close(): Promise<void>;
}

export async function startCrlServer(): Promise<CrlServer> {
  const answers = new Map<string, CrlAnswer>();
  const requests: string[] = [];
  const server = http.createServer((request, response) => {
    const url = `${base}${request.url}`;
    requests.push(url);
    const answer = answers.get(url) ?? 404;
    if (answer === 'never') {
      return;
    }
    response.writeHead(typeof answer === 'number' ? answer : 200, { 'content-type': 'application/pkix-crl' });
    response.end(typeof answer === 'number' ? '' : answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: base,
    answers,
    requests,
    download: async (urls) =>
      urls.map((url) => {
        requests.push(url);
        const answer = answers.get(url);
        return answer instanceof Uint8Array ? { url, bytes: answer } : { url, problem: 'it is not served' };
      }),
    clear() {
      answers.clear();
      requests.length = 0;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
