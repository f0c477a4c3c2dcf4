import { mock } from 'node:test';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

type Action = () => Promise<void> | void;

interface Planned {
  readonly time: number;
  /** What is planned first runs first if the times are equal. */
  readonly sequence: number;
  readonly action: Action;
}

/**
 * Virtual time. Nothing waits for the real clock: the time is that of the action that runs now. `Date` shows it, in every
 * module.
 *
 * A request takes no time by itself. To let other actions run during one, its sender calls {@link pass}. Because actions
 * run one after the other, and always in the same order, a year can be repeated.
 */
export class Clock {
  #now: number;
  #skew = 0;
  #isHalted = false;
  #sequence = 0;
  readonly #planned: Planned[] = [];

  constructor(start: number) {
    this.#now = start;
    mock.timers.enable({ apis: ['Date'], now: start });
  }

  /** Milliseconds since 1970. The time of the world, which is right even if the clocks of the functions are wrong. */
  get now(): number {
    return this.#now;
  }

  /** By how many milliseconds the clocks that the functions read are wrong. */
  get skew(): number {
    return this.#skew;
  }

  set skew(milliseconds: number) {
    this.#skew = milliseconds;
    mock.timers.setTime(this.#now + milliseconds);
  }

  /** Plans an action. One that is due already runs next. */
  at(time: number, action: Action): void {
    this.#push({ time, sequence: this.#sequence++, action });
  }

  after(milliseconds: number, action: Action): void {
    this.at(this.#now + milliseconds, action);
  }

  /** Runs every action that is due within this time. */
  async pass(milliseconds: number): Promise<void> {
    const until = this.#now + milliseconds;
    for (let next = this.#planned[0]; next !== undefined && next.time <= until; next = this.#planned[0]) {
      if (this.#isHalted) {
        return;
      }
      this.#pop();
      this.#advance(next.time);
      await next.action();
    }
    this.#advance(until);
  }

  /** Ends the time: no planned action runs any more. */
  halt(): void {
    this.#isHalted = true;
  }

  /** Gives the modules their real `Date` back. */
  stop(): void {
    mock.timers.reset();
  }

  /** An action can take time itself, so the next one can be late. */
  #advance(time: number): void {
    if (time > this.#now) {
      this.#now = time;
      mock.timers.setTime(time + this.#skew);
    }
  }

  #push(planned: Planned): void {
    const heap = this.#planned;
    let at = heap.length;
    heap.push(planned);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(planned, above)) {
        break;
      }
      heap[at] = above;
      at = parent;
    }
    heap[at] = planned;
  }

  /** Removes the first of the planned actions from the binary heap. */
  #pop(): void {
    const heap = this.#planned;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) {
      return;
    }
    let at = 0;
    for (;;) {
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
      const isRight = left !== undefined && right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (child === undefined || !isBefore(child, last)) {
        break;
      }
      heap[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    heap[at] = last;
  }
}

function isBefore(one: Planned, other: Planned): boolean {
  return one.time !== other.time ? one.time < other.time : one.sequence < other.sequence;
}
