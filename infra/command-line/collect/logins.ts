import { randomBytes, scrypt } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as v from 'valibot';
import type { CredentialsLookup } from '../../../functions/collect/credentials.ts';
import type { VersionLabels } from '../../../functions/collect/labels.ts';
import type { Login } from '../../../functions/collect/login-form.ts';
import { DOUBTED_LABEL, dayOfDoubt, REJECTED_LABEL } from '../../../functions/collect/rejections.ts';
import { parseJson, toJsonBytes } from '../../../functions/store/json.ts';
import { printable } from '../../../functions/text.ts';
import { CommandError } from '../errors.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { readIfPresent, writeWhole } from './files.ts';
import { STATE } from './folder-storage.ts';
import type { LoginSource } from './login-source.ts';

const loginsSchema = v.object({
  schemaVersion: v.literal(1),
  /** How the versions are derived from the logins. */
  scrypt: v.object({ N: v.number(), r: v.number(), p: v.number() }),
  salt: v.pipe(v.string(), v.hexadecimal()),
  /** The labels of each version that the CA rejected, or may have rejected. */
  labels: v.record(v.string(), v.array(v.string())),
});

type Logins = v.InferOutput<typeof loginsSchema>;

/** "scrypt with a minimum CPU/memory cost parameter of (2^17), a minimum block size of 8, and a parallelization parameter of 1" (OWASP: Password Storage Cheat Sheet). */
const COST = { N: 2 ** 17, r: 8, p: 1 };
/** Node refuses more than 32 MiB by default. */
const MEMORY_BYTES = 512 * 1024 * 1024;
const VERSION_BYTES = 16;

/** The logins that the CA rejected for any order of a folder. */
export interface RejectedLogins {
  readonly lookup: CredentialsLookup;
  /** The version of the present login: a salted, slow hash of it. Empty if there is no login now. */
  currentVersion(): Promise<string>;
  /** Whether the CA rejected a version, or may have rejected it. */
  isLabelled(version: string): Promise<boolean>;
}

const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);

/**
 * Opens `state/logins.json`, in place of the labels of a secret. It contains no login: only hashes of logins that the
 * CA rejected, with a salt that no other folder has. A login name and a password are one version in every order of the
 * folder, whatever file they come from.
 *
 * It is opened and changed while the process holds the lock for calls.
 *
 * @param failed is called if a label could not be stored.
 * @throws {CommandError} if the file is damaged: a login that was rejected might be sent again.
 */
export async function openRejectedLogins(
  directory: string,
  source: LoginSource,
  failed: (error: unknown) => void,
): Promise<RejectedLogins> {
  const file = join(directory, STATE, 'logins.json');
  const write = (logins: Logins) => writeWhole(file, toJsonBytes(logins), `${file}.incomplete`);
  let derived: { readonly text: string; readonly version: string } | undefined;

  let opened: Logins | undefined;

  async function read(): Promise<Logins> {
    const bytes = await readIfPresent(file);
    if (!bytes) {
      // If somebody deletes the file while the command runs, the versions stay the same.
      const { scrypt: cost, salt } = opened ?? { scrypt: COST, salt: randomBytes(16).toString('hex') };
      const logins: Logins = { schemaVersion: 1, scrypt: cost, salt, labels: {} };
      await write(logins);
      return logins;
    }
    const result = v.safeParse(loginsSchema, parseJson(bytes.toString()));
    if (!result.success) {
      throw new CommandError(`${printable(file)} is damaged, so it is not known which logins the CA rejected.`, {
        exitCode: EXIT_CODES.unavailable,
        next: 'Make sure that the login is right, delete the file, and type the command again.',
      });
    }
    return result.output;
  }

  const initial = await read();
  opened = initial;

  async function versionOf({ loginName, loginPassword }: Login): Promise<string> {
    const text = JSON.stringify([loginName, loginPassword]);
    if (derived?.text !== text) {
      const salt = Buffer.from(initial.salt, 'hex');
      const key = await derive(text, salt, VERSION_BYTES, { ...initial.scrypt, maxmem: MEMORY_BYTES });
      derived = { text, version: key.toString('hex') };
    }
    return derived.version;
  }

  async function change(version: string, next: (labels: readonly string[]) => readonly string[]): Promise<boolean> {
    try {
      const logins = await read();
      const changed = next(logins.labels[version] ?? []);
      const { [version]: _, ...others } = logins.labels;
      await write({ ...logins, labels: changed.length > 0 ? { ...others, [version]: [...changed] } : others });
      return true;
    } catch (error) {
      failed(error);
      return false;
    }
  }

  const withoutDoubts = (labels: readonly string[]) => labels.filter((label) => dayOfDoubt(label) === undefined);
  const doubt = (version: string, day: string) =>
    change(version, (labels) => [...withoutDoubts(labels), DOUBTED_LABEL + day]);
  const labels: VersionLabels = {
    reject: (version) => change(version, () => [REJECTED_LABEL + version]),
    doubt,
    // Nobody else calls meanwhile: this process holds the lock.
    claim: async ({ version }, day) => ((await doubt(version, day)) ? 'claimed' : 'failed'),
    async accept(version) {
      await change(version, withoutDoubts);
    },
  };

  return {
    lookup: () => ({
      labels,
      async read({ fresh }) {
        const login = await source.read({ fresh });
        if ('problem' in login) {
          return { error: 'UnreadableLogin', problem: `${source.name} cannot be used: ${login.problem}` };
        }
        const version = await versionOf(login);
        return { version, stages: (await read()).labels[version] ?? [], ...login };
      },
    }),
    async currentVersion() {
      const login = await source.read({ fresh: true });
      return 'problem' in login ? '' : versionOf(login);
    },
    isLabelled: async (version) => ((await read()).labels[version] ?? []).length > 0,
  };
}
