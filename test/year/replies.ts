/** What the CA can answer besides an issued chain: every row of its protocol, and the faults of servers and networks. */
import { renderResponse, type SimulatedResponse } from '../../infra/local/ca/collectmc-responses.ts';
import type { ServerReaction } from './https.ts';
import type { Random } from './random.ts';
import { ECHOES } from './secrecy.ts';

/** What a reply means for the rules of calling again. */
export type ReplyKind =
  | 'issued'
  | 'available'
  | 'waiting'
  | 'refused'
  | 'outage'
  /** The login was rejected, certainly or perhaps. */
  | 'rejected'
  | 'doubted';

export interface CaReply {
  readonly kind: ReplyKind;
  /** For the trace. */
  readonly name: string;
  readonly reaction: ServerReaction;
  /** The CA takes longer than any client waits. */
  readonly isSlow?: boolean;
}

export function reply(kind: ReplyKind, name: string, response: SimulatedResponse): CaReply {
  const { status, headers, body } = renderResponse(response);
  return { kind, name, reaction: { kind: 'response', status, headers, body } };
}

const text = (status: number, body: string, contentType = 'text/html'): SimulatedResponse => {
  return { kind: 'http', status, body, contentType };
};

/** The ways to reject a login. The CA uses one of them until the login changes. */
export const REJECTIONS: readonly CaReply[] = [
  reply('rejected', '-16', { kind: 'error', code: -16 }),
  reply('rejected', '-16 as a form', { kind: 'error', code: -16, form: 'form-encoded' }),
  reply('rejected', 'HTTP 401', text(401, '')),
  reply('rejected', 'HTTP 401 with a page', text(401, '<html><body>Unauthorized</body></html>')),
  reply('rejected', 'JSON code', text(200, '{"code": -16, "description": "Unknown user"}', 'application/json')),
  reply('rejected', 'JSON status', text(200, '{"status":"-16"}', 'application/json')),
  reply('rejected', '-4 loginName', {
    kind: 'error',
    code: -4,
    message: "The value of the 'loginName' argument is invalid!",
  }),
  reply('rejected', '-4 loginPassword', {
    kind: 'error',
    code: -4,
    message: 'loginPassword is wrong',
    form: 'form-encoded',
  }),
];

/** The ways in which something in front of the CA may reject a login. */
export const DOUBTS: readonly CaReply[] = [
  reply('doubted', 'HTTP 403', text(403, '<html><head><title>403 Forbidden</title></head></html>')),
  reply('doubted', 'a sentence', text(200, 'Invalid login or password.', 'text/plain')),
  reply('doubted', 'a page', text(200, '<html><body><h1>Your account is locked</h1></body></html>')),
];

/** The faults of servers and networks. Each is over at the next call, except in an outage of the CA. */
export function outageReply(random: Random, password: string): CaReply {
  const outage = (name: string, response: SimulatedResponse) => reply('outage', name, response);
  const lost = (name: string, reaction: ServerReaction): CaReply => ({ kind: 'outage', name, reaction });
  return random.pick<() => CaReply>([
    () => outage('HTTP 500', text(500, 'Internal Server Error')),
    () => outage('HTTP 503', { kind: 'http', status: 503, headers: { 'retry-after': '600' }, body: '' }),
    () => outage('HTTP 429', { kind: 'http', status: 429, body: 'Too many requests' }),
    () => outage('HTTP 408', { kind: 'http', status: 408, body: '' }),
    () => outage('a maintenance page', { kind: 'html' }),
    () => outage('an empty body', { kind: 'empty' }),
    () => outage('-14', { kind: 'error', code: -14 }),
    () => outage('a truncated text', { kind: 'bytes', body: '2\n-----BEGIN PKCS7-----\nMIIB' }),
    () => outage('an unknown text', { kind: 'bytes', body: 'The order is in manual review by team 7.' }),
    () => outage('unknown JSON', text(200, '{"state":"in review"}', 'application/json')),
    () =>
      outage('an echo', { kind: 'bytes', body: `Unexpected token near ${random.pick(ECHOES)(password)} in line 1` }),
    () => outage('an echo in an error', text(500, `<pre>dump: ${random.pick(ECHOES)(password)}</pre>`)),
    () => lost('a broken body', { ...reactionOf({ kind: 'html' }), isCut: true }),
    () => lost('a closed connection', { kind: 'closed' }),
    () => lost('another protocol', { kind: 'upgraded' }),
    () => lost('a reset connection', { kind: 'error', code: 'ECONNRESET' }),
    () => lost('an unknown host', { kind: 'error', code: 'ENOTFOUND' }),
    () => ({ ...lost('no answer', { kind: 'error', code: 'ETIMEDOUT' }), isSlow: true }),
  ])();
}

/** Statuses that may stand between two replies about the order. */
export function passingReply(random: Random): CaReply {
  return random.pick([
    reply('waiting', '-42', { kind: 'error', code: -42 }),
    reply('outage', '-90', { kind: 'error', code: -90, message: 'Something unknown' }),
    reply('outage', '-43', { kind: 'error', code: -43, form: 'form-encoded' }),
  ]);
}

/** What an order waits for, or why it is refused. */
export const STEPS = {
  processing: reply('waiting', '0', { kind: 'status', status: 0 }),
  'processing with a text': reply('waiting', '0', {
    kind: 'status',
    status: 0,
    text: 'Being processed',
    newline: true,
  }),
  'being issued': reply('waiting', '-26', { kind: 'error', code: -26 }),
  available: reply('available', '1', { kind: 'status', status: 1, newline: true }),
  payment: reply('waiting', '-22', { kind: 'error', code: -22 }),
  permission: reply('waiting', '-91', { kind: 'error', code: -91, form: 'form-encoded' }),
  unknown: reply('outage', '-77', { kind: 'error', code: -77, message: 'A new kind of refusal' }),
  rejected: reply('refused', '-20', { kind: 'error', code: -20 }),
  revoked: reply('refused', '-21', { kind: 'error', code: -21 }),
  expired: reply('refused', '-35', { kind: 'error', code: -35 }),
  'unknown order': reply('refused', '-4 orderNumber', {
    kind: 'error',
    code: -4,
    message: "The value of the 'orderNumber' argument is invalid!",
  }),
} as const satisfies Record<string, CaReply>;
export type Step = keyof typeof STEPS;

function reactionOf(response: SimulatedResponse) {
  return { kind: 'response', ...renderResponse(response) } as const;
}
