import { describe, expect, test } from 'vitest';
import { InvalidLoginError, parseLogin } from '../../../infra/command-line/login-text.ts';

const NAME = 'brand@example.com';
const PASSWORD = 'corr\\ect "h€rse" 🐎';
const JSON_TEXT = JSON.stringify({ loginName: NAME, loginPassword: PASSWORD });
const utf16be = (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le').swap16();

describe('A login is understood', () => {
  test.each<[string, string | Uint8Array]>([
    ['as two lines', `${NAME}\n${PASSWORD}`],
    ['with a final newline', `${NAME}\n${PASSWORD}\n`],
    ['with line ends of Windows', `${NAME}\r\n${PASSWORD}\r\n`],
    ['with line ends of an old Mac', `${NAME}\r${PASSWORD}\r`],
    ['with empty lines', `\n${NAME}\n\n${PASSWORD}\n \n`],
    ['with a byte-order mark', `\uFEFF${NAME}\n${PASSWORD}`],
    ['in UTF-16 of Windows', Buffer.from(`\uFEFF${NAME}\r\n${PASSWORD}`, 'utf16le')],
    ['in UTF-16, big endian', utf16be(`${NAME}\n${PASSWORD}`)],
    ['with the names of the fields', `loginName: ${NAME}\nloginPassword: ${PASSWORD}`],
    ['with the names of the fields, in any case and order', `LOGINPASSWORD=${PASSWORD}\nloginname = ${NAME}`],
    ['as JSON', JSON_TEXT],
    ['as JSON with a newline and a byte-order mark', `\uFEFF\n${JSON_TEXT}\r\n`],
    ['as JSON in several lines', JSON.stringify({ loginPassword: PASSWORD, loginName: NAME }, null, 2)],
    ['as JSON in UTF-16', Buffer.from(`\uFEFF${JSON_TEXT}`, 'utf16le')],
    ['as JSON with other keys', JSON.stringify({ loginName: NAME, loginPassword: PASSWORD, note: 'of 2026' })],
    [
      'as JSON with typographic quotation marks in another key',
      JSON.stringify({ loginName: NAME, loginPassword: PASSWORD, note: 'the “new” one' }),
    ],
    [
      'as JSON with typographic quotation marks around keys and values',
      `{ “loginName”: “${NAME}”, „loginPassword‟ : «corr\\\\ect \\"h€rse\\" 🐎» }`,
    ],
  ])('%s.', (_, text) => {
    expect(parseLogin(Buffer.from(text))).toEqual({ loginName: NAME, loginPassword: PASSWORD });
  });

  test.each([
    ['a space at its end', ' p ', '{"loginName": "n", "loginPassword": " p "}'],
    ['quotation marks around it', '"p"', '{"loginName": "n", "loginPassword": "\\"p\\""}'],
    ['a typographic quotation mark', 'don’t', '{"loginName": "n", "loginPassword": "don\\u2019t"}'],
    ['a colon', 'login: p', 'n\nlogin: p'],
    ['a word for a password, a colon and an equals sign', 'my:password=', 'n\nmy:password='],
    ['its name in front', 'password: p', '{"loginName": "n", "loginPassword": "password: p"}'],
    ['a brace in front', '{p', 'n\n{p'],
    ['128 characters', 'ü'.repeat(128), `n\n${'ü'.repeat(128)}`],
  ])('A password can contain %s.', (_, loginPassword, text) => {
    expect(parseLogin(Buffer.from(text))).toEqual({ loginName: 'n', loginPassword });
  });
});

describe('What may not be the login is refused with the reason, and never quoted', () => {
  test.each<[string | Uint8Array, RegExp]>([
    ['', /^it is empty; accepted: the login name and the password on two lines, or JSON like/],
    ['\uFEFF \r\n', /^it is empty/],
    ['s3cret', /^it has 1 line; accepted/],
    ['s3cret-name\ns3cret\ns3cret', /^it has 3 lines; accepted/],
    [
      's3cret-name\ns3cret ',
      /^the password begins or ends with a space; remove it; if it belongs to the login, write .* JSON/,
    ],
    ['s3cret-name\u00A0\ns3cret', /^the login name contains an invisible character \(U\+00A0\)/],
    ['s3cret-name\ns3\u200Bcret', /^the password contains an invisible character \(U\+200B\)/],
    ['s3cret-name\ns3\tcret', /^loginPassword is not accepted; accepted: text .* without control characters/],
    ['s3cret-name\n"s3cret"', /^the password is in quotation marks; remove them; if/],
    ["'s3cret-name'\ns3cret", /^the login name is in quotation marks/],
    ['“s3cret-name”\ns3cret', /^the login name contains a typographic quotation mark/],
    [
      's3cret-name\ns3’cret',
      /^the password contains a typographic .* write the login as JSON, and the mark as an escape like \\u2019$/,
    ],
    ['{"loginName": "s3cret-name", "loginPassword": "s3’cret"}', /^the password contains a typographic/],
    ['{“loginName”: “s3cret-name”, “loginPassword”: “s3’cret”}', /^the password contains a typographic/],
    ['{“loginName”: “s3cret-name”, “loginPassword”: “s3“cret”}', /^it begins like JSON, but is not JSON/],
    ['{"loginName": "s3cret-name", "loginPassword": "s3cret"', /^it begins like JSON, but is not JSON/],
    ["{'loginName': 's3cret-name'}", /^it begins like JSON, but is not JSON/],
    [
      '{"loginName": "s3cret-name", "password": "s3cret"}',
      /^loginPassword is missing; accepted: a JSON object with loginName and loginPassword$/,
    ],
    ['{"loginName": "s3cret-name", "loginPassword": 5}', /^loginPassword is not accepted/],
    ['{"loginName": "", "loginPassword": "s3cret"}', /^loginName is not accepted/],
    ...[
      'username: s3cret-name\npassword: s3cret',
      'loginName: s3cret-name\ns3cret',
      's3cret-name\nloginPassword: s3cret',
      's3cret-name\nPassword: s3cret',
      's3cret-name\nCA password = s3cret',
      's3cret-name\nPasswort: s3cret',
      's3cret-name\n"password": "s3cret"',
      's3cret-name\nexport LOGIN_PASSWORD=s3cret',
      'LOGIN_NAME=s3cret-name\nLOGIN_PASSWORD=s3cret',
      'export LOGIN_NAME=s3cret-name\nexport LOGIN_PASSWORD=s3cret',
      'login_name: s3cret-name\nlogin_password: s3cret',
      'Login name: s3cret-name\nPassword: s3cret',
      'Benutzer: s3cret-name\nKennwort: s3cret',
      '- loginName: s3cret-name\n- loginPassword: s3cret',
      '"loginName": "s3cret-name",\n"loginPassword": "s3cret",',
      '["s3cret-name",\n"s3cret"]',
      '"s3cret-name",\n"s3cret",',
      '[{"loginName": "s3cret-name",\n"loginPassword": "s3cret"}]',
      '<loginName>s3cret-name</loginName>\n<loginPassword>s3cret</loginPassword>',
    ].map((text): [string, RegExp] => [
      text,
      /^a line seems to be a part of another format, or begins with the name of a field/,
    ]),
    ['s3cret-name\ns3cret\uFE0F', /^the password contains an invisible character \(U\+FE0F\)/],
    ['s3\u115Fcret-name\ns3cret', /^the login name contains an invisible character \(U\+115F\)/],
    [`s3cret-name\n${'s3cret'.repeat(22)}`, /^loginPassword is not accepted; accepted: text of 1 to 128 characters$/],
    [`${'s3cret-name'.repeat(6)}\ns3cret`, /^loginName is not accepted; accepted: text of 1 to 64 characters$/],
    ['REPLACE-ME\ns3cret', /^it still contains the placeholder/],
    [Buffer.from([0x73, 0x33, 0x0a, 0xe9, 0x0a]), /^it is not text in UTF-8/],
  ])('%j', (text, message) => {
    const parse = () => parseLogin(Buffer.from(text));
    expect(parse).toThrow(InvalidLoginError);
    expect(parse).toThrow(message);
    expect(parse).not.toThrow(/s3/);
  });
  test('A text of more than 64 KiB', () => {
    expect(() => parseLogin(Buffer.alloc(70_000, 's3cret\n'))).toThrow(/^it has more than 65536 bytes/);
  });
});
