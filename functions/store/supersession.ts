import { coveringNames, toPlainName } from '../bimi.ts';
import type { StoredFinding } from './manifest.ts';

/** What the comparison of two certificates needs. */
export interface Comparable {
  readonly domains: readonly string[];
  readonly notBefore: string;
  readonly publishable: boolean;
  readonly findings: readonly Pick<StoredFinding, 'id' | 'severity'>[];
}

/** The certificates with the same names. */
interface Group {
  readonly names: ReadonlySet<string>;
  /** The beginning of the oldest one. */
  oldest: string;
  /** The beginning of the newest one that can replace others. */
  newest?: string;
  /** The beginning of the newest certificate that covers all names; undefined if none is newer than its oldest. */
  successor?: string | undefined;
}

/**
 * The certificates that another one, of any order, replaces: a newer one that has no error and covers everything that the
 * older one covers. That it lacks an ordered domain is no error here, because the domains are compared.
 *
 * Comparing each with each would take time with the square of their number. Certificates with the same names are therefore
 * compared once, and only with those that share the rarest of these names.
 */
export function findSuperseded<T extends Comparable>(certificates: readonly T[]): ReadonlySet<T> {
  const groups = new Map<string, Group>();
  // Lists and fields, because a map of all certificates is large.
  const groupOf = certificates.map((certificate) => {
    const group = findGroup(groups, certificate);
    const { notBefore } = certificate;
    if (notBefore < group.oldest) {
      group.oldest = notBefore;
    }
    if (canReplace(certificate) && !(group.newest !== undefined && group.newest >= notBefore)) {
      group.newest = notBefore;
    }
    return group;
  });
  const replacing = replacingGroups([...groups.values()]);
  for (const group of groups.values()) {
    group.successor = newestSuccessor(group, replacing);
  }
  return new Set(
    certificates.filter(({ notBefore }, index) => {
      const successor = groupOf[index]?.successor;
      return successor !== undefined && successor > notBefore;
    }),
  );
}

/** The group of a certificate's names, which is created for the first one. */
function findGroup(groups: Map<string, Group>, { domains, notBefore }: Comparable): Group {
  const names = new Set(domains.map(toPlainName));
  const key = [...names].sort().join(' ');
  const found = groups.get(key);
  if (found) {
    return found;
  }
  const created: Group = { names, oldest: notBefore };
  groups.set(key, created);
  return created;
}

/** The groups that can replace others, by each of their names and, under no name, all of them; the newest ones first. */
function replacingGroups(groups: readonly Group[]): ReadonlyMap<string | undefined, readonly Group[]> {
  const newestFirst = groups
    .filter(({ newest }) => newest !== undefined)
    .sort((one, other) => compare(other.newest ?? '', one.newest ?? ''));
  const byName = new Map<string | undefined, Group[]>([[undefined, newestFirst]]);
  for (const group of newestFirst) {
    for (const name of group.names) {
      const sharing = byName.get(name);
      if (sharing) {
        sharing.push(group);
      } else {
        byName.set(name, [group]);
      }
    }
  }
  return byName;
}

/** The {@link Group.successor} of a group. */
function newestSuccessor(
  { names, oldest }: Group,
  replacing: ReadonlyMap<string | undefined, readonly Group[]>,
): string | undefined {
  const needed = [...names].map(coveringNames);
  const candidates = needed.map((covering) => covering.map((name) => replacing.get(name) ?? []));
  // A certificate without names is covered by every other one.
  const [fewest = [replacing.get(undefined) ?? []]] = candidates.sort((one, other) => countAll(one) - countAll(other));
  let newest: string | undefined;
  for (const list of fewest) {
    for (const candidate of list) {
      const begins = candidate.newest;
      if (begins === undefined || begins <= (newest ?? oldest)) {
        break;
      }
      if (needed.every((covering) => covering.some((name) => candidate.names.has(name)))) {
        newest = begins;
        break;
      }
    }
  }
  return newest;
}

const countAll = (lists: readonly (readonly Group[])[]) => lists.reduce((sum, { length }) => sum + length, 0);
const compare = (one: string, other: string) => (one < other ? -1 : Number(one > other));

/** Whether a certificate can replace others: its only error, if it has one, is that it does not cover an ordered domain. */
function canReplace({ publishable, findings }: Comparable): boolean {
  const errors = findings.filter(({ severity }) => severity === 'error');
  return publishable || (errors.length > 0 && errors.every(({ id }) => id === 'domain-coverage'));
}
