import type { TxtResolver } from '../../../functions/survey/txt.ts';

/**
 * TXT records by name: each a text, or the strings that it is stored in. The code of an error instead lets the lookup
 * fail.
 */
export type Zone = Record<string, string | readonly (string | readonly string[])[]>;

export interface ZoneResolver extends TxtResolver {
  /** Every name that was looked up, in order. */
  readonly asked: readonly string[];
}

/** A resolver that answers from a zone as node:dns does: with ENOTFOUND for a name that does not exist. */
export function resolverOf(zone: Zone): ZoneResolver {
  const asked: string[] = [];
  return {
    asked,
    async resolveTxt(name) {
      asked.push(name);
      const found = zone[name] ?? 'ENOTFOUND';
      if (typeof found === 'string') {
        throw Object.assign(new Error(`queryTxt ${found} ${name}`), { code: found });
      }
      return found.map((record) => (typeof record === 'string' ? [record] : [...record]));
    },
  };
}
