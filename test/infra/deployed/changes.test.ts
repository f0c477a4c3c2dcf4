import { describe, expect, test } from 'vitest';
import { type Change, compareResources, compareSettings, REMOVABLE_SETTINGS } from '../../../infra/deployed/changes.ts';
import { settingsInOutputs } from '../../../infra/deployed/outputs.ts';
import { readSettings, SETTING_NAMES, type Settings, writeSettings } from '../../../infra/settings.ts';
import { KEY_ARN, SETTINGS, synthesize } from '../synthesized.ts';

const DEFAULTS = writeSettings(readSettings({}));
const ROOT = 'a'.repeat(64);
const OTHER_ROOT = 'b'.repeat(64);

/** Changes that remove something, with a part of the message. */
const REMOVALS = {
  publish: [[true, false, 'mailboxes show no logo']],
  push: [[true, false, 'notifications of the CA fail']],
  alarmEmail: [
    [
      'a@example.com',
      undefined,
      'a@example.com receives no alarms and no messages about orders any more; no address does',
    ],
    ['a@example.com', 'b@example.com', 'b@example.com receives them after its subscription is confirmed'],
  ],
  notifyEmail: [
    ['a@example.com', undefined, 'alarmEmail receives them'],
    ['a@example.com', 'b@example.com', 'a@example.com receives no messages about certificates'],
  ],
  trustAnchors: [
    [ROOT, undefined, ROOT],
    [`${ROOT},${OTHER_ROOT}`, OTHER_ROOT, ROOT],
    [ROOT, OTHER_ROOT, ROOT],
  ],
  ctLogs: [
    ['MFkw', undefined, 'only the log MFkw signed'],
    ['MFkw,MIIB', 'MIIB', 'only the log MFkw signed'],
  ],
  name: [['a', 'b', 'the login at the CA is deleted']],
  eventSource: [['a', 'b', 'events with the source "a" no longer start a collection']],
  eventBusName: [['a', 'b', 'events on the bus "a" no longer start a collection']],
  publishDomainName: [
    ['a.example.com', undefined, 'https://a.example.com no longer work'],
    ['a.example.com', 'b.example.com', 'https://a.example.com no longer work'],
  ],
  kmsKeyArn: [
    [KEY_ARN, undefined, 'cannot be read'],
    [KEY_ARN, `${KEY_ARN}0`, 'cannot be read'],
  ],
} as const satisfies Partial<Record<keyof Settings, readonly (readonly [unknown, unknown, string])[]>>;

/** The only change between two values of one setting. */
function changeOf(name: string, before: unknown, after: unknown): Change | undefined {
  const settingsWith = (value: unknown) => ({ ...DEFAULTS, ...(value !== undefined && { [name]: value as string }) });
  const [change, ...others] = compareSettings(settingsWith(before), settingsWith(after));
  expect(others).toEqual([]);
  return change;
}

describe('A change of settings', () => {
  test('that takes something away is tested for every setting that --remove accepts.', () => {
    expect(Object.keys(REMOVALS).toSorted()).toEqual([...REMOVABLE_SETTINGS].toSorted());
    expect(SETTING_NAMES).toEqual(expect.arrayContaining([...REMOVABLE_SETTINGS]));
  });

  test.each(
    Object.entries(REMOVALS).flatMap(([name, cases]) =>
      cases.map(([before, after, effect]) => ({ name, before, after, effect })),
    ),
  )('takes something away, and says what: $name from $before to $after.', ({ name, before, after, effect }) => {
    expect(changeOf(name, before, after)).toMatchObject({
      name,
      text: `${name}: ${before} → ${after ?? 'none'}`,
      effect: expect.stringContaining(effect),
      removes: true,
    });
  });

  test.each([
    ['publish', false, true],
    ['push', false, true],
    ['dashboard', true, false],
    ['alarmEmail', undefined, 'a@example.com'],
    ['notifyEmail', undefined, 'a@example.com'],
    ['trustAnchors', undefined, ROOT],
    ['trustAnchors', ROOT, `${OTHER_ROOT},${ROOT}`],
    ['ctLogs', undefined, 'MFkw'],
    ['ctLogs', 'MFkw', 'MIIB,MFkw'],
    ['publishDomainName', undefined, 'a.example.com'],
    ['kmsKeyArn', undefined, KEY_ARN],
    ['pollEvery', 'PT3H', 'PT6H'],
    ['pollEveryWithPush', undefined, 'P1D'],
    ['pollEveryWithPush', 'P1D', 'PT12H'],
    ['pollEveryWithPush', 'P1D', undefined],
    ['giveUpAfter', 'P90D', 'P30D'],
    ['askAgainBefore', 'P45D', 'PT0S'],
    ['askAgainBefore', 'PT0S', 'P45D'],
    ['removalPolicy', 'retain', 'destroy'],
    ['reservedConcurrency', 1, 'none'],
  ])('takes nothing away: %s from %s to %s.', (name, before, after) => {
    expect(changeOf(name, before, after)).toMatchObject({ name, removes: false });
  });

  test('is no change if the values are the same.', () => {
    expect(compareSettings(DEFAULTS, DEFAULTS)).toEqual([]);
  });

  test('compares a setting that the deployed release did not know with its default.', () => {
    const { dashboard: _, ...older } = DEFAULTS;
    expect(compareSettings(older, DEFAULTS)).toEqual([]);
    expect(compareSettings(older, { ...DEFAULTS, dashboard: true })).toMatchObject([
      { text: 'dashboard: false → true' },
    ]);
  });

  test('finds everything that a deployment without all settings of cdk.json takes away.', () => {
    const changes = compareSettings(writeSettings(readSettings(SETTINGS)), DEFAULTS);
    expect(
      changes
        .filter(({ removes }) => removes)
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual([...REMOVABLE_SETTINGS].toSorted());
  });
});

describe('A change of resources', () => {
  const full = synthesize(SETTINGS).template.toJSON();
  const byDefault = synthesize({ name: 'acme' }).template.toJSON();
  const idOf = (type: string, part: string) =>
    Object.keys(full.Resources).find((id) => full.Resources[id].Type === type && id.includes(part)) ?? '';
  const bucket = idOf('AWS::S3::Bucket', 'Bucket');
  const secret = idOf('AWS::SecretsManager::Secret', 'Credentials');

  test('takes nothing away if the templates are the same.', () => {
    expect(compareResources(full, full, [])).toEqual([]);
  });

  test('reports every lost resource that people depend on, if the settings explain none.', () => {
    const lost = compareResources(full, byDefault, []).map(({ text }) => text.replace(/^.*\((.*)\)/, '$1'));
    expect([...new Set(lost)].toSorted()).toEqual([
      'AWS::CloudFront::Distribution is deleted',
      'AWS::Lambda::Url is deleted',
      'AWS::SNS::Subscription is deleted',
      'AWS::SNS::Topic is deleted',
      'AWS::SecretsManager::Secret is deleted',
    ]);
  });

  test('does not report again what a removed setting explains.', () => {
    const settings = compareSettings(
      writeSettings(readSettings(SETTINGS)),
      writeSettings(readSettings({ name: 'acme' })),
    );
    expect(compareResources(full, byDefault, settings)).toEqual([]);
  });

  test('takes the bucket away if its logical id changes, whatever else changes.', () => {
    const { [bucket]: moved, ...others } = full.Resources;
    const settings = compareSettings(writeSettings(readSettings(SETTINGS)), DEFAULTS);
    expect(compareResources(full, { Resources: { ...others, Renamed: moved } }, settings)).toMatchObject([
      { name: bucket, text: `${bucket} (AWS::S3::Bucket) is deleted`, removes: true },
    ]);
  });

  test('takes the secret away if its name changes, because CloudFormation replaces it.', () => {
    const renamed = { ...full.Resources[secret], Properties: { ...full.Resources[secret].Properties, Name: 'other' } };
    expect(compareResources(full, { Resources: { ...full.Resources, [secret]: renamed } }, [])).toMatchObject([
      { name: secret, text: `${secret} (AWS::SecretsManager::Secret) is replaced` },
    ]);
  });

  test('takes nothing away if other properties or other resources change.', () => {
    const changed = {
      ...full.Resources[secret],
      Properties: { ...full.Resources[secret].Properties, Description: '' },
    };
    const alarms = Object.fromEntries(
      Object.entries<{ Type: string }>(full.Resources).filter(([, { Type }]) => Type !== 'AWS::CloudWatch::Alarm'),
    );
    expect(compareResources(full, { Resources: { ...alarms, [secret]: changed } }, [])).toEqual([]);
  });
});

describe('The outputs of a stack without the output Settings', () => {
  test.each([
    [{}, { push: false, publish: false }],
    [{ PushUrl: 'https://a.lambda-url.example/' }, { push: true, publish: false }],
    [
      { PublishedUrl: 'https://d1.cloudfront.net', DistributionDomainName: 'd1.cloudfront.net' },
      { push: false, publish: true },
    ],
    [
      { PublishedUrl: 'https://bimi.example.com', DistributionDomainName: 'd1.cloudfront.net' },
      { push: false, publish: true, publishDomainName: 'bimi.example.com' },
    ],
  ])('show push, publish and the host name: %j.', (outputs, expected) => {
    expect(settingsInOutputs(outputs)).toEqual(expected);
  });
});
