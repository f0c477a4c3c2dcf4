import { describe, expect, test } from 'vitest';
import { SMOKE_STEPS, type SmokeRequest, type SmokeResult } from '../../../infra/deployed/smoke.ts';
import { smokeOnAws } from '../../../infra/deployed/smoke-aws.ts';
import { cloud, collector, other } from '../suite.ts';

export function describeSmoke(): void {
  describe('npm run smoke', () => {
    test('Every step passes, and the message and the alarm arrive at the topic.', async () => {
      const results = await smoke(collector.stackName);
      expect(results.filter(({ outcome }) => outcome !== 'passed')).toEqual([
        { step: 'key-policy', outcome: 'absent', text: expect.any(String) },
      ]);
      expect(results.map(({ step }) => step)).toEqual(Object.keys(SMOKE_STEPS));
    });

    test('Without push and publish, their steps are absent, and nothing fails.', async () => {
      const results = await smoke(other.stackName);
      const outcomes = Object.fromEntries(results.map(({ step, outcome }) => [step, outcome]));
      expect(outcomes).toEqual({
        'key-policy': 'absent',
        alarm: 'passed',
        message: 'passed',
        'push-without-login': 'absent',
        'push-with-login': 'absent',
        'published-address': 'absent',
        'live-publication': 'absent',
        'dead-letter': 'passed',
        'clean-up': 'passed',
      });
    });
  });
}

/** Runs the command's steps. Only the requests to public host names, which do not resolve here, go to the emulator. */
async function smoke(stackName: string): Promise<readonly SmokeResult[]> {
  const signal = AbortSignal.timeout(100_000);
  return smokeOnAws({ stackName, signal, observe: () => {}, fetch: fetchFromEmulator, messageMilliseconds: 30_000 });
}

async function fetchFromEmulator(url: URL, { method, headers, body }: SmokeRequest): Promise<Response> {
  const response = await cloud.send(url.href, `${url.pathname}${url.search}`, { method, headers, body });
  const values = Object.entries(response.headers).flatMap(([name, value = '']) =>
    [value].flat().map((each): [string, string] => [name, each]),
  );
  return new Response(new Uint8Array(response.body), { status: response.status, headers: values });
}
