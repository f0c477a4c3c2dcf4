import { describe, expect, test } from 'vitest';
import { readReply } from '../../../functions/collectmc/reply.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { answered, certificates, certsOnly, payloadOf } from './replies.ts';

const page = (body: string, head = '') => `<!DOCTYPE html>\n<html><head>${head}</head><body>${body}</body></html>\n`;

function replied(httpStatus: number, body: string, headers = {}) {
  return readReply(httpStatus, headers, Buffer.from(body));
}

/** Bodies that contain the status -16, or name an argument of the login. */
const CERTAIN = [
  '-16',
  '-16\nPermission denied!',
  '-16 Permission denied!',
  '-16: The login is wrong',
  '-016\nPermission denied',
  'errorCode=-16&errorMessage=Permission+denied%21',
  'status=-16&message=Permission+denied',
  'code=-16',
  'orderNumber=1378973013&errorCode=-16',
  '{"code":-16,"description":"Unknown user"}',
  '{"code": "-16"}',
  '{"status": -16}',
  '{"status":"-16","message":"Permission denied!"}',
  '{"errorCode":-16.0}',
  '{"error":{"code":-16,"message":"x"}}',
  '{"response":{"result":{"statusCode":"-16"}}}',
  '[{"errorCode":-16}]',
  '{"error":"-16: Permission denied"}',
  '{"errors":["-16"]}',
  '{"code":-16,"descr',
  '"-16"',
  '<?xml version="1.0"?><error><code>-16</code><message>Permission denied!</message></error>',
  '<error code="-16" message="Permission denied!"/>',
  "<result status='-16'/>",
  '<response>\n  <errorCode>\n    -16\n  </errorCode>\n</response>',
  '<soap:Envelope><soap:Fault><faultcode>-16</faultcode></soap:Fault></soap:Envelope>',
  'Error: -16 Permission denied!',
  'Error -16',
  'ERROR (-16)',
  'Request failed with code -16.',
  'status: -16',
  'errorCode: -16, errorMessage: Permission denied!',
  'Fehler -16: Zugriff verweigert',
  'Error −16',
  page('<h1>Error</h1><p>Code: <b>-16</b></p>'),
  page('Error code: &#45;16'),
  "-2\n'loginName' is an unrecognised argument!",
  "-3\nThe 'loginPassword' argument is missing!",
  "-4\nThe value of the 'loginName' argument is invalid!",
  '-4\nThe value of the LOGINPASSWORD argument is invalid!',
  '-4\nlogin_name is invalid',
  '-4\nInvalid value for "Login Name"',
  'errorCode=-4&errorMessage=The+value+of+the+%27loginPassword%27+argument+is+invalid%21',
  '{"code":-4,"message":"loginPassword is invalid"}',
  "Error: -3 The 'loginName' argument is missing!",
];

/** Bodies without a usable status that may mean a rejected login. */
const DOUBTFUL = [
  'Invalid password',
  'Invalid login name or password.',
  'Incorrect user name or password',
  'Wrong username/password',
  'Login failed',
  "Login failed for user 'brand'.",
  'LOGIN_FAILED',
  'Login incorrect',
  'Log in failed!',
  'Logon failure: unknown user name or bad password.',
  'Login error',
  'Login denied',
  'Unable to log in',
  'We could not verify your identity',
  'Sorry, we do not recognise you',
  'Identification failed',
  'Authorisation failure',
  'user/pass mismatch',
  'Check your username',
  'Your login details are not correct',
  'Your subscription has expired',
  'Request denied',
  'DENIED',
  "You don't have permission to access /products on this server.",
  'You are not allowed',
  'Blocked by security policy',
  'Invalid CSRF token',
  'Invalid user or pass',
  'CLIENT_NOT_FOUND',
  'Partner not found',
  'No access',
  'Validation error: loginPassword',
  '{"ok":false,"error":"login"}',
  'Login required',
  'Please log in.',
  'Please log in to continue',
  'Please sign in again',
  'You are not logged in',
  'You must be logged in to view this page',
  'You have been logged out',
  'Your session has expired. Please login again.',
  'Session expired',
  'Session timed out',
  'Your password has expired and must be changed.',
  'Password expired',
  'Password change required',
  'The password you entered is incorrect.',
  'The password does not match our records',
  'Passwords do not match',
  "That password isn't right",
  'Account locked',
  'Your account has been locked.',
  'Your account is temporarily locked due to too many failed attempts',
  'This account has been suspended',
  'Account disabled',
  'Account not found',
  'No such account',
  'The account is inactive, contact your account manager.',
  'Account suspended for non-payment',
  'User account is locked out',
  'User is disabled',
  'User not found',
  'Unknown user',
  "Unknown user 'brand'",
  'No such user',
  'The user does not exist',
  'Invalid user',
  'Customer 1234 is suspended',
  'Unknown reseller',
  'Authentication failed',
  'Authentication failure',
  'Authentication required',
  'Authentication error',
  'AuthenticationFailed',
  'authentication_failed',
  'Not authenticated',
  'Unauthenticated',
  'Failed to authenticate the user',
  'Could not authenticate',
  'Unauthorized',
  'Unauthorised!',
  '401 Unauthorized',
  'Not authorized',
  'You are not authorized to perform this action',
  'Authorization Required',
  'Access denied',
  'Access Denied.',
  'Access is denied.',
  'Access to this resource has been denied',
  'Access forbidden',
  'Forbidden',
  '403 Forbidden',
  'Permission denied',
  'Insufficient privileges',
  'You do not have permission: contact support about your account',
  'You have been blocked',
  'Your IP address has been blocked',
  'IP address not allowed',
  'IP 192.0.2.1 is not whitelisted',
  'Bad credentials',
  'Invalid credentials',
  'Credentials are not valid',
  'The supplied credentials were rejected.',
  'The credentials you supplied are not correct',
  'Too many login attempts. Try again later.',
  'Too many failed logins',
  'Maximum number of authentication retries was reached',
  'The login name is unknown.',
  'loginName',
  'LoginPassword is invalid',
  'auth failed',
  'ERR_AUTH',
  'invalid_grant',
  'invalid_client',
  'Invalid API key',
  'Invalid token',
  'Two-factor authentication is required',
  'MFA required',
  'Request blocked.',
  'The requested URL was rejected. Please consult with your administrator. Your support ID is: 1234567890',
  'Benutzername oder Kennwort ist falsch',
  'Anmeldung fehlgeschlagen',
  'Das Konto ist gesperrt',
  'Zugriff verweigert',
  'Mot de passe incorrect',
  'Accès refusé',
  'Contraseña incorrecta',
  'Credenziali non valide',
  'Senha inválida',
  'Onjuist wachtwoord',
  'errorMessage=Invalid+login',
  'errorCode=&errorMessage=Login+failed',
  'errorCode=0&errorMessage=Invalid+password',
  'error=invalid_credentials',
  'error=access_denied&error_description=The+account+is+locked',
  '{"error":"Invalid login"}',
  '{"error":"unauthorized","error_description":"Bad credentials"}',
  '{"error":"invalid_grant"}',
  '{"message":"Unauthorized"}',
  '{"status":401,"error":"Unauthorized","path":"/products/download/CollectMC"}',
  '{"code":403,"message":"Forbidden"}',
  '{"success":false,"reason":"password"}',
  '{"status":0,"message":"Invalid password"}',
  '{"status":"error","errors":[{"field":"loginName","message":"not found"}]}',
  '{"errors":{"password":["This field is wrong"]}}',
  '{"errorCode":"AUTHENTICATION_LOCKED"}',
  '{"code":"ACCOUNT_SUSPENDED"}',
  '{"code":-99,"message":"The account is locked"}',
  '{"fault":{"faultstring":"Invalid ApiKey","detail":{"errorcode":"oauth.v2.InvalidApiKey"}}}',
  '{"message":"Forb\\u0069dden"}',
  '<error>Invalid password</error>',
  '<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>',
  '<error message="Login failed"/>',
  '<s:Fault><faultstring>Authentication failed</faultstring></s:Fault>',
  page('<h1>Login</h1><form action="/login"><input name="user"><input type="password" name="p"></form>'),
  page('<form method="post"><input type=password></form>', '<title>Welcome</title>'),
  page('<p>Your session has expired.</p><p><a href="/">Continue</a></p>'),
  page('<h1>Sign in to your account</h1>'),
  page('<p>The user name or <b>pass</b>word is <i>incorrect</i>.</p>'),
  page('<p>Please&nbsp;log&nbsp;in</p>'),
  page('', '<title>Access Denied</title>'),
  page('', '<title>Login - Certificate Manager</title>'),
  page('', '<meta http-equiv="refresh" content="0; url=/secure/login.jsp">'),
  page('<script>window.location.href = "/secure/Login?from=CollectMC";</script>'),
  page('<a href="/login">Please log in to your account to continue</a>'),
  '-14\nThe login failed because of an internal error',
  '-14\nCould not verify the password',
  '-99\nThe account is locked',
  '-99\nInvalid credentials',
  '-4\nThe password is wrong',
  '-3\nA user name is required',
  '-99: wrong password',
  '5\nInvalid password',
  '5 Invalid password',
];

/** Bodies of HTTP 5xx, 429 and 408 in which a sentence rejects the login. */
const DOUBTFUL_OUTAGES: readonly (readonly [number, string])[] = [
  [500, 'Invalid login or password'],
  [500, 'Login failed'],
  [
    500,
    '{"timestamp":"2026-11-01","status":500,"error":"Internal Server Error","exception":"BadCredentialsException","message":"Bad credentials"}',
  ],
  [
    500,
    page(
      '<h1>HTTP Status 500</h1><p>org.springframework.security.authentication.LockedException: User account is locked</p>',
    ),
  ],
  [500, 'javax.naming.AuthenticationException: [LDAP: error code 49 - Invalid Credentials]'],
  [500, page('<h1>Server Error</h1><h2>Login failed for user.</h2>')],
  [500, '<s:Fault><faultstring>The user name or password is incorrect</faultstring></s:Fault>'],
  [500, 'Unknown user'],
  [503, 'Your account has been suspended.'],
  [503, page('<p>Your account has been disabled.</p><a href="/login">Login</a>')],
  [503, 'Access denied'],
  [502, 'Authentication failed'],
  [504, 'The credentials have expired'],
  [
    429,
    '{"status":429,"errors":[{"code":"AUTHENTICATION_LOCKED","message":"The maximum number of authentication retries was reached"}]}',
  ],
  [429, 'Too many failed login attempts'],
  [429, 'Too many requests. Your account is temporarily blocked.'],
  [408, 'Password does not match'],
  [500, 'The password was not accepted'],
];

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
