import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { buildFunctions } from '../../infra/build/functions.ts';
import { measureBundles } from './bundles.ts';
import { measureColdStart } from './cold-start.ts';
import { modelCost } from './cost.ts';
import { PROJECT, synthesizeAssets } from './deployed.ts';
import { isBeyondLimit, type Results } from './measure.ts';
import { readOptions, type Section } from './options.ts';
import { drawPlot } from './plot.ts';
import { measureReport } from './report.ts';
import { simulateScale } from './scale.ts';
import { startServers } from './servers.ts';
import { measureSizes } from './sizes.ts';
import { measureSurvey } from './survey.ts';
import { figuresTable, replaceSection, resultsText } from './text.ts';
import { measureWarm } from './warm.ts';

/** Lambda's longest timeout. */
const TIMEOUT_SECONDS = 900;

/** How often each part is measured. The full run takes some 25 minutes, most of them for the survey; the short one takes three. */
const LENGTHS = {
  full: {
    coldStart: { rounds: 61 },
    sizes: { rounds: 31 },
    warm: { rounds: 21 },
    report: { rounds: 151 },
    scale: {
      seeds: 5,
      days: 8,
      capacity: [0.3, 3],
      sweep: [500, 1000, 1500, 2000, 3000, 4000, 6000, 10_000, 14_000, 20_000, 28_000, 32_000, 40_000],
    },
    survey: { growth: [5000, 10_000, 20_000, 40_000], large: { certificates: 50_000, publications: 10_000 } },
  },
  short: {
    coldStart: { rounds: 9 },
    sizes: { rounds: 9 },
    warm: { rounds: 5 },
    report: { rounds: 31 },
    scale: { seeds: 1, days: 3, sweep: [], capacity: [3] },
    survey: { growth: [1000, 2000], large: { certificates: 1000, publications: 200 } },
  },
} as const;

const options = readOptions();
const lengths = LENGTHS[options.short ? 'short' : 'full'];
const started = performance.now();
const machine = {
  processor: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memoryGigabytes: Math.round(totalmem() / 2 ** 30),
  platform: `${process.platform} ${process.arch}`,
  node: process.version,
  date: new Date().toISOString().slice(0, 10),
};

await buildFunctions();
const deployed = synthesizeAssets();
const servers = await startServers();
const sections: { readonly title: string; readonly results: Results }[] = [];
let points: Parameters<typeof drawPlot>[0] = [];
try {
  // The cost is calculated from the cold start.
  const coldStart =
    isWanted('Cold start') || isWanted('Cost')
      ? await measureColdStart(deployed, servers, lengths.coldStart)
      : undefined;
  if (coldStart) {
    await run('Cold start', () => coldStart);
  }
  await run('Warm checks', () => measureWarm(deployed, servers, lengths.warm));
  await run('Report', () => measureReport(lengths.report));
  await run('Bundles', () => measureBundles(deployed));
  await run('Sizes', () => measureSizes(lengths.sizes));
  if (coldStart) {
    await run('Cost', () => modelCost(deployed, coldStart));
  }
  const scale = await run('Scale', () => simulateScale(deployed, lengths.scale));
  points = scale?.points ?? [];
  const survey = { ...lengths.survey, ...surveySize(), timeoutSeconds: TIMEOUT_SECONDS };
  await run('Survey', () => measureSurvey(deployed, survey));
} finally {
  servers.close();
  deployed.remove();
}

const figures = sections.flatMap(({ results }) => results.figures);
const seconds = Math.round((performance.now() - started) / 1000);
if (options.page) {
  writePage();
}
if (options.json) {
  const measured = sections.flatMap(({ results }) => results.measured);
  const tables = sections.flatMap(({ results }) => results.tables ?? []);
  console.log(JSON.stringify({ figures, measured, tables, machine: { ...machine, seconds } }, null, 2));
} else if (!options.page) {
  console.log(`${sections.map(resultsText).join('\n\n')}\n\n${figuresTable(figures)}`);
}
process.exitCode = figures.some(isBeyondLimit) ? 1 : 0;

function isWanted(title: Section): boolean {
  return options.only === undefined || options.only === title;
}

/** Measures a section; undefined if another one is wanted. */
async function run<R extends Results>(title: Section, measure: () => R | Promise<R>): Promise<R | undefined> {
  if (!isWanted(title)) {
    return undefined;
  }
  console.error(`${title} …`);
  const results = await measure();
  sections.push({ title, results });
  return results;
}

/** The sizes of surveys that the options name. */
function surveySize() {
  const numbers = (text: string) => text.split(',').map(Number);
  const [certificates, publications = 0] = numbers(options.survey ?? '');
  return {
    ...(options.survey !== undefined && certificates !== undefined && { large: { certificates, publications } }),
    ...(options.growth !== undefined && { growth: numbers(options.growth) }),
  };
}

function writePage(): void {
  const page = join(PROJECT, 'docs', 'performance.md');
  const { processor, cores, memoryGigabytes, platform, node, date } = machine;
  const origin = `Measured ${date} in ${seconds} s on ${cores} cores of ${processor}, ${memoryGigabytes} GB, ${platform}, Node ${node}.`;
  const text = `${origin}\n\n${figuresTable(figures)}`;
  const filled = sections.reduce(
    (text, section) => replaceSection(text, section.title, resultsText(section)),
    replaceSection(readFileSync(page, 'utf8'), 'Figures', text),
  );
  writeFileSync(page, filled);
  if (points.length > 0) {
    writeFileSync(join(PROJECT, 'docs', 'performance.svg'), drawPlot(points));
  }
}
