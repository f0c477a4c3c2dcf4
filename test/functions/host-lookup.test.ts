import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createDownload } from '../../functions/download.ts';
import { createHostLookup, type HostResolver } from '../../functions/host-lookup.ts';
import { connectionProblem } from '../../functions/http.ts';
import { FILE_RULES } from '../../functions/survey/look-up.ts';

type Answers = Readonly<Record<string, readonly string[]>>;

/** A resolver that answers from two lists; a name without addresses fails with a code, and `silent` gets no answer. */
function resolverOf(ipv4: Answers, ipv6: Answers = {}, code = 'ENOTFOUND'): HostResolver {
  const answer = (answers: Answers, name: string): Promise<string[]> =>
    name === 'silent.example'
      ? new Promise(() => {})
      : answers[name]
        ? Promise.resolve([...answers[name]])
        : Promise.reject(Object.assign(new Error(`query ${code} ${name}`), { code }));
  return { resolve4: (name) => answer(ipv4, name), resolve6: (name) => answer(ipv6, name) };
}

const resultOf = (lookup: LookupFunction, name: string) =>
  new Promise<readonly [error: string | undefined, addresses: readonly LookupAddress[]]>((resolve) => {
    lookup(name, { all: true }, (error, addresses) => resolve([error?.code, addresses as LookupAddress[]]));
  });

const problemOf = (resolver: HostResolver, url: string, milliseconds = 5_000) =>
  createDownload(FILE_RULES, { lookup: createHostLookup(resolver) })(url, milliseconds).then(
    () => undefined,
    connectionProblem,
  );

describe('The lookup of servers', () => {
  test('returns the addresses of both families, those of IPv4 first.', async () => {
    const lookup = createHostLookup(resolverOf({ 'a.example': ['192.0.2.1'] }, { 'a.example': ['2001:db8::1'] }));
    expect(await resultOf(lookup, 'a.example')).toEqual([
      undefined,
      [
        { address: '192.0.2.1', family: 4 },
        { address: '2001:db8::1', family: 6 },
      ],
    ]);
  });

  test.each(['ENOTFOUND', 'ENODATA', 'ESERVFAIL', 'ETIMEOUT'])(
    'needs the addresses of one family only, if the other lookup fails with %s.',
    async (code) => {
      const lookup = createHostLookup(resolverOf({}, { 'a.example': ['2001:db8::1'] }, code));
      expect(await resultOf(lookup, 'a.example')).toEqual([undefined, [{ address: '2001:db8::1', family: 6 }]]);
    },
  );

  test.each([
    ['ENOTFOUND', 'ENOTFOUND', 'the name of the server cannot be resolved (ENOTFOUND)'],
    ['ENODATA', 'ENOTFOUND', 'the name of the server cannot be resolved (ENOTFOUND)'],
    ['ESERVFAIL', 'EAI_AGAIN', 'the name of the server cannot be resolved at the moment (EAI_AGAIN)'],
    ['ETIMEOUT', 'EAI_AGAIN', 'the name of the server cannot be resolved at the moment (EAI_AGAIN)'],
    ['EREFUSED', 'EAI_AGAIN', 'the name of the server cannot be resolved at the moment (EAI_AGAIN)'],
  ])('fails after %s like that of the system, with %s.', async (code, expected, problem) => {
    const resolver = resolverOf({}, {}, code);
    expect(await resultOf(createHostLookup(resolver), 'a.example')).toEqual([expected, []]);
    expect(await problemOf(resolver, 'https://a.example/logo.svg')).toBe(problem);
  });

  test.each(['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', '::ffff:10.0.0.1', '64:ff9b::a00:1', 'fd00::1'])(
    'gives no connection to %s.',
    async (address) => {
      const answers = { 'a.example': [address] };
      const resolver = address.includes(':') ? resolverOf({}, answers) : resolverOf(answers);
      expect(await problemOf(resolver, 'https://a.example/logo.svg')).toBe(
        `the server has the address ${address}, which is not on the public internet`,
      );
    },
  );

  test('of names whose name servers do not answer delays no other one.', async () => {
    const resolver = resolverOf({ 'private.example': ['10.0.0.1'] });
    const silent = Array.from({ length: 40 }, (_, index) =>
      problemOf(resolver, `https://silent.example/${index}`, 500),
    );
    expect(await problemOf(resolver, 'https://private.example/', 400)).toContain('not on the public internet');
    expect(new Set(await Promise.all(silent))).toEqual(new Set(['no complete answer in time']));
  });
});
