/**
 * CloudWatch's metric math, as far as the alarms of this project need it.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 */

/** The data points of a metric, the oldest first, one for each period. Undefined: CloudWatch has no data. */
export type Series = readonly (number | undefined)[];

type Value = number | Series | readonly Series[];

/** What AWS does not document about metric math. */
export interface ExpressionAssumptions {
  /** Whether FILL returns values for a metric that has no data point at all in the retrieved time. */
  readonly fillsEmptySeries: boolean;
}

const TOKEN = /\s*(?:(\d+(?:\.\d+)?)|([A-Za-z]\w*)|(<=|>=|==|!=|&&|\|\||[-+*/<>()[\],]))/y;

/** Operators by precedence, the weakest first. */
const OPERATORS: readonly Readonly<Record<string, (left: number, right: number) => number>>[] = [
  { OR: (left, right) => Number(left !== 0 || right !== 0), '||': (left, right) => Number(left !== 0 || right !== 0) },
  { AND: (left, right) => Number(left !== 0 && right !== 0), '&&': (left, right) => Number(left !== 0 && right !== 0) },
  {
    '<': (left, right) => Number(left < right),
    '<=': (left, right) => Number(left <= right),
    '>': (left, right) => Number(left > right),
    '>=': (left, right) => Number(left >= right),
    '==': (left, right) => Number(left === right),
    '!=': (left, right) => Number(left !== right),
  },
  { '+': (left, right) => left + right, '-': (left, right) => left - right },
  { '*': (left, right) => left * right, '/': (left, right) => left / right },
];

/** A part of an expression: calculates its value from the metrics by id. */
type Part = (series: Readonly<Record<string, Series>>) => Value;

/**
 * Reads an expression. The result calculates its values.
 *
 * @param ids the ids of the metrics.
 * @throws if the expression uses anything that this module does not know, or (when it is calculated) if its result is
 * not one time series.
 */
export function compile(
  expression: string,
  ids: readonly string[],
  { fillsEmptySeries }: ExpressionAssumptions,
): (series: Readonly<Record<string, Series>>) => Series {
  const tokens = tokensOf(expression);
  let position = 0;
  const isNext = (token: string) => tokens[position] === token;
  const take = (token: string) => {
    if (!isNext(token)) {
      throw new Error(`${expression}: "${token}" is expected in place of "${tokens[position] ?? 'the end'}"`);
    }
    position += 1;
  };

  const binary = (level: number): Part => {
    const operators = OPERATORS[level];
    if (!operators) {
      return unary();
    }
    let left = binary(level + 1);
    for (let operator = operators[tokens[position] ?? '']; operator; operator = operators[tokens[position] ?? '']) {
      position += 1;
      const [first, second, apply] = [left, binary(level + 1), operator];
      left = (series) => combine(first(series), second(series), apply);
    }
    return left;
  };
  const unary = (): Part => {
    if (!isNext('-')) {
      return primary();
    }
    position += 1;
    const negated = unary();
    return (series) => combine(0, negated(series), (left, right) => left - right);
  };
  const list = (end: string): Part[] => {
    const parts = [binary(0)];
    while (isNext(',')) {
      position += 1;
      parts.push(binary(0));
    }
    take(end);
    return parts;
  };
  const primary = (): Part => {
    const token = tokens[position] ?? '';
    position += 1;
    if (token === '(') {
      const part = binary(0);
      take(')');
      return part;
    }
    if (token === '[') {
      const parts = list(']');
      return (series) => parts.map((part) => asSeries(part(series)));
    }
    if (/^\d/.test(token)) {
      return () => Number(token);
    }
    if (ids.includes(token)) {
      return (series) => asSeries(series[token]);
    }
    if (token === 'FILL') {
      return fillCall();
    }
    const apply = FUNCTIONS[token];
    if (!apply) {
      throw new Error(`${expression}: "${token}" is not known`);
    }
    take('(');
    const parts = list(')');
    return (series) => apply(parts.map((part) => part(series)));
  };
  /** FILL(series, number) and FILL(series, REPEAT). */
  const fillCall = (): Part => {
    take('(');
    const filled = binary(0);
    take(',');
    const repeats = isNext('REPEAT');
    position += repeats ? 1 : 0;
    const filler = repeats ? undefined : binary(0);
    take(')');
    return (series) => {
      const value = filler?.(series);
      if (value !== undefined && typeof value !== 'number') {
        throw new Error(`${expression}: FILL is only known with a number or REPEAT`);
      }
      return fill(asSeries(filled(series)), value, fillsEmptySeries);
    };
  };

  const whole = binary(0);
  if (position < tokens.length) {
    throw new Error(`${expression}: "${tokens[position]}" is not expected`);
  }
  return (series) => asSeries(whole(series));
}

/** Functions of arrays return one series; a missing value counts as 0 in a sum and is ignored by the others. */
const FUNCTIONS: Readonly<Record<string, (values: readonly Value[]) => Value>> = {
  MAX: ([array]) => combineAll(array, Math.max),
  MIN: ([array]) => combineAll(array, Math.min),
  SUM: ([array]) => combineAll(array, (...values) => values.reduce((sum, value) => sum + value, 0)),
  IF: ([condition, then, otherwise]) => {
    const [chosen, other] = [then, otherwise].map((value) =>
      value === undefined || typeof value === 'number' ? value : asSeries(value),
    );
    return asSeries(condition).map((value, index) => {
      const result = value === 0 ? other : chosen;
      return value === undefined || result === undefined ? undefined : pointAt(result, index);
    });
  },
};

function tokensOf(expression: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < expression.trimEnd().length) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(expression);
    if (!match) {
      throw new Error(`${expression}: not readable from position ${start}`);
    }
    tokens.push(match.slice(1).find((part) => part !== undefined) ?? '');
  }
  return tokens;
}

function isSeries(value: Value | undefined): value is Series {
  // An array contains either values or series.
  return Array.isArray(value) && !Array.isArray(value[0]);
}

function asSeries(value: Value | undefined): Series {
  if (!isSeries(value)) {
    throw new Error(`A time series is expected in place of ${JSON.stringify(value)}`);
  }
  return value;
}

/** The value of a series at an index. A number has the same value everywhere. */
function pointAt(value: number | Series, index: number): number | undefined {
  return typeof value === 'number' ? value : value[index];
}

/**
 * "Missing values in a time series are treated as 0", but a time without a value in either operand stays without one.
 * A division by zero drops the data point.
 */
function combine(left: Value, right: Value, operator: (left: number, right: number) => number): Value {
  if (typeof left === 'number' && typeof right === 'number') {
    return operator(left, right);
  }
  const first = typeof left === 'number' ? left : asSeries(left);
  const second = typeof right === 'number' ? right : asSeries(right);
  const { length } = typeof first === 'number' ? asSeries(second) : first;
  const combined: (number | undefined)[] = new Array(length).fill(undefined);
  for (let index = 0; index < length; index += 1) {
    const [one, other] = [pointAt(first, index), pointAt(second, index)];
    const present =
      (typeof first !== 'number' && one !== undefined) || (typeof second !== 'number' && other !== undefined);
    const result = present ? operator(one ?? 0, other ?? 0) : Number.NaN;
    if (Number.isFinite(result)) {
      combined[index] = result;
    }
  }
  return combined;
}

function combineAll(array: Value | undefined, operator: (...values: number[]) => number): Series {
  if (array === undefined || typeof array === 'number' || isSeries(array)) {
    throw new Error('MAX, MIN and SUM are only known for an array of time series');
  }
  const all = array.map(asSeries);
  return Array.from({ length: all[0]?.length ?? 0 }, (_, index) => {
    const values = all.map((series) => series[index]).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : operator(...values);
  });
}

/** @param filler undefined: repeat the most recent value; before the first value there is nothing to repeat. */
function fill(series: Series, filler: number | undefined, fillsEmptySeries: boolean): Series {
  const filled: (number | undefined)[] = new Array(series.length).fill(undefined);
  let latest: number | undefined;
  for (let index = 0; index < series.length; index += 1) {
    const value = series[index];
    latest = value ?? latest;
    filled[index] = value ?? filler ?? latest;
  }
  const isEmpty = latest === undefined;
  return isEmpty && !fillsEmptySeries ? series : filled;
}
