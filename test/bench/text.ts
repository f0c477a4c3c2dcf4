/** Formats results as Markdown, for the terminal and for docs/performance.md. */
import { type Figure, isBeyondLimit, type Measurement, type Results } from './measure.ts';

export function figuresTable(figures: readonly Figure[]): string {
  return tableText(
    ['figure', 'kind', 'value', 'target', 'spread', ''],
    figures.map((figure) => {
      const { name, kind, value, unit, target, better, spread } = figure;
      return [
        `\`${name}\``,
        kind,
        unit === 'ratio' ? value : `${value} ${unit}`,
        `${better === 'lower' ? 'at most' : 'at least'} ${target}`,
        spreadText(spread),
        verdictOn(figure),
      ];
    }),
  );
}

function verdictOn(figure: Figure): string {
  if (figure.within) {
    return 'within';
  }
  return isBeyondLimit(figure) ? `**fails beyond ${figure.limit}**` : `not within, fails beyond ${figure.limit}`;
}

/** Formats the measurements of one section as tables without a heading. */
export function resultsText({ results }: { readonly results: Results }): string {
  return [
    ...(results.measured.length > 0
      ? [tableText(['measured', 'median', 'spread'], results.measured.map(measuredRow))]
      : []),
    ...(results.tables ?? []).map(({ title, columns, rows }) => `${title}:\n\n${tableText(columns, rows)}`),
  ].join('\n\n');
}

/** Replaces the text between `<!-- name -->` and `<!-- end -->`. */
export function replaceSection(page: string, name: string, text: string): string {
  const begin = `<!-- ${name} -->\n`;
  const from = page.indexOf(begin);
  const to = page.indexOf('<!-- end -->', from);
  if (from < 0 || to < 0) {
    throw new Error(`The page has no section <!-- ${name} -->`);
  }
  return `${page.slice(0, from + begin.length)}\n${text}\n\n${page.slice(to)}`;
}

function measuredRow({ name, value, unit, spread }: Measurement): string[] {
  return [name, `${value} ${unit}`, spread ? spreadText(spread) : ''];
}

function spreadText([low, high]: readonly [number, number]): string {
  return low === high ? '' : `${low} to ${high}`;
}

function tableText(columns: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n');
}
