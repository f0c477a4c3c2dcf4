/** The median and the quartiles of a distribution: half of the values are between `low` and `high`. */
export interface Summary {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * What a figure is. A count is the same in each run, or nearly so: a number, a size, a price, a share of memory, the
 * result of a simulation. A time is different on a busy machine: a duration, a CPU time, and a ratio of these.
 */
export type FigureKind = 'count' | 'time';

/** How much worse than its target a figure may be. The noise of a shared machine explains up to twice a time. */
const TOLERANCE: Readonly<Record<FigureKind, number>> = { count: 1.2, time: 2 };

/** One result with a target. */
export interface Figure {
  readonly name: string;
  readonly kind: FigureKind;
  /** The median, rounded to three significant digits. */
  readonly value: number;
  readonly unit: string;
  readonly target: number;
  /** The benchmark fails beyond this value: 1.2 times the target of a count, twice that of a time. */
  readonly limit: number;
  /** Which side of the target is the good one. */
  readonly better: 'lower' | 'higher';
  readonly within: boolean;
  /**
   * The lower and the upper quartile; of simulations, which differ only in their random numbers, minimum and maximum.
   */
  readonly spread: readonly [low: number, high: number];
}

/** A measured value from which a figure was computed. */
export interface Measurement {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly spread?: readonly [low: number, high: number];
}

/** Measurements that are compared with each other. */
export interface FigureTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface Results {
  readonly figures: readonly Figure[];
  readonly measured: readonly Measurement[];
  readonly tables?: readonly FigureTable[];
}

/** Computes the median and the quartiles by linear interpolation between the two nearest values. */
export function summarize(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  return { value: quantile(sorted, 0.5), low: quantile(sorted, 0.25), high: quantile(sorted, 0.75) };
}

/** @param sorted at least one value, in ascending order. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}

/** A figure for which lower is better. */
export function atMost(kind: FigureKind, name: string, target: number, summary: Summary, unit = 'ratio'): Figure {
  return figure({ kind, name, target, unit, better: 'lower', limit: target * TOLERANCE[kind] }, summary);
}

/** A figure for which higher is better. */
export function atLeast(kind: FigureKind, name: string, target: number, summary: Summary, unit: string): Figure {
  return figure({ kind, name, target, unit, better: 'higher', limit: target / TOLERANCE[kind] }, summary);
}

function figure(of: Omit<Figure, 'value' | 'within' | 'spread'>, { value, low, high }: Summary): Figure {
  const shown = round(value);
  const figure = { ...of, limit: round(of.limit), value: shown, spread: [round(low), round(high)] as const };
  return { ...figure, within: isWithin(figure, of.target) };
}

function isWithin({ value, better }: Pick<Figure, 'value' | 'better'>, bound: number): boolean {
  return better === 'lower' ? value <= bound : value >= bound;
}

/** Whether a figure is worse than its limit, so that the benchmark fails. */
export function isBeyondLimit(figure: Figure): boolean {
  return !isWithin(figure, figure.limit);
}

/** A value without a spread: a count, a size, a price. */
export function exactly(value: number): Summary {
  return { value, low: value, high: value };
}

export function measurement(name: string, unit: string, values: readonly number[] | Summary): Measurement {
  const { value, low, high } = 'value' in values ? values : summarize(values);
  return { name, value: round(value), unit, ...(low !== high && { spread: [round(low), round(high)] as const }) };
}

/** Rounds to three significant digits, because the fourth is noise. */
export function round(value: number): number {
  return Number(value.toPrecision(3));
}

/**
 * Measures several subjects alternately, each round in another order, so that a slow moment of the machine affects all
 * of them.
 *
 * @param discarded number of first rounds that are not counted, in which caches and compilers warm up.
 * @returns one value per round for each subject; values with the same index are of the same round.
 */
export async function alternate<Name extends string>(
  subjects: Readonly<Record<Name, () => Promise<number> | number>>,
  { rounds, discarded = 1 }: { readonly rounds: number; readonly discarded?: number },
): Promise<Record<Name, readonly number[]>> {
  const names = Object.keys(subjects) as Name[];
  const values = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = -discarded; round < rounds; round++) {
    const turn = (round + discarded) % names.length;
    for (const name of [...names.slice(turn), ...names.slice(0, turn)]) {
      const value = await subjects[name]();
      if (round >= 0) {
        values[name].push(value);
      }
    }
  }
  return values;
}

/** The ratio of two subjects in each round, after subtracting what an empty subject took in the same round. */
export function ratios(
  subject: readonly number[],
  reference: readonly number[],
  nothing: readonly number[] = subject.map(() => 0),
): Summary {
  return summarize(
    subject.map((value, round) => {
      const base = nothing[round] ?? 0;
      return (value - base) / ((reference[round] ?? Number.NaN) - base);
    }),
  );
}
