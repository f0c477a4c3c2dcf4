import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CertificateAuthority } from '../infra/local/ca/certificate-authority.ts';
import { openLongstandingAuthority } from './authority.ts';
import { PROJECT } from './infra/synthesized.ts';
import { captureOutput, stubAwsEnvironment } from './lambda.ts';
import {
  certificateTexts,
  commandTexts,
  differenceTexts,
  narrationTexts,
  notRendered,
  type RenderedTexts,
  refusalTexts,
  tableTexts,
  templateTexts,
} from './rendered-texts.ts';
import { findOddWords } from './words.ts';

/** Pages, code, tests and configuration, without the list itself and the samples of earlier releases. */
const FILES = globSync(
  [
    ...['*.md', '*.json', '.*.{json,jsonc}', '.ci/*', '.github/**/*.{md,yml}'],
    ...['docs/**/*.md', '{functions,infra,test}/**/*.{ts,js,py,txt}'],
  ],
  {
    cwd: PROJECT,
    exclude: ['package-lock.json', 'test/releases/*/**', 'test/words.ts', 'test/words.test.ts'],
  },
).toSorted();

/**
 * Texts that are allowed everywhere: names of JavaScript and SVG, names that outsiders use, and the odd word that a page
 * quotes.
 */
const ALLOWED = [
  'allSettled',
  'PromiseSettledResult',
  '`shall`',
  'begun-anew',
  'clipPath',
  'clip-path',
  'clip-rule',
  'clip: area',
];

/** Files that read or describe a field of release 0.1.0. */
const READERS_OF_0_1_0 =
  /^(functions\/collect\/collect\.ts|test\/functions\/collect\/.*|test\/releases\/.*|docs\/.*|C[A-Z]+\.md)$/;

function oddWordsIn(file: string): string[] {
  const text = ALLOWED.reduce(
    (kept, allowed) => kept.replaceAll(allowed, ''),
    readFileSync(join(PROJECT, file), 'utf8'),
  );
  const allowed = READERS_OF_0_1_0.test(file) ? text.replaceAll('inARow', '') : text;
  // No word or construction is longer than a line, and to search line by line takes several times as long.
  if (findOddWords(allowed).length === 0) {
    return [];
  }
  return allowed.split('\n').flatMap((line, index) => findOddWords(line).map((hit) => `${file}:${index + 1}: ${hit}`));
}

const oddWordsOf = (texts: RenderedTexts) =>
  texts.flatMap(([origin, text]) =>
    findOddWords(ALLOWED.reduce((kept, allowed) => kept.replaceAll(allowed, ''), text)).map(
      (hit) => `${origin}: ${hit}`,
    ),
  );

describe('the word list', () => {
  test.each([
    ['The publication is astray.', 'astray'],
    ['const untilSettled = 1;', 'Settled'],
    ['inARow: 3', 'inARow'],
    ['It has a timeout of its own.', 'of its own'],
    ['The DNS did not tell the record.', 'did not tell'],
  ])('It finds the odd word in: %s', (text, word) => {
    expect(findOddWords(text).join()).toContain(`"${word}"`);
  });

  test.each([
    'The string is truncated.',
    'Promise.all',
    'a shallow copy',
    'the amended order',
    'stranger',
    '0a1b2c3d-deed-4d5e-8f90-deedfaceb00c',
    '2835a30fd3f8be6fca857d40ff71deed69606705 is a digest',
  ])('It accepts: %s', (text) => {
    expect(findOddWords(text)).toEqual([]);
  });
});

describe('pages, comments and names', () => {
  test('They contain no odd word.', () => {
    expect(FILES.length).toBeGreaterThan(150);
    expect(FILES).toEqual(expect.arrayContaining(['.ci/run', '.github/workflows/ci.yml', 'package.json']));
    expect(FILES.flatMap(oddWordsIn)).toEqual([]);
  });
});

/** Templates, scenarios and commands take seconds each, and several times that on a busy machine. */
const SLOW_MILLISECONDS = 240_000;

describe('texts as people read them', () => {
  let authority: CertificateAuthority;
  let rendered: RenderedTexts;

  beforeAll(async () => {
    authority = await openLongstandingAuthority();
    rendered = [...(await certificateTexts(authority)), ...refusalTexts(), ...(await differenceTexts())];
  });

  test(
    'The template of every setting contains no odd word.',
    () => {
      expect(oddWordsOf(templateTexts())).toEqual([]);
    },
    SLOW_MILLISECONDS,
  );

  test('Meanings, next steps and errors about input, settings and environment contain no odd word.', () => {
    stubAwsEnvironment({});
    const texts = tableTexts();
    expect(texts.filter(([, text]) => text === '')).toEqual([]);
    expect(oddWordsOf(texts)).toEqual([]);
  });

  test('Every finding, refusal and difference is rendered, and contains no odd word.', () => {
    expect(notRendered(rendered)).toEqual([]);
    expect(oddWordsOf(rendered)).toEqual([]);
  });

  test(
    'The narration of npm start and the logs of the functions contain no odd word.',
    async () => {
      stubAwsEnvironment({});
      const output = captureOutput();
      const narration = await narrationTexts(authority);
      expect(narration.length).toBeGreaterThan(50);
      const logs = output.lines().map((line) => ['log', JSON.stringify(line)] as const);
      expect(oddWordsOf([...narration, ...logs])).toEqual([]);
    },
    SLOW_MILLISECONDS,
  );

  test(
    'Usage texts and the output of inspect contain no odd word.',
    async () => {
      const texts = await commandTexts(authority);
      expect(texts.filter(([, text]) => text === '')).toEqual([]);
      expect(oddWordsOf(texts)).toEqual([]);
    },
    SLOW_MILLISECONDS,
  );
});
