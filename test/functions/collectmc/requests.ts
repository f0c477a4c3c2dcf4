import type { CollectRequest } from '../../../functions/collectmc/request.ts';

export const PASSWORD = 'Pa&ss=wo+rd% ü';
export const LOGIN = { loginName: 'näme & co=1+1', loginPassword: PASSWORD };

/** A request for one order. */
export function order(url: string, changes: Partial<CollectRequest> = {}): CollectRequest {
  return { url, ...LOGIN, orderNumber: '1378973013', format: 'pkcs7', ...changes };
}

const NAME_PROBLEM = /^loginName has \d+ characters, but the CA accepts 1 to 64$/;
const PASSWORD_PROBLEM = /^loginPassword has \d+ characters, but the CA accepts 1 to 128$/;
const ORDER_PROBLEM = /^orderNumber: .* is not 1 to 16 digits without a leading zero$/;

/** Changes that make a request unacceptable, and the problem. */
export const UNACCEPTABLE = [
  ['no login name', { loginName: '' }, NAME_PROBLEM],
  ['a login name too long', { loginName: 'n'.repeat(65) }, NAME_PROBLEM],
  ['no password', { loginPassword: '' }, PASSWORD_PROBLEM],
  ['a password too long', { loginPassword: 'Secret'.repeat(22) }, PASSWORD_PROBLEM],
  ['a password one character too long', { loginPassword: 'p'.repeat(129) }, PASSWORD_PROBLEM],
  ['no order number', { orderNumber: '' }, ORDER_PROBLEM],
  ['the order number 0', { orderNumber: '0' }, ORDER_PROBLEM],
  ['a leading zero', { orderNumber: '01378973013' }, ORDER_PROBLEM],
  ['a negative order number', { orderNumber: '-1' }, ORDER_PROBLEM],
  ['an order number too long', { orderNumber: '1'.repeat(17) }, ORDER_PROBLEM],
  ['an order number with a letter', { orderNumber: '13789A' }, ORDER_PROBLEM],
  ['an order number with a newline', { orderNumber: '1378973013\n' }, ORDER_PROBLEM],
  ['an order number with a blank before it', { orderNumber: ' 1378973013' }, ORDER_PROBLEM],
  ['an order number with digits of another script', { orderNumber: '١٢٣' }, ORDER_PROBLEM],
  ['a field hidden in the order number', { orderNumber: '1&orderNumber=2' }, ORDER_PROBLEM],
] as const;
