import { describe, expect, test } from 'vitest';
import { coversName } from '../../../functions/bimi.ts';
import { type Comparable, findSuperseded } from '../../../functions/store/supersession.ts';
import { mulberry32 } from '../../mulberry32.ts';

const DAY_MILLISECONDS = 86_400_000;
const dateOf = (day: number) => new Date(Date.UTC(2026, 0, 1) + day * DAY_MILLISECONDS).toISOString();

function certificate(domains: readonly string[], day: number, changes: Partial<Comparable> = {}): Comparable {
  return { domains: [...domains], notBefore: dateOf(day), publishable: true, findings: [], ...changes };
}

/** The definition, which compares each certificate with each. */
function findSlowly(certificates: readonly Comparable[]): Comparable[] {
  const canReplace = ({ publishable, findings }: Comparable) =>
    publishable || (findings.length > 0 && findings.every(({ id }) => id === 'domain-coverage'));
  return certificates.filter((older) =>
    certificates.some(
      (newer) =>
        newer.notBefore > older.notBefore &&
        canReplace(newer) &&
        older.domains.every((name) => coversName(newer.domains, name)),
    ),
  );
}

const NAMES = ['a.example', 'A.example', 'b.example.', 'c.example', 'default._bimi.a.example', 'x._bimi.b.example'];

describe('findSuperseded', () => {
  test.each([1, 2, 3, 4, 5])(
    'finds what a comparison of each certificate with each finds, with the seed %i.',
    (seed) => {
      const random = mulberry32(seed);
      const pick = (count: number) => Math.floor(random() * count);
      for (let round = 0; round < 200; round++) {
        const certificates = Array.from({ length: pick(12) }, () =>
          certificate(
            NAMES.filter(() => random() < 0.3),
            pick(5),
            random() < 0.3
              ? { publishable: false, findings: [{ id: pick(2) ? 'validity' : 'domain-coverage', severity: 'error' }] }
              : {},
          ),
        );

        expect([...findSuperseded(certificates)]).toEqual(findSlowly(certificates));
      }
    },
  );

  /** Ways in which the domains of many certificates can be related. */
  const RELATIONS: readonly (readonly [relation: string, domainsOf: (index: number) => string[]])[] = [
    ['all have other domains', (index) => [`${index}.example`]],
    ['all have the same domains', () => ['a.example', 'b.example']],
    ['all share one domain', (index) => ['shared.example', `${index}.example`]],
    [
      'all share a hundred domains',
      (index) => [...Array.from({ length: 100 }, (_, each) => `s${each}.example`), `${index}.example`],
    ],
    ['each is replaced by the next', (index) => [`${Math.floor(index / 2)}.example`]],
    ['none has a domain', () => []],
  ];

  test.each(RELATIONS)('compares few names if %s.', (_, domainsOf) => {
    const countFor = (count: number) => {
      let read = 0;
      const certificates = Array.from({ length: count }, (_, index) => {
        const created = certificate(domainsOf(index), index % 50);
        const { domains } = created;
        return Object.defineProperty(created, 'domains', {
          get: () => {
            read += 1;
            return domains;
          },
        });
      });
      const begun = process.cpuUsage();
      findSuperseded(certificates);
      const { user } = process.cpuUsage(begun);
      return { read, milliseconds: user / 1000 };
    };

    const { read, milliseconds } = countFor(4000);
    expect(read).toBeLessThanOrEqual(2 * 4000);
    // Comparing each with each takes several seconds.
    expect(milliseconds).toBeLessThan(2000);
  });

  test('finds nothing among no certificates.', () => {
    expect([...findSuperseded([])]).toEqual([]);
  });
});
