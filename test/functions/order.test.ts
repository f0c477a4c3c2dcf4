import { describe, expect, test } from 'vitest';
import { parseInput } from '../../functions/input.ts';
import { executionName, orderInStateSchema, orderSchema } from '../../functions/order.ts';

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
