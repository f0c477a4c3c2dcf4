import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { connectCrls } from '../../../functions/collect/crls.ts';
import type { HostResolver } from '../../../functions/host-lookup.ts';

function resolverOf(resolve: (name: string) => Promise<string[]>) {
  const asked: string[] = [];
  const resolver: HostResolver = {
    resolve4(name) {
      asked.push(name);
      return resolve(name);
    },
    resolve6: async () => [],
  };
  return { asked, resolver };
}

test('The servers of CRLs are not found with the lookup of the system, which could delay the requests to S3.', async () => {
  const { asked, resolver } = resolverOf(async () => ['10.0.0.1']);

  expect(await connectCrls(false, resolver)(['http://crl.example/1.crl'])).toEqual([
    {
      url: 'http://crl.example/1.crl',
      problem: 'the server has the address 10.0.0.1, which is not on the public internet',
    },
  ]);
  expect(asked).toEqual(['crl.example']);
});

test('A name server that does not answer ends the download in time.', async () => {
  const { resolver } = resolverOf(() => new Promise(() => {}));

  const [crl] = await connectCrls(false, resolver)(['http://crl.example/1.crl'], 50);

  expect(crl?.problem).toBe('no complete answer in time');
});

test('The CRLs of a CA on this machine can be on it too, under a name that only the system knows.', async () => {
  const server = createServer((_, response) => response.end('a CRL')).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.close();
  });
  await once(server, 'listening');
  const { asked, resolver } = resolverOf(() => Promise.reject(new Error('not asked')));

  const [crl] = await connectCrls(true, resolver)([`http://localhost:${(server.address() as AddressInfo).port}/`]);

  expect(String(crl?.bytes)).toBe('a CRL');
  expect(asked).toEqual([]);
});
