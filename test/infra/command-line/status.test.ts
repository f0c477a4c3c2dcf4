import { WriteStream } from 'node:tty';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { CAA_KEY, type Caa, type CaaProblem } from '../../../functions/store/caa.ts';
import { manifestKey } from '../../../functions/store/manifest.ts';
import { statusKey } from '../../../functions/store/status.ts';
import { ServiceError } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { failureOf, manifestOf, NOON, statusOf } from '../../functions/survey/samples.ts';
import { deployed, put, stackNamed, stepFunctionsWith } from './deployed.ts';
import { undocumentedFields } from './page.ts';
import { run } from './run.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(NOON) });
  onTestFinished(() => {
    vi.useRealTimers();
  });
});

const status = async (...args: string[]) => {
  const { exitCode, out, err } = await run(['status', '1', '--json', ...args]);
  return { exitCode, state: JSON.parse(out), err };
};
/** What a survey found for shop.example.com. */
function caaOf(changes: Partial<CaaProblem>): Caa {
  const problem: CaaProblem = {
    domain: 'shop.example.com',
    verdict: 'forbidden',
    name: 'example.com',
    records: ['0 issuevmc "digicert.com\u202e"'],
    message:
      'The CAA records of example.com do not let Sectigo issue. Add the record: example.com. CAA 0 issuevmc "sectigo.com"',
    since: '2026-11-20T05:20:00.000Z',
    checkedAt: NOON,
    ...changes,
  };
  return { schemaVersion: 1, checkedAt: NOON, problems: [problem], omitted: { forbidden: 0, unknown: 0 } };
}

const issued = { state: 'issued', reason: undefined, text: 'Order 1: the certificate is stored' } as const;

describe('status of an order', () => {
  test('An order that waits has its state, its reason, the next check and its execution.', async () => {
    const s3 = await deployed({ actions: stepFunctionsWith({ 'order-1': 'RUNNING' }, '2026-11-23T14:30:00.000Z') });
    await put(s3, statusKey('1'), statusOf('1'));
    const { exitCode, out, err } = await run(['status', '1']);
    expect({ exitCode, err }).toEqual({ exitCode: 3, err: '' });
    expect(out).toContain('Order 1\n');
    expect(out).toMatch(/state +waiting \(processing\)/);
    expect(out).toMatch(/since +2026-11-22 12:00 UTC \(24 hours ago\)/);
    expect(out).toMatch(/next +The collector asks the CA 2026-11-23 14:30 UTC \(in 2 hours\)\./);
    expect(out).toMatch(/execution +order-1 runs, started 2026-11-20 08:00 UTC/);
    expect(out).toContain('Certificate: none yet');
  });

  test('Its JSON contains every field that the documentation names.', async () => {
    const s3 = await deployed({ actions: stepFunctionsWith({ 'order-1': 'RUNNING' }, '2026-11-23T14:30:00.000Z') });
    await put(s3, statusKey('1'), statusOf('1'));
    expect((await status()).state).toEqual({
      collector: 'mark-certificate-collector',
      orderNumber: '1',
      account: null,
      domains: ['example.com'],
      product: 'VMC',
      state: 'waiting',
      reason: 'processing',
      error: null,
      text: 'Order 1: the CA is processing it',
      since: '2026-11-22T12:00:00.000Z',
      updatedAt: '2026-11-22T12:00:00.000Z',
      needsSomeone: false,
      nextStep: null,
      nextCommand: null,
      happensNext:
        'The collector asks the CA 2026-11-23 14:30 UTC (in 2 hours). Without a certificate, the collection fails 2027-02-18 08:00 UTC (in 86 days).',
      nextCheckAt: '2026-11-23T14:30:00.000Z',
      startedAt: '2026-11-20T08:00:00.000Z',
      deadline: '2027-02-18T08:00:00.000Z',
      execution: { name: 'order-1', runs: true },
      executionStatus: 'RUNNING',
      certificate: null,
      caa: [],
    });
  });

  test('CAA records that forbid a certificate are named, with where they are and what to do.', async () => {
    const s3 = await deployed({ actions: stepFunctionsWith({ 'order-1': 'RUNNING' }) });
    await put(s3, statusKey('1'), statusOf('1', { domains: ['shop.example.com'] }));
    await put(s3, CAA_KEY, caaOf({}));
    const { exitCode, out } = await run(['status', '1']);
    expect(exitCode).toBe(3);
    expect(out).toMatch(/CAA +forbid a certificate, found at example\.com, since 2026-11-20: .*Add the record/);
    expect(out).toContain('example.com CAA 0 issuevmc "digicert.com\\u{202E}"');
    expect(out).toMatch(/to do +correct the CAA records of example\.com/);
    const { state } = await status();
    expect(state).toMatchObject({
      needsSomeone: true,
      nextStep: 'correct the CAA records of example.com (runbook: "CAA records forbid a certificate")',
      caa: [
        { domain: 'shop.example.com', verdict: 'forbidden', name: 'example.com', since: '2026-11-20T05:20:00.000Z' },
      ],
    });
    const { out: list } = await run(['orders', '--json']);
    expect(JSON.parse(list)).toMatchObject([{ orderNumber: '1', needsSomeone: true, caa: [{ name: 'example.com' }] }]);
  });

  test('Without the permission to read what the survey found, the order is printed with a note.', async () => {
    const s3 = await deployed({ actions: stepFunctionsWith({ 'order-1': 'RUNNING' }) });
    await put(s3, statusKey('1'), statusOf('1'));
    s3.before = ({ key }) => (key === CAA_KEY ? { status: 403, code: 'AccessDenied' } : undefined);
    const { exitCode, state, err } = await status();
    expect({ exitCode, caa: state.caa }).toEqual({ exitCode: 3, caa: [] });
    expect(err).toContain('The CAA records that the survey found cannot be read');
    expect((await run(['status', '1'])).out).toMatch(/execution +order-1 runs/);
  });

  test('CAA records that are unknown need nobody, and are named from the second day on.', async () => {
    const s3 = await deployed({ actions: stepFunctionsWith({ 'order-1': 'RUNNING' }) });
    await put(s3, statusKey('1'), statusOf('1', { domains: ['shop.example.com'] }));
    const unknown = {
      verdict: 'unknown',
      name: null,
      records: [],
      message: 'No answer.',
    } satisfies Partial<CaaProblem>;
    await put(s3, CAA_KEY, caaOf({ ...unknown, since: NOON, checkedAt: NOON }));
    expect((await status()).state).toMatchObject({ needsSomeone: false, caa: [] });
    await put(s3, CAA_KEY, caaOf({ ...unknown, checkedAt: NOON }));
    expect((await status()).state).toMatchObject({ needsSomeone: false, caa: [{ verdict: 'unknown' }] });
    expect((await run(['status', '1'])).out).toMatch(/CAA +unknown, since 2026-11-20: No answer\./);
  });

  test.each(['{', '{"schemaVersion":9}'])(
    'A result of the survey that cannot be understood, %j, is no problem.',
    async (body) => {
      const s3 = await deployed({ actions: stepFunctionsWith({ 'order-1': 'RUNNING' }) });
      await put(s3, statusKey('1'), statusOf('1'));
      await fetch(`${s3.url}/the-bucket/${CAA_KEY}`, { method: 'PUT', body });
      expect(await status()).toMatchObject({ exitCode: 3, err: '', state: { caa: [] } });
    },
  );

  test.each([
    ['processing', {}, '3 hours'],
    ['processing', { pollEveryWithPush: 'P1D' }, '24 hours'],
    ['outage', { pollEveryWithPush: 'P1D' }, '3 hours'],
    ['payment', { pollEveryWithPush: 'P1D' }, '3 hours'],
  ] as const)(
    'An order whose next check is not known, %s with %j, is checked within %s.',
    async (reason, added, time) => {
      const name = 'mark-certificate-collector';
      const settings = { name, eventSource: 'mark-certificates', pollEvery: 'PT3H', giveUpAfter: 'P90D', ...added };
      // The history of the execution cannot be read.
      const s3 = await deployed({ stacks: [stackNamed(name, { Settings: JSON.stringify(settings) })] });
      await put(s3, statusKey('1'), statusOf('1', { reason }));
      expect((await status()).state.happensNext).toContain(`at its next check, usually within ${time}.`);
    },
  );

  test.each([
    [null, 'mark-certificates login --collector brand'],
    ['brand-a', 'mark-certificates login --account brand-a --collector brand'],
  ])('An order that waits for credentials of %s names the command that stores a login.', async (account, command) => {
    const actions = stepFunctionsWith({ 'order-1': 'RUNNING' });
    const s3 = await deployed({ stacks: [stackNamed('brand')], actions });
    await put(s3, statusKey('1'), statusOf('1', { reason: 'credentials', nextStep: 'store a login', account }));
    const { exitCode, state } = await status('--collector', 'brand');
    expect(exitCode).toBe(3);
    expect(state).toMatchObject({ needsSomeone: true, nextStep: 'store a login', nextCommand: command });
    expect(state.happensNext).toBe(
      'The collector does not call the CA with a login that the CA rejected. It looks for another login at its next check, usually within 3 hours. Without a certificate, the collection fails 2027-02-18 08:00 UTC (in 86 days).',
    );
  });

  test('The command of the next step selects the same region as the one that names it.', async () => {
    const s3 = await deployed({ actions: stepFunctionsWith({ 'order-1': 'ABORTED' }) });
    await put(s3, statusKey('1'), statusOf('1'));
    const { out } = await run(['status', '1', '--json', '--region', 'eu-central-1']);
    expect(JSON.parse(out).nextCommand).toBe('mark-certificates retry 1 --region eu-central-1');
    const { err } = await run(['status', '2', '--region', 'eu-central-1']);
    expect(err).toContain('mark-certificates order 2 --region eu-central-1');
  });

  test('An order that waits without an execution is wrong, and can be tried again.', async () => {
    const s3 = await deployed({ actions: stepFunctionsWith({ 'order-1': 'ABORTED' }) });
    await put(s3, statusKey('1'), statusOf('1'));
    const { exitCode, state } = await status();
    expect(exitCode).toBe(1);
    expect(state).toMatchObject({
      state: 'waiting',
      needsSomeone: true,
      execution: { name: 'order-1', runs: false },
      executionStatus: 'ABORTED',
      nextCommand: 'mark-certificates retry 1',
      happensNext: 'Nothing happens until a person acts.',
    });
  });

  test.each([
    [{ remindBefore: 'P45D' }, 'from 45 days before that'],
    [{}, 'before that'],
  ])('An issued order with the settings %j has its BIMI records, and reminders %s.', async (settings, start) => {
    const name = 'mark-certificate-collector';
    const stacks = [
      stackNamed(name, { Settings: JSON.stringify({ name, eventSource: 'mark-certificates', ...settings }) }),
    ];
    const s3 = await deployed({ stacks, actions: stepFunctionsWith({}) });
    const records = ['default._bimi.a.example. TXT "v=BIMI1; l=…"', 'default._bimi.b.example. TXT "v=BIMI1; l=…"'];
    await put(s3, statusKey('1'), statusOf('1', { state: 'issued', reason: undefined }));
    await put(s3, manifestKey('1'), manifestOf('1', { bimiRecords: records, notAfter: '2027-11-23T11:00:00.000Z' }));
    const { state } = await status();
    expect(state.certificate.bimiRecords).toEqual(records);
    expect(state.happensNext).toBe(
      `The certificate expires 2027-11-23. The collector sends reminders ${start}. They state by which day to order the renewal.`,
    );
    const { out } = await run(['status', '1']);
    for (const record of records) {
      expect(out).toContain(`  record     ${record}\n`);
    }
  });

  test('A check for the next certificate of an issued order is what happens next.', async () => {
    const entered = Date.parse(NOON) / 1000;
    const input = JSON.stringify({ orderNumber: '1', once: true, delaySeconds: 7200 });
    const actions = {
      ...stepFunctionsWith({ 'order-1-renewal-20261123': 'RUNNING' }),
      'AWSStepFunctions.GetExecutionHistory': () => ({
        events: [
          { id: 4, timestamp: entered, type: 'WaitStateEntered', stateEnteredEventDetails: { name: 'Wait', input } },
        ],
      }),
    };
    const s3 = await deployed({ actions });
    await put(s3, statusKey('1'), statusOf('1', { state: 'issued', reason: undefined }));
    await put(s3, manifestKey('1'), manifestOf('1'));
    expect(await status()).toMatchObject({
      exitCode: 0,
      state: {
        nextCheckAt: '2026-11-23T14:00:00.000Z',
        happensNext:
          'The collector asks the CA whether the order has another certificate 2026-11-23 14:00 UTC (in 2 hours).',
      },
    });
  });

  test('A certificate that the CA has revoked is not usable, also if its CRL does not contain it yet.', async () => {
    const s3 = await deployed({ actions: stepFunctionsWith({}) });
    await put(s3, statusKey('1'), statusOf('1', { state: 'issued', reason: undefined }));
    await put(s3, manifestKey('1'), manifestOf('1', { revokedAt: '2026-11-22T10:00:00.000Z' }));
    expect(await status()).toMatchObject({
      exitCode: 1,
      state: {
        needsSomeone: true,
        nextStep: 'order a new certificate',
        certificate: { revokedAt: '2026-11-22T10:00:00.000Z' },
      },
    });
    expect((await run(['status', '1'])).out).toContain(
      'not usable: the CA has revoked the certificate (known since 2026-11-22)',
    );
  });

  test('A certificate that a CRL lists is not usable, and nobody is asked to correct it.', async () => {
    const s3 = await deployed({ actions: stepFunctionsWith({}) });
    await put(s3, statusKey('1'), statusOf('1', { state: 'issued', reason: undefined }));
    const findings = [{ id: 'revoked', severity: 'error' as const, message: 'a certificate is revoked' }];
    await put(s3, manifestKey('1'), manifestOf('1', { publishable: false, findings }));
    const nextStep = 'ask the CA why it revoked the certificate, then order a new one';
    expect(await status()).toMatchObject({ exitCode: 1, state: { needsSomeone: true, nextStep } });
    expect((await run(['status', '1'])).out).toContain(
      'not usable: the certificate, or that of its issuer, is on a revocation list (CRL) of the CA',
    );
  });

  test('Another execution of the order, such as that of a push, is enough.', async () => {
    const s3 = await deployed({ actions: stepFunctionsWith({ 'order-1-push-a': 'RUNNING', 'order-12': 'RUNNING' }) });
    await put(s3, statusKey('1'), statusOf('1'));
    expect(await status()).toMatchObject({ exitCode: 3, state: { execution: { name: 'order-1-push-a', runs: true } } });
  });

  test('An order whose first check has not ended waits.', async () => {
    await deployed({ actions: stepFunctionsWith({ 'order-1': 'RUNNING' }) });
    expect(await status()).toMatchObject({
      exitCode: 3,
      state: { state: 'waiting', text: 'no check has ended yet', execution: { name: 'order-1', runs: true } },
    });
  });

  test('An issued order has its certificate with the verdict of each receiver.', async () => {
    const s3 = await deployed({ actions: stepFunctionsWith({ 'order-1': 'SUCCEEDED' }) });
    await put(s3, statusKey('1'), statusOf('1', issued));
    const receivers = [
      { id: 'gmail', shows: true, because: [] },
      { id: 'apple', shows: null, because: ['root-not-tested'] },
      { id: 'other', shows: false, because: ['no-bimi'] },
    ];
    const findings = [{ id: 'a-finding', severity: 'notice' as const, message: 'a message' }];
    await put(s3, manifestKey('1'), manifestOf('1', { receivers, findings }));
    const { exitCode, out } = await run(['status', '1']);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/verdict +publishable/);
    expect(out).toMatch(/valid +2025-11-24 to 2026-12-23 \(30 days left\)/);
    expect(out).toMatch(/receiver +Gmail shows the logo/);
    expect(out).toMatch(/receiver +Apple Mail may show the logo; it is not known \(root-not-tested\)/);
    expect(out).toMatch(/receiver +other does not show the logo \(no-bimi\)/);
    expect(out).toMatch(/execution +order-1 does not run \(SUCCEEDED\)/);
    const { state } = await status();
    expect(undocumentedFields(state, 'status', 'orders')).toEqual([]);
    expect(state.certificate).toMatchObject({ daysLeft: 30, owner: 'Example', publishable: true });
    expect(state).toMatchObject({ needsSomeone: false, nextStep: null });
  });

  test.each([
    ['is not publishable', { publishable: false, findings: [finding('chain-untrusted')] }, /chain-untrusted/],
    ['has expired', { notAfter: '2026-11-22T00:00:00.000Z' }, /expired on 2026-11-22/],
    ['is not valid yet', { publishable: false, notBefore: '2026-12-01T00:00:00.000Z' }, /valid from 2026-12-01/],
  ])('An issued order whose certificate %s ends with 1.', async (_, changes, text) => {
    const s3 = await deployed({ actions: stepFunctionsWith({}) });
    await put(s3, statusKey('1'), statusOf('1', issued));
    await put(s3, manifestKey('1'), manifestOf('1', changes));
    const { exitCode, state } = await status();
    expect(exitCode).toBe(1);
    expect(state.text).toMatch(text);
  });

  test('What the collection stated about a certificate is not repeated, and what happened since is added.', async () => {
    const s3 = await deployed({ actions: stepFunctionsWith({}) });
    const text = 'the certificate is stored, but cannot be published: domain-coverage';
    await put(s3, statusKey('1'), statusOf('1', { ...issued, text }));
    const changes = { publishable: false, findings: [finding('domain-coverage')] };
    await put(s3, manifestKey('1'), manifestOf('1', changes));
    expect((await status()).state).toMatchObject({ text, nextStep: expect.stringContaining('correct what') });
    await put(s3, manifestKey('1'), manifestOf('1', { ...changes, notAfter: '2026-11-22T00:00:00.000Z' }));
    expect((await status()).state.text).toBe(`${text}; but the certificate expired on 2026-11-22`);
  });

  test('An issued order without a certificate in the bucket ends with 1.', async () => {
    const s3 = await deployed({ actions: stepFunctionsWith({}) });
    await put(s3, statusKey('1'), statusOf('1', issued));
    expect(await status()).toMatchObject({ exitCode: 1, state: { needsSomeone: true, certificate: null } });
  });

  test('An order of release 0.1.0, which wrote no status, is issued.', async () => {
    const s3 = await deployed({ actions: stepFunctionsWith({}) });
    await put(s3, manifestKey('1'), manifestOf('1'));
    expect(await status()).toMatchObject({
      exitCode: 0,
      state: { state: 'issued', since: '2025-11-24T08:00:00.000Z', executionStatus: null },
    });
  });

  test.each([
    ['UnknownRefusal', 'mark-certificates retry 1'],
    ['CollectionOverdue', 'mark-certificates retry 1'],
    ['OrderRejected', null],
    ['InvalidRequest', null],
    ['constructor', null],
  ])('A failed order ends with 1 and names the command if one helps: %s.', async (error, nextCommand) => {
    const s3 = await deployed({ actions: stepFunctionsWith({ 'order-1': 'FAILED' }) });
    await put(s3, statusKey('1'), failureOf('1', { error }));
    expect(await status()).toMatchObject({ exitCode: 1, state: { state: 'failed', error, nextCommand } });
  });

  test.each([
    [statusKey('1'), 'half of {'],
    [statusKey('1'), statusOf('2')],
    [manifestKey('1'), manifestOf('2')],
  ])('A damaged object is named: %s.', async (key, content) => {
    const s3 = await deployed({ actions: stepFunctionsWith({}) });
    await put(s3, key, content);
    const { exitCode, state } = await status();
    expect(exitCode).toBe(1);
    expect(state).toMatchObject({ state: 'unreadable', needsSomeone: true });
    expect(state.text).toContain('cannot be read');
  });

  test('An order that the collector does not know is an error with the next step.', async () => {
    await deployed({ actions: stepFunctionsWith({ 'order-12': 'RUNNING' }) });
    expect(await run(['status', '1'])).toEqual({
      exitCode: 2,
      out: '',
      err:
        'The collector mark-certificate-collector in eu-central-1 does not know order 1.\n' +
        'Next: Compare the number with the one at the CA. To collect the order: mark-certificates order 1\n',
    });
  });

  test('Without permission for Step Functions, the rest is printed with a note.', async () => {
    const denied = () => {
      throw new ServiceError('AccessDeniedException', 'not authorized');
    };
    const s3 = await deployed({
      actions: { 'AWSStepFunctions.DescribeExecution': denied, 'AWSStepFunctions.ListExecutions': denied },
    });
    await put(s3, statusKey('1'), statusOf('1'));
    const { exitCode, state, err } = await status();
    expect(exitCode).toBe(3);
    expect(state.execution).toEqual({ name: 'order-1', runs: null });
    expect(err).toContain('It is not known whether the execution runs.');
    expect(err).toContain('states:DescribeExecution');
  });

  test('Text of others cannot control the terminal, and the JSON has the same values.', async () => {
    const s3 = await deployed({ actions: stepFunctionsWith({ 'order-1': 'RUNNING' }) });
    await put(s3, statusKey('1'), statusOf('1', { text: 'a\u001b[2J\u202eb' }));
    const { out } = await run(['status', '1', '--json']);
    expect(out.includes('\u001b') || out.includes('\u202e')).toBe(false);
    expect(JSON.parse(out).text).toBe('a\u001b[2J\u202eb');
  });

  test.each([
    ['0', '0'],
    ['01', '01'],
    ['a', 'a'],
    ['12345678901234567', '12345678901234567'],
    ['1/../2', '1/../2'],
    ['', "''"],
    ['1378 973 013', "'1378 973 013'"],
    [' 1378973013', "' 1378973013'"],
  ])('ORDER %j is wrong usage, and its spaces are visible.', async (order, shown) => {
    const { exitCode, err } = await run(['status', order]);
    expect(exitCode).toBe(64);
    expect(err).toContain(`ORDER: ${shown} is not accepted`);
  });
});

function finding(id: string) {
  return { id, severity: 'error' as const, message: 'a message' };
}

describe('The colours of status', () => {
  /** The codes of ANSI for yellow, green and red. */
  const COLOURS = { waiting: 33, issued: 32, failed: 31 } as const;

  async function textOf(state: keyof typeof COLOURS): Promise<string> {
    const s3 = await deployed({ actions: stepFunctionsWith({ 'order-1': 'RUNNING' }) });
    await put(
      s3,
      statusKey('1'),
      state === 'failed' ? failureOf('1') : statusOf('1', state === 'issued' ? issued : {}),
    );
    return (await run(['status', '1'])).out;
  }

  /** A terminal as Node sees it: its colours depend on the environment. */
  function useTerminal(environment: Readonly<Record<string, string>>): void {
    for (const name of ['FORCE_COLOR', 'NO_COLOR', 'NODE_DISABLE_COLORS', 'CI']) {
      vi.stubEnv(name, undefined);
    }
    for (const [name, value] of Object.entries({ TERM: 'xterm-256color', ...environment })) {
      vi.stubEnv(name, value);
    }
    const before = Object.getOwnPropertyDescriptors(process.stdout);
    Object.defineProperty(process.stdout, 'isTTY', { value: true, configurable: true });
    Object.defineProperty(process.stdout, 'getColorDepth', {
      value: WriteStream.prototype.getColorDepth,
      configurable: true,
    });
    onTestFinished(() => {
      for (const name of ['isTTY', 'getColorDepth'] as const) {
        Reflect.deleteProperty(process.stdout, name);
        const descriptor = before[name];
        if (descriptor) {
          Object.defineProperty(process.stdout, name, descriptor);
        }
      }
      vi.unstubAllEnvs();
    });
  }

  test.each(['waiting', 'issued', 'failed'] as const)('show in a terminal that an order is %s.', async (state) => {
    useTerminal({});
    expect(await textOf(state)).toContain(`state      \u001B[${COLOURS[state]}m${state}`);
  });

  test.each(['waiting', 'issued', 'failed'] as const)(
    'are missing with NO_COLOR and without a terminal: %s.',
    async (state) => {
      expect(await textOf(state)).not.toContain('\u001B');
      useTerminal({ NO_COLOR: '1' });
      expect(await textOf(state)).not.toContain('\u001B');
    },
  );
});
