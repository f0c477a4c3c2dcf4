/** The commands that write files, on a disk that is full from any of their changes of the file system on. */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { manifestKey } from '../../../functions/store/manifest.ts';
import { EXIT_CODES } from '../../../infra/command-line/exit-codes.ts';
import type { CertificateAuthority, IssuedMarkCertificate } from '../../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { manifestOf } from '../../functions/survey/samples.ts';
import { observeFileChanges } from './collect/file-changes.ts';
import { filesIn, makeTemporary, prepareOrder, serveAuthority } from './collect/order.ts';
import { deployed, put } from './deployed.ts';
import { run } from './run.ts';

let authority: CertificateAuthority;
let certificate: IssuedMarkCertificate;
beforeAll(async () => {
  authority = await serveAuthority();
  certificate = authority.issue({ domains: ['example.com'] });
});

type Files = ReadonlyMap<string, Buffer>;

/** A command, and the folder that it writes. */
interface Prepared {
  readonly args: readonly string[];
  readonly folder: string;
}

/** Runs a command in this process. From the change of the file system with this number on, the disk is full. */
async function runUntilFull(args: readonly string[], fullAt: number) {
  const changes = await observeFileChanges((change, name) => {
    // Names can be removed and changed then.
    if (change >= fullAt && name !== 'rename' && name !== 'unlink') {
      const message = `ENOSPC: no space left on device, ${name}`;
      throw Object.assign(new Error(message), { code: 'ENOSPC', syscall: name });
    }
  });
  try {
    return { ...(await run(args)), changes: changes.count };
  } finally {
    changes.restore();
  }
}

/**
 * Runs a command, and then again for each of its changes of the file system, with a disk that is full from this change
 * on. The error names the folder and the next step.
 *
 * @param prepare prepares a new folder for each run.
 * @param check the number of the change, and the files after it.
 */
async function fillEverywhere(
  prepare: () => Promise<Prepared>,
  check: (n: number, files: Files, complete: Files) => void,
): Promise<void> {
  const undisturbed = await prepare();
  const { exitCode, err, changes } = await runUntilFull(undisturbed.args, Number.POSITIVE_INFINITY);
  expect(exitCode, err).toBe(EXIT_CODES.success);
  const complete = await filesIn(undisturbed.folder);
  let refused = 0;
  for (let n = 1; n <= changes; n++) {
    const { args, folder } = await prepare();
    const ended = await runUntilFull(args, n);
    const files = await filesIn(folder).catch(() => new Map<string, Buffer>());
    if (ended.exitCode === EXIT_CODES.success) {
      // Everything was written before, and only names are changed after that.
      expect([n, ...files.keys()]).toEqual([n, ...complete.keys()]);
      continue;
    }
    refused += 1;
    expect([n, ended.exitCode, ended.out]).toEqual([n, EXIT_CODES.unavailable, '']);
    expect(ended.err).toContain(`The folder ${folder} cannot be used: the disk is full.\nNext: Make sure`);
    check(n, files, complete);
  }
  expect(refused).toBeGreaterThanOrEqual(2);
}

describe('On a full disk', { timeout: 300_000 }, () => {
  test('collect leaves no part of a file.', async () => {
    await fillEverywhere(
      async () => {
        const issued = { kind: 'issued', certificates: certificate.chain, shape: 'pem' } as const;
        const order = await prepareOrder([issued], { authority });
        return { args: [...order.args, '--domain', 'example.com'], folder: order.out };
      },
      (n, files, complete) => {
        for (const [name, bytes] of files) {
          const isLock = name.startsWith('state/locks/');
          expect([n, name, isLock ? /\/\d+$/.test(name) : complete.has(name)]).toEqual([n, name, true]);
          if (isLock || name.endsWith('.json')) {
            expect(() => JSON.parse(bytes.toString()), `${n}: ${name}`).not.toThrow();
          } else if (name.endsWith('.html')) {
            // It states whether the CRLs could be stored.
            expect([n, name, bytes.toString().trimEnd().endsWith('</html>')]).toEqual([n, name, true]);
          } else {
            expect([n, name, bytes.length]).toEqual([n, name, complete.get(name)?.length]);
          }
        }
      },
    );
  });

  test('inspect --out writes all files or none into a new folder, also below other new folders.', async () => {
    const folder = await makeTemporary();
    await writeFile(join(folder, 'chain.pem'), pem(certificate.chain));
    const root = createHash('sha256').update(authority.root).digest('hex');
    const trust = ['--trust', root, '--log', authority.log.key];
    await fillEverywhere(
      async () => {
        const out = join(await makeTemporary(), 'a', 'b');
        return { args: ['inspect', join(folder, 'chain.pem'), ...trust, '--out', out], folder: out };
      },
      (n, files) => expect([n, ...files.keys()]).toEqual([n]),
    );
  });

  test.each([
    ['a new folder', [], []],
    ['a folder with other files of these names', ['certificate.json', 'chain.pem'], ['--force']],
  ])('fetch leaves no part of a file in %s.', async (_, names, options) => {
    const s3 = await deployed();
    const key = 'orders/1/chain.pem';
    const bytes = Buffer.from('the chain');
    await put(s3, key, bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const chain = { key, size: bytes.length, sha256 };
    await put(s3, manifestKey('1'), { ...manifestOf('1'), notAfter: '2999-01-01T00:00:00.000Z', objects: { chain } });
    const before = Buffer.from('of another order');
    await fillEverywhere(
      async () => {
        const folder = join(await makeTemporary(), 'files');
        if (names.length > 0) {
          await mkdir(folder);
        }
        await Promise.all(names.map((name) => writeFile(join(folder, name), before)));
        return { args: ['fetch', '1', folder, ...options], folder };
      },
      (n, files) =>
        expect([n, Object.fromEntries(files)]).toEqual([n, Object.fromEntries(names.map((name) => [name, before]))]),
    );
  });
});
