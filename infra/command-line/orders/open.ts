import { OVERVIEW as FOLDER, INDEX_PAGE } from '../../../functions/pages/overview-folder.ts';
import type { ObjectState } from '../../../functions/store/objects.ts';
import { type DeployedCollector, withCollector, withCommandErrors } from '../collector.ts';
import { commandText } from '../command-text.ts';
import { CommandError } from '../errors.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { printJson } from '../json.ts';
import { requireOrderNumber } from '../order-number.ts';
import type { CollectorOptions } from '../program.ts';
import type { Terminal } from '../terminal.ts';
import { describeMoment } from '../times.ts';
import { missingCertificate } from './missing-certificate.ts';
import { readManifest } from './read-order.ts';

/** How long a URL works, in seconds. Anybody who has it can read the object. */
const URL_SECONDS = 3600;

/** What is opened for an order, the best first. A manifest lists `report` and `logo`, but not itself. */
const OBJECTS = [
  { what: 'report', name: 'report.html' },
  { what: 'logo', name: 'logo.svg' },
  { what: 'manifest', name: 'certificate.json' },
] as const;

const OVERVIEW = { what: 'overview', key: `${FOLDER}${INDEX_PAGE}` } as const;

/** An object that is opened in a browser. */
interface OpenedObject {
  readonly what: (typeof OBJECTS)[number]['what'] | typeof OVERVIEW.what;
  readonly key: string;
}

/** Prints a URL of the report of an order, or of the overview. */
export function open(terminal: Terminal, order: string | undefined, options: CollectorOptions): Promise<ExitCode> {
  const orderNumber = order === undefined ? undefined : requireOrderNumber(order);
  return withCollector(options, terminal, async (collector) => {
    const object = orderNumber === undefined ? await findOverview(collector) : await findObject(collector, orderNumber);
    const now = new Date();
    const { url, expiresAt, credentialsEndAt, isTemporary } = await presign(collector, object.key, now);
    if (options.json) {
      printJson(terminal, {
        url,
        what: object.what,
        key: object.key,
        expiresAt: expiresAt.toISOString(),
        credentialsEndAt: credentialsEndAt?.toISOString() ?? null,
      });
    } else {
      terminal.print(url);
    }
    terminal.note(
      `The ${object.what} ${object.key}. The URL works until ${describeMoment(expiresAt, now)}. Anybody who has it can read the object.`,
    );
    if (credentialsEndAt === expiresAt) {
      terminal.note('The AWS credentials end then. To get a URL that works for an hour, sign in again.');
    } else if (isTemporary && credentialsEndAt === undefined) {
      terminal.note('The AWS credentials are temporary. If they end earlier, the URL ends with them.');
    }
    return EXIT_CODES.success;
  });
}

async function findOverview(collector: DeployedCollector): Promise<OpenedObject> {
  if ((await stateOf(collector, OVERVIEW.key)) !== undefined) {
    return OVERVIEW;
  }
  throw new CommandError(`The collector ${collector.name} has no overview page (${OVERVIEW.key}).`, {
    exitCode: EXIT_CODES.unavailable,
    next: commandText(['orders', '--html', 'orders.html'], collector.selection),
  });
}

/** A report or a logo that the manifest does not list belongs to another certificate or to an earlier assessment. */
async function findObject(collector: DeployedCollector, orderNumber: string): Promise<OpenedObject> {
  const { manifest } = (await readManifest(await collector.storage(), orderNumber)) ?? {};
  for (const { what, name } of OBJECTS) {
    const key = `orders/${orderNumber}/${name}`;
    const state = await stateOf(collector, key);
    const isOther = manifest !== undefined && what !== 'manifest' && manifest.objects[what]?.sha256 !== state?.sha256;
    if (state !== undefined && !isOther) {
      return { what, key };
    }
  }
  throw await missingCertificate(collector, orderNumber);
}

async function stateOf(collector: DeployedCollector, key: string): Promise<ObjectState | undefined> {
  const { head } = await collector.storage();
  return withCommandErrors(`${key} cannot be read`, () => head(key), 's3:GetObject');
}

interface PresignedUrl {
  readonly url: string;
  /** When the URL stops working, as far as that is known. */
  readonly expiresAt: Date;
  /** When the credentials end; undefined if they do not, or if it is not known. */
  readonly credentialsEndAt: Date | undefined;
  readonly isTemporary: boolean;
}

/** A URL stops working with the credentials that signed it (AWS: Amazon S3, "Download and upload with presigned URLs"). */
async function presign(collector: DeployedCollector, key: string, now: Date): Promise<PresignedUrl> {
  const [{ getSignedUrl }, { GetObjectCommand }] = await Promise.all([
    import('@aws-sdk/s3-request-presigner'),
    import('@aws-sdk/client-s3'),
  ]);
  const s3 = await collector.s3();
  const command = new GetObjectCommand({ Bucket: collector.bucket, Key: key });
  const { expiration: credentialsEndAt, sessionToken } = await s3.config.credentials();
  const url = await getSignedUrl(s3, command, { expiresIn: URL_SECONDS, signingDate: now });
  const end = new Date(now.getTime() + URL_SECONDS * 1000);
  return {
    url,
    expiresAt: credentialsEndAt !== undefined && credentialsEndAt < end ? credentialsEndAt : end,
    credentialsEndAt,
    isTemporary: sessionToken !== undefined,
  };
}
