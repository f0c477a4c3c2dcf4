/** A distribution by its quartiles: half of what was measured lies between `low` and `high`. */
export interface Summary {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** One result that is held to a target. */
export interface Figure {
  readonly name: string;
  /** The median, rounded to three digits. */
  readonly value: number;
  readonly unit: string;
  readonly target: number;
  /** Which side of the target is the good one. */
  readonly better: 'lower' | 'higher';
  readonly within: boolean;
  /** The lower and the upper quartile; of simulations, which differ by their random numbers only, the least and the most. */
  readonly spread: readonly [low: number, high: number];
}

/** What a figure was made of, as it was measured. */
export interface Measurement {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly spread?: readonly [low: number, high: number];
}

/** Measurements that belong side by side. */
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

/** Median and quartiles, by linear interpolation between the two nearest values. */
export function summarize(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  return { value: quantile(sorted, 0.5), low: quantile(sorted, 0.25), high: quantile(sorted, 0.75) };
}

/** @param sorted ascending; at least one. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}

/** A figure that is good when it is small. */
export function atMost(name: string, target: number, { value, low, high }: Summary, unit = 'ratio'): Figure {
  const shown = round(value);
  return {
    name,
    value: shown,
    unit,
    target,
    better: 'lower',
    within: shown <= target,
    spread: [round(low), round(high)],
  };
}

/** A figure that is good when it is big. */
export function atLeast(name: string, target: number, { value, low, high }: Summary, unit: string): Figure {
  const shown = round(value);
  return {
    name,
    value: shown,
    unit,
    target,
    better: 'higher',
    within: shown >= target,
    spread: [round(low), round(high)],
  };
}

/** Worse than twice its target: no noise of a shared machine, but a change for the worse. */
export function isFarOff({ value, target, better }: Figure): boolean {
  return better === 'lower' ? value > 2 * target : value < target / 2;
}

/** A value that has no spread: a count, a size, a price. */
export function exactly(value: number): Summary {
  return { value, low: value, high: value };
}

export function measurement(name: string, unit: string, values: readonly number[] | Summary): Measurement {
  const { value, low, high } = 'value' in values ? values : summarize(values);
  return { name, value: round(value), unit, ...(low !== high && { spread: [round(low), round(high)] as const }) };
}

/** Three digits: the fourth is noise. */
export function round(value: number): number {
  return Number(value.toPrecision(3));
}

/**
 * Measures several subjects by turns, so that whatever slows the machine down slows all of them: round by round, each
 * round in another order.
 *
 * @param discarded rounds at the beginning that are not counted: caches and compilers warm up.
 * @returns for each subject one value a round; values of the same index belong together.
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

/** The ratio of two subjects in each round, above what a third one (doing nothing) took in the same round. */
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
