import * as v from 'valibot';
import { inBatches } from '../batches.ts';
import { fetchedAddressSchema } from '../store/fetches.ts';
import { dateSchema } from '../store/manifest.ts';
import type { OverviewCertificate, OverviewOrder } from './overview-order.ts';
import type { OverviewWatched } from './overview-watched.ts';

const ids = v.array(v.string());

const orderSchema = v.object({
  orderNumber: v.string(),
  account: v.nullable(v.string()),
  domains: v.array(v.string()),
  product: v.nullable(v.string()),
  state: v.picklist(['waiting', 'issued', 'failed', 'unreadable']),
  reason: v.nullable(v.string()),
  error: v.nullable(v.string()),
  text: v.string(),
  since: v.nullable(v.string()),
  updatedAt: v.nullable(v.string()),
  needsSomeone: v.boolean(),
  nextStep: v.nullable(v.string()),
  section: v.picklist(['needs-someone', 'ending-soon', 'waiting', 'other']),
  certificate: v.nullable(
    v.object({
      fingerprintSha256: v.string(),
      owner: v.nullable(v.string()),
      notBefore: v.string(),
      notAfter: v.string(),
      daysLeft: v.number(),
      publishable: v.boolean(),
      errors: ids,
      receivers: v.nullable(v.object({ showing: v.number(), assessed: v.number() })),
      isReplaced: v.boolean(),
    }),
  ),
  addresses: v.nullable(
    v.array(
      v.object({
        domain: v.string(),
        selector: v.string(),
        state: v.picklist(['published', 'outdated', 'broken', 'revoked']),
        differences: ids,
        fetches: v.nullable(fetchedAddressSchema),
      }),
    ),
  ),
  caa: v.array(
    v.object({
      domain: v.string(),
      verdict: v.picklist(['forbidden', 'unknown']),
      name: v.nullable(v.string()),
      records: v.array(v.string()),
      message: v.string(),
      since: v.string(),
    }),
  ),
});

const watchedSchema = v.object({
  domain: v.string(),
  selector: v.string(),
  since: v.nullable(v.string()),
  state: v.picklist(['good', 'broken', 'unchecked', 'published', 'unreadable']),
  checkedAt: v.nullable(v.string()),
  differences: ids,
  certificate: v.nullable(
    v.object({
      fingerprintSha256: v.string(),
      owner: v.nullable(v.string()),
      notAfter: v.string(),
      daysLeft: v.number(),
    }),
  ),
});

/** `overview/orders.json`: all orders, as the pages show them. Releases may add fields; docs/architecture.md describes them. */
export const overviewSchema = v.object({
  schemaVersion: v.literal(1),
  /** The name of the collector. */
  collector: v.string(),
  writtenAt: dateSchema,
  /** Those that need someone first. */
  orders: v.array(orderSchema),
  /** Those with a problem first; missing if the collector does not check watched domains. */
  watched: v.optional(v.array(watchedSchema)),
});

export type OverviewJson = v.InferOutput<typeof overviewSchema>;

/** The orders of one piece of the text: some 70 KB. A text of more than 128 KB stays in memory longer (csv.ts). */
const PIECE_ORDERS = 100;

/**
 * The text in pieces, of which the first one contains the time of writing. Each order is on one line: a text tool finds it,
 * and the file of 10,000 orders has no megabyte of spaces.
 */
export function* overviewJson(
  orders: readonly OverviewOrder[],
  {
    collector,
    writtenAt,
    watched,
  }: {
    readonly collector: string;
    readonly writtenAt: Date;
    readonly watched?: readonly OverviewWatched[] | undefined;
  },
): Generator<string> {
  const head = JSON.stringify({ schemaVersion: 1, collector, writtenAt: writtenAt.toISOString() }).slice(0, -1);
  yield `${head},"orders":[`;
  let separator = '\n';
  for (const batch of inBatches(orders, PIECE_ORDERS)) {
    yield separator + batch.map((order) => JSON.stringify(entryOf(order))).join(',\n');
    separator = ',\n';
  }
  const watchedLines = watched && `,"watched":[\n${watched.map((each) => JSON.stringify(each)).join(',\n')}\n]`;
  yield `\n]${watchedLines ?? ''}}\n`;
}

function entryOf({ certificate, ...order }: OverviewOrder): OverviewJson['orders'][number] {
  const { domains, addresses, caa } = order;
  return {
    ...order,
    domains: [...domains],
    addresses: addresses?.map(({ differences, ...each }) => ({ ...each, differences: [...differences] })) ?? null,
    certificate: certificate && certificateOf(certificate),
    caa: caa.map(({ records, ...each }) => ({ ...each, records: [...records] })),
  };
}

/** Without the object of the logo, which the manifest lists. */
function certificateOf({ logo: _, ...certificate }: OverviewCertificate) {
  return { ...certificate, errors: [...certificate.errors] };
}
