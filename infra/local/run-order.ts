import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { ResponseFormat } from '../../functions/collectmc/request.ts';
import { ORDERED } from '../../functions/events.ts';
import { INDEX_PAGE, OVERVIEW } from '../../functions/pages/overview-folder.ts';
import { openInBrowser } from './browser.ts';
import { createCertificateAuthority } from './ca/certificate-authority.ts';
import { pem } from './ca/containers.ts';
import { startCloudFormation } from './cloud/cloudformation-endpoint.ts';
import { serveCrls } from './cloud/crl-server.ts';
import { downloadFolder } from './cloud/download.ts';
import { type LocalCloud, startLocalCloud } from './cloud/local-cloud.ts';
import type { Endpoint } from './cloud/loopback.ts';
import { servePages } from './cloud/pages-server.ts';
import { createNarrator, narratedWaitMilliseconds } from './narration.ts';
import { issueScenarioCertificates, runScenario, type Scenario } from './scenarios.ts';

const PROJECT = join(import.meta.dirname, '..', '..');

/** What one run of `npm start` does. */
export interface OrderRun {
  readonly orderNumber: string;
  readonly scenario: Scenario;
  readonly format: ResponseFormat;
  readonly publish: boolean;
  /** Whether the pages are opened in the browser. */
  readonly open: boolean;
  /** Whether the servers stay until Ctrl-C. */
  readonly keep: boolean;
  /** The folder for the authority and for what is downloaded. */
  readonly folder: string;
  /** The file to which the functions log. */
  readonly logFile: string;
}

/**
 * Runs the scenario and prints what happens.
 *
 * @returns whether it ended as expected.
 */
export async function runOrder(
  { orderNumber, scenario, format, publish, open, keep, folder: local, logFile }: OrderRun,
  print: (line: string) => void,
): Promise<boolean> {
  const root = join(local, 'ca', 'root.pem');
  const stored = await createCertificateAuthority({ directory: join(local, 'ca') });
  const crls = await serveCrls(() => authority.crls());
  const authority = stored.with({ crlServer: crls.url });
  const certificates = issueScenarioCertificates(authority);
  await writeFile(root, pem([authority.root]));

  const order = { orderNumber, domains: ['example.com'] };
  const credentials = { loginName: 'brand@example.com', loginPassword: crypto.randomUUID() };
  const trustAnchors = createHash('sha256').update(authority.root).digest('hex');
  const ctLogs = authority.log.key;
  const narrator = createNarrator(print, () => cloud);
  const cloud: LocalCloud = await startLocalCloud({
    credentials,
    secret: scenario.secret,
    settings: { push: keep, ...scenario.settings, responseFormat: format, trustAnchors, ctLogs, publish },
    waitMilliseconds: narratedWaitMilliseconds,
    onEvent: narrator.executionEvent,
    async beforeCheck(check) {
      await scenario.operatorActions?.[check]?.({ cloud, credentials, order, log: narrator.action });
    },
  });
  let server: Endpoint | undefined;
  /** The keys of the pages, the best first. */
  const pages: string[] = [];
  try {
    narrator.line('CollectMC', `${cloud.ca.url} (simulated)`);
    narrator.line('CRLs', `${crls.url} (simulated)`);
    narrator.line('S3', `${cloud.s3Url}, bucket ${cloud.bucket}`);
    narrator.line('Scenario', scenario.description);
    print('');
    // The simulator throws for any other text. The event is still sent, and the function start refuses it.
    if (/^[1-9]\d{0,15}$/.test(orderNumber)) {
      cloud.ca.order(orderNumber, scenario.responses(certificates));
    }
    narrator.line('Event', `"${ORDERED}" for the order ${orderNumber}`);
    const execution = await runScenario(scenario, cloud, order, narrator.action);
    for (const { error } of cloud.deadLetters) {
      narrator.line('Dead letter', `${error.name}: ${error.message}`);
    }
    if (execution) {
      narrator.outcome(execution);
      print('');
      const prefix = `orders/${orderNumber}/`;
      const folder = join(local, prefix);
      const objects = await downloadFolder(cloud, prefix, folder);
      const source = `s3://${cloud.bucket}/${prefix}`;
      pages.push(...objects.flatMap(({ name }) => (name === 'report.html' ? [`${prefix}${name}`] : [])));
      narrator.line('Objects', objects.length > 0 ? `${source}, downloaded to ${inProject(folder)}/` : 'none');
      narrator.objects(objects);
      if (execution.status === 'SUCCEEDED') {
        const chain = inProject(join(folder, 'chain.pem'));
        narrator.line('Verify it', `openssl verify -CAfile ${inProject(root)} -untrusted ${chain} ${chain}`);
        narrator.line(
          'Inspect it',
          `npm run inspect -- ${keep ? '--revocation ' : ''}--trust ${trustAnchors} --log ${ctLogs} ${chain}`,
        );
      }
      await narrator.publication(execution);
    }
    // On AWS, the survey runs five minutes after an outcome.
    if ((await cloud.runSchedules()) > 0) {
      await downloadFolder(cloud, OVERVIEW, join(local, OVERVIEW));
      pages.push(`${OVERVIEW}${INDEX_PAGE}`);
    }
    if (open && pages.length > 0) {
      server = await servePages(cloud.s3, cloud.bucket);
    }
    narrator.pages(
      pages.map((page) => (server ? `${server.url}/${page}` : inProject(join(local, page)))),
      server !== undefined,
    );
    narrator.line('Logs', inProject(logFile));
    print('');
    const expected =
      execution !== undefined &&
      (scenario.failsWith ? execution.error === scenario.failsWith : execution.status === 'SUCCEEDED');
    print(verdict(execution !== undefined, expected));
    const [page] = pages;
    if (server && page) {
      openInBrowser(`${server.url}/${page}`);
    }
    if (keep || server) {
      const cloudFormation = keep ? await startCloudFormation([cloud.stack]) : undefined;
      if (cloudFormation) {
        narrator.commands(orderNumber, cloudFormation.url);
      }
      // The open servers keep the process alive until then; a promise alone would not.
      await once(process, 'SIGINT');
      await cloudFormation?.close();
    }
    return expected;
  } finally {
    await Promise.all([server?.close(), cloud.close(), crls.close()]);
  }
}

function verdict(started: boolean, expected: boolean): string {
  if (!started) {
    return 'The event was refused, as it would be on AWS.';
  }
  return expected ? 'The scenario ended as expected.' : 'The scenario did NOT end as expected.';
}

function inProject(file: string): string {
  return relative(PROJECT, file);
}
