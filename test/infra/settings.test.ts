import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { truncate } from '../../functions/text.ts';
import { collisionsOf } from '../../infra/collisions.ts';
import { readSettings, SETTING_NAMES, type Settings, type SettingsInput, writeSettings } from '../../infra/settings.ts';

const DAY = 86_400;
const base64 = ({ publicKey }: { readonly publicKey: KeyObject }) =>
  publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
const LOG_KEY = base64(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
const RSA_LOG_KEY = base64(generateKeyPairSync('rsa', { modulusLength: 2048 }));
const FINGERPRINT = '0123456789abcdef'.repeat(4);
const KEY_ARN = 'arn:aws:kms:us-east-1:111122223333:key/12345678-90ab-cdef-1234-567890abcdef';
const CERTIFICATE_ARN = 'arn:aws:acm:us-east-1:111122223333:certificate/12345678-90ab-cdef-1234-567890abcdef';
const LOOPBACK = 'http://127.0.0.1:8080/CollectMC';
const SETTINGS_WITH_DURATION = [
  'pollEvery',
  'pollEveryWithPush',
  'giveUpAfter',
  'remindBefore',
  'askAgainBefore',
] as const;

/** Settings with their durations in seconds. */
function read(input: Readonly<Record<string, unknown>>) {
  const settings = readSettings(input);
  const seconds = SETTINGS_WITH_DURATION.map((name) => [name, settings[name]?.toSeconds()]);
  return { ...settings, ...Object.fromEntries(seconds) };
}

/** The problems in the error about the settings; none if they are accepted. */
function problemsOf(input: Readonly<Record<string, unknown>>): string[] {
  try {
    readSettings(input);
  } catch (error) {
    const [title, ...problems] = String(error).split('\n');
    expect(title).toBe('InvalidSettingsError: Settings cannot be used:');
    return problems.map((problem) => problem.replace(/^ {2}- /, ''));
  }
  return [];
}

describe('settings that are not given', () => {
  test('The settings have these defaults.', () => {
    expect(read({})).toEqual({
      collectUrl: 'https://secure.trust-provider.com/products/download/CollectMC',
      responseFormat: 'pkcs7',
      pollEvery: 3 * 3600,
      pollEveryWithPush: undefined,
      giveUpAfter: 90 * DAY,
      name: 'mark-certificate-collector',
      eventSource: 'mark-certificates',
      eventBusName: 'default',
      trustAnchors: undefined,
      ctLogs: undefined,
      reservedConcurrency: 1,
      remindBefore: 30 * DAY,
      askAgainBefore: 45 * DAY,
      alarmEmail: undefined,
      notifyEmail: undefined,
      runbookUrl: 'https://github.com/mark-certificate-collector/mark-certificate-collector/blob/main/docs/runbook.md',
      dashboard: false,
      push: false,
      publish: false,
      publishDomainName: undefined,
      publishCertificateArn: undefined,
      publishLogs: false,
      unpublishRevoked: false,
      kmsKeyArn: undefined,
      removalPolicy: 'retain',
    } satisfies Record<keyof Settings, unknown>);
  });

  test('A setting that is undefined has its default.', () => {
    expect(read(Object.fromEntries(SETTING_NAMES.map((name) => [name, undefined])))).toEqual(read({}));
  });

  test('No setting is required, and none contains the login at the CA.', () => {
    expect(SETTING_NAMES.filter((name) => /login|password|token|apikey/i.test(name))).toEqual([]);
    expect(problemsOf({})).toEqual([]);
  });
});

describe('a setting as "-c key=value" gives it', () => {
  const WRITTEN = {
    collectUrl: [
      ['https://ca.example/CollectMC', 'https://ca.example/CollectMC'],
      ['https://ca.example:8443/a/b', 'https://ca.example:8443/a/b'],
      [LOOPBACK, LOOPBACK],
      ['http://localhost/CollectMC', 'http://localhost/CollectMC'],
      ['http://[::1]:1/CollectMC', 'http://[::1]:1/CollectMC'],
    ],
    responseFormat: [
      ['pkcs7', 'pkcs7'],
      ['pkcs7-base64', 'pkcs7-base64'],
      ['zip', 'zip'],
      ['zip-base64', 'zip-base64'],
      ['pem', 'pem'],
    ],
    pollEvery: [
      ['PT3H', 10_800],
      ['PT180M', 10_800],
      ['P1DT6H30M15S', 109_815],
    ],
    pollEveryWithPush: [
      ['P1D', DAY],
      ['PT24H', DAY],
      ['PT3H', 10_800],
    ],
    giveUpAfter: [
      ['P30D', 30 * DAY],
      ['PT2160H', 90 * DAY],
      ['PT3H', 10_800],
    ],
    name: [
      ['acme-2', 'acme-2'],
      ['a', 'a'],
      ['x'.repeat(32), 'x'.repeat(32)],
    ],
    notifyEmail: [['brand@example.com', 'brand@example.com']],
    runbookUrl: [
      ['https://wiki.example.com/runbook', 'https://wiki.example.com/runbook'],
      ['https://wiki.example.com/', 'https://wiki.example.com/'],
      ['https://wiki.example.com/a?b=c', 'https://wiki.example.com/a?b=c'],
    ],
    dashboard: [
      ['true', true],
      ['false', false],
    ],
    eventSource: [
      ['com.example.shop', 'com.example.shop'],
      ['awsome', 'awsome'],
      ['x'.repeat(256), 'x'.repeat(256)],
    ],
    eventBusName: [
      ['orders', 'orders'],
      ['aws.partner/example.com/1', 'aws.partner/example.com/1'],
    ],
    trustAnchors: [
      [FINGERPRINT, [FINGERPRINT]],
      [FINGERPRINT.toUpperCase().replace(/..(?!$)/g, '$&:'), [FINGERPRINT]],
      [`${FINGERPRINT}, ${'a'.repeat(64)}`, [FINGERPRINT, 'a'.repeat(64)]],
    ],
    ctLogs: [
      [LOG_KEY, [LOG_KEY]],
      [RSA_LOG_KEY, [RSA_LOG_KEY]],
      [`${LOG_KEY}, ${RSA_LOG_KEY}`, [LOG_KEY, RSA_LOG_KEY]],
    ],
    reservedConcurrency: [
      ['1', 1],
      ['10', 10],
      ['1000', 1000],
      ['none', undefined],
    ],
    remindBefore: [
      ['P7D', 7 * DAY],
      ['P90D', 90 * DAY],
      ['PT240H', 10 * DAY],
    ],
    askAgainBefore: [
      ['P7D', 7 * DAY],
      ['P180D', 180 * DAY],
      ['PT240H', 10 * DAY],
      ['P0D', 0],
      ['PT0S', 0],
    ],
    alarmEmail: [
      ['operators@example.com', 'operators@example.com'],
      ['first.last+alarm@mail.example.co.uk', 'first.last+alarm@mail.example.co.uk'],
    ],
    push: [
      ['true', true],
      ['false', false],
    ],
    publish: [
      ['true', true],
      ['false', false],
    ],
    publishDomainName: [
      ['bimi.example.com', 'bimi.example.com'],
      ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ],
    publishCertificateArn: [[CERTIFICATE_ARN, CERTIFICATE_ARN]],
    publishLogs: [
      ['true', true],
      ['false', false],
    ],
    unpublishRevoked: [
      ['true', true],
      ['false', false],
    ],
    kmsKeyArn: [
      [KEY_ARN, KEY_ARN],
      [KEY_ARN.replace('arn:aws:', 'arn:aws-us-gov:'), KEY_ARN.replace('arn:aws:', 'arn:aws-us-gov:')],
      [
        `${KEY_ARN.slice(0, -36)}mrk-1234567890abcdef1234567890abcdef`,
        `${KEY_ARN.slice(0, -36)}mrk-1234567890abcdef1234567890abcdef`,
      ],
    ],
    removalPolicy: [
      ['retain', 'retain'],
      ['destroy', 'destroy'],
    ],
  } satisfies Record<keyof Settings, readonly (readonly [written: string, read: unknown])[]>;

  /** Settings that are accepted only together with others. */
  const TOGETHER_WITH: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    publishDomainName: { publish: true, publishCertificateArn: CERTIFICATE_ARN },
    publishCertificateArn: { publish: true, publishDomainName: 'bimi.example.com' },
    publishLogs: { publish: true },
    pollEveryWithPush: { push: true },
    unpublishRevoked: { publish: true },
  };

  test('These tests cover every setting.', () => {
    expect(Object.keys(WRITTEN).toSorted()).toEqual(SETTING_NAMES.toSorted());
  });

  test.each(
    Object.entries(WRITTEN).flatMap(([name, values]) => values.map(([written, value]) => ({ name, written, value }))),
  )('The value is accepted: $name=$written', ({ name, written, value }) => {
    const others = TOGETHER_WITH[name] ?? {};
    expect(read({ ...others, [name]: written })).toEqual({ ...read({}), ...others, [name]: value });
  });

  test('The value may be a JSON number in cdk.json.', () => {
    expect(read({ reservedConcurrency: 7 }).reservedConcurrency).toBe(7);
  });

  test.each([true, false])('The value may be a JSON boolean in cdk.json: %s.', (value) => {
    expect(read({ push: value }).push).toBe(value);
    expect(read({ publish: true, unpublishRevoked: value })).toMatchObject({ publish: true, unpublishRevoked: value });
  });
});

describe('settings that are written again', () => {
  test('Settings that were written are read with the same result.', () => {
    const settings = readSettings({
      pollEvery: 'PT180M',
      trustAnchors: `${FINGERPRINT.toUpperCase()}, ${'a'.repeat(64)}`,
      ctLogs: `${RSA_LOG_KEY}, ${LOG_KEY}`,
      reservedConcurrency: 'none',
      publish: 'true',
    });
    const written = writeSettings(settings);
    expect(written).toMatchObject({
      pollEvery: 'PT3H',
      trustAnchors: `${FINGERPRINT},${'a'.repeat(64)}`,
      ctLogs: `${RSA_LOG_KEY},${LOG_KEY}`,
      reservedConcurrency: 'none',
      publish: true,
      push: false,
    });
    expect(readSettings(written)).toEqual(settings);
  });

  test('Settings without a value are left out.', () => {
    expect(writeSettings(readSettings({}))).not.toHaveProperty('alarmEmail');
  });
});

describe('two collectors in one account and region', () => {
  const one = writeSettings(readSettings({}));

  test.each([
    [{ name: 'b', eventSource: 'b' }, []],
    [{ name: 'b', eventBusName: 'b' }, []],
    [{ eventSource: 'b' }, ['name']],
    [{ name: 'b' }, ['eventSource']],
    [{}, ['name', 'eventSource']],
  ])('The settings that collide are named: %j and the defaults.', (other, expected) => {
    const collisions = collisionsOf(one, writeSettings(readSettings(other)));
    expect(collisions.map(({ setting }) => setting)).toEqual(expected);
  });
});

describe('a wrong setting', () => {
  const COLLECT_URL_FORM =
    'an https URL without credentials, query and fragment (plain http for a loopback address only)';
  const CONCURRENCY_FORM = 'a whole number from 1 to 1000, or "none"';
  const WRONG = {
    collectUrl: [
      COLLECT_URL_FORM,
      [
        '',
        'CollectMC',
        'http://ca.example/CollectMC',
        'ftp://127.0.0.1/CollectMC',
        'https://me:secret@ca.example/',
      ].concat('https://ca.example/?a=1', 'https://ca.example/#a', 'http://127.0.0.1.example/', 'http://128.0.0.1/'),
      [null, 8080],
    ],
    responseFormat: ['pkcs7, pkcs7-base64, zip, zip-base64, pem', ['', 'PKCS7', 'der', 'toString'], [null, 2]],
    pollEvery: [
      'an ISO 8601 duration like PT3H',
      ['', '3h', '10800', 'P', 'PT', 'P1W', 'P1M', 'PT1.5H', '-PT3H'],
      [null, 3],
    ],
    pollEveryWithPush: [
      'an ISO 8601 duration like P1D',
      ['', '1d', '86400', 'daily', 'P1W', '-P1D'],
      [null, 86_400, true],
    ],
    giveUpAfter: ['an ISO 8601 duration like P90D', ['', '90', '90 days', 'P3M', 'p90d', ' P90D'], [null, 90]],
    name: [
      '1 to 32 lower-case letters, digits and hyphens, without a hyphen at its ends',
      ['', 'a b', 'A', 'a_b', '-a', 'a-', 'ä', 'x'.repeat(33)],
      [null, 1],
    ],
    notifyEmail: ['an e-mail address', ['', 'brand', 'brand@example', 'a b@example.com'], [null, 1]],
    runbookUrl: [
      'an https URL without a fragment',
      ['', 'http://wiki.example.com/', 'wiki.example.com', 'https://wiki.example.com/#a', 'https://', 'https://a b'],
      [null, 1],
    ],
    dashboard: ['true, false', ['', 'yes', 'TRUE'], [null, 1]],
    eventSource: ['1 to 256 characters, not beginning with "aws."', ['', 'aws.s3', 'x'.repeat(257)], [null, 1]],
    eventBusName: [
      'the name of an event bus: letters, digits and /._-',
      ['', 'a b', 'arn:aws:x', 'x'.repeat(257)],
      [null, 1],
    ],
    trustAnchors: [
      'SHA-256 fingerprints of certificates, 64 hex digits each, separated by commas',
      ['', FINGERPRINT.slice(1), `${FINGERPRINT.slice(1)}g`, `${FINGERPRINT},`, `no,${FINGERPRINT}`],
      [null, 1, [FINGERPRINT]],
    ],
    ctLogs: [
      'keys of certificate transparency logs, separated by commas: SubjectPublicKeyInfo in base64 on one line, EC P-256 or RSA with at least 2048 bits',
      [
        '',
        FINGERPRINT,
        LOG_KEY.slice(1),
        `${LOG_KEY},`,
        `${LOG_KEY};${LOG_KEY}`,
        LOG_KEY.replace('MFkw', 'MFk_'),
        base64(generateKeyPairSync('ec', { namedCurve: 'P-384' })),
        base64(generateKeyPairSync('rsa', { modulusLength: 1024 })),
        base64(generateKeyPairSync('ed25519')),
        Buffer.concat([Buffer.from(LOG_KEY, 'base64'), Buffer.of(0)]).toString('base64'),
      ],
      [null, 1, [LOG_KEY]],
    ],
    reservedConcurrency: [
      CONCURRENCY_FORM,
      ['', '0', '-1', '1.5', '01', '1e2', ' 1', '1001', '99999', 'None', 'one'],
      [null, true],
    ],
    remindBefore: ['an ISO 8601 duration like P30D', ['', '30', 'P1M', 'P4W', '30d'], [null, 30]],
    askAgainBefore: ['an ISO 8601 duration like P45D', ['', '45', 'P1M', 'off', '45d'], [null, 45, false]],
    alarmEmail: [
      'an e-mail address',
      ['', 'operators', 'operators@example', '@example.com', 'a b@example.com', 'a@b@example.com'],
      [null, 1],
    ],
    push: ['true, false', ['', 'True', 'yes', 'on', '1'], [null, 1]],
    publish: ['true, false', ['', 'True', 'yes', 'on', '1'], [null, 1]],
    publishDomainName: [
      'a host name in lower case, like bimi.example.com',
      [
        '',
        'localhost',
        'BIMI.example.com',
        'bimi.example.com.',
        'bücher.example',
        '*.example.com',
        'a b.example.com',
      ].concat('https://bimi.example.com', 'bimi.example.com/logos', 'bimi_1.example.com', '192.0.2.1'),
      [null, 1],
    ],
    publishCertificateArn: [
      'the ARN of an ACM certificate in us-east-1, the region that CloudFront requires',
      [
        '',
        '12345678-90ab-cdef-1234-567890abcdef',
        CERTIFICATE_ARN.replace('us-east-1', 'eu-west-1'),
        CERTIFICATE_ARN.replace(':acm:', ':iam:'),
        KEY_ARN,
        `${CERTIFICATE_ARN} `,
      ],
      [null, 1],
    ],
    publishLogs: ['true, false', ['', 'True', 'yes', 'on', '1'], [null, 1]],
    unpublishRevoked: ['true, false', ['', 'True', 'yes', 'on', '1'], [null, 1]],
    kmsKeyArn: [
      'the ARN of a KMS key',
      [
        '',
        'alias/mine',
        '12345678-90ab-cdef-1234-567890abcdef',
        'arn:aws:kms:us-east-1:111122223333:alias/mine',
        'arn:aws:kms:us-east-1::key/1',
        'arn:aws:s3:us-east-1:111122223333:key/1',
        `${KEY_ARN} `,
      ],
      [null, 1],
    ],
    removalPolicy: ['retain, destroy', ['', 'RETAIN', 'snapshot', 'retain-on-update-or-delete'], [null, true]],
  } satisfies Record<keyof Settings, readonly [accepted: string, texts: readonly string[], others: readonly unknown[]]>;

  test.each(
    Object.entries(WRONG).flatMap(([name, [accepted, texts, others]]) =>
      [...texts, ...others].map((value) => ({ name, value, accepted })),
    ),
  )('The error states the key, the value and the accepted form: $name=$value', ({ name, value, accepted }) => {
    const shown = JSON.stringify(value);
    const redacted = shown.replace('me:secret@', '…@');
    const repeated = truncate(redacted, 120);
    expect(problemsOf({ [name]: value })).toEqual([`${name}: ${repeated} is not accepted; accepted: ${accepted}`]);
  });

  test.each([0, -1, 1.5, 1001])('A wrong JSON number in cdk.json is refused: reservedConcurrency=%d.', (value) => {
    expect(problemsOf({ reservedConcurrency: value })).toEqual([
      `reservedConcurrency: "${value}" is not accepted; accepted: ${CONCURRENCY_FORM}`,
    ]);
  });

  test('The error lists all wrong settings at once.', () => {
    const problems = problemsOf(Object.fromEntries(SETTING_NAMES.map((name) => [name, 'wrong value'])));
    // The source of an event may be any text.
    const expected = SETTING_NAMES.filter((name) => name !== 'eventSource');
    expect(problems.map((problem) => problem.split(':')[0])).toEqual(expected);
  });

  test('A wrong setting does not hide the problems of the durations.', () => {
    expect(problemsOf({ responseFormat: 'der', pollEvery: 'PT2H', giveUpAfter: 'PT1H' })).toEqual([
      'responseFormat: "der" is not accepted; accepted: pkcs7, pkcs7-base64, zip, zip-base64, pem',
      "pollEvery: PT2H is not accepted; accepted: from PT3H (the CA's limit for one order) to P2D",
      'giveUpAfter: PT1H is not accepted; accepted: from pollEvery to P360D',
    ]);
  });
});

describe('pollEvery', () => {
  test.each(['PT2H59M59S', 'PT1H', 'PT1S', 'PT0S'])('A pollEvery of %s is refused for a public CA.', (pollEvery) => {
    expect(problemsOf({ pollEvery, giveUpAfter: 'P1D' })).toContainEqual(
      `pollEvery: ${pollEvery} is not accepted; accepted: from PT3H (the CA's limit for one order) to P2D`,
    );
  });

  test.each(['PT2H59M59S', 'PT1S'])('A pollEvery of %s is accepted for an endpoint on this machine.', (pollEvery) => {
    expect(problemsOf({ collectUrl: LOOPBACK, pollEvery, giveUpAfter: pollEvery })).toEqual([]);
  });

  test('A pollEvery of zero is refused even there, because an execution would never wait.', () => {
    expect(problemsOf({ collectUrl: LOOPBACK, pollEvery: 'PT0S', giveUpAfter: 'PT1M' })).toContainEqual(
      'pollEvery: PT0S is not accepted; accepted: from PT1S to P2D',
    );
  });

  test('A pollEvery of more than two days is refused, because the last waits would exceed the execution.', () => {
    expect(problemsOf({ pollEvery: 'P2DT1S' })).toEqual([
      "pollEvery: P2DT1S is not accepted; accepted: from PT3H (the CA's limit for one order) to P2D",
    ]);
    expect(problemsOf({ pollEvery: 'P2D' })).toEqual([]);
  });

  test('A host name that only begins with localhost has the limit of a public CA.', () => {
    const collectUrl = 'https://localhost.example/CollectMC';
    expect(problemsOf({ collectUrl, pollEvery: 'PT1H', giveUpAfter: 'P1D' })).toHaveLength(1);
  });
});

describe('pollEveryWithPush', () => {
  const withPush = (settings: Readonly<Record<string, unknown>>) => problemsOf({ push: true, ...settings });
  const outside = (pollEveryWithPush: string) =>
    `pollEveryWithPush: ${pollEveryWithPush} is not accepted; accepted: from pollEvery to P1D`;

  test.each([{}, { push: false }, { push: 'false' }])('A pollEveryWithPush is refused with %j.', (settings) => {
    expect(problemsOf({ ...settings, pollEveryWithPush: 'P1D' })).toEqual([
      'pollEveryWithPush: P1D is not accepted without push, because only a push replaces a poll; accepted: push: true in addition',
    ]);
  });

  test('A pollEveryWithPush shorter than pollEvery is refused.', () => {
    expect(withPush({ pollEveryWithPush: 'PT2H59M59S' })).toEqual([outside('PT2H59M59S')]);
    expect(withPush({ pollEvery: 'PT6H', pollEveryWithPush: 'PT3H' })).toEqual([outside('PT3H')]);
    expect(withPush({ pollEvery: 'PT6H', pollEveryWithPush: 'PT6H' })).toEqual([]);
  });

  test('A pollEveryWithPush of more than a day is refused, because a missing push would delay a certificate as long.', () => {
    expect(withPush({ pollEveryWithPush: 'P1DT1S' })).toEqual([outside('P1DT1S')]);
    expect(withPush({ pollEvery: 'P2D', pollEveryWithPush: 'P2D' })).toEqual([outside('P2D')]);
  });

  test('A pollEveryWithPush longer than giveUpAfter is refused.', () => {
    expect(withPush({ pollEveryWithPush: 'P1D', giveUpAfter: 'PT12H' })).toEqual([
      'pollEveryWithPush: P1D is not accepted, because it is longer than giveUpAfter; accepted: at most PT12H',
    ]);
    expect(withPush({ pollEveryWithPush: 'P1D', giveUpAfter: 'P1D' })).toEqual([]);
  });

  test('The history of an execution must have room for checks at pollEvery: a push may never come.', () => {
    expect(withPush({ pollEveryWithPush: 'P1D', giveUpAfter: 'P105DT1S' })).toEqual([
      expect.stringMatching(/^pollEvery and giveUpAfter: P105DT1S \/ PT3H/),
    ]);
  });
});

describe('giveUpAfter', () => {
  const problem = (giveUpAfter: string) =>
    `giveUpAfter: ${giveUpAfter} is not accepted; accepted: from pollEvery to P360D`;

  test('A giveUpAfter shorter than pollEvery is refused.', () => {
    expect(problemsOf({ pollEvery: 'PT6H', giveUpAfter: 'PT5H59M59S' })).toEqual([problem('PT5H59M59S')]);
    expect(problemsOf({ pollEvery: 'PT6H', giveUpAfter: 'PT6H' })).toEqual([]);
  });

  test('A giveUpAfter longer than 360 days is refused.', () => {
    expect(problemsOf({ pollEvery: 'P1D', giveUpAfter: 'P360DT1S' })).toEqual([problem('P360DT1S')]);
    expect(problemsOf({ pollEvery: 'P1D', giveUpAfter: 'P360D' })).toEqual([]);
  });
});

describe('remindBefore', () => {
  test.each(['P6D', 'P91D', 'PT167H59M', 'P30DT1S', 'P30DT12H', 'PT0S'])(
    'A remindBefore of %s is refused.',
    (remindBefore) => {
      expect(problemsOf({ remindBefore })).toEqual([
        `remindBefore: ${remindBefore} is not accepted; accepted: whole days from P7D to P90D`.replace(
          'PT167H59M',
          'P6DT23H59M',
        ),
      ]);
    },
  );

  test.each(['P7D', 'P8D', 'P90D'])('A remindBefore of %s is accepted.', (remindBefore) => {
    expect(problemsOf({ remindBefore })).toEqual([]);
  });
});

describe('askAgainBefore', () => {
  test.each(['P6D', 'P181D', 'PT167H', 'P45DT1S', 'P45DT12H', 'PT1S'])(
    'An askAgainBefore of %s is refused.',
    (askAgainBefore) => {
      expect(problemsOf({ askAgainBefore })).toEqual([
        `askAgainBefore: ${askAgainBefore.replace('PT167H', 'P6DT23H')} is not accepted; accepted: whole days from P7D to P180D, or P0D for no checks`,
      ]);
    },
  );

  test.each(['P7D', 'P45D', 'P180D', 'P0D'])('An askAgainBefore of %s is accepted.', (askAgainBefore) => {
    expect(problemsOf({ askAgainBefore })).toEqual([]);
  });
});

describe('the settings of publishing', () => {
  const publishDomainName = 'bimi.example.com';
  const publishCertificateArn = CERTIFICATE_ARN;
  const withoutPublish = (name: string, value: unknown) =>
    `${name}: ${JSON.stringify(value)} is not accepted without publish; accepted: "publish": true in addition`;

  test('A host name with its certificate is accepted.', () => {
    expect(problemsOf({ publish: 'true', publishDomainName, publishCertificateArn })).toEqual([]);
  });

  test('A host name without a certificate is refused, and the reverse.', () => {
    expect(problemsOf({ publish: 'true', publishDomainName })).toEqual([
      'publishDomainName is not accepted without publishCertificateArn; accepted: both or neither',
    ]);
    expect(problemsOf({ publish: 'true', publishCertificateArn })).toEqual([
      'publishCertificateArn is not accepted without publishDomainName; accepted: both or neither',
    ]);
  });

  test.each([{}, { publish: 'false' }])('Settings of publishing are refused without publish: %j.', (off) => {
    expect(
      problemsOf({ ...off, publishDomainName, publishCertificateArn, publishLogs: 'true', unpublishRevoked: 'true' }),
    ).toEqual([
      withoutPublish('publishDomainName', publishDomainName),
      withoutPublish('publishCertificateArn', publishCertificateArn),
      withoutPublish('publishLogs', true),
      withoutPublish('unpublishRevoked', true),
    ]);
    expect(problemsOf({ ...off, publishLogs: 'false', unpublishRevoked: 'false' })).toEqual([]);
  });

  test('The error lists these problems together with all others.', () => {
    expect(problemsOf({ responseFormat: 'der', remindBefore: 'P1D', publishDomainName })).toEqual([
      'responseFormat: "der" is not accepted; accepted: pkcs7, pkcs7-base64, zip, zip-base64, pem',
      'remindBefore: P1D is not accepted; accepted: whole days from P7D to P90D',
      withoutPublish('publishDomainName', publishDomainName),
      'publishDomainName is not accepted without publishCertificateArn; accepted: both or neither',
    ]);
  });
});

/**
 * 25,000 events minus 1,000 for retries are 24,000. At 22 events a check, refusals of a busy function included, these
 * are 1,090 checks; minus the 250 early ones, 840 poll intervals remain.
 */
describe('the history of an execution', () => {
  const INTERVALS = 840;

  test.each([
    { pollEvery: 'PT3H', seconds: 3 * 3600, collectUrl: 'https://ca.example/CollectMC' },
    { pollEvery: 'PT4H', seconds: 4 * 3600, collectUrl: 'https://ca.example/CollectMC' },
    { pollEvery: 'PT1S', seconds: 1, collectUrl: LOOPBACK },
    { pollEvery: 'PT37S', seconds: 37, collectUrl: LOOPBACK },
  ])('840 intervals of $pollEvery are accepted, and not a second more.', ({ pollEvery, seconds, collectUrl }) => {
    const settings = { collectUrl, pollEvery };
    expect(problemsOf({ ...settings, giveUpAfter: `PT${INTERVALS * seconds}S` })).toEqual([]);
    expect(problemsOf({ ...settings, giveUpAfter: `PT${INTERVALS * seconds + 1}S` })).toEqual([
      expect.stringMatching(/^pollEvery and giveUpAfter: /),
    ]);
  });

  test('The error contains the arithmetic.', () => {
    expect(problemsOf({ pollEvery: 'PT3H', giveUpAfter: 'P105DT1S' } satisfies SettingsInput)).toEqual([
      'pollEvery and giveUpAfter: P105DT1S / PT3H + 250 early checks = 1091 checks; ' +
        '1091 x 22 events + 1000 for retries = 25002 events, and an execution may have 25000; ' +
        'accepted: a longer pollEvery or a shorter giveUpAfter',
    ]);
  });
});
