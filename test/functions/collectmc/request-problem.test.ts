import { describe, expect, test } from 'vitest';
import { COLLECT_URL, endpointProblem, requestProblem } from '../../../functions/collectmc/request.ts';
import { order, UNACCEPTABLE } from './requests.ts';

describe('An endpoint', () => {
  test.each([
    COLLECT_URL,
    'https://ca.example/',
    'https://ca.example:8443/products/download/CollectMC',
    'https://127.0.0.1/',
    'http://localhost/',
    'http://localhost:8080/CollectMC',
    'http://LOCALHOST/',
    'http://127.0.0.1:8080/CollectMC',
    'http://127.255.255.254/',
    'http://127.1/',
    'http://[::1]:8080/CollectMC',
    'http://[0:0:0:0:0:0:0:1]/',
  ])('can be %s.', (url) => {
    expect(endpointProblem(url)).toBeUndefined();
  });

  test.each([
    ['plain http', 'http://secure.trust-provider.com/products/download/CollectMC'],
    ['a name that begins like a loopback address', 'http://127.0.0.1.example.com/'],
    ['a name that begins like localhost', 'http://localhost.example.com/'],
    ['a name that ends like localhost', 'http://not-localhost/'],
    ['a name under localhost', 'http://ca.localhost/'],
    ['an address that contains a loopback one', 'http://10.127.0.0.1/'],
    ['the address of any interface', 'http://0.0.0.0/'],
    ['a private address', 'http://192.168.0.1/'],
    ['an address next to the loopback ones', 'http://128.0.0.1/'],
    ['an IPv6 address that is not loopback', 'http://[::2]/'],
    ['a loopback address that is no address', 'http://127.0.0.256/'],
    ['a user', 'https://user@ca.example/'],
    ['a user and a password', 'https://user:secret@ca.example/'],
    ['a password alone', 'https://:secret@ca.example/'],
    ['a user on a loopback address', 'http://user:secret@127.0.0.1/'],
    ['a loopback address as the user', 'http://127.0.0.1@ca.example/'],
    ['a query', 'https://ca.example/CollectMC?loginPassword=secret'],
    ['a fragment', 'https://ca.example/CollectMC#secret'],
    ['another protocol', 'ftp://127.0.0.1/'],
    ['another protocol on this machine', 'file:///etc/passwd'],
    ['no protocol', 'ca.example/CollectMC'],
    ['a path', '/products/download/CollectMC'],
    ['nothing', ''],
    ['no host', 'https://'],
  ])('cannot be a URL with %s.', (_, url) => {
    expect(endpointProblem(url)).toMatch(/is not an https URL without credentials, query and fragment/);
  });

  test('is not quoted in the refusal, because it can contain a password.', () => {
    const urls = [
      'https://user:secret@ca.example/',
      'https://ca.example/?p=secret',
      'https://secret secret@ca.example/',
    ];

    for (const url of urls) {
      expect(endpointProblem(url)).not.toContain('secret');
    }
  });

  test('is the documented one by default.', () => {
    expect(COLLECT_URL).toBe('https://secure.trust-provider.com/products/download/CollectMC');
  });
});

describe('A request', () => {
  test.each([
    ['the shortest of everything', { loginName: 'n', loginPassword: 'p', orderNumber: '1' }],
    ['the longest login name', { loginName: 'n'.repeat(64) }],
    ['the longest password', { loginPassword: 'p'.repeat(128) }],
    ['the longest order number', { orderNumber: '9'.repeat(16) }],
    ['blanks in the password', { loginPassword: ' ' }],
  ])('can have %s.', (_, changes) => {
    expect(requestProblem(order(COLLECT_URL, changes))).toBeUndefined();
  });

  test.each(UNACCEPTABLE)('cannot have %s.', (_, changes, problem) => {
    expect(requestProblem(order(COLLECT_URL, changes))).toMatch(problem);
  });

  test('is refused with a message that does not contain the password.', () => {
    const secret = { loginPassword: 'correct horse battery staple' };
    const wrong = [
      requestProblem(order('http://ca.example/', secret)),
      requestProblem(order(COLLECT_URL, { ...secret, orderNumber: 'x' })),
      requestProblem(order(COLLECT_URL, { ...secret, loginName: '' })),
      requestProblem(order(COLLECT_URL, { loginPassword: secret.loginPassword.repeat(9) })),
      requestProblem(order('https://user:correct%20horse%20battery%20staple@ca.example/', secret)),
    ];

    for (const problem of wrong) {
      expect(problem).toBeTypeOf('string');
      expect(problem).not.toMatch(/correct|horse|battery|staple/);
    }
  });
});
