import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { UNPACKED } from './install.ts';
import { type Browser, launch } from './puppeteer.ts';

/** The tests run as root in containers, where Chromium's sandbox does not start. */
const ARGUMENTS = ['--no-sandbox', '--disable-dev-shm-usage', '--hide-scrollbars', '--force-color-profile=srgb'];

/** A browser that records every name it resolves and every address it connects to, whatever part of it does so. */
export interface RecordingBrowser {
  readonly browser: Browser;
  /** Ends the browser. Returns the hosts, with the ports of this machine, in their order. */
  close(): Promise<readonly string[]>;
}

/**
 * Starts Chromium. Every name is unknown to it, so that a page cannot reach the network even if it tries.
 *
 * @throws {Error} if it does not start, with what it printed.
 */
export async function openBrowser(): Promise<RecordingBrowser> {
  const folder = await mkdtemp(join(tmpdir(), 'mark-certificate-look-'));
  const netLog = join(folder, 'net-log.json');
  const browser = await launch({
    executablePath: process.env.CHROMIUM ?? join(UNPACKED, 'chromium'),
    headless: 'shell',
    args: [
      ...ARGUMENTS,
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
      `--user-data-dir=${join(folder, 'profile')}`,
      `--log-net-log=${netLog}`,
    ],
    env: {
      ...process.env,
      ...(process.env.CHROMIUM === undefined && {
        FONTCONFIG_FILE: join(UNPACKED, 'fonts.conf'),
        LD_LIBRARY_PATH: join(UNPACKED, 'al2023', 'lib'),
      }),
    },
  });
  return {
    browser,
    async close() {
      await browser.close();
      const hosts = hostsOf(await readFile(netLog, 'utf8'));
      await rm(folder, { recursive: true, force: true });
      return hosts;
    },
  };
}

/** https://www.chromium.org/developers/design-documents/network-stack/netlog/ */
const netLogSchema = v.object({
  constants: v.object({ logEventTypes: v.record(v.string(), v.number()) }),
  events: v.array(v.object({ type: v.number(), params: v.optional(v.record(v.string(), v.unknown())) })),
});

/** The events of a resolution of a name and of a request, with the parameter that names the host. */
const HOST_EVENTS = { HOST_RESOLVER_MANAGER_REQUEST: 'host', URL_REQUEST_START_JOB: 'url' } as const;

function hostsOf(netLog: string): readonly string[] {
  const { constants, events } = v.parse(netLogSchema, JSON.parse(netLog));
  const parameters = new Map(
    Object.entries(HOST_EVENTS).map(([name, parameter]) => {
      const type = constants.logEventTypes[name];
      if (type === undefined) {
        throw new Error(`The network log of this Chromium has no event ${name}`);
      }
      return [type, parameter];
    }),
  );
  const addresses = events.flatMap(({ type, params = {} }) => {
    const address = params[parameters.get(type) ?? ''];
    return typeof address === 'string' ? [address] : [];
  });
  return [
    ...new Set(addresses.map((address) => new URL(address.includes('://') ? address : `http://${address}`).host)),
  ];
}
