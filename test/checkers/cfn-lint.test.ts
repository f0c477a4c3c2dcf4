import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { REGIONS_WITHOUT_FUNCTION_URLS } from '../../infra/triggers.ts';
import { nameOf } from '../infra/synthesized.ts';
import { type Accepted, expectAccepted, type Finding } from './findings.ts';
import { runPython } from './python.ts';
import { COMBINATIONS, NAMES, type RawTemplate, rawTemplate } from './templates.ts';

/** A finding of cfn-lint's JSON format, with the fields that are used here. */
interface LintFinding {
  readonly Filename: string;
  readonly Location: { readonly Path: readonly (string | number)[] | null };
  readonly Message: string;
  readonly Rule: { readonly Id: string };
}

/**
 * AWS's documentation names Spain among the regions without function URLs, and its resource schemas contain the type for
 * Spain.
 */
const MISSING_IN_SCHEMAS = REGIONS_WITHOUT_FUNCTION_URLS.filter((region) => region !== 'eu-south-2');

const missing = (type: string, where: string, regions: readonly string[], reason: string): Accepted[] =>
  regions.map((region) => ({
    rule: 'E3006',
    where,
    message: `Resource type '${type}' does not exist in '${region}'`,
    reason,
  }));

const STYLE: readonly Accepted[] = [
  { rule: 'I1022', reason: 'CDK writes every text of several parts with Fn::Join. Fn::Sub has the same result.' },
  {
    rule: 'W3005',
    reason: 'CDK adds the role to the dependencies of a resource together with the policies of the role.',
  },
];

const WITHOUT_CLOUDFRONT =
  'CloudFront does not exist in the regions of AWS GovCloud and lacks these features in China. The collector works there ' +
  'without the setting publish; with it, CloudFormation refuses the deployment before it creates anything.';

const PUSH = missing(
  'AWS::Lambda::Url',
  'PushFunctionFunctionUrl',
  MISSING_IN_SCHEMAS,
  'The setting push needs a region with function URLs. Synthesis warns for exactly these regions.',
);

const PUBLISH = [
  ...missing(
    'AWS::CloudFront::OriginAccessControl',
    'PublicationAccess',
    ['cn-north-1', 'cn-northwest-1', 'us-gov-east-1', 'us-gov-west-1'],
    WITHOUT_CLOUDFRONT,
  ),
  ...missing(
    'AWS::CloudFront::ResponseHeadersPolicy',
    'PublicationHeaders',
    ['us-gov-east-1', 'us-gov-west-1'],
    WITHOUT_CLOUDFRONT,
  ),
  ...missing(
    'AWS::CloudFront::CachePolicy',
    'PublicationCache',
    ['us-gov-east-1', 'us-gov-west-1'],
    WITHOUT_CLOUDFRONT,
  ),
  ...missing('AWS::CloudFront::Distribution', 'Publication', ['us-gov-east-1', 'us-gov-west-1'], WITHOUT_CLOUDFRONT),
];

/** Faults that cfn-lint must report, each with the rule that reports it. */
const FAULTS: readonly (readonly [string, string, (resources: FaultyResources) => void])[] = [
  ['an unknown property', 'E3002', ({ alarm }) => Object.assign(alarm, { Treshold: 1 })],
  ['a number out of range', 'E3034', ({ lambda }) => Object.assign(lambda, { MemorySize: 64 })],
  ['a runtime that AWS no longer offers', 'E2533', ({ lambda }) => Object.assign(lambda, { Runtime: 'nodejs12.x' })],
  ['a reference to nothing', 'E1010', ({ lambda }) => Object.assign(lambda, { Role: { 'Fn::GetAtt': ['No', 'Arn'] } })],
  ['a value that is not in the list', 'E3030', ({ alarm }) => Object.assign(alarm, { TreatMissingData: 'none' })],
];

interface FaultyResources {
  readonly alarm: object;
  readonly lambda: object;
}

function faultyTemplate(): RawTemplate {
  const template = rawTemplate('the defaults');
  const first = (type: string) => Object.values(template.Resources).find(({ Type }) => Type === type)?.Properties ?? {};
  const resources = { alarm: first('AWS::CloudWatch::Alarm'), lambda: first('AWS::Lambda::Function') };
  for (const [, , harm] of FAULTS) {
    harm(resources);
  }
  return template;
}

const FAULTY = 'faulty';
let findings: ReadonlyMap<string, readonly Finding[]>;

/** Checks all templates in one run, which is much faster than a run for each. */
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cfn-lint-'));
  try {
    const templates = {
      ...Object.fromEntries(NAMES.map((name) => [name, rawTemplate(name)])),
      [FAULTY]: faultyTemplate(),
    };
    for (const [name, template] of Object.entries(templates)) {
      await writeFile(join(folder, `${name}.json`), JSON.stringify(template));
    }
    const files = Object.keys(templates).map((name) => join(folder, `${name}.json`));
    const options = ['--regions', 'ALL_REGIONS', '--include-checks', 'I', '--non-zero-exit-code', 'none'];
    const output = await runPython('cfn-lint', [...options, '--format', 'json', '--template', ...files]);
    findings = Map.groupBy(
      (JSON.parse(output) as readonly LintFinding[]).map((each) => ({
        template: basename(each.Filename, '.json'),
        rule: each.Rule.Id,
        where: nameOf(String(each.Location.Path?.[1])),
        message: each.Message,
      })),
      ({ template }) => template,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.each(NAMES)('cfn-lint finds nothing in any region that is not accepted, with %s.', (name) => {
  const settings: Readonly<Record<string, string>> = COMBINATIONS[name];
  expectAccepted(findings.get(name) ?? [], [
    ...STYLE,
    ...(settings.push === 'true' ? PUSH : []),
    ...(settings.publish === 'true' ? PUBLISH : []),
  ]);
});

describe('cfn-lint reports', () => {
  test.each(FAULTS)('%s.', (_, rule) => {
    expect((findings.get(FAULTY) ?? []).map((finding) => finding.rule)).toContain(rule);
  });
});
