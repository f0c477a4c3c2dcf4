import type { TxtResolver } from '../../../functions/survey/dns.ts';

/** TXT records by name: texts, each in one piece or in several, or the code of the error that comes of asking. */
export type Zone = Record<string, string | readonly (string | readonly string[])[]>;

export interface ZoneResolver extends TxtResolver {
  /** Every name asked for, in order. */
  readonly asked: readonly string[];
}

/** Answers of a zone as node:dns does, which says ENOTFOUND for a name that is not there. */
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
