import { PassThrough, type Readable, type Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import confirm from '@inquirer/confirm';
import password from '@inquirer/password';
import { CommandError } from './errors.ts';
import { EXIT_CODES } from './exit-codes.ts';

/** The terminal of a person. Questions do not go to standard output, which may be a file. */
export interface Asked {
  readonly input: Readable & { readonly isTTY?: boolean; setRawMode?(mode: boolean): unknown };
  readonly output: Writable;
}

/** Asks a question that is answered with yes or no. Enter alone means no. */
export async function askYesOrNo(question: string, { input, output }: Asked): Promise<boolean> {
  try {
    return await confirm({ message: question, default: false }, { input, output });
  } catch (error) {
    if (isEnded(error)) {
      return false;
    }
    throw error;
  }
}

/** Whether a person ended a question with Ctrl+C. */
function isEnded(error: unknown): boolean {
  return error instanceof Error && error.name === 'ExitPromptError';
}

/** Lines of JSON in several lines that are read at most. */
const JSON_LINES = 20;

/**
 * Asks for a login without echo: the login name, then the password. A person may also paste both lines, or JSON.
 *
 * @returns the text for `parseLogin`.
 * @throws {CommandError} if the person ends the questions.
 */
export async function askLogin(asked: Asked): Promise<string> {
  const lines = readLines(asked);
  try {
    let text = await lines.ask('Login name, or the login as JSON:');
    if (!text.trim().startsWith('{')) {
      return `${text}\n${await lines.ask('Password:')}${lines.rest()}`;
    }
    for (let count = 1; !text.trimEnd().endsWith('}') && count < JSON_LINES; count += 1) {
      const line = await lines.ask('The next line of the JSON, or Enter:');
      if (line === '') {
        break;
      }
      text += `\n${line}`;
    }
    text += lines.rest();
    return text;
  } catch (error) {
    if (isEnded(error)) {
      throw new CommandError('No login was given.', {
        exitCode: EXIT_CODES.problem,
        next: 'Type the command again, or store the login in a file and name the file.',
      });
    }
    throw error;
  } finally {
    lines.close();
  }
}

/** Ctrl+C ends the questions. */
const INTERRUPT = '\u0003';
const LINE_END = new RegExp(`\\r\\n|[\\r\\n${INTERRUPT}]`);

/**
 * Asks several questions about secrets. In between, the terminal would echo, and the rest of what was pasted would be
 * lost: so it stays in raw mode until the last question, and every question gets one line.
 */
function readLines({ input, output }: Asked) {
  const decoder = new StringDecoder();
  let pending = '';
  let current: PassThrough | undefined;

  function feed(): void {
    const lineEnd = LINE_END.exec(pending);
    if (current && pending !== '') {
      const length = lineEnd ? lineEnd.index + lineEnd[0].length : pending.length;
      const line = pending.slice(0, length);
      pending = pending.slice(length);
      const stream = current;
      current = lineEnd ? undefined : current;
      stream.write(line.replace(/\r\n$/, '\r'));
    }
  }

  const receive = (chunk: Buffer) => {
    // Ctrl+D, the end of the input.
    pending += decoder.write(chunk).replaceAll('\u0004', INTERRUPT);
    feed();
  };
  const end = () => receive(Buffer.from(INTERRUPT));
  input.setRawMode?.(true);
  input.on('data', receive).on('end', end);

  return {
    async ask(message: string): Promise<string> {
      const stream = new PassThrough();
      const answer = password({ message, toggleMask: false }, { input: stream, output });
      current = stream;
      feed();
      return answer.finally(() => {
        current = undefined;
      });
    },
    /** What was pasted after the last answer, as further lines: nothing of it is ignored. */
    rest: () => (pending.trim() === '' ? '' : `\n${pending}`),
    close() {
      input.off('data', receive).off('end', end);
      input.setRawMode?.(false);
      input.pause();
    },
  };
}
