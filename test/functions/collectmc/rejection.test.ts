import { describe, expect, test } from 'vitest';
import { readReply } from '../../../functions/collectmc/reply.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { mulberry32 } from '../../mulberry32.ts';
import { CERTAIN, DOUBTFUL, DOUBTFUL_OUTAGES, page } from './login-rejections.ts';
import { answered, certificates, certsOnly, payloadOf } from './replies.ts';

function replied(httpStatus: number, body: string, headers = {}) {
  return readReply(httpStatus, headers, Buffer.from(body));
}

/** Replies that are no rejected login: the HTTP status, the body and the reason. */
const OTHERS: readonly (readonly [number, string, string])[] = [
  [200, '0', 'processing'],
  [200, '0\nLog in to your account to see the status', 'processing'],
  [200, '1\nYour account has certificates', 'available'],
  [200, '-22\nStill awaiting payment!', 'payment'],
  [200, '-22\nAwaiting payment for this account', 'payment'],
  [200, '-22 awaiting payment for this account', 'payment'],
  [200, 'Error: -22 Awaiting payment for this account', 'payment'],
  [200, '{"code":-22,"message":"Awaiting payment for this account"}', 'payment'],
  [200, '-26\nThe certificate is being issued for your account', 'processing'],
  [200, '-42\nThe call limit of this login was reached, try again later!', 'call-limit'],
  [200, '{"code":-42,"message":"The call limit of your account is reached"}', 'call-limit'],
  [200, '-91\nPermission denied for this context!', 'permission'],
  [200, 'errorCode=-91&errorMessage=Permission+denied+for+this+account', 'permission'],
  [200, '-14\nAn unknown error occurred!', 'outage'],
  [200, '2\nLogin', 'outage'],
  [200, '{"code":-20,"message":"The order was rejected by your account manager"}', 'outage'],
  [200, '', 'outage'],
  [200, 'Your certificates will follow.', 'outage'],
  [200, 'Service unavailable', 'outage'],
  [200, 'Internal error', 'outage'],
  [200, 'Database error: connection refused', 'outage'],
  [200, 'Unknown order number', 'outage'],
  [200, 'The order was not found', 'outage'],
  [200, 'Your order is being processed', 'outage'],
  [200, 'Your order is being processed. Log in to your account to follow it.', 'outage'],
  [200, 'Awaiting payment for this account', 'outage'],
  [200, 'Payment failed for your account', 'outage'],
  [200, 'Your account balance is too low', 'outage'],
  [200, 'Rate limit exceeded for your account', 'outage'],
  [200, 'Too many requests', 'outage'],
  [200, 'DNS error: SERVFAIL for default._bimi.example.com', 'outage'],
  [200, 'The CAA record of example.com does not authorize the CA', 'outage'],
  [200, 'The certificate authority is not reachable', 'outage'],
  [200, 'The certificate has been revoked', 'outage'],
  [200, 'The authoritative name server did not answer', 'outage'],
  [200, 'Welcome! Your login was successful.', 'outage'],
  [200, 'The logo is not valid', 'outage'],
  [200, 'Moved to https://login.example.com/account', 'outage'],
  [200, '{"status":0}', 'outage'],
  [200, '{"status":"processing","orderNumber":1378973013}', 'outage'],
  [200, '{"code":-160}', 'outage'],
  [200, '{"balance":16,"date":"2026-11-16","range":"10-16","time":"-16:00"}', 'outage'],
  [200, 'Maintenance from 14 -16 November', 'outage'],
  [200, page('<h1>We will be back soon</h1><p>0 services are affected.</p>'), 'outage'],
  [200, page('<nav><a href="/login">Login</a></nav><h1>Scheduled maintenance</h1>'), 'outage'],
  [200, page('<div style="margin:-16px">The service is in maintenance</div>'), 'outage'],
  [200, page('<svg viewBox="-16 0 32 32"><path d="M3 0c-16 0-16 16,-16"/></svg><p>Down for an upgrade</p>'), 'outage'],
  [
    200,
    page('<p>Down</p><script>var password = "login failed";</script><style>.login{}</style><!-- login failed -->'),
    'outage',
  ],
  [
    404,
    page('<h1>Not Found</h1><p>The requested URL was not found on this server.</p><a href="/login">Sign in</a>'),
    'outage',
  ],
  [404, 'Not Found', 'outage'],
  [400, 'Bad Request', 'outage'],
  [405, 'Method Not Allowed', 'outage'],
  [413, 'Request Entity Too Large', 'outage'],
  [301, page('<p>Moved Permanently</p>'), 'outage'],
  [500, page('<h1>Internal Server Error</h1><a href="/login">Login</a>'), 'outage'],
  [500, '{"status":500,"error":"Internal Server Error","path":"/login"}', 'outage'],
  [500, 'java.net.ConnectException: Connection refused', 'outage'],
  [502, page('<center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center>'), 'outage'],
  [
    503,
    page('<header><a href="/login">Login</a> <a href="/account">My account</a></header><h1>Maintenance</h1>'),
    'outage',
  ],
  [503, page('<form action="/login"><input type="password"></form><h1>The service is not available</h1>'), 'outage'],
  [503, page('<p>We are upgrading our systems. Logins are disabled during the maintenance.</p>'), 'outage'],
  [503, 'The login service is not available', 'outage'],
  [503, 'Service Unavailable', 'outage'],
  [503, page('<p>The server is temporarily unable to service your request due to maintenance downtime.</p>'), 'outage'],
  [504, page('<h1>504 Gateway Time-out</h1>'), 'outage'],
  [
    521,
    page(
      '<h1>Web server is down</h1><p>Cloudflare Ray ID: 1 &bull; Your IP: 192.0.2.1 &bull; Performance &amp; security by Cloudflare</p>',
    ),
    'outage',
  ],
  [530, page('<h1>Origin DNS error</h1><p>If you are a visitor of this website, please try again.</p>'), 'outage'],
  [503, 'Reference #18.2f0c1602.1700000000.abc An error occurred while processing your request.', 'outage'],
  [429, 'Too Many Requests', 'outage'],
  [429, 'Too many requests for this account', 'outage'],
  [429, '{"message":"API rate limit exceeded for your account"}', 'outage'],
  [408, 'Request Timeout', 'outage'],
];

describe('A rejected login', () => {
  test.each(CERTAIN)('is certain, whatever the HTTP status is: %j.', (body) => {
    for (const httpStatus of [200, 400, 403, 404, 422, 500, 503]) {
      const reply = replied(httpStatus, body);

      expect(reply).toMatchObject({
        kind: 'waiting',
        reason: 'credentials',
        status: expect.toBeOneOf([-16, -2, -3, -4]),
      });
      expect(reply).not.toHaveProperty('doubtful');
    }
  });

  test.each(['', '0', 'Unauthorized', page('<h1>401</h1>'), '{"message":"Unauthorized"}', 'Maintenance'])(
    'is certain with HTTP 401 and any body: %j.',
    (body) => {
      const reply = replied(401, body);

      expect(reply).toMatchObject({ kind: 'waiting', reason: 'credentials', text: expect.stringMatching(/^HTTP 401/) });
      expect(reply).not.toHaveProperty('doubtful');
    },
  );

  test.each(DOUBTFUL)('is doubtful without a usable status: %j.', (body) => {
    for (const httpStatus of [200, 400, 404, 422]) {
      expect(replied(httpStatus, body)).toMatchObject({ kind: 'waiting', reason: 'credentials', doubtful: true });
    }
  });

  test.each(DOUBTFUL_OUTAGES)('is doubtful if a sentence says so with HTTP %i: %j.', (httpStatus, body) => {
    expect(replied(httpStatus, body)).toMatchObject({ kind: 'waiting', reason: 'credentials', doubtful: true });
  });

  test.each([403, 407, 423])('is doubtful with HTTP %i, and the text states what came.', (httpStatus) => {
    for (const body of ['', '0', page('<h1>Blocked</h1>'), 'Maintenance']) {
      expect(replied(httpStatus, body)).toMatchObject({
        kind: 'waiting',
        reason: 'credentials',
        doubtful: true,
        text: expect.stringMatching(`^HTTP ${httpStatus}`),
      });
    }
  });

  test.each([
    '/login',
    '/secure/Login.aspx?ReturnUrl=%2fproducts',
    'https://login.example.com/',
    'https://sso.example.com/saml2/idp',
    '/account/signin',
    '/userLogin.do',
    '/sign-in',
    '/logout?reason=expired',
    '/errors/access-denied.html',
    '/auth/realms/ca/protocol/openid-connect/auth',
    '/session/new',
    '/changePassword',
    '/error/403.html',
  ])('is doubtful with a redirect to a page about a login: %s.', (location) => {
    for (const httpStatus of [301, 302, 303, 307, 308]) {
      expect(replied(httpStatus, '', { location })).toEqual({
        kind: 'waiting',
        reason: 'credentials',
        doubtful: true,
        text: `HTTP ${httpStatus}, a redirect to ${location}`,
      });
    }
  });

  test.each([
    '/maintenance.html',
    'https://www.example.com/',
    '/products/download/CollectMC/',
    '/maintenance?return=login',
  ])('is not read from a redirect to another page: %s.', (location) => {
    expect(replied(302, '', { location })).toMatchObject({ reason: 'outage' });
  });

  test('is doubtful if the server asks for a login in a header.', () => {
    expect(replied(200, 'Hello', { 'www-authenticate': 'Basic realm="CA"' })).toMatchObject({
      reason: 'credentials',
      doubtful: true,
    });
  });

  test.each(OTHERS)('is not read from HTTP %i with %j, which has the reason `%s`.', (httpStatus, body, reason) => {
    expect(replied(httpStatus, body)).toMatchObject({ kind: 'waiting', reason });
  });

  test.each([
    "-4\nThe value of the 'orderNumber' argument is invalid!",
    '-4\nThe order number does not belong to your account',
    "-2\n'responseType' is an unrecognised argument!",
    '-3\nAn argument is missing!',
    '-17\nLogin with POST!',
    '-20\nThe request was rejected by your account manager!',
    '-21\nThe certificate of this account has been revoked!',
    '-35\nThe certificate of this account has expired!',
    '-1\nLogin over https!',
  ])('is not read from a refusal: %j.', (body) => {
    expect(replied(200, body).kind).toBe('refused');
  });

  test('is not read from certificates, whatever text is around them.', () => {
    const body = `Access denied, login failed, -16\n${pem(certificates)}`;

    expect(answered(body).kind).toBe('issued');
    expect(payloadOf(answered(certsOnly))?.container).toBe('pkcs7');
  });

  test('contains the text of the reply.', () => {
    expect(answered('Invalid  password\nfor brand')).toEqual({
      kind: 'waiting',
      reason: 'credentials',
      doubtful: true,
      text: 'Invalid password for brand',
    });
    expect(answered('-99\nInvalid password')).toMatchObject({ text: 'status -99: Invalid password' });
    expect(replied(403, page('<h1>Access&nbsp;Denied</h1><p>Reference 1</p>'))).toMatchObject({
      text: 'HTTP 403: Access Denied Reference 1',
    });
  });
});

describe('Base64', () => {
  const random = mulberry32(1);
  const randomBase64 = (length: number) =>
    Buffer.from(Array.from({ length }, () => random() * 256)).toString('base64url');
  const word = (text: string) => `${randomBase64(60)}${text}${randomBase64(60)}`;

  test.each(['-SSO-', '_2FA_', '-otp-', '_mFa/', '+pwd+'])(
    'that contains %s by chance is not about the login.',
    (chance) => {
      for (let round = 0; round < 200; round++) {
        expect(replied(200, `Key: ${word(chance)}\nThe end`)).toMatchObject({ kind: 'waiting', reason: 'outage' });
      }
    },
  );

  test.each([
    'Invalid+login+name+or+password+please+check+them+and+try+again+or+contact+us',
    'ERROR+16+INVALID+LOGIN+name+or+password+for+order+1378973013+please+check',
    'authentication_failed/invalid_user_name/invalid_password/1378973013/see/login-page',
    'InvalidLoginNameOrPasswordExceptionInTheAuthenticationServiceOfTheUserAccount',
    'YourLoginNameOrPasswordIsNotValidForThisApiPleaseContactSupport',
    'The+Login+Name+Or+The+Password+That+You+Sent+Is+Not+Valid+For+This+API',
    'The_Login_Name_Or_The_Password_You_Sent_Is_Not_Valid_For_This_API',
    'The-Login-Name-Or-The-Password-Is-Not-Valid-For-This-Api-Of-The-CA',
    'TheLoginNameOrThePasswordIsNotValidForThisApiOfTheCertificateManager',
    'IfYouCanSeeItWeAreInAnErrorOfLogInForThisUserIdOrItsPwdIsBad',
  ])('is not what a rejection without spaces is taken for: %s.', (body) => {
    expect(replied(200, body)).toMatchObject({ kind: 'waiting', reason: 'credentials' });
  });
});
