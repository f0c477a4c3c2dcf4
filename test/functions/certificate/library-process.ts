/**
 * A process that has no clock and no network, and that can read the sources only. It reads the chain on standard input,
 * base64, and prints its report as JSON. `library.test.ts` runs it.
 */
import dgram from 'node:dgram';
import dns from 'node:dns';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import type { Expectations } from '../../../functions/certificate/report.ts';

function forbid(what: string) {
  return (): never => {
    throw new Error(`the library uses ${what}`);
  };
}

const clock = forbid('the clock');
globalThis.Date = new Proxy(Date, {
  apply: clock,
  construct: (target, args: string[], newTarget) =>
    args.length === 0 ? clock() : Reflect.construct(target, args, newTarget),
  get: (target, property, receiver) => (property === 'now' ? clock : Reflect.get(target, property, receiver)),
});
performance.now = clock;
process.hrtime = Object.assign(clock, { bigint: clock });
net.Socket.prototype.connect = forbid('the network');
dgram.createSocket = forbid('the network');
dns.lookup = Object.assign(forbid('the network'), { __promisify__: forbid('the network') });
globalThis.fetch = forbid('the network');

const { InvalidChainError, readMarkCertificate } = await import('../../../functions/certificate/report.ts');

interface Input {
  readonly base64: string;
  readonly at: string;
  readonly expectations: Omit<Expectations, 'at'>;
}

const inputs: readonly Input[] = JSON.parse(await text(process.stdin));
const results: unknown[] = [];
for (const { base64, at, expectations } of inputs) {
  try {
    results.push(
      (await readMarkCertificate(Buffer.from(base64, 'base64'), { at: new Date(at), ...expectations })).report,
    );
  } catch (error) {
    if (!(error instanceof InvalidChainError)) {
      throw error;
    }
    results.push({ error: error.message });
  }
}
console.log(JSON.stringify(results));
