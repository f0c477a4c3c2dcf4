import { parseArgs } from 'node:util';

export const USAGE = `npm run bench -- [OPTIONS]

Measures what the collector costs. The same run measures each figure and its reference alternately.

  --json              one JSON object
  --short             fewer rounds and smaller surveys, for CI
  --only SECTION      one section, for example "Survey"
  --survey C,P        the size of the largest survey: certificates and publications (default: 50000,10000)
  --growth C,C,…      the numbers of certificates for "survey-growth" (default: 5000,10000,20000,40000)
  --page              write the figures into docs/performance.md, and the plot docs/performance.svg

Exit status: 0; 1 if a count or size is worse than 1.2 times its target, or a time worse than twice; 64 for wrong usage.`;

/** The sections in their order. */
const SECTIONS = ['Cold start', 'Warm checks', 'Report', 'Bundles', 'Sizes', 'Cost', 'Scale', 'Survey'] as const;

export type Section = (typeof SECTIONS)[number];

/** Reads the options. Ends the process after `--help`, or if an option is wrong. */
export function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        short: { type: 'boolean', default: false },
        only: { type: 'string' },
        survey: { type: 'string' },
        growth: { type: 'string' },
        page: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit();
    }
    if (values.only !== undefined && !SECTIONS.some((title) => title === values.only)) {
      throw new Error(`--only ${values.only} is not a section; accepted: ${SECTIONS.join(', ')}`);
    }
    for (const name of ['survey', 'growth'] as const) {
      const text = values[name];
      if (text !== undefined && !/^[1-9]\d*,\d+(,\d+)*$/.test(text)) {
        throw new Error(`--${name} ${text} is not accepted; accepted: at least two numbers, like 5000,10000`);
      }
    }
    return values;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    process.exit(64);
  }
}
