import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loginCommand, orderCommand, redriveCommand, retryCommand } from '../../../functions/notify/commands.ts';
import { asSentence, BODY_BYTES, layOut, type MessageContent } from '../../../functions/notify/message.ts';
import { headingsOf, read, slugOf } from '../../infra/markdown.ts';
import { argumentsOf, orderIn, PROGRAM } from './commands-in-messages.ts';
import { broken, DEPLOYMENT, issued, ORDER, publishedAt, RUNBOOK_URL, recordOf } from './event-samples.ts';
import { render } from './rendered-message.ts';

const FOLDER = join(import.meta.dirname, 'messages');
const MESSAGES = globSync('*.txt', { cwd: FOLDER })
  .toSorted()
  .map((file) => {
    const [to = '', subject = '', ...lines] = readFileSync(join(FOLDER, file), 'utf8').split('\n');
    return { file, to, subject: subject.replace('Subject: ', ''), body: lines.join('\n').trimStart() };
  });

const CONTENT: MessageContent = {
  outcome: 'rejected by the CA',
  orderNumber: '1378973013',
  fallbackName: 'collector',
  domains: ['example.com'],
  facts: [['Order', '1378973013']],
  happened: ['The CA rejected the order.'],
  logo: ['No logo.'],
  nextStep: ['Ask the CA.'],
  anchor: 'an-order-failed',
};

/** SNS: less than 100 printable ASCII characters that begin with a letter, a number or punctuation. */
const SUBJECT = /^[\x21-\x7e][\x20-\x7e]{0,98}$/;

describe.each(MESSAGES)('$file', ({ subject, body }) => {
  test('The subject is one that SNS accepts, and names the outcome in full.', () => {
    expect(subject).toMatch(SUBJECT);
    expect(subject).not.toMatch(/\.\.\.$/);
  });

  test('The body has every part in this order, and a link to a section of the runbook that exists.', () => {
    const titles = [...body.matchAll(/^([A-Z ]{10,})$/gm)].map(([title]) => title);
    expect(titles).toEqual(['WHAT HAPPENED', 'WHAT IT MEANS FOR THE LOGO', 'WHAT TO DO NEXT']);
    const [, anchor] = new RegExp(`^${RUNBOOK_URL}#(.+)$`, 'm').exec(body) ?? [];
    expect(headingsOf(read('docs/runbook.md')).map(slugOf)).toContain(anchor);
  });

  test('The body contains no stack, no JSON outside of a command, and no line that a mail program breaks, except addresses.', () => {
    expect(body).not.toMatch(/^\s+at |errorType|errorMessage|file:\/\/\/var|undefined|null|\[object/m);
    const [prose = ''] = [body.replaceAll(/^(aws|npx) [\s\S]*?\n\n/gm, '')];
    expect(prose).not.toMatch(/[{}]/);
    const long = body.split('\n').filter((line) => line.length > 78);
    expect(long.filter((line) => !/^ *(--execution-arn|https:|[a-z._-]+\. TXT )/.test(line))).toEqual([]);
  });

  test('A command names the region.', () => {
    const commands = [...body.matchAll(/^(aws|npx) [\s\S]*?\n\n/gm)].map(([command]) => command);
    expect(commands.filter((command) => !command.includes('--region us-east-1'))).toEqual([]);
    expect(commands.length).toBeLessThanOrEqual(1);
  });
});

describe('a redrive', () => {
  test.each(['OrderRejected', 'CertificateRevoked', 'CertificateExpired'])(
    'No redrive is suggested for %s, because it needs a new order.',
    (name) => {
      const { body = '' } = MESSAGES.find(({ file }) => file === `failed-${name}.txt`) ?? {};
      expect(body).toContain('NEW_ORDER_NUMBER');
      expect(body).not.toMatch(/redrive/i);
    },
  );
});

describe('a sentence', () => {
  test.each([
    ['the CA answered -20', 'The CA answered -20.'],
    ['is it there?', 'Is it there?'],
    ['default._bimi.example.com has no TXT record', 'default._bimi.example.com has no TXT record.'],
    ['rejected.json is missing', 'rejected.json is missing.'],
    ['_dmarc.example.com has no record', '_dmarc.example.com has no record.'],
  ])('begins with a capital letter, unless it begins with a name that people copy: %s', (text, sentence) => {
    expect(asSentence(text)).toBe(sentence);
  });
});

describe('the subject', () => {
  const subjectOf = (changes: Partial<MessageContent>) => layOut({ ...CONTENT, ...changes }, RUNBOOK_URL).subject;

  test.each<[string, Partial<MessageContent>, string]>([
    ['one domain', {}, 'example.com, order 1378973013: rejected by the CA'],
    [
      'several domains',
      { domains: ['a.example', 'b.example', 'c.example'] },
      'a.example and 2 more, order 1378973013: rejected by the CA',
    ],
    ['a brand', { brand: 'Société Générale' }, 'Societe Generale, order 1378973013: rejected by the CA'],
    ['a brand in another script', { brand: 'Газпром' }, 'example.com, order 1378973013: rejected by the CA'],
    [
      'a very long brand',
      { brand: `The ${'very '.repeat(30)}long Company` },
      'The very very very very very very very very very very very ve, order 1378973013: rejected by the CA',
    ],
    ['no domain', { domains: [] }, 'Order 1378973013: rejected by the CA'],
    ['neither domain nor order', { domains: [], orderNumber: undefined }, 'collector: rejected by the CA'],
    [
      'a domain with an A-label',
      { domains: ['xn--mller-kva.example'] },
      'xn--mller-kva.example, order 1378973013: rejected by the CA',
    ],
    ['a name with marks', { domains: ['Café Zürich'] }, 'Cafe Zurich, order 1378973013: rejected by the CA'],
    ['a name in another script', { domains: ['日本'] }, 'Order 1378973013: rejected by the CA'],
    ['a name with line breaks', { domains: ['a\r\nBcc: b'] }, 'a Bcc: b, order 1378973013: rejected by the CA'],
  ])('It is readable with %s.', (_, changes, expected) => {
    expect(subjectOf(changes)).toBe(expected);
  });

  test('Of a long domain, the beginning is left out; the order and the outcome stay.', () => {
    const subject = subjectOf({
      domains: [`${'a'.repeat(60)}.${'b'.repeat(60)}.example.com`, 'x.example'],
      orderNumber: '1234567890123456',
    });
    expect(subject).toMatch(/^b+\.example\.com and 1 more, order 1234567890123456: rejected by the CA$/);
    expect(subject.length).toBe(99);
  });

  test('It is one that SNS accepts, whatever names and texts contain.', () => {
    const text = fc.string({ unit: 'binary', maxLength: 300 });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 100 }), text, (domains, outcome) => {
        expect(subjectOf({ domains, outcome: `failed ${outcome}` })).toMatch(SUBJECT);
      }),
    );
  });
});

describe('a message with a hundred domains', () => {
  const many = Array.from({ length: 100 }, (_, index) => `brand-${index}.example.com`);
  const longest = Array.from(
    { length: 100 },
    (_, index) => `${index}.${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(50)}.com`,
  );

  test('It lists five domains and five records, and how many more there are.', async () => {
    const [message] = await render(issued({ domains: many, publication: publishedAt(many) }));
    expect(message?.body).toContain('and 95 more');
    expect(message?.body).toContain('There are 95 more records.');
    expect(message?.body.match(/ TXT "/g)).toHaveLength(5);
    expect(message?.body.split('\n').length).toBeLessThan(60);
  });

  test('The command contains all of them, in lines that survive a mail program.', () => {
    const command = orderCommand(DEPLOYMENT, { ...ORDER, domains: longest });
    expect(orderIn(command)).toEqual({ ...ORDER, domains: longest });
    expect(Math.max(...command.split('\n').map((line) => line.length))).toBeLessThan(300);
  });
});

describe('an event that names no order number', () => {
  test.each(['1; rm -rf ~', '../2', '', '1\n2'])(
    'No message repeats %j in a command or in a key.',
    async (orderNumber) => {
      const event = issued({});
      const wrong = { ...event, detail: { ...event.detail, orderNumber } };
      await expect(render(wrong)).rejects.toThrow(expect.objectContaining({ name: 'InvalidInput' }));
    },
  );
});

describe('a message that is too long for SNS', () => {
  test('It is cut at the end of a line, and ends with the link.', () => {
    const { body } = layOut(
      { ...CONTENT, happened: Array(20_000).fill('Ünïcödé text, again and again.') },
      RUNBOOK_URL,
    );
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(BODY_BYTES);
    expect(Buffer.byteLength(body)).toBeGreaterThan(BODY_BYTES - 1000);
    expect(body).toMatch(
      /again\.\n\nThis message was cut because it was too long\. More in the runbook:\nhttps:\S+#an-order-failed\n$/,
    );
    expect(body).not.toContain('\ufffd');
  });
});

describe('the commands', () => {
  test('A shell passes the options of the order to the program as they are.', () => {
    const deployment = { ...DEPLOYMENT, collector: 'acme' };
    const order = {
      ...ORDER,
      account: 'brand-a',
      product: 'VMC',
      selector: 'mail',
      replace: true,
      request: 'a-b_c',
    } as const;
    const command = orderCommand(deployment, order);
    expect(orderIn(command)).toEqual(order);
    expect(orderIn(orderCommand(deployment, { ...ORDER, account: null }))).toEqual({ ...ORDER, account: null });
    expect(argumentsOf(command).slice(-4)).toEqual(['--collector', 'acme', '--region', 'us-east-1']);
  });

  test('A shell passes the name of an execution as it is, even one that somebody chose.', () => {
    const name = `it's_(mine)!=$HOME`;
    expect(argumentsOf(redriveCommand(DEPLOYMENT, name)).at(-1)).toMatch(/:it's_\(mine\)!=\$HOME$/);
  });

  test('Neither a command nor a record contains a character that a reader cannot see.', () => {
    const hidden = '\u202e\u200b\u0007\u001b\u009b\u2028\u2066\u3164';
    const { body } = layOut({ ...CONTENT, nextStep: [{ verbatim: `aws a \\\n  b${hidden}c` }] }, RUNBOOK_URL);
    expect(body).toContain('aws a \\\n  bc');
  });

  test('A record of several strings is one line to copy, and its addresses are complete in a command.', async () => {
    const domain = `${'a-very-long-label.'.repeat(7)}example.com`;
    const record = recordOf(domain);
    const bodyOf = async (event: object) => (await render(event)).map(({ body }) => body).join('');
    expect(record).toMatch(/^\S+ TXT "[^"]+" "[^"]+"$/);
    const records = [
      await bodyOf(issued({ domains: [domain], publication: publishedAt([domain]) })),
      await bodyOf(broken([{ id: 'record-missing', message: 'No record.' }], domain)),
    ];
    expect(records.map((body) => body.split('\n').includes(record))).toEqual([true, true]);
    const unreachable = await bodyOf(broken([{ id: 'chain-unreachable', message: 'No chain.' }], domain));
    expect(unreachable).toContain(`curl -sSI https://bimi.example.com/${domain}/brand.pem\n`);
  });

  test('The redrive names the execution, and the login is stored in the secret of its account.', () => {
    expect(argumentsOf(redriveCommand(DEPLOYMENT, 'order-1')).at(-1)).toBe(
      'arn:aws:states:us-east-1:111122223333:execution:StateMachine-1a2b3c:order-1',
    );
    expect(argumentsOf(loginCommand(DEPLOYMENT, null))).toEqual([...PROGRAM, 'login', '--region', 'us-east-1']);
    expect(argumentsOf(loginCommand(DEPLOYMENT, 'brand-a')).slice(3, 6)).toEqual(['login', '--account', 'brand-a']);
    expect(argumentsOf(retryCommand(DEPLOYMENT, '8')).slice(3, 5)).toEqual(['retry', '8']);
  });
});
