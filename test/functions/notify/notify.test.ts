import { S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Message } from '../../../functions/notify/message.ts';
import {
  type Audience,
  createNotify,
  type NotifyDependencies,
  type NotifyRecord,
} from '../../../functions/notify/notify.ts';
import { openOrderFile, readRecords } from '../../../functions/store/order-file.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import { type OrderStatus, openStatus, statusKey } from '../../../functions/store/status.ts';
import { startDirectS3Server } from '../../s3-direct.ts';
import type { S3Server } from '../../s3-server.ts';
import {
  broken,
  COLLECTOR,
  DEPLOYMENT,
  DOMAINS,
  EXECUTION,
  ended,
  eventOf,
  expiring,
  failed,
  issued,
  ORDER,
  ORDER_NUMBER,
  RUNBOOK_URL,
  revoked,
  revokedWatched,
  STARTED_AT,
  UPDATED_AT,
  waiting,
} from './event-samples.ts';

const NOW = '2026-11-26T05:17:05.000Z';
const BUCKET = 'certificates';

let server: S3Server;
let s3: S3Client;
let sent: (Message & { readonly audience: Audience })[];
let records: NotifyRecord[];
let problems: string[];

beforeEach(async () => {
  server = await startDirectS3Server();
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  s3 = new S3Client({ endpoint: server.url, region: 'us-east-1', credentials, forcePathStyle: true, maxAttempts: 1 });
  sent = [];
  records = [];
  problems = [];
});

afterEach(async () => {
  s3.destroy();
  await server.close();
});

/** A new process of notify. */
function start(changes: Partial<NotifyDependencies> = {}) {
  return createNotify({
    deployment: DEPLOYMENT,
    runbookUrl: RUNBOOK_URL,
    publish: async (audience, message) => {
      sent.push({ audience, ...message });
    },
    status: (orderNumber) => openStatus(s3Storage(s3, BUCKET), orderNumber),
    readRecords: async (orderNumber) => ({
      file: await openOrderFile(s3Storage(s3, BUCKET), orderNumber).read(),
      ...(await readRecords(s3Storage(s3, BUCKET), orderNumber)),
    }),
    readOrder: async () => ORDER,
    readReason: async () => ({}),
    observe: {
      handled: (record) => records.push(record),
      problem: (what) => problems.push(what),
    },
    now: () => new Date(NOW),
    ...changes,
  });
}

const STATUS: OrderStatus = {
  schemaVersion: 1,
  collector: COLLECTOR,
  orderNumber: ORDER_NUMBER,
  account: null,
  domains: DOMAINS,
  product: 'VMC',
  execution: EXECUTION,
  startedAt: STARTED_AT,
  state: 'waiting',
  reason: 'payment',
  text: 'the CA answered -22 (awaiting payment)',
  since: UPDATED_AT,
  nextStep: 'pay the order at the CA',
  updatedAt: UPDATED_AT,
};

const store = (changes: Partial<OrderStatus> = {}) =>
  openStatus(s3Storage(s3, BUCKET), ORDER_NUMBER).update(() => ({ ...STATUS, ...changes }));
const stored = async () => (await openStatus(s3Storage(s3, BUCKET), ORDER_NUMBER).read()).current;
const deny = (method: string) => {
  server.before = (request) => (request.method === method ? { status: 403, code: 'AccessDenied' } : undefined);
};

describe('an event about the status of an order', () => {
  test('The message is sent to the operators, then the status says when.', async () => {
    await store();
    let reportedAtWhenSent: string | undefined = 'not sent';
    await start({
      publish: async () => {
        reportedAtWhenSent = (await stored())?.reportedAt;
      },
    })(waiting('payment'));
    expect(reportedAtWhenSent).toBeUndefined();
    expect(await stored()).toEqual({ ...STATUS, reportedAt: NOW });
    expect(records).toMatchObject([{ outcome: 'sent', audience: 'operators', orderNumber: ORDER_NUMBER }]);
  });

  test('The same event again sends nothing, even to a new process.', async () => {
    await store();
    await start()(waiting('payment'));
    await start()(waiting('payment'));
    expect(sent).toHaveLength(1);
    expect(records.at(-1)).toMatchObject({ outcome: 'reported-before' });
  });

  test('An event about a status that has changed since is sent, and the newer status stays unreported.', async () => {
    const newer = { updatedAt: '2026-11-26T08:00:00.000Z', reason: 'credentials' };
    await store(newer);
    await start()(waiting('payment'));
    expect(sent).toHaveLength(1);
    expect(await stored()).toEqual({ ...STATUS, ...newer });
  });

  test('A status that was reported with another text does not hide a new one.', async () => {
    await store({ reportedAt: NOW, updatedAt: '2026-11-25T05:17:00.000Z' });
    await start()(waiting('payment'));
    expect(sent).toHaveLength(1);
  });

  test('A missing status does not prevent the message, and none is written.', async () => {
    await start()(failed('OrderRejected'));
    expect(sent).toHaveLength(1);
    expect(await stored()).toBeUndefined();
  });

  test('A damaged status does not prevent the message.', async () => {
    await fetch(`${server.url}/${BUCKET}/${statusKey(ORDER_NUMBER)}`, { method: 'PUT', body: '{' });
    await start()(failed('OrderRejected'));
    expect(sent).toHaveLength(1);
    expect(problems).toEqual(['the status is damaged']);
  });

  test('If S3 denies the read, the message is sent and the run fails. Its repetition sends nothing more.', async () => {
    await store();
    const notify = start();
    deny('GET');
    await expect(notify(waiting('payment'))).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(notify(waiting('payment'))).rejects.toMatchObject({ name: 'AccessDenied' });
    expect(sent).toHaveLength(1);
    server.before = () => undefined;
    await notify(waiting('payment'));
    expect(sent).toHaveLength(1);
    expect(await stored()).toMatchObject({ reportedAt: NOW });
  });

  test('If the process dies between the message and the status, its successor sends the message once more.', async () => {
    await store();
    deny('PUT');
    await expect(start()(waiting('payment'))).rejects.toMatchObject({ name: 'AccessDenied' });
    server.before = () => undefined;
    await start()(waiting('payment'));
    await start()(waiting('payment'));
    expect(sent).toHaveLength(2);
  });

  test('If SNS fails, the run fails and the status stays unreported, so that the repetition sends the message.', async () => {
    await store();
    const refuse = async () => {
      throw new Error('SNS is not available');
    };
    await expect(start({ publish: refuse })(waiting('payment'))).rejects.toThrow('SNS is not available');
    expect(await stored()).toEqual(STATUS);
    await start()(waiting('payment'));
    expect(sent).toHaveLength(1);
  });

  test('If the execution cannot be read, the command has the fields of the status.', async () => {
    await store();
    const readOrder = async () => {
      throw new Error('no permission');
    };
    await start({ readOrder })(failed('CollectionOverdue'));
    expect(sent[0]?.body).toContain('order 1378973013 --domain example.com');
    expect(problems).toEqual(['the execution cannot be read']);
  });
});

describe('the readers', () => {
  test.each([
    ['Waiting', waiting('payment'), 'operators'],
    ['Failed', failed('OrderRejected'), 'operators'],
    ['an aborted execution', ended({ status: 'ABORTED' }), 'operators'],
    ['Issued', issued(), 'brand'],
    ['Expiring', expiring(7), 'brand'],
    ['Revoked', revoked(true), 'brand'],
    ['Publication Broken', broken([{ id: 'expired', message: 'it has expired' }]), 'brand'],
  ])('One message about %s is sent, to one topic.', async (_, event, audience) => {
    await start()(event);
    expect(sent.map((message) => message.audience)).toEqual([audience]);
  });

  test('A message about a watched domain goes to the people of the brand, once, and reads no object.', async () => {
    const notify = start();
    await notify(revokedWatched());
    await notify(revokedWatched());
    expect(sent).toMatchObject([
      { audience: 'brand', subject: 'Example Limited: the CA revoked the served certificate' },
    ]);
    expect(server.requests).toEqual([]);
  });
});

describe('an event that needs no message', () => {
  test.each([
    [
      'an event of another collector',
      { ...waiting('payment'), detail: { ...waiting('payment').detail, collector: 'other' } },
      'other-collector',
    ],
    [
      'an event about a watched domain of another collector',
      { ...revokedWatched(), detail: { ...revokedWatched().detail, collector: 'other' } },
      'other-collector',
    ],
    [
      'the end of an execution of another state machine',
      ended({ status: 'ABORTED', stateMachineArn: `${DEPLOYMENT.stateMachineArn}2` }),
      'other-collector',
    ],
    [
      'an execution that was stopped because the collector is removed',
      ended({ status: 'ABORTED', error: 'CollectorRemoved' }),
      'no-message-needed',
    ],
    ['a failure that Collect reports itself', ended({ status: 'FAILED', error: 'OrderRejected' }), 'no-message-needed'],
  ])('No message is sent, and no object is touched: %s.', async (_, event, outcome) => {
    await start()(event);
    expect(sent).toEqual([]);
    expect(records).toMatchObject([{ outcome }]);
    expect(server.requests).toEqual([]);
  });

  test.each([
    ['another source', { source: 'aws.ec2', 'detail-type': 'x', detail: {} }],
    ['another detail type', eventOf('Mark Certificate Ordered', { orderNumber: ORDER_NUMBER })],
    ['a detail without an order', eventOf('Mark Certificate Failed', { collector: COLLECTOR })],
    [
      'a running execution',
      { ...ended({ status: 'ABORTED' }), detail: { ...ended({ status: 'ABORTED' }).detail, status: 'RUNNING' } },
    ],
  ])('An event that no rule of the stack matches is an error: %s.', async (_, event) => {
    await expect(start()(event)).rejects.toMatchObject({ name: 'InvalidInput' });
    expect(sent).toEqual([]);
  });
});

describe('an execution that ended without a report by Collect', () => {
  const crash = {
    status: 'FAILED',
    error: 'Runtime.ExitError',
    cause: '{"errorType":"Runtime.ExitError","errorMessage":"it exited"}',
  } as const;

  test('Its status becomes failed, with the error and the next step, and then says when it was reported.', async () => {
    await store({ reportedAt: STARTED_AT });
    await start()(ended(crash));
    const { reason: _, ...others } = STATUS;
    expect(await stored()).toEqual({
      ...others,
      state: 'failed',
      error: 'Runtime.ExitError',
      text: 'it exited',
      since: UPDATED_AT,
      nextStep: 'find the cause in the logs and fix it, then redrive the execution',
      reportedAt: NOW,
      updatedAt: NOW,
    });
  });

  test('The event of AWS that arrives twice sends one message.', async () => {
    await start()(ended(crash));
    await start()(ended(crash));
    expect(sent).toHaveLength(1);
  });

  test('An execution that fails again after a redrive is reported again.', async () => {
    await start()(ended(crash));
    const later = ended(crash);
    await start()({ ...later, detail: { ...later.detail, stopDate: later.detail.stopDate + 60_000 } });
    expect(sent).toHaveLength(2);
  });

  test('The error of a stopped execution is read from the execution, because the event has none.', async () => {
    const readReason = async () => ({ error: 'CollectorRemoved', cause: 'the collector is being deleted' });
    await start({ readReason })(ended({ status: 'ABORTED', error: null, cause: null }));
    expect(sent).toEqual([]);
    expect(records).toMatchObject([{ outcome: 'no-message-needed' }]);
  });

  test('A stopped execution whose error cannot be read is reported.', async () => {
    const readReason = async () => {
      throw new Error('throttled');
    };
    await start({ readReason })(ended({ status: 'ABORTED', error: null, cause: null }));
    expect(sent).toHaveLength(1);
    expect(problems).toEqual(['the reason why an execution was stopped cannot be read']);
  });

  test('An input that is too large for the event is read from the execution.', async () => {
    await start()(ended({ ...crash, input: null }));
    expect(sent[0]?.subject).toBe('example.com and 1 more, order 1378973013: failed because of an error');
    expect(await stored()).toMatchObject({ domains: DOMAINS, product: 'VMC' });
  });

  test('Without any input, the message has the order number of the name and the domains of the status.', async () => {
    await store();
    await start({ readOrder: async () => undefined })(ended({ ...crash, input: null }));
    expect(sent[0]?.subject).toBe('example.com and 1 more, order 1378973013: failed because of an error');
    expect(await stored()).toMatchObject({ state: 'failed', domains: DOMAINS, product: 'VMC' });
  });

  test('The status of an execution that started later stays as it is.', async () => {
    const later = { execution: `${EXECUTION}-20261120`, startedAt: '2026-11-20T00:00:00.000Z' };
    await store(later);
    await start()(ended(crash));
    expect(sent).toHaveLength(1);
    expect(await stored()).toEqual({ ...STATUS, ...later });
  });

  test.each(['push-6-20261126', 'renewal-20261126'])(
    'An extra check never replaces the status of the order: %s.',
    async (request) => {
      const earlier = { startedAt: '2026-10-01T00:00:00.000Z' };
      await store(earlier);
      await start()(ended({ ...crash, name: `${EXECUTION}-${request}` }));
      expect(sent).toHaveLength(1);
      expect(await stored()).toEqual({ ...STATUS, ...earlier });
    },
  );

  test('An execution that is not about an order sends a message and writes no status.', async () => {
    await start()(ended({ ...crash, name: 'by-hand', input: '[]' }));
    expect(sent).toMatchObject([{ subject: 'Execution by-hand: failed because of an error' }]);
    expect(server.requests).toEqual([]);
  });

  test('If the status cannot be written, the message is sent and the run fails. Its repetition writes the status.', async () => {
    const notify = start();
    deny('PUT');
    await expect(notify(ended(crash))).rejects.toMatchObject({ name: 'AccessDenied' });
    server.before = () => undefined;
    await notify(ended(crash));
    expect(sent).toHaveLength(1);
    expect(await stored()).toMatchObject({ state: 'failed', reportedAt: NOW });
  });
});
