import { describe, expect, test } from 'vitest';
import { STATUSES } from '../../../functions/collectmc/codes.ts';
import { readReply } from '../../../functions/collectmc/reply.ts';

/** The CA's code table, written out once more: code, class, what a person must be able to read of it. */
const waiting = [
  [1, 'available', /available/],
  [0, 'processing', /being processed/],
  [-26, 'processing', /being issued/],
  [-42, 'call-limit', /call limit/],
  [-14, 'outage', /internal error/],
  [-16, 'credentials', /login wrong or expired.*locked.*blocked/],
  [-22, 'payment', /awaiting payment/],
  [-91, 'permission', /permission denied/],
] as const;

const refused = [
  [-20, 'OrderRejected', /rejected the order/],
  [-21, 'CertificateRevoked', /revoked/],
  [-35, 'CertificateExpired', /has expired/],
  [-36, 'CertificateExpired', /has expired/],
  [-1, 'InvalidRequest', /not made over https/],
  [-2, 'InvalidRequest', /argument the CA does not know/],
  [-3, 'InvalidRequest', /lacks an argument/],
  [-4, 'InvalidRequest', /invalid argument/],
  [-17, 'InvalidRequest', /not a POST/],
] as const;

const known: ReadonlySet<number> = new Set([2, ...waiting.map(([code]) => code), ...refused.map(([code]) => code)]);

function answered(body: string) {
  return readReply(200, { 'content-type': 'text/plain' }, Buffer.from(body));
}

describe('a code that means waiting', () => {
  test.each(waiting)('%i is waiting for: %s', (code, reason, words) => {
    const reply = answered(`${code}`);

    expect(reply).toEqual({ kind: 'waiting', status: code, reason, text: expect.stringMatching(words) });
  });

  test.each(waiting)('%i keeps what the CA wrote about it', (code, reason) => {
    const reply = answered(`${code}\nWhat the CA wrote`);

    expect(reply).toEqual({ kind: 'waiting', status: code, reason, text: 'What the CA wrote' });
  });
});

describe('a code that means no', () => {
  test.each(refused)('%i is refused as %s', (code, refusal, words) => {
    const reply = answered(`${code}`);

    expect(reply).toEqual({ kind: 'refused', status: code, refusal, text: expect.stringMatching(words) });
  });

  test.each(refused)('%i keeps what the CA wrote about it', (code, refusal) => {
    const reply = answered(`${code}\nWhat the CA wrote`);

    expect(reply).toEqual({ kind: 'refused', status: code, refusal, text: 'What the CA wrote' });
  });

  test.each(refused)('%i as a form is refused as %s too', (code, refusal) => {
    const reply = answered(`errorCode=${code}&errorMessage=What+the+CA+wrote`);

    expect(reply).toEqual({ kind: 'refused', status: code, refusal, text: 'What the CA wrote' });
  });
});

describe('the code 2', () => {
  test('says that certificates are attached', () => {
    expect(STATUSES.get(2)).toEqual({ kind: 'issued', meaning: 'certificates attached' });
  });

  test('is an outage when none are', () => {
    expect(answered('2')).toEqual({
      kind: 'waiting',
      reason: 'outage',
      text: 'status 2 without certificates that can be read',
    });
  });
});

describe('a code in no table', () => {
  const codes = Array.from({ length: 2 * 9999 + 1 }, (_, i) => i - 9999).filter((code) => !known.has(code));

  test('is unknown when it is negative, and keeps what the CA wrote', () => {
    for (const code of codes.filter((each) => each < 0)) {
      expect(answered(`${code}\nNobody knows`)).toEqual({ kind: 'unknown', status: code, text: 'Nobody knows' });
    }
  });

  test('is an outage without a status when it is positive: never pending, never issued', () => {
    for (const code of codes.filter((each) => each > 0)) {
      expect(answered(`${code}\nNobody knows`)).toEqual({
        kind: 'waiting',
        reason: 'outage',
        text: `the status ${code}, which CollectMC does not have`,
      });
    }
  });
});
