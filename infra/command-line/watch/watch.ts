import * as v from 'valibot';
import { DEFAULT_SELECTOR } from '../../../functions/bimi.ts';
import { domainSchema, orderOptionsSchema } from '../../../functions/order.ts';
import { listWatched, unwatchDomain, watchDomain } from '../../../functions/store/watched.ts';
import { readWatchedChecks, watchedName } from '../../../functions/store/watched-checks.ts';
import { printable } from '../../../functions/text.ts';
import type { WrittenSettings } from '../../settings.ts';
import { type DeployedCollector, withCollector, withCommandErrors } from '../collector.ts';
import { commandText } from '../command-text.ts';
import { CommandError, UsageError } from '../errors.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { readSettings, type Settings } from '../inspect/options.ts';
import { judgeDomain } from '../inspect/remote.ts';
import { contentOf, exitCodeOf } from '../inspect/run.ts';
import { describeJudgement } from '../inspect/text.ts';
import { printJson } from '../json.ts';
import type { CollectorOptions } from '../program.ts';
import type { Terminal } from '../terminal.ts';

/** The options of `unwatch`. */
export interface UnwatchOptions extends CollectorOptions {
  readonly selector?: string;
}

/** The options of `watch`. */
export interface WatchOptions extends UnwatchOptions {
  readonly nameServer?: string;
}

/** What happens after the command. */
const DAILY =
  'The collector checks the domain every day, and sends a message if mailboxes do not show the logo or if the certificate ends soon.';

/** Checks a domain, prints the result, and stores that it is watched. Without a domain, lists the watched ones. */
export function watch(terminal: Terminal, text: string | undefined, options: WatchOptions): Promise<ExitCode> {
  if (text === undefined) {
    if (options.selector !== undefined) {
      throw new UsageError('--selector is accepted only with a domain');
    }
    return withCollector(options, terminal, (collector) => list(terminal, collector, options));
  }
  const domain = readDomain(text);
  const selector = readSelector(options.selector);
  // A wrong option is an error before anything is stored.
  inspectSettings(options, undefined);
  return withCollector(options, terminal, async (collector) => {
    const storage = await collector.storage();
    const { watched, isNew } = await withCommandErrors(
      `The watch of ${domain} cannot be stored`,
      () => {
        const since = new Date().toISOString();
        return watchDomain(storage, { schemaVersion: 1, collector: collector.name, domain, selector, since });
      },
      's3:GetObject and s3:PutObject',
    );
    terminal.progress(`Checking ${domain} …`);
    const settings = inspectSettings(options, collector.settings);
    const judgement = await judgeDomain(domain, domain, settings).finally(() => terminal.progress(''));
    if (options.json) {
      printJson(terminal, {
        domain,
        selector,
        since: watched.since,
        isNew,
        isCheckedDaily: true,
        check: contentOf(judgement),
      });
    } else {
      terminal.printStyled(describeJudgement(judgement, settings.expectations.at));
      terminal.print(
        `${domain} is ${isNew ? 'now watched' : `watched since ${watched.since.slice(0, 10)}`}, with the selector ${selector}.`,
      );
    }
    terminal.note(DAILY);
    return exitCodeOf(judgement);
  });
}

/** Ends the watch of a domain. */
export function unwatch(terminal: Terminal, text: string, options: UnwatchOptions): Promise<ExitCode> {
  const domain = readDomain(text);
  const selector = readSelector(options.selector);
  return withCollector(options, terminal, async (collector) => {
    const storage = await collector.storage();
    const wasWatched = await withCommandErrors(
      `The watch of ${domain} cannot be deleted`,
      () => unwatchDomain(storage, domain, selector),
      's3:GetObject and s3:DeleteObject',
    );
    if (!wasWatched) {
      throw new CommandError(`${domain} with the selector ${selector} is not a watched domain.`, {
        exitCode: EXIT_CODES.unavailable,
        next: `To list the watched domains: ${commandText(['watch'], collector.selection)}`,
      });
    }
    if (options.json) {
      printJson(terminal, { domain, selector });
    } else {
      terminal.print(`${domain} is no longer watched with the selector ${selector}.`);
    }
    return EXIT_CODES.success;
  });
}

async function list(terminal: Terminal, collector: DeployedCollector, { json }: CollectorOptions): Promise<ExitCode> {
  const bucket = { s3: await collector.s3(), bucket: collector.bucket };
  const storage = await collector.storage();
  const [{ read, damaged }, checks] = await withCommandErrors(
    'The watched domains cannot be listed',
    () => Promise.all([listWatched(bucket), readWatchedChecks(storage)]),
    's3:ListBucket and s3:GetObject',
  );
  const watched = read.map(({ content }) => {
    const { domain, selector, since } = content;
    const { checkedAt = null, differences = [], certificate = null } = checks.get(watchedName(content)) ?? {};
    return { domain, selector, since, checkedAt, differences, certificate };
  });
  if (json) {
    printJson(terminal, watched);
  } else if (watched.length === 0) {
    terminal.note(`The collector ${collector.name} in ${collector.region} has no watched domains.`);
  } else {
    const { describeTable } = await import('../table.ts');
    const rows = watched.map(({ domain, selector, since, checkedAt, differences, certificate }) => [
      domain,
      selector,
      since.slice(0, 10),
      checkedAt?.slice(0, 10) ?? 'not yet',
      checkedAt === null ? '' : differences.join(', ') || 'in order',
      certificate?.notAfter.slice(0, 10) ?? '',
    ]);
    const head = ['DOMAIN', 'SELECTOR', 'SINCE', 'CHECKED', 'STATE', 'EXPIRES'];
    terminal.print(describeTable(head, rows, terminal.columns).join('\n'));
  }
  for (const { key, problem } of damaged) {
    terminal.note(`${key} cannot be read: ${problem}.`);
  }
  return damaged.length > 0 ? EXIT_CODES.problem : EXIT_CODES.success;
}

/** Like `inspect` for a domain, with the trust anchors and logs of the collector. */
function inspectSettings(options: WatchOptions, settings: WrittenSettings | undefined): Settings {
  return readSettings({
    failOn: 'error',
    revocation: true,
    ...(options.selector !== undefined && { selector: options.selector }),
    ...(options.nameServer !== undefined && { nameServer: options.nameServer }),
    trust: listOf(settings?.trustAnchors),
    log: listOf(settings?.ctLogs),
  });
}

function listOf(setting: WrittenSettings[string] | undefined): readonly string[] {
  return typeof setting === 'string' && setting !== '' ? setting.split(',').map((each) => each.trim()) : [];
}

function readDomain(text: string): string {
  const result = v.safeParse(domainSchema, text);
  if (!result.success) {
    throw new UsageError(`DOMAIN: ${printable(text)} is not accepted; accepted: a domain name like example.com`);
  }
  return result.output;
}

function readSelector(text: string = DEFAULT_SELECTOR): string {
  const result = v.safeParse(orderOptionsSchema.entries.selector, text);
  if (!result.success || result.output === undefined) {
    throw new UsageError(`--selector: ${printable(text)} is not accepted; accepted: a BIMI selector like default`);
  }
  return result.output;
}
