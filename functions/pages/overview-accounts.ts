import { createHash } from 'node:crypto';
import { nameOf, type OverviewOrder, type SectionName } from './overview-order.ts';

/** The rows of one page: some 80 KB, which a phone opens at once. */
const PAGE_ROWS = 200;

/**
 * The number of accounts that have pages. Each page repeats the shell of some 6 KB, so pages with a few orders each would
 * be mostly shells: the smallest accounts share their pages.
 */
const ACCOUNTS_LIMIT = 100;

/** The account of a page; undefined for the smallest accounts together. */
export type PageAccount = string | null | undefined;

/** One page about the orders of one account, or of the accounts that share pages. */
export interface AccountPage {
  readonly name: string;
  readonly account: PageAccount;
  /** From 1. */
  readonly number: number;
  readonly pages: number;
  /** The number of all orders on these pages. */
  readonly total: number;
  readonly parts: readonly AccountPart[];
}

/** The orders of one section on one page. */
export interface AccountPart {
  readonly section: SectionName;
  /** Whether the section begins on an earlier page. */
  readonly isContinued: boolean;
  readonly orders: readonly OverviewOrder[];
}

/** The orders of each account, the default account first, and those of the accounts that share pages last. */
export function groupByAccount(orders: readonly OverviewOrder[]): ReadonlyMap<PageAccount, readonly OverviewOrder[]> {
  const counts = Map.groupBy(orders, ({ account }) => account);
  const bySize = [...counts].toSorted(([, a], [, b]) => b.length - a.length).map(([account]) => account);
  const own = new Set(bySize.length > ACCOUNTS_LIMIT ? bySize.slice(0, ACCOUNTS_LIMIT) : bySize);
  const groups = Map.groupBy(orders, ({ account }): PageAccount => (own.has(account) ? account : undefined));
  return new Map([...groups].toSorted(([a], [b]) => compareAccounts(a, b)));
}

function compareAccounts(a: PageAccount, b: PageAccount): number {
  if (a === null || b === undefined) {
    return -1;
  }
  return b === null || a === undefined || a > b ? 1 : -1;
}

/** Divides the orders of an account into pages. Each order is on one of them. */
export function accountPages(account: PageAccount, orders: readonly OverviewOrder[]): AccountPage[] {
  const pages = Math.ceil(orders.length / PAGE_ROWS);
  return Array.from({ length: pages }, (_, index) => {
    const first = index * PAGE_ROWS;
    const before = orders[first - 1]?.section;
    const sections = Map.groupBy(orders.slice(first, first + PAGE_ROWS), ({ section }) => section);
    return {
      name: pageName(account, index + 1),
      account,
      number: index + 1,
      pages,
      total: orders.length,
      parts: [...sections].map(([section, each]) => ({ section, isContinued: section === before, orders: each })),
    };
  });
}

/** Matches the names of all pages of accounts and no other names. */
export const ACCOUNT_PAGE =
  /^(?:default-account|other-accounts|account-[a-z0-9-]{1,32}|other-account-[0-9a-f]{16})(?:_\d+)?\.html$/;

/** No account has `_` in its name, so the page of one account is never that of another one. */
function pageName(account: PageAccount, number: number): string {
  return `${folderless(account)}${number > 1 ? `_${number}` : ''}.html`;
}

function folderless(account: PageAccount): string {
  if (account === undefined) {
    return 'other-accounts';
  }
  if (account === null) {
    return 'default-account';
  }
  // A status that a person edited can contain any text.
  return /^[a-z0-9-]{1,32}$/.test(account)
    ? `account-${account}`
    : `other-account-${createHash('sha256').update(account).digest('hex').slice(0, 16)}`;
}

/** The page on which a section of an account begins; undefined if it is empty. */
export function pageOf(pages: readonly AccountPage[], section: SectionName): AccountPage | undefined {
  return pages.find(({ parts }) => parts.some((part) => part.section === section && !part.isContinued));
}

/** The first and the last name on a page, by which a person finds an order. */
export function rangeOf({ parts }: AccountPage): { readonly first: string; readonly last: string } {
  const named = parts.flatMap(({ section, orders }) => (section === 'other' ? orders.map(nameOf) : []));
  return { first: named[0] ?? '', last: named.at(-1) ?? '' };
}
