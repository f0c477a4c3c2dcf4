import type { Point } from './scale.ts';

const WIDTH = 720;
const PANEL = 220;
const LEFT = 70;
const RIGHT = 150;
const TOP = 40;
const GAP = 70;

/** Colours that people with any colour vision can distinguish (Okabe and Ito). */
const COLOURS = ['#0072b2', '#d55e00'];

interface Panel {
  readonly title: string;
  readonly of: (point: Point) => number;
}

const PANELS: readonly Panel[] = [
  { title: 'Median delay after issue, hours', of: ({ medianHours }) => medianHours },
  { title: 'Worst delay after issue, hours', of: ({ worstHours }) => worstHours },
  { title: 'Calls to the CA in an hour', of: ({ callsPerHour }) => callsPerHour },
];

/**
 * Plots delay and calls over orders in flight, with a line for each speed of the CA. A cross marks a load under which
 * orders starve.
 */
export function drawPlot(points: readonly Point[]): string {
  const height = TOP + PANELS.length * (PANEL + GAP);
  const { callers, pollHours } = points[0] ?? { callers: Number.NaN, pollHours: Number.NaN };
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">
<title>Delay and calls against orders in flight: ${callers} caller, a check every ${pollHours} hours</title>
<rect width="100%" height="100%" fill="#ffffff"/>
${PANELS.map((panel, index) => drawPanel(panel, points, TOP + index * (PANEL + GAP))).join('\n')}
</svg>
`;
}

function drawPanel({ title, of }: Panel, points: readonly Point[], top: number): string {
  const orders = [...new Set(points.map((point) => point.orders))].toSorted((a, b) => a - b);
  const first = Math.log10(Math.min(...orders));
  const last = Math.log10(Math.max(...orders));
  const ticks = ticksTo(Math.max(...points.map(of).filter(Number.isFinite)));
  const most = ticks.at(-1) ?? 1;
  const x = (value: number) => LEFT + ((Math.log10(value) - first) / (last - first)) * (WIDTH - LEFT - RIGHT);
  // An infinite value is drawn at the top.
  const y = (value: number) => top + PANEL * (1 - Math.min(value, most) / most);
  const bottom = top + PANEL;
  const lines = [...new Set(points.map(({ caSeconds }) => caSeconds))].map((caSeconds, index) => {
    const line = points.filter((point) => point.caSeconds === caSeconds);
    const colour = COLOURS[index % COLOURS.length];
    const at = line.map((point) => `${x(point.orders).toFixed(1)},${y(of(point)).toFixed(1)}`);
    const end = line.at(-1);
    return [
      `<polyline points="${at.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...line.map((point) => mark(x(point.orders), y(of(point)), point.holds, colour)),
      ...(end
        ? [
            `<text x="${(x(end.orders) + 10).toFixed(1)}" y="${(y(of(end)) + 4).toFixed(1)}" fill="${colour}">CA answers in ${caSeconds} s</text>`,
          ]
        : []),
    ].join('\n');
  });
  return [
    `<text x="${LEFT}" y="${top - 12}" font-weight="bold">${title}</text>`,
    ...ticks.map(
      (tick) =>
        `<path d="M${LEFT} ${y(tick).toFixed(1)}H${WIDTH - RIGHT}" stroke="#dddddd"/>` +
        `<text x="${LEFT - 8}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${tick.toLocaleString('en')}</text>`,
    ),
    ...orders
      // Labels must not overlap.
      .filter((value, index) => index === 0 || x(value) - x(orders[index - 1] ?? 0) > 25)
      .map(
        (value) =>
          `<text x="${x(value).toFixed(1)}" y="${bottom + 18}" text-anchor="middle">${value >= 1000 ? `${value / 1000}k` : value}</text>`,
      ),
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${bottom + 36}" text-anchor="middle">orders in flight</text>`,
    ...lines,
  ].join('\n');
}

function mark(x: number, y: number, holds: boolean, colour: string | undefined): string {
  return holds
    ? `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3" fill="${colour}"/>`
    : `<path d="M${(x - 5).toFixed(1)} ${(y - 5).toFixed(1)}l10 10m0 -10l-10 10" stroke="${colour}" stroke-width="2"/>`;
}

/** Four to eight round numbers, from zero to the first that is not less than the greatest value. */
function ticksTo(greatest: number): number[] {
  const magnitude = 10 ** Math.floor(Math.log10(greatest));
  const step =
    [0.2, 0.5, 1, 2].map((factor) => factor * magnitude).find((each) => greatest / each <= 7) ?? 2 * magnitude;
  return Array.from({ length: Math.ceil(greatest / step) + 1 }, (_, index) => Number((index * step).toPrecision(6)));
}
