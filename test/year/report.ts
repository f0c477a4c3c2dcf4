import type { YearResult } from './year.ts';

/** Kinds of violations that a report lists. */
const KINDS_LIMIT = 12;
/** Lines of a trace before and after the violation. */
const TRACE_BEFORE = 60;
const TRACE_AFTER = 5;

/**
 * Describes the violations of a year: each kind once, the trace of the order that the first one is about, and the command
 * that repeats the year.
 */
export function describeViolations({ seed, orders, violations, traces }: YearResult): string {
  const kinds = [...Map.groupBy(violations, ({ text }) => text.replaceAll(/[0-9a-f]{8,}|\d+/g, '#')).values()];
  const lines = kinds.slice(0, KINDS_LIMIT).flatMap(([first, ...others]) => {
    const more = others.length > 0 ? ` (and ${others.length} times like this)` : '';
    return first ? [`${new Date(first.time).toISOString()} order ${first.order}: ${first.text}${more}`] : [];
  });
  const [first] = violations;
  const trace = traces.get(first?.order ?? '') ?? [];
  const at = trace.findIndex((line) => line.includes(first?.text ?? ''));
  return [
    `The year with the seed ${seed} has ${violations.length} violations:`,
    ...lines,
    `What happened to order ${first?.order}:`,
    ...trace.slice(Math.max(0, at - TRACE_BEFORE), at + TRACE_AFTER),
    `To repeat it: npm run test:year -- --from ${seed} --orders ${orders}`,
  ].join('\n');
}
