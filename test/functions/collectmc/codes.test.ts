import { describe, expect, test } from 'vitest';
import { STATUSES } from '../../../functions/collectmc/codes.ts';
import { readReply } from '../../../functions/collectmc/reply.ts';

/** The CA's codes a second time: code, class, and what the meaning must contain. */
const waiting = [
  [1, 'available', /available/],
  [0, 'processing', /being processed/],
  [-26, 'processing', /being issued/],
  [-42, 'call-limit', /call limit/],
  [-14, 'outage', /internal error/],
  [-16, 'credentials', /login is wrong or expired.*locked.*blocked/],
  [-22, 'payment', /awaiting payment/],
  [-91, 'permission', /denies permission/],
] as const;

const refused = [
  [-20, 'OrderRejected', /rejected the order/],
  [-21, 'CertificateRevoked', /revoked/],
  [-35, 'CertificateExpired', /has expired/],
  [-36, 'CertificateExpired', /has expired/],
  [-1, 'InvalidRequest', /not made over https/],
  [-2, 'InvalidRequest', /argument that the CA does not know/],
  [-3, 'InvalidRequest', /lacks an argument/],
  [-4, 'InvalidRequest', /invalid argument/],
  [-17, 'InvalidRequest', /not a POST/],
] as const;

const known: ReadonlySet<number> = new Set([2, ...waiting.map(([code]) => code), ...refused.map(([code]) => code)]);

function answered(body: string) {
  return readReply(200, { 'content-type': 'text/plain' }, Buffer.from(body));
}

describe('A waiting code', () => {
  test.each(waiting)('%i is waiting with the reason %s.', (code, reason, words) => {
    const reply = answered(`${code}`);

    expect(reply).toEqual({ kind: 'waiting', status: code, reason, text: expect.stringMatching(words) });
  });

  test.each(waiting)('%i has the text of the CA, if there is one.', (code, reason) => {
    const reply = answered(`${code}\nThe text of the CA`);

    expect(reply).toEqual({ kind: 'waiting', status: code, reason, text: 'The text of the CA' });
  });
});

describe('A code of a refusal', () => {
  test.each(refused)('%i is the refusal %s.', (code, refusal, words) => {
    const reply = answered(`${code}`);

    expect(reply).toEqual({ kind: 'refused', status: code, refusal, text: expect.stringMatching(words) });
  });

  test.each(refused)('%i has the text of the CA, if there is one.', (code, refusal) => {
    const reply = answered(`${code}\nThe text of the CA`);

    expect(reply).toEqual({ kind: 'refused', status: code, refusal, text: 'The text of the CA' });
  });

  test.each(refused)('%i in a form is the refusal %s too.', (code, refusal) => {
    const reply = answered(`errorCode=${code}&errorMessage=The+text+of+the+CA`);

    expect(reply).toEqual({ kind: 'refused', status: code, refusal, text: 'The text of the CA' });
  });
});

describe('The code 2', () => {
  test('means that certificates are attached.', () => {
    expect(STATUSES.get(2)).toEqual({ kind: 'issued', meaning: 'the certificates are attached' });
  });

  test('is an outage if no certificates are attached.', () => {
    expect(answered('2')).toEqual({
      kind: 'waiting',
      reason: 'outage',
      text: 'status 2 without readable certificates: 2',
      unreadable: true,
    });
  });
});

describe('A code that is in no table', () => {
  const codes = Array.from({ length: 2 * 9999 + 1 }, (_, i) => i - 9999).filter((code) => !known.has(code));

  test('is unknown if it is negative, and has the text of the CA.', () => {
    for (const code of codes.filter((each) => each < 0)) {
      expect(answered(`${code}\nNobody knows`)).toEqual({ kind: 'unknown', status: code, text: 'Nobody knows' });
    }
  });

  test('is an outage without a status if it is positive: never pending, never issued.', () => {
    for (const code of codes.filter((each) => each > 0)) {
      expect(answered(`${code}\nNobody knows`)).toEqual({
        kind: 'waiting',
        reason: 'outage',
        text: `the unknown status ${code}: ${code} Nobody knows`,
        unreadable: true,
      });
    }
  });
});
