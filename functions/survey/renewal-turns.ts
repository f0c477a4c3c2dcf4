import { createHash } from 'node:crypto';
import { DAY_MILLISECONDS } from '../days.ts';

/**
 * When a renewal check asks the CA for the next certificate of an order. One caller makes the calls about all orders, and
 * these checks come after those of waiting orders (docs/decisions/renewals.md has the arithmetic).
 *
 * Nothing is stored about it: the number of the order decides its time of the day and its days. So each survey of a day
 * decides the same, and the CA is never asked about an order twice within a few hours.
 */

const DAY_SECONDS = DAY_MILLISECONDS / 1000;

/** The seconds in which a slow CA answers. The caller can make a call in this time, and no other. */
const SLOW_ANSWER_SECONDS = 3;

/** The calls that one caller can make in a day if the CA is slow. */
const CALLS_A_DAY = DAY_SECONDS / SLOW_ANSWER_SECONDS;

/** The calls of a waiting order in a day, at the shortest poll interval. */
const CALLS_OF_WAITING_ORDER = 8;

/** The part of the caller's time that renewal checks take at most. */
const LARGEST_PART = 0.1;

/** The part of the caller's time that waiting orders and renewal checks take together at most. Above it, the delays grow. */
const USABLE_PART = 0.9;

/** The part of the caller's time that renewal checks may take always, so that none of them waits for ever. */
const SMALLEST_PART = 0.02;

/** The maximum number of renewal checks in a day, beside so many waiting orders. */
export function checksADay(waitingOrders: number): number {
  const free = CALLS_A_DAY * USABLE_PART - waitingOrders * CALLS_OF_WAITING_ORDER;
  return Math.floor(Math.max(CALLS_A_DAY * SMALLEST_PART, Math.min(CALLS_A_DAY * LARGEST_PART, free)));
}

/**
 * The days from one check of an order to the next: the smallest power of two with which all orders together stay below the
 * limit. With powers of two, an order that has its turn at a long interval has it at each shorter one on the same day. So
 * it is never left out while the interval changes.
 */
export function intervalDays(orders: number, limit: number): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(orders / limit)));
}

/** Whether an order has its turn on a day. */
export function hasTurn(orderNumber: string, day: Date, interval: number): boolean {
  return (numberOf(orderNumber, 'day') + Math.floor(day.getTime() / DAY_MILLISECONDS)) % interval === 0;
}

/**
 * The seconds until the time of the day at which the CA is asked about an order. It is the same on each day, so two checks
 * are a day apart, whenever the surveys that started them ran.
 */
export function secondsUntilTurn(orderNumber: string, now: Date): number {
  const time = numberOf(orderNumber, 'time') % DAY_SECONDS;
  const passed = Math.floor(now.getTime() / 1000) % DAY_SECONDS;
  return (time - passed + DAY_SECONDS) % DAY_SECONDS;
}

/** A number that is spread evenly, however the CA numbers its orders. */
function numberOf(orderNumber: string, purpose: string): number {
  return createHash('sha256').update(`${purpose} ${orderNumber}`).digest().readUInt32BE();
}
