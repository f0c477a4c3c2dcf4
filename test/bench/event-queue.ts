/** A binary heap with the next event first. An order has one event at a time. */
export class EventQueue {
  readonly #orders: Int32Array;
  readonly #times: Float64Array;
  #size = 0;

  constructor(capacity: number) {
    this.#orders = new Int32Array(capacity + 1);
    this.#times = new Float64Array(capacity + 1);
  }

  push(order: number, time: number): void {
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#timeAt(parent) <= time) {
        break;
      }
      this.#move(parent, at);
      at = parent;
    }
    this.#orders[at] = order;
    this.#times[at] = time;
  }

  /** The queue is never empty, because every order has an event. */
  pop(): { readonly order: number; readonly time: number } {
    const first = { order: this.#orders[0] ?? 0, time: this.#size > 0 ? this.#timeAt(0) : Number.POSITIVE_INFINITY };
    this.#size -= 1;
    const order = this.#orders[this.#size] ?? 0;
    const time = this.#timeAt(this.#size);
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) {
        break;
      }
      if (child + 1 < this.#size && this.#timeAt(child + 1) < this.#timeAt(child)) {
        child += 1;
      }
      if (this.#timeAt(child) >= time) {
        break;
      }
      this.#move(child, at);
      at = child;
    }
    this.#orders[at] = order;
    this.#times[at] = time;
    return first;
  }

  #timeAt(index: number): number {
    return this.#times[index] ?? Number.POSITIVE_INFINITY;
  }

  #move(from: number, to: number): void {
    this.#orders[to] = this.#orders[from] ?? 0;
    this.#times[to] = this.#timeAt(from);
  }
}
