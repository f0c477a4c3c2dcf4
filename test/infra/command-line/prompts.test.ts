import { PassThrough, Writable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { parseLogin } from '../../../infra/command-line/login-text.ts';
import { askLogin, askYesOrNo } from '../../../infra/command-line/prompts.ts';

const LOGIN = { loginName: 'brand@example.com', loginPassword: 'S3cret wörd%+' };

/** A terminal whose person types or pastes chunks, one after the other. */
function terminalWith(chunks: readonly (string | Uint8Array)[]) {
  let shown = '';
  const modes: boolean[] = [];
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (mode: boolean) => modes.push(mode) });
  const output = new Writable({
    write(chunk, _, done) {
      shown += chunk;
      done();
    },
  });
  const typed = (async () => {
    for (const chunk of chunks) {
      await wait(30);
      input.write(chunk);
    }
  })();
  return { input, output, typed, modes, shown: () => shown };
}

describe('The question for a login', () => {
  const { loginName, loginPassword } = LOGIN;
  const json = JSON.stringify(LOGIN);
  test.each([
    ['typed', [...`${loginName}\r`, ...`${loginPassword}\r`]],
    ['typed with a correction', [`${loginName}x\u007f\r`, `${loginPassword}x\u007f\r`]],
    ['pasted one after the other', [`${loginName}\r`, `${loginPassword}\r`]],
    ['pasted at once', [`${loginName}\n${loginPassword}\n`]],
    ['pasted at once from Windows', [`${loginName}\r\n${loginPassword}\r\n`]],
    ['pasted at once, and the last line ended by hand', [`${loginName}\r${loginPassword}`, '\r']],
    ['pasted with names', [`loginName: ${loginName}\rloginPassword: ${loginPassword}\r`]],
    ['pasted as JSON', [`${json}\r`]],
    ['pasted as JSON with a byte-order mark', [`\uFEFF${json}\r`]],
    ['pasted as JSON in lines', [`${JSON.stringify(LOGIN, null, 2).replaceAll('\n', '\r')}\r`]],
    ['pasted as JSON with typographic quotes', [`${json.replaceAll('"', '“')}\r`]],
    [
      'in pieces of a character',
      [
        Buffer.from(`${loginName}\r${loginPassword}\r`).subarray(0, 26),
        Buffer.from(`${loginName}\r${loginPassword}\r`).subarray(26),
      ],
    ],
  ])('A login that is %s is understood, and never shown.', async (_, chunks) => {
    const terminal = terminalWith(chunks);
    const text = await askLogin(terminal);
    expect(parseLogin(Buffer.from(text))).toEqual(LOGIN);
    for (const secret of [loginPassword, loginPassword.slice(0, 4), loginName]) {
      expect(terminal.shown()).not.toContain(secret);
    }
    expect(terminal.shown()).toContain('[input is masked]');
    expect(terminal.modes).toEqual([true, false]);
  });

  test('More lines than two are refused, not ignored.', async () => {
    const text = await askLogin(terminalWith([`${loginName}\r${loginPassword}\rmore\r`]));
    expect(() => parseLogin(Buffer.from(text))).toThrow('it has 3 lines');
  });

  test.each([
    ['Ctrl+C', '\u0003'],
    ['Ctrl+D', '\u0004'],
  ])('%s ends it, and the terminal is as before.', async (_, key) => {
    for (const chunks of [[key], ['name\r', `pass${key}`]]) {
      const terminal = terminalWith(chunks);
      await expect(askLogin(terminal)).rejects.toThrow('No login was given.');
      expect(terminal.modes.at(-1)).toBe(false);
    }
  });

  test('The end of the terminal ends it.', async () => {
    const terminal = terminalWith([]);
    terminal.input.end();
    await expect(askLogin(terminal)).rejects.toThrow('No login was given.');
  });
});

describe('The question for a confirmation', () => {
  test.each([
    ['y\r', true],
    ['yes\r', true],
    ['n\r', false],
    ['\r', false],
    ['\u0003', false],
  ])('The answer %j means %j.', async (answer, expected) => {
    expect(await askYesOrNo('Delete it?', terminalWith([answer]))).toBe(expected);
  });
});
