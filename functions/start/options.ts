import { DEFAULT_SELECTOR } from '../bimi.ts';
import { OPTION_NAMES } from '../order.ts';
import type { OrderedOptions } from '../store/order-file.ts';

/** The options that an event changes, each with its value before and after. A value that is not known is null. */
export type Changes = Readonly<Partial<Record<keyof OrderedOptions, { readonly from: unknown; readonly to: unknown }>>>;

/** Values of options, from wherever they are known. */
export type Known = Readonly<Partial<Record<keyof OrderedOptions, unknown>>>;

/** What an event changes. Options that it leaves out are inherited, so they change nothing. */
export function changesOf(ordered: OrderedOptions, current: Known): Changes {
  return Object.fromEntries(
    OPTION_NAMES.filter(
      (name) => ordered[name] !== undefined && comparable(name, ordered[name]) !== comparable(name, current[name]),
    ).map((name) => [name, { from: current[name] ?? null, to: ordered[name] }]),
  );
}

/** A missing option means the same as its default, and the order of the domains means nothing. */
function comparable(name: keyof OrderedOptions, value: unknown): unknown {
  switch (name) {
    case 'domains':
      return [...new Set(Array.isArray(value) ? value : [])].toSorted().join(' ');
    case 'selector':
      return value ?? DEFAULT_SELECTOR;
    case 'replace':
      return value ?? false;
    default:
      return value ?? null;
  }
}

/** Changes for a person: `domains is ["b.example"], was ["a.example"]`. */
export function describeChanges(changes: Changes): string {
  return Object.entries(changes)
    .map(([name, { from, to }]) => `${name} is ${JSON.stringify(to)}, was ${JSON.stringify(from)}`)
    .join('; ');
}
