import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { PATH_FINDINGS } from '../../functions/certificate/path/findings.ts';
import { FAULTS, type Input, localInputs, realFolder, realInputs, realRoots } from './inputs.ts';
import { KNOWN, type KnownVerdict } from './known.ts';
import { formatMatrix } from './matrix.ts';
import { FOLDER } from './python.ts';
import { installVerifiers, judgeHere, type MissingVerifier, type Problems, type Verifier } from './verifiers.ts';

const NAMES = ['OpenSSL', 'certtool', 'pyhanko-certvalidator', 'checkdmarc', 'mailauth'] as const;
const folder = realFolder();

interface Judged extends Verifier {
  /** The problems of each input of {@link inputs}. */
  readonly problems: readonly Problems[];
}

let inputs: readonly Input[];
let here: readonly Problems[];
let verifiers: readonly Judged[];
let missing: readonly MissingVerifier[];

beforeAll(async () => {
  const roots = folder === undefined ? [] : realRoots(folder);
  inputs = [...(await localInputs(roots)), ...(folder === undefined ? [] : realInputs(folder, roots))];
  here = await Promise.all(inputs.map(judgeHere));
  const installed = await installVerifiers();
  missing = installed.filter((each) => 'missing' in each);
  const judged: Judged[] = [];
  for (const verifier of installed) {
    if (!('missing' in verifier)) {
      judged.push({ ...verifier, problems: await verifier.judge(inputs) });
    }
  }
  verifiers = judged;
  const matrix = report();
  await mkdir(FOLDER, { recursive: true });
  await writeFile(join(FOLDER, 'matrix.md'), matrix);
  console.log(matrix);
});

/** The matrix, the versions, and everything that was not checked. */
function report(): string {
  const columns = [...NAMES, 'this project'];
  const rows = inputs.map(({ fault, chainName }, index) => ({
    fault,
    chainName,
    cells: [
      ...NAMES.map((name) => {
        const problems = verifiers.find((each) => each.name === name)?.problems[index];
        const verdict = problems && (problems.length > 0 ? 'refuses' : 'accepts');
        const isRight = verdict === (fault === null ? 'accepts' : 'refuses');
        return `${verdict ?? 'not installed'}${verdict && !isRight && isKnown(name, index) ? ' (known)' : ''}`;
      }),
      here[index]?.length ? here[index].map((problem) => problem.split(':', 1)).join(', ') : 'publishable',
    ],
  }));
  return [
    formatMatrix(columns, rows),
    ...verifiers.map(({ version }) => `- ${version}\n`),
    ...missing.map(({ name, missing: reason }) => `- ${name}: not installed, so it judges nothing here. ${reason}\n`),
    ...(folder === undefined ? ['- Real certificates: not judged, because MARK_CERTIFICATES names no folder.\n'] : []),
    '\nKnown wrong verdicts:\n\n',
    ...new Set(KNOWN.map(({ verifier, reason }) => `- ${verifier}: ${reason}\n`)),
  ].join('');
}

function isKnown(verifier: string, index: number): boolean {
  const input = inputs[index];
  return KNOWN.some((known) => known.verifier === verifier && input !== undefined && concerns(known, input));
}

function concerns({ fault, chains }: KnownVerdict, input: Input): boolean {
  return input.fault === fault && (chains?.includes(input.chainName) ?? true);
}

const nameOf = ({ chainName, fault }: Input) => `${chainName}${fault === null ? '' : `: ${fault}`}`;

/** The verdicts that are wrong, apart from the known ones, each with the problems that the verifier reports. */
function wrongVerdicts({ name, problems }: Judged): string[] {
  return inputs.flatMap((input, index) => {
    const found = problems[index] ?? [];
    const isWrong = found.length > 0 !== (input.fault !== null);
    return isWrong && !isKnown(name, index) ? [`${nameOf(input)}: ${found.join('; ') || 'accepted'}`] : [];
  });
}

/** The verifier, or undefined if it is missing, which the matrix states. */
function installed(name: string): Judged | undefined {
  const verifier = verifiers.find((each) => each.name === name);
  expect(verifier !== undefined || missing.some((each) => each.name === name)).toBe(true);
  return verifier;
}

test('The chains have every fault.', () => {
  const found = new Set(inputs.flatMap(({ fault }) => fault ?? []));
  const needsRealCertificates = [
    'another key with the name of a known root',
    'another key with the name of a known root, without the root',
    'issued under a root that is not trusted',
  ];
  expect(FAULTS.filter((fault) => !found.has(fault))).toEqual(folder === undefined ? needsRealCertificates : []);
});

test('Only certtool may be missing.', () => {
  expect([...verifiers, ...missing].map(({ name }) => name).toSorted()).toEqual(NAMES.toSorted());
  expect(missing.map(({ name }) => name).filter((name) => name !== 'certtool')).toEqual([]);
});

describe.each(NAMES)('%s', (name) => {
  test('accepts every genuine chain and refuses every fault, apart from the known verdicts.', ({ skip }) => {
    const verifier = installed(name);
    skip(verifier === undefined, 'not installed');
    expect(verifier && wrongVerdicts(verifier)).toEqual([]);
  });

  test('gives every known verdict.', ({ skip }) => {
    const verifier = installed(name);
    skip(verifier === undefined, 'not installed');
    const improved = KNOWN.filter((known) => known.verifier === name).flatMap((known) => {
      const concerned = inputs.flatMap((input, index) => (concerns(known, input) ? [{ input, index }] : []));
      const right = concerned.filter(
        ({ index }) => (verifier?.problems[index]?.length === 0) === (known.fault === null),
      );
      const notThere = concerned.length === 0 && folder !== undefined ? [`no chain: ${known.fault}`] : [];
      return [...right.map(({ input }) => nameOf(input)), ...notThere];
    });
    expect(improved).toEqual([]);
  });
});

test('This project publishes no chain that a verifier of signatures refuses for a fault.', () => {
  const refused = inputs.filter(({ fault }, index) => {
    const isRefused = verifiers.some(
      ({ verifiesSignatures, problems }) => verifiesSignatures && problems[index]?.length,
    );
    return fault !== null && isRefused;
  });
  expect(refused).toEqual(inputs.filter(({ fault }) => fault !== null));
  expect(refused.filter((input) => here[inputs.indexOf(input)]?.length === 0).map(nameOf)).toEqual([]);
});

test('This project publishes every chain of the local certificate authority.', () => {
  const local = inputs.filter(({ fault, chainName }) => fault === null && chainName.startsWith('local '));
  expect(local).toHaveLength(4);
  expect(local.flatMap((input) => here[inputs.indexOf(input)] ?? [])).toEqual([]);
});

test('This project finds no error in the path of a real chain.', ({ skip }) => {
  skip(folder === undefined, 'MARK_CERTIFICATES names no folder');
  const genuine = inputs.filter(({ fault, chainName }) => fault === null && !chainName.startsWith('local '));
  const ofThePath = new Set(['InvalidChain', ...Object.keys(PATH_FINDINGS)]);
  const wrong = genuine.flatMap((input) => {
    const found = here[inputs.indexOf(input)] ?? [];
    return found
      .filter((each) => ofThePath.has(each.split(':', 1).join('')))
      .map((each) => `${nameOf(input)}: ${each}`);
  });
  expect(wrong).toEqual([]);
});
