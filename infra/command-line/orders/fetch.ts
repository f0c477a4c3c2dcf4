import { resolve } from 'node:path';
import { InvalidChainError } from '../../../functions/certificate/report.ts';
import { CHAIN_NAME, REPORT_NAME } from '../../../functions/store/certificate-folder.ts';
import type { StoredManifest } from '../../../functions/store/manifest.ts';
import { digest, openObjects } from '../../../functions/store/objects.ts';
import { certificateProblem } from '../../../functions/store/order-state.ts';
import { printable } from '../../../functions/text.ts';
import { type DeployedCollector, withCollector, withCommandErrors } from '../collector.ts';
import { commandText } from '../command-text.ts';
import { CommandError } from '../errors.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { printJson } from '../json.ts';
import { requireOrderNumber } from '../order-number.ts';
import type { CollectorOptions } from '../program.ts';
import type { Terminal } from '../terminal.ts';
import { certificateState } from './certificate.ts';
import { type SetFile, writeSet } from './folder.ts';
import { missingCertificate } from './missing-certificate.ts';
import { readManifest } from './read-order.ts';
import { findMadeReport, makeReport } from './report.ts';

/** The options of `fetch`. */
export interface FetchOptions extends CollectorOptions {
  readonly force?: boolean;
}

const MANIFEST = 'certificate.json';

/** Downloads the current certificate of an order. */
export function fetchOrder(
  terminal: Terminal,
  order: string,
  folder: string | undefined,
  options: FetchOptions,
): Promise<ExitCode> {
  const orderNumber = requireOrderNumber(order);
  const target = resolve(terminal.folder, folder ?? orderNumber);
  return withCollector(options, terminal, async (collector) => {
    const downloaded = await download(collector, orderNumber);
    const { manifest } = downloaded;
    const files = await withReport(target, downloaded, terminal);
    const { changes, others } = await writeSet(target, files, options.force ?? false);
    const certificate = certificateState(manifest, new Date());
    const problem = certificateProblem(certificate, new Date());
    const written = files.map(({ name, bytes }) => ({
      name,
      size: bytes.length,
      sha256: digest(bytes).toString('hex'),
      change: changes.get(name) ?? 'unchanged',
    }));
    if (options.json) {
      printJson(terminal, {
        orderNumber,
        folder: target,
        files: written,
        fingerprintSha256: certificate.fingerprintSha256,
        notAfter: certificate.notAfter,
        publishable: certificate.publishable,
        problem: problem ?? null,
      });
    } else {
      const lines = written.map(({ name, size, change }) => `  ${name}  ${size} bytes  ${change}`);
      terminal.print([`Order ${orderNumber}: the certificate is in ${printable(target)}`, ...lines].join('\n'));
    }
    if (others.length > 0) {
      terminal.note(
        `The folder also contains files that do not belong to this certificate: ${others.map(printable).join(', ')}.`,
      );
    }
    if (problem !== undefined) {
      terminal.note(
        `Do not publish it: ${problem}.\nNext: ${commandText(['status', orderNumber], collector.selection)}`,
      );
    }
    return problem === undefined ? EXIT_CODES.success : EXIT_CODES.problem;
  });
}

/** A certificate of the bucket: its manifest, and its files with the manifest last. */
interface Downloaded {
  readonly manifest: StoredManifest;
  readonly files: readonly SetFile[];
}

/** The files of a certificate with its report, which is made here if the manifest lists none. */
async function withReport(
  folder: string,
  { manifest, files }: Downloaded,
  terminal: Terminal,
): Promise<readonly SetFile[]> {
  const listed = files.slice(0, -1);
  const [last] = files.slice(-1);
  const chain = listed.find(({ name }) => name === CHAIN_NAME);
  if (last === undefined || chain === undefined || listed.some(({ name }) => name === REPORT_NAME)) {
    return files;
  }
  try {
    const bytes =
      (await findMadeReport(folder, files, REPORT_NAME)) ??
      (await makeReport(manifest, last.bytes, chain.bytes, new Date()));
    return [...listed, { name: REPORT_NAME, bytes }, last];
  } catch (error) {
    if (!(error instanceof InvalidChainError)) {
      throw error;
    }
    terminal.note(`There is no ${REPORT_NAME}, and none can be made: ${error.message}.`);
    return files;
  }
}

/** Downloads the current certificate. Every listed file has the SHA-256 of the manifest. */
async function download(collector: DeployedCollector, orderNumber: string): Promise<Downloaded> {
  const storage = await collector.storage();
  const stored = await readManifest(storage, orderNumber);
  if (stored === undefined) {
    throw await missingCertificate(collector, orderNumber);
  }
  const { manifest, bytes, damage } = stored;
  if (manifest === undefined) {
    throw damaged(orderNumber, damage ?? '');
  }
  return withCommandErrors(
    `The certificate of order ${orderNumber} cannot be read`,
    async () => {
      const { readListed } = openObjects(storage);
      const files: SetFile[] = [];
      for (const listed of Object.values(manifest.objects)) {
        const object = await readListed(listed);
        if (object === undefined) {
          throw damaged(orderNumber, `${listed.key} is missing, or is not the object that the manifest lists.`);
        }
        files.push({ name: fileName(orderNumber, listed.key), bytes: object.body });
      }
      const all = [...files, { name: MANIFEST, bytes }];
      if (new Set(all.map(({ name }) => name)).size < all.length) {
        throw damaged(orderNumber, 'The manifest lists an object twice.');
      }
      return { manifest, files: all };
    },
    's3:GetObject and s3:GetObjectVersion',
  );
}

/** The name of an object in its folder. Nothing is written outside of the folder, and nothing is hidden. */
function fileName(orderNumber: string, key: string): string {
  const name = key.slice(`orders/${orderNumber}/`.length);
  if (!/^[A-Za-z0-9][\w.-]*$/.test(name)) {
    throw damaged(orderNumber, `The manifest lists ${key}, which cannot be a file name.`);
  }
  return name;
}

function damaged(orderNumber: string, reason: string): CommandError {
  return new CommandError(`The stored certificate of order ${orderNumber} is damaged. ${reason} Nothing was written.`, {
    exitCode: EXIT_CODES.problem,
    next: 'Restore the last version of the object in the bucket, or collect the order again.',
  });
}
