import { join } from 'node:path';
import * as v from 'valibot';
import type { Collection } from '../../../functions/collect/collect.ts';
import { dayName } from '../../../functions/days.ts';
import { executionName } from '../../../functions/order.ts';
import { parseJson, schemaProblems, toJsonBytes } from '../../../functions/store/json.ts';
import { dateSchema } from '../../../functions/store/manifest.ts';
import { printable } from '../../../functions/text.ts';
import { CommandError } from '../errors.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { readIfPresent, writeWhole } from './files.ts';
import { STATE } from './folder-storage.ts';

const failureSchema = v.object({ name: v.string(), message: v.string(), next: v.string() });

const stateSchema = v.object({
  schemaVersion: v.literal(1),
  orderNumber: v.string(),
  /** The collection that runs, or the last one. Its name is in the objects, as on AWS. */
  execution: v.string(),
  startedAt: dateSchema,
  /** The CA is not asked before. Written before each call as well as after it. */
  nextCheckAt: v.optional(dateSchema),
  /** The start of a call. Only while it runs, or if the process was killed then. */
  callBegan: v.optional(dateSchema),
  /** The version of the login in the last check. */
  login: v.optional(v.string()),
  /** What the order waits for, for a person. */
  text: v.optional(v.string()),
  /** The output of the last check, which the next one reads. */
  collection: v.optional(v.custom<Collection>((value) => typeof value === 'object' && value !== null)),
  /** Why the collection ended without a certificate. */
  failure: v.optional(failureSchema),
});

/** What the folder knows of the collection of an order. */
export type OrderState = v.InferOutput<typeof stateSchema>;

/** Why a collection ended without a certificate, and what a person can do. */
export type Failure = v.InferOutput<typeof failureSchema>;

/** Opens `state/orders/<orderNumber>.json`. The process that writes it holds the lock of the order. */
export function openOrderState(directory: string, orderNumber: string) {
  const file = join(directory, STATE, 'orders', `${orderNumber}.json`);
  return {
    /**
     * @returns undefined if the order is new to this folder.
     * @throws {CommandError} if the file is damaged: a call might be too early.
     */
    async read(): Promise<OrderState | undefined> {
      const bytes = await readIfPresent(file);
      if (!bytes) {
        return undefined;
      }
      const result = v.safeParse(stateSchema, parseJson(bytes.toString()));
      if (result.success && result.output.orderNumber === orderNumber) {
        return result.output;
      }
      const reason = result.success ? `it is about order ${result.output.orderNumber}` : schemaProblems(result.issues);
      throw new CommandError(
        `${printable(file)} is damaged, so the time of the last call to the CA is not known: ${reason}.`,
        {
          exitCode: EXIT_CODES.unavailable,
          next: 'If the last call for this order is more than 3 hours ago, delete the file, and type the command again.',
        },
      );
    },

    write: (state: OrderState): Promise<void> => writeWhole(file, toJsonBytes(state), `${file}.incomplete`),
  };
}

/** Whether a collection ended, with or without a certificate. */
export function isEnded({ collection, failure }: OrderState): boolean {
  return failure !== undefined || collection?.outcome === 'issued';
}

/** The state of a collection that begins. It has another name than the one before, whose end the time of the next check survives. */
export function begin(orderNumber: string, before: OrderState | undefined, now: Date): OrderState {
  const first = executionName({ orderNumber });
  const dated = `${first}-${dayName(now)}`;
  const [, count] = /^-(\d+)$/.exec(before?.execution.slice(dated.length) ?? '') ?? [];
  const again = before?.execution.startsWith(dated) ? `${dated}-${Number(count ?? 1) + 1}` : dated;
  return {
    schemaVersion: 1,
    orderNumber,
    execution: before === undefined ? first : again,
    startedAt: now.toISOString(),
    ...(before?.nextCheckAt !== undefined && { nextCheckAt: before.nextCheckAt }),
  };
}
