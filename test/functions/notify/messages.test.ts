import { describe, expect, test } from 'vitest';
import { DIFFERENCES } from '../../../functions/survey/differences.ts';
import {
  broken,
  ended,
  expiring,
  FAILURE_TEXTS,
  failed,
  issued,
  publishedAt,
  revoked,
  WAITING_TEXTS,
  waiting,
} from './event-samples.ts';
import { render } from './rendered-message.ts';

const warning = {
  id: 'root-absent',
  severity: 'warning',
  message: 'the file does not contain the root of the chain, which one mailbox provider requires',
};
const error = {
  id: 'logo-profile',
  severity: 'error',
  message: 'the logo is not in the SVG profile of BIMI: it contains <script>',
};
const lambdaCause = (errorType: string, errorMessage: string) =>
  JSON.stringify({
    errorType,
    errorMessage,
    trace: [`${errorType}: ${errorMessage}`, '    at Runtime.handler (file:///var/task/index.mjs:1:1)'],
  });
const requestId = '6ff5c4ad-0c1c-4d29-b1c7-a5be50e3cd4b';

/** One event for each message, by the name of its file. */
const EVENTS: Readonly<Record<string, object>> = {
  ...Object.fromEntries(
    (Object.keys(WAITING_TEXTS) as (keyof typeof WAITING_TEXTS)[]).map((reason) => [
      `waiting-${reason}`,
      waiting(reason),
    ]),
  ),
  ...Object.fromEntries(
    (Object.keys(FAILURE_TEXTS) as (keyof typeof FAILURE_TEXTS)[]).map((name) => [`failed-${name}`, failed(name)]),
  ),
  'failed-Runtime.ExitError': ended({
    status: 'FAILED',
    error: 'Runtime.ExitError',
    cause: JSON.stringify({
      errorType: 'Runtime.ExitError',
      errorMessage: `RequestId: ${requestId} Error: Runtime exited with error: signal: killed`,
    }),
  }),
  'failed-Sandbox.Timedout': ended({
    status: 'FAILED',
    error: 'Sandbox.Timedout',
    cause: JSON.stringify({
      errorType: 'Sandbox.Timedout',
      errorMessage: `RequestId: ${requestId} Error: Task timed out after 60.00 seconds`,
    }),
  }),
  'failed-States.Timeout': ended({ status: 'FAILED', error: 'States.Timeout', cause: null }),
  'failed-AccessDenied': ended({
    status: 'FAILED',
    error: 'AccessDenied',
    cause: lambdaCause(
      'AccessDenied',
      'User: arn:aws:sts::111122223333:assumed-role/Collect is not authorized to perform: s3:PutObject',
    ),
  }),
  'timed-out': ended({ status: 'TIMED_OUT' }),
  aborted: ended({ status: 'ABORTED' }),
  'aborted-with-reason': ended({ status: 'ABORTED', error: 'Cancelled', cause: 'The client cancelled the order.' }),
  'aborted-other-execution': ended({ status: 'ABORTED', name: 'try-1', input: '{"hello": "world"}' }),
  issued: issued({ findings: [warning] }),
  'issued-published': issued({ publication: publishedAt(['example.com', 'example.net']) }),
  'issued-published-in-part': issued({
    publication: publishedAt(
      ['example.com'],
      [
        {
          domain: 'example.net',
          selector: 'brand',
          reason: 'not-covered',
          message: 'the certificate covers neither example.net nor brand._bimi.example.net; it covers example.com',
        },
      ],
    ),
  }),
  'issued-not-publishable': issued({
    publishable: false,
    findings: [error, warning],
    publication: publishedAt([], []),
  }),
  expiring: expiring(14),
  'expiring-today': expiring(0),
  revoked: revoked(true),
  'revoked-by-push': revoked(false),
  ...Object.fromEntries(
    Object.entries(DIFFERENCES).map(([id, message]) => [`broken-${id}`, broken([{ id, message }])]),
  ),
};

describe('the message', () => {
  test.each(Object.entries(EVENTS))(
    'about %s is the one in its file. To write the files: npx vitest -u',
    async (name, event) => {
      const [message, ...others] = await render(event);
      expect(others).toEqual([]);
      await expect(`To: ${message?.audience}\nSubject: ${message?.subject}\n\n${message?.body}`).toMatchFileSnapshot(
        `messages/${name}.txt`,
      );
    },
  );
});
