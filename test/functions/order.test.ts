import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { parseInput } from '../../functions/input.ts';
import { executionName, orderInStateSchema, orderSchema, suggestRequest } from '../../functions/order.ts';

const isAccepted = (detail: unknown) => v.is(orderSchema, detail);
const read = (detail: unknown) => parseInput(orderSchema, detail, 'the detail');

describe('An order', () => {
  test.each([
    ['digits as text', { orderNumber: '1378973013' }, { orderNumber: '1378973013' }],
    ['digits as a number', { orderNumber: 1378973013 }, { orderNumber: '1378973013' }],
    ['sixteen digits', { orderNumber: '9999999999999999' }, { orderNumber: '9999999999999999' }],
    ['the largest exact number', { orderNumber: 9007199254740991 }, { orderNumber: '9007199254740991' }],
    [
      'domains, which become A-labels',
      { orderNumber: '1', domains: ['Example.COM', 'bücher.example.', 'a-b.co.uk'] },
      { orderNumber: '1', domains: ['example.com', 'xn--bcher-kva.example', 'a-b.co.uk'] },
    ],
    [
      'product and request',
      { orderNumber: '1', product: 'CMC', request: 'again_2' },
      { orderNumber: '1', product: 'CMC', request: 'again_2' },
    ],
    ['a selector', { orderNumber: '1', selector: 'brand-2' }, { orderNumber: '1', selector: 'brand-2' }],
    ['the shortest selector', { orderNumber: '1', selector: 'a' }, { orderNumber: '1', selector: 'a' }],
    [
      'a selector of 63 characters',
      { orderNumber: '1', selector: 'a'.repeat(63) },
      { orderNumber: '1', selector: 'a'.repeat(63) },
    ],
    ['an account', { orderNumber: '1', account: 'brand-a' }, { orderNumber: '1', account: 'brand-a' }],
    ['the default account', { orderNumber: '1', account: null }, { orderNumber: '1', account: null }],
    [
      'an account of 32 characters',
      { orderNumber: '1', account: '-'.repeat(32) },
      { orderNumber: '1', account: '-'.repeat(32) },
    ],
    ...[
      'again',
      'a-2026060',
      'x20260601',
      '20260601a',
      '20260601-a',
      'a-123456789',
      'pushed',
      'my-push-1',
      'renewals',
    ].map((request): [string, object, object] => [
      `the request ${request}`,
      { orderNumber: '1', request },
      { orderNumber: '1', request },
    ]),
    ['permission to replace', { orderNumber: '1', replace: true }, { orderNumber: '1', replace: true }],
    ['no permission to replace', { orderNumber: '1', replace: false }, { orderNumber: '1', replace: false }],
  ])('can have %s.', (_, detail, order) => {
    expect(read(detail)).toEqual(order);
  });

  test.each([
    [
      'no digits',
      { orderNumber: 'abc' },
      'orderNumber: "abc" is not accepted; accepted: the digits of an order number',
    ],
    ['an empty text', { orderNumber: '' }, 'orderNumber: "" is not accepted'],
    ['a negative number', { orderNumber: -5 }, 'orderNumber: -5 is not accepted'],
    ['a negative text', { orderNumber: '-5' }, 'orderNumber: "-5" is not accepted'],
    ['a leading zero', { orderNumber: '0137' }, 'orderNumber: "0137" is not accepted'],
    ['a space', { orderNumber: ' 137' }, 'orderNumber: " 137" is not accepted'],
    ['seventeen digits', { orderNumber: '12345678901234567' }, 'orderNumber: "12345678901234567" is not accepted'],
    ['a number beyond 2^53', { orderNumber: 2 ** 53 }, 'orderNumber: 9007199254740992 is not accepted'],
    ['a fraction', { orderNumber: 1.5 }, 'orderNumber: 1.5 is not accepted'],
    ['nothing', {}, 'orderNumber is missing'],
    ['null', { orderNumber: null }, 'orderNumber: null is not accepted'],
    ['an object', { orderNumber: { a: 1 } }, 'orderNumber: {"a":1} is not accepted'],
  ])('cannot have as its number: %s.', (_, detail, problem) => {
    expect(() => read(detail)).toThrow(problem);
  });

  test.each([
    [
      'an unknown key',
      { orderNumber: '1', domain: 'a.example' },
      'domain is not a known key; accepted: orderNumber, domains, product, account, request, selector, replace',
    ],
    ['a wrong product', { orderNumber: '1', product: 'DV' }, 'product: "DV" is not accepted; accepted: "VMC" or "CMC"'],
    ['domains that are no list', { orderNumber: '1', domains: 'a.example' }, 'domains: "a.example" is not accepted'],
    ['no domains', { orderNumber: '1', domains: [] }, 'domains: [] is not accepted'],
    [
      'a domain with a path',
      { orderNumber: '1', domains: ['example.com/x'] },
      'domains.0: "example.com/x" is not accepted',
    ],
    [
      'a domain with a port',
      { orderNumber: '1', domains: ['example.com:1'] },
      'domains.0: "example.com:1" is not accepted',
    ],
    [
      'an encoded domain',
      { orderNumber: '1', domains: ['exa%6dple.com'] },
      'domains.0: "exa%6dple.com" is not accepted',
    ],
    ['an address', { orderNumber: '1', domains: ['1.2.3'] }, 'domains.0:'],
    ['a text that is not a domain', { orderNumber: '1', domains: ['a.example', 'no dots'] }, 'domains.1:'],
    ['a request with other characters', { orderNumber: '1', request: 'a b' }, 'request: "a b" is not accepted'],
    [
      'a request that looks like a retry',
      { orderNumber: '1', request: '20260101' },
      'request: "20260101" is not accepted',
    ],
    ...[
      '20260601',
      'a-20260601',
      'a-20260601-2',
      '20260601-10',
      'a_b-20260601',
      'push',
      'renewal',
      'push-6',
      'push-',
      'renewal-x',
    ].map((request): [string, object, string] => [
      `the request ${request}, which executions of the collector or of another attempt have`,
      { orderNumber: '1', request },
      `request: "${request}" is not accepted; accepted: 1 to 32 letters, digits, "-" and "_", that are not "push" or "renewal", do not begin with`,
    ]),
    ...['', 'Brand', 'a b', 'a_b', '../x', 'a'.repeat(33), 1, {}, ['a']].map((account): [string, object, string] => [
      `the account ${JSON.stringify(account)}`,
      { orderNumber: '1', account },
      `account: ${JSON.stringify(account)} is not accepted; accepted: 1 to 32 lower-case letters, digits and hyphens, like ` +
        '"brand-a", or null for the default account',
    ]),
    [
      'an empty selector',
      { orderNumber: '1', selector: '' },
      'selector: "" is not accepted; accepted: a BIMI selector',
    ],
    ['a selector of two labels', { orderNumber: '1', selector: 'a.b' }, 'selector: "a.b" is not accepted'],
    ['a selector with capitals', { orderNumber: '1', selector: 'Brand' }, 'selector: "Brand" is not accepted'],
    ['a selector that is a path', { orderNumber: '1', selector: '../x' }, 'selector: "../x" is not accepted'],
    ['a selector that ends in a hyphen', { orderNumber: '1', selector: 'a-' }, 'selector: "a-" is not accepted'],
    [
      'a selector of 64 characters',
      { orderNumber: '1', selector: 'a'.repeat(64) },
      `selector: "${'a'.repeat(64)}" is not accepted`,
    ],
    ['a selector that is not text', { orderNumber: '1', selector: 1 }, 'selector: 1 is not accepted'],
    [
      'a text for replace',
      { orderNumber: '1', replace: 'true' },
      'replace: "true" is not accepted; accepted: true or false',
    ],
    ['no object', 'text', 'the whole value'],
  ])('is refused for %s.', (_, detail, problem) => {
    expect(() => read(detail)).toThrow(problem);
  });

  test('is refused with all problems at once and the name InvalidInput.', () => {
    const wrong = { orderNumber: 'x', product: 'y', other: 'z'.repeat(500) };

    expect(() => read(wrong)).toThrow(
      expect.objectContaining({
        name: 'InvalidInput',
        message: expect.stringMatching(/orderNumber: .*product: .*other is not a known key/),
      }),
    );
  });

  test('is read from the state of an execution with all options, among other keys.', () => {
    const order = { orderNumber: '1', domains: ['example.com'], selector: 'brand', replace: true };
    expect(parseInput(orderInStateSchema, { ...order, collection: { checks: 1 } }, 'the state')).toEqual(order);
  });

  test('of an earlier release, a push or the survey is read from the state of an execution with any request.', () => {
    for (const request of ['push-6-20260601', 'renewal-20260601', 'a-20260601', '20260601']) {
      const order = { orderNumber: '1', request, once: true };
      expect(parseInput(orderInStateSchema, order, 'the state')).toEqual(order);
    }
  });

  test('has the same execution name as no other order and no other attempt.', () => {
    const part = fc.constantFrom('a', '-', '20260601', '2', 'push', 'renewal', '_');
    const requests = fc.uniqueArray(
      fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('')),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(requests, (given) => {
        const names = [undefined, ...given.filter((request) => isAccepted({ orderNumber: '8', request }))].flatMap(
          (request) => {
            const name = executionName({ orderNumber: '8', ...(request !== undefined && { request }) });
            return [name, `${name}-20260601`, `${name}-20260601-2`];
          },
        );
        expect(new Set([...names, 'order-8-push-20260601', 'order-8-renewal-20260601']).size).toBe(names.length + 2);
      }),
    );
  });

  test('has one execution name, which ends in the request if there is one.', () => {
    expect(executionName({ orderNumber: '1378973013' })).toBe('order-1378973013');
    expect(executionName({ orderNumber: '1378973013', request: 'again' })).toBe('order-1378973013-again');
  });
});

test('A long wrong value is truncated in the error.', () => {
  expect(() => read({ orderNumber: 'x'.repeat(1000) })).toThrow(
    expect.objectContaining({ message: expect.stringMatching(/^.{0,600}$/s) }),
  );
});

describe('A suggested request', () => {
  test.each([
    ['2026-11-26T12:05:59Z', 'again-26nov-1205'],
    ['2026-11-26T12:06:00Z', 'again-26nov-1206'],
    ['2028-02-29T00:00:00Z', 'again-29feb-0000'],
    ['2026-12-31T23:59:59.999Z', 'again-31dec-2359'],
  ])('at %s is %s.', (at, request) => {
    expect(suggestRequest(new Date(at))).toBe(request);
  });

  test('is one that an event can have, at any time.', () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2200-01-01') }), (at) => {
        expect(isAccepted({ orderNumber: '1', request: suggestRequest(at) })).toBe(true);
      }),
    );
  });
});
