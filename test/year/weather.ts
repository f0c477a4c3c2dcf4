import { type Clock, DAY, HOUR, MINUTE } from './clock.ts';
import type { Random } from './random.ts';

/** What happens to one request. */
export type Fault =
  /** The service does not execute the request. */
  | 'refused'
  /** The service executes the request, but its response is lost. */
  | 'lost'
  /** The same, but the SDK sends the request again and returns the second response. */
  | 'repeated'
  /** The process ends before or after the request takes effect. */
  | 'dies-before'
  | 'dies-after';

export type Service = 's3' | 'secrets' | 'states' | 'events' | 'sns';

/** The part of requests that fail in normal times. */
const NORMAL: Readonly<Record<Fault, number>> = {
  refused: 0.001,
  lost: 0.001,
  repeated: 0.001,
  'dies-before': 0.0005,
  'dies-after': 0.0005,
};
/** The part of requests that an unavailable service refuses. */
const REFUSED_IN_OUTAGE = 0.8;

interface Outage {
  readonly from: number;
  readonly until: number;
}

export interface WeatherOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly from: number;
  /** No fault happens after this. */
  readonly until: number;
}

/** Decides which requests to AWS fail. */
export class Weather {
  readonly #options: WeatherOptions;
  readonly #outages: Readonly<Record<Service, readonly Outage[]>>;

  constructor(options: WeatherOptions) {
    const { random, from, until } = options;
    const outages = (count: number, longest: number) =>
      Array.from({ length: count }, () => {
        const start = random.between(from, until);
        return { from: start, until: Math.min(until, start + random.between(5 * MINUTE, longest)) };
      });
    this.#options = options;
    this.#outages = {
      s3: [...outages(4, 6 * HOUR), ...outages(1, DAY)],
      secrets: outages(4, 4 * HOUR),
      states: outages(3, 3 * HOUR),
      events: [...outages(4, 6 * HOUR), ...outages(1, DAY)],
      sns: outages(3, HOUR),
    };
  }

  /**
   * The fault of the next request; undefined if the request succeeds.
   *
   * @param functionName the survey sends hundreds of requests. With the rate of the others, it would never complete.
   */
  next(service: Service, functionName?: string): Fault | undefined {
    const { clock, random } = this.#options;
    if (this.isCalm()) {
      return undefined;
    }
    if (this.#outages[service].some((outage) => outage.from <= clock.now && clock.now < outage.until)) {
      return random.chance(REFUSED_IN_OUTAGE) ? 'refused' : undefined;
    }
    let rest = random.next() * (functionName === 'Survey' ? 50 : 1);
    for (const [fault, probability] of Object.entries(NORMAL)) {
      rest -= probability;
      if (rest < 0) {
        return fault as Fault;
      }
    }
    return undefined;
  }

  /** Whether the faults of the year are over. */
  isCalm(): boolean {
    return this.#options.clock.now >= this.#options.until;
  }

  /** Whether the next invocation finds no process and starts one. */
  isCold(): boolean {
    return this.#options.random.chance(0.03);
  }

  /** Milliseconds during which other processes can act while a request is under way. Most requests are too fast. */
  delay(functionName: string): number {
    const { random } = this.#options;
    return random.chance(functionName === 'Survey' ? 0.002 : 0.05) ? random.between(0, 3000) : 0;
  }
}
