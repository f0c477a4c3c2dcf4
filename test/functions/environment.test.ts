import { describe, expect, expectTypeOf, test } from 'vitest';
import { type CollectEnvironment, collectEnvironment } from '../../functions/collect/environment.ts';
import { InvalidEnvironmentError, parseEnvironment } from '../../functions/environment.ts';
import { notifyEnvironment } from '../../functions/notify/environment.ts';
import { publishEnvironment } from '../../functions/publish/environment.ts';
import { pushEnvironment } from '../../functions/push/environment.ts';
import { revokeEnvironment } from '../../functions/revoke/environment.ts';
import { startEnvironment } from '../../functions/start/environment.ts';
import { type SurveyEnvironment, surveyEnvironment } from '../../functions/survey/environment.ts';
import type { createFunction } from '../../infra/functions.ts';
import released from '../releases/0.1.0/environment.json' with { type: 'json' };

const SCHEMAS = {
  CollectFunction: collectEnvironment,
  StartFunction: startEnvironment,
  SurveyFunction: surveyEnvironment,
  NotifyFunction: notifyEnvironment,
  PushFunction: pushEnvironment,
  PublishFunction: publishEnvironment,
  RevokeFunction: revokeEnvironment,
} as const;
type Id = keyof typeof SCHEMAS;

const SECONDS = 'a whole number of seconds, at least 1, like "10800"';
const URL_FORM = 'an https URL without credentials, query and fragment (plain http for a loopback address only)';
const FORMATS = 'pkcs7, pkcs7-base64, zip, zip-base64, pem';
const ANCHORS = 'SHA-256 fingerprints of certificates, 64 hex digits each, separated by commas';
const LOGS = 'keys of logs in base64, separated by commas';
const DAYS = 'a whole number of days, like "30"';

/** Every variable of every function with all settings on, as release 0.1.0 deployed it. */
/** The environment of functions that 0.1.0 does not have. */
const ADDED: Pick<Record<Id, Record<string, string>>, 'NotifyFunction'> = {
  NotifyFunction: {
    ALARM_TOPIC_ARN: 'arn:aws:sns:us-east-1:111122223333:AlarmTopic',
    BUCKET_NAME: 'bucket',
    NOTIFY_TOPIC_ARN: 'arn:aws:sns:us-east-1:111122223333:NotifyTopic',
    RUNBOOK_URL: 'https://wiki.example.com/mark-certificates',
    STATE_MACHINE_ARN: 'arn:aws:states:us-east-1:111122223333:stateMachine:StateMachine',
  },
};
const deployed: Record<Id, Record<string, string>> = { ...ADDED, ...released.everySetting };

const parse = (id: Id, environment: Record<string, string | undefined>) =>
  parseEnvironment<(typeof SCHEMAS)[Id]>(SCHEMAS[id], environment);

describe('The environment of a function', () => {
  test.each(
    Object.entries(released).flatMap(([settings, functions]) =>
      Object.entries(functions).map(([id, variables]) => [id as Id, settings, variables] as const),
    ),
  )('of release 0.1.0 is accepted: %s with the settings "%s".', (id, _, variables) => {
    expect(() => parse(id, { ...variables, AWS_REGION: 'us-east-1', PATH: '/usr/bin' })).not.toThrow();
  });

  test('is read into values of the types that the handler needs.', () => {
    const added = { CT_LOGS: 'YWI=,YWJj', POLL_WITH_PUSH_SECONDS: '64800' };
    expect(parseEnvironment(collectEnvironment, { ...deployed.CollectFunction, ...added })).toEqual({
      ...deployed.CollectFunction,
      COLLECTOR: 'mark-certificate-collector',
      EVENT_BUS_NAME: 'default',
      GIVE_UP_SECONDS: 17_280_000,
      POLL_SECONDS: 21_600,
      POLL_WITH_PUSH_SECONDS: 64_800,
      CT_LOGS: ['YWI=', 'YWJj'],
      TRUST_ANCHORS: ['ab'.repeat(32), 'cd'.repeat(32)],
    });
    expect(parseEnvironment(surveyEnvironment, deployed.SurveyFunction).REMIND_BEFORE_DAYS).toBe(45);
    expect(parseEnvironment(revokeEnvironment, deployed.RevokeFunction).UNPUBLISH_REVOKED).toBe(true);
    expect(parseEnvironment(revokeEnvironment, { COLLECTOR: 'acme', BUCKET_NAME: 'bucket' }).UNPUBLISH_REVOKED).toBe(
      false,
    );
  });

  test.each<[Id, string, string, string]>([
    ['CollectFunction', 'POLL_SECONDS', 'three hours', SECONDS],
    ['CollectFunction', 'POLL_SECONDS', '0', SECONDS],
    ['CollectFunction', 'POLL_SECONDS', '-60', SECONDS],
    ['CollectFunction', 'POLL_SECONDS', '1.5', SECONDS],
    ['CollectFunction', 'POLL_SECONDS', '1e4', SECONDS],
    ['CollectFunction', 'POLL_WITH_PUSH_SECONDS', '0', SECONDS],
    ['CollectFunction', 'POLL_WITH_PUSH_SECONDS', 'P1D', SECONDS],
    ['CollectFunction', 'GIVE_UP_SECONDS', 'Infinity', SECONDS],
    ['CollectFunction', 'RESPONSE_FORMAT', 'toString', FORMATS],
    ['CollectFunction', 'RESPONSE_FORMAT', 'PKCS7', FORMATS],
    ['CollectFunction', 'COLLECT_URL', 'nonsense', URL_FORM],
    ['CollectFunction', 'COLLECT_URL', 'http://ca.example/CollectMC', URL_FORM],
    ['CollectFunction', 'COLLECT_URL', 'https://ca.example/?a=b', URL_FORM],
    ['CollectFunction', 'PUBLISHED_URL', 'd111.cloudfront.net', URL_FORM],
    ['CollectFunction', 'TRUST_ANCHORS', 'abc', ANCHORS],
    ['CollectFunction', 'TRUST_ANCHORS', `${'ab'.repeat(32)},`, ANCHORS],
    ['CollectFunction', 'TRUST_ANCHORS', `${'ab'.repeat(32)} ${'cd'.repeat(32)}`.slice(0, 90), ANCHORS],
    ['CollectFunction', 'CT_LOGS', 'abc,', LOGS],
    ['CollectFunction', 'CT_LOGS', 'ab-_', LOGS],
    ['PublishFunction', 'PUBLISHED_URL', 'http://bimi.example.com', URL_FORM],
    ['SurveyFunction', 'PUBLISHED_URL', 'ftp://bimi.example.com', URL_FORM],
    ['SurveyFunction', 'REMIND_BEFORE_DAYS', 'soon', DAYS],
    ['SurveyFunction', 'REMIND_BEFORE_DAYS', '30d', DAYS],
    ['SurveyFunction', 'ASK_AGAIN_BEFORE_DAYS', 'P45D', DAYS],
    ['RevokeFunction', 'UNPUBLISH_REVOKED', 'yes', 'true, false'],
  ])('of %s is refused if %s is "%s".', (id, name, value, accepted) => {
    expect(() => parse(id, { ...deployed[id], [name]: value })).toThrow(
      new InvalidEnvironmentError(
        `The environment variables of the function are wrong. ${name}: "${value}" is not accepted; accepted: ${accepted}. Next: deploy the function with the project's stack.`,
      ),
    );
  });

  test.each(
    Object.entries(deployed).flatMap(([id, variables]) =>
      Object.keys(variables).map((name) => [id as Id, name] as const),
    ),
  )('of %s is refused without %s, unless the variable is optional.', (id, name) => {
    for (const missing of ['', undefined]) {
      const attempt = expect(() => parse(id, { ...deployed[id], [name]: missing }));
      if (OPTIONAL.has(`${id} ${name}`)) {
        attempt.not.toThrow();
      } else {
        attempt.toThrow(`. ${name} is missing; accepted: `);
      }
    }
  });

  test('is refused with one sentence for each wrong variable.', () => {
    const wrong = {
      ...deployed.CollectFunction,
      POLL_SECONDS: 'three hours',
      BUCKET_NAME: '',
      COLLECT_URL: 'nonsense',
    };
    expect(() => parse('CollectFunction', wrong)).toThrow(
      [
        'The environment variables of the function are wrong',
        'BUCKET_NAME is missing; accepted: the name of the bucket',
        `COLLECT_URL: "nonsense" is not accepted; accepted: ${URL_FORM}`,
        `POLL_SECONDS: "three hours" is not accepted; accepted: ${SECONDS}`,
        "Next: deploy the function with the project's stack.",
      ].join('. '),
    );
  });

  test('is refused without repeating a password in a URL.', () => {
    const parseUrl = () =>
      parse('CollectFunction', { ...deployed.CollectFunction, COLLECT_URL: 'https://me:secret@ca.example/' });
    expect(parseUrl).toThrow('COLLECT_URL: "https://…@ca.example/" is not accepted');
    expect(parseUrl).not.toThrow('secret');
  });

  test('does not compile in the stack with a missing, an unknown or a mistyped variable.', () => {
    type Props<Folder extends 'collect' | 'survey'> = Parameters<typeof createFunction<Folder>>[2];
    expectTypeOf<Props<'collect'>['environment']>().toEqualTypeOf<CollectEnvironment>();
    expectTypeOf<Props<'survey'>['environment']>().toEqualTypeOf<SurveyEnvironment>();
    expectTypeOf<Omit<CollectEnvironment, 'POLL_SECONDS'>>().not.toExtend<CollectEnvironment>();
    expectTypeOf<keyof SurveyEnvironment>().toEqualTypeOf<
      | 'COLLECTOR'
      | 'STATE_MACHINE_ARN'
      | 'TOPIC_ARNS'
      | 'BUCKET_NAME'
      | 'CONTINUES'
      | 'EVENT_BUS_NAME'
      | 'PUBLISHED_URL'
      | 'ASK_AGAIN_BEFORE_DAYS'
      | 'REMIND_BEFORE_DAYS'
      | 'LOG_BUCKET_NAME'
      | 'DISTRIBUTION_ID'
      | 'OVERVIEW'
      | 'WATCHED'
      | 'TRUST_ANCHORS'
      | 'CT_LOGS'
      | 'REVOCATIONS'
      | 'UNPUBLISH_REVOKED'
    >();
    expectTypeOf<CollectEnvironment['RESPONSE_FORMAT']>().not.toEqualTypeOf<string>();
    // @ts-expect-error -- an unknown variable
    ({ BUCKET_NAME: 'b', EVENT_BUS_NAME: 'e', REMIND_BEFORE_DAYS: '30', REMIND: '1' }) satisfies SurveyEnvironment;
  });
});

const OPTIONAL = new Set([
  'COLLECTOR',
  'CollectFunction POLL_WITH_PUSH_SECONDS',
  'CollectFunction PUBLISHED_URL',
  'CollectFunction CT_LOGS',
  'CollectFunction TRUST_ANCHORS',
  'SurveyFunction CONTINUES',
  'SurveyFunction DISTRIBUTION_ID',
  'SurveyFunction LOG_BUCKET_NAME',
  'SurveyFunction PUBLISHED_URL',
  'SurveyFunction OVERVIEW',
  'SurveyFunction STATE_MACHINE_ARN',
  'SurveyFunction TOPIC_ARNS',
  'PushFunction EVENT_BUS_NAME',
  'RevokeFunction UNPUBLISH_REVOKED',
]);
