import { assert, beforeAll, describe, expect, test } from 'vitest';
import { FAILED } from '../../../functions/events.ts';
import type { CertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import {
  issueScenarioCertificates,
  runScenario,
  SCENARIOS,
  type Scenario,
  type ScenarioOrder,
} from '../../../infra/local/scenarios.ts';
import { openAuthority } from '../../authority.ts';
import { CREDENTIALS, deployCollector, ORDER } from './collector.ts';

const TEST_ORDER: ScenarioOrder = { orderNumber: ORDER, domains: ['example.com'] };

let authority: CertificateAuthority;

beforeAll(async () => {
  authority = await openAuthority();
});

/** Deploys a collector on which the people of a scenario act. */
async function deployFor(scenario: Scenario, order: ScenarioOrder) {
  const collector = await deployCollector({
    secret: scenario.secret,
    settings: scenario.settings ?? {},
    async beforeCheck(check) {
      await scenario.operatorActions?.[check]?.({ cloud, credentials: CREDENTIALS, order, log: () => {} });
    },
  });
  const { cloud } = collector;
  return collector;
}

test('An order of an account without a secret waits for credentials until an operator creates the secret.', async () => {
  const scenario = SCENARIOS['missing-account'];
  assert(scenario);
  const collector = await deployFor(scenario, TEST_ORDER);
  collector.cloud.ca.order(ORDER, scenario.responses(issueScenarioCertificates(authority)));

  await runScenario(scenario, collector.cloud, TEST_ORDER, () => {});

  const collections = await collector.collections();
  expect(collections.map(({ outcome, reason }) => [outcome, reason])).toEqual([
    ['waiting', 'credentials'],
    ['waiting', 'credentials'],
    ['waiting', 'processing'],
    ['issued', undefined],
  ]);
  const objects = await collector.objects();
  expect(JSON.parse(String(objects['certificate.json']))).toMatchObject({ account: 'brand-a' });
});

describe('Every scenario ends as expected, and no password appears anywhere.', () => {
  test.each(Object.entries(SCENARIOS))('The scenario %s does.', async (_, scenario) => {
    const secrets = [CREDENTIALS.loginPassword, ...Object.values(JSON.parse(scenario.secret ?? '{}'))].filter(
      (value) => value !== 'REPLACE-ME' && value !== CREDENTIALS.loginName,
    );
    const collector = await deployFor(scenario, TEST_ORDER);
    const { cloud } = collector;
    const certificates = issueScenarioCertificates(authority);
    cloud.ca.order(ORDER, scenario.responses(certificates));

    const execution = await runScenario(scenario, cloud, TEST_ORDER, () => {});

    expect(execution?.error).toBe(scenario.failsWith);
    expect(execution?.status).toBe(scenario.failsWith ? 'FAILED' : 'SUCCEEDED');
    const objects = await collector.objects();
    expect('certificate.json' in objects).toBe(!scenario.failsWith);
    expect(JSON.parse(String(objects['status.json']))).toMatchObject(
      scenario.failsWith ? { state: 'failed', error: scenario.failsWith } : { state: 'issued' },
    );
    if (scenario.failsWith) {
      expect(cloud.announced).toEqual([]);
      expect(cloud.reported).toContainEqual(
        expect.objectContaining({
          'detail-type': FAILED,
          detail: expect.objectContaining({ orderNumber: ORDER, error: scenario.failsWith }),
        }),
      );
    } else {
      expect(String(objects['chain.pem'])).toBe(pem(certificates.current.chain));
      expect(cloud.announced.length).toBeGreaterThan(0);
      expect(JSON.parse(String(objects['certificate.json']))).toMatchObject({
        ordered: { domains: TEST_ORDER.domains },
      });
    }
    const histories = [...cloud.executions.values()].flatMap(({ history }) => history);
    const checks = histories.filter(
      (event) => /^State(Exited|Failed)$/.test(event.type) && 'state' in event && event.state.name === 'Collect',
    );
    const logged = collector.output.text();
    expect(logged.match(/"message":"check"/g)?.length).toBe(checks.length);
    const everything = [
      logged,
      JSON.stringify([[...cloud.executions.values()], cloud.announced, cloud.reported, cloud.deadLetters, process.env]),
      ...Object.values(objects).map(String),
    ].join('\n');
    expect(everything).toContain(ORDER);
    for (const secret of secrets.map(String)) {
      for (const spelling of [secret, encodeURIComponent(secret), btoa(secret), secret.replaceAll(' ', '+')]) {
        expect(everything).not.toContain(spelling);
      }
    }
  });
});
