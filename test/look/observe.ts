/** Opens a page in the browser and records everything that it does beside showing itself. */
import { writeFile } from 'node:fs/promises';
import type { OutgoingHttpHeaders } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { PageServer } from './page-server.ts';
import type { Browser, Session } from './puppeteer.ts';

/** What a page can do that a page without a script and without requests never does. */
export type Action =
  | 'request'
  | 'script'
  | 'dialog'
  | 'console'
  | 'error'
  | 'issue'
  | 'navigation'
  | 'frame'
  | 'window';

/** What a page did, like `request: https://example.com/logo.svg`. */
export type Observation = `${Action}: ${string}`;

/** How a page is shown. */
export interface View {
  /** In CSS pixels. */
  readonly width: number;
  readonly scheme: 'light' | 'dark';
  readonly media?: 'screen' | 'print';
}

export interface OpenPage {
  readonly observations: readonly Observation[];
  show(view: View): Promise<void>;
  /** The value of an expression, which runs beside the page: its policy does not apply, and it is no script of the page. */
  evaluate(expression: string): Promise<unknown>;
  /** A PNG of the page, up to a height; default: up to {@link MAX_PIXELS}. */
  screenshot(file: string, height?: number): Promise<void>;
  /** A PDF on A4. */
  pdf(file: string): Promise<void>;
  /** Whether something in the page set {@link MARKER}. */
  hasMarker(): Promise<boolean>;
  close(): Promise<void>;
}

/** What a hostile text or logo of the tests assigns to if it runs. */
export const MARKER = 'window.__ran';

export interface OpenOptions {
  readonly headers?: OutgoingHttpHeaders;
  /** False: as in a browser in which scripts are switched off. */
  readonly javascript?: boolean;
}

/** Milliseconds in which a page can do something after it was loaded: an animation, a refresh. */
const AFTER_LOAD = 250;

/** The height of the largest picture. Chromium refuses much higher ones. */
const MAX_PIXELS = 16_000;

/** The name of the world in which the tests evaluate, which the page does not see. */
const WORLD = 'test';

type Parameters = Readonly<Record<string, unknown>>;

/** The events of the protocol that are observations, with the text of each. Undefined: it is not one. */
const EVENTS: Readonly<Record<string, readonly [Action, (parameters: Parameters) => string | undefined]>> = {
  'Network.webSocketCreated': ['request', ({ url }) => String(url)],
  'Runtime.consoleAPICalled': ['console', (parameters) => JSON.stringify(parameters.args)],
  'Log.entryAdded': ['console', ({ entry }) => JSON.stringify(entry)],
  'Runtime.exceptionThrown': ['error', ({ exceptionDetails }) => JSON.stringify(exceptionDetails)],
  'Audits.issueAdded': ['issue', ({ issue }) => JSON.stringify(issue)],
  'Page.javascriptDialogOpening': ['dialog', ({ type, message }) => `${type} ${message}`],
  'Page.frameAttached': ['frame', ({ frameId }) => String(frameId)],
  'Page.frameScheduledNavigation': ['navigation', ({ url }) => String(url)],
  'Page.frameRequestedNavigation': ['navigation', ({ url }) => String(url)],
  'Page.windowOpen': ['window', ({ url }) => String(url)],
};

/**
 * Opens a page at a new URL.
 *
 * @throws {Error} if it is not loaded.
 */
export async function openPage(
  browser: Browser,
  server: PageServer,
  html: string,
  { headers = {}, javascript = true }: OpenOptions = {},
): Promise<OpenPage> {
  const url = server.add(html, headers);
  const page = await browser.newPage();
  const session = await page.createCDPSession();
  const observations: Observation[] = [];
  const loaded = new Promise<void>((resolve) => session.on('Page.loadEventFired', () => resolve()));
  let context: number | undefined;
  let width = 800;

  session.on('Network.requestWillBeSent', ({ request }) => {
    const requested = String((request as { readonly url: string }).url);
    if (requested !== url && !requested.startsWith('data:')) {
      observations.push(`request: ${requested}`);
    }
  });
  session.on('Debugger.scriptParsed', (script) => {
    // Tools run in isolated worlds, which a page cannot make.
    const { type } = script.executionContextAuxData as { readonly type: string };
    if (type !== 'isolated') {
      observations.push(`script: ${script.url}:${script.startLine}`);
    }
  });
  for (const [event, [action, describe]] of Object.entries(EVENTS)) {
    session.on(event, (parameters) => {
      const text = describe(parameters);
      if (text !== undefined) {
        observations.push(`${action}: ${text}`);
      }
    });
  }
  // A dialog stops the page until somebody answers.
  session.on('Page.javascriptDialogOpening', () => {
    session.send('Page.handleJavaScriptDialog', { accept: false }).catch(() => {});
  });

  for (const domain of ['Page', 'Network', 'Log', 'Debugger', 'Audits', 'DOM']) {
    await session.send(`${domain}.enable`);
  }
  await session.send('Runtime.enable');
  await session.send('Emulation.setScriptExecutionDisabled', { value: !javascript });
  await session.send('Page.navigate', { url });
  await loaded;
  await wait(AFTER_LOAD);

  async function evaluate(expression: string): Promise<unknown> {
    context ??= await createWorld(session);
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
      expression,
      contextId: context,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) {
      throw new Error(`The expression failed in the browser: ${JSON.stringify(exceptionDetails)}`);
    }
    return (result as { readonly value: unknown }).value;
  }

  async function save(file: string, method: string, parameters: object): Promise<void> {
    const { data } = await session.send(method, parameters);
    await writeFile(file, Buffer.from(String(data), 'base64'));
  }

  return {
    observations,
    evaluate,
    async show({ width: viewWidth, scheme, media = 'screen' }) {
      width = viewWidth;
      const size = { width, height: 800, deviceScaleFactor: 1, mobile: false };
      await session.send('Emulation.setDeviceMetricsOverride', size);
      const features = [{ name: 'prefers-color-scheme', value: scheme }];
      await session.send('Emulation.setEmulatedMedia', { media, features });
    },
    async screenshot(file, height) {
      const { cssContentSize } = await session.send('Page.getLayoutMetrics');
      const whole = Math.ceil((cssContentSize as { readonly height: number }).height);
      const area = { x: 0, y: 0, width, height: height ?? Math.min(whole, MAX_PIXELS), scale: 1 };
      await save(file, 'Page.captureScreenshot', { format: 'png', captureBeyondViewport: true, clip: area });
    },
    // In inches.
    pdf: (file) =>
      save(file, 'Page.printToPDF', {
        paperWidth: 8.27,
        paperHeight: 11.69,
        printBackground: true,
        preferCSSPageSize: true,
      }),
    async hasMarker() {
      const { result } = await session.send('Runtime.evaluate', { expression: `${MARKER} !== undefined` });
      return (result as { readonly value: unknown }).value === true;
    },
    close: () => page.close(),
  };
}

async function createWorld(session: Session): Promise<number> {
  const { frameTree } = await session.send('Page.getFrameTree');
  const { frame } = frameTree as { readonly frame: { readonly id: string } };
  const { executionContextId } = await session.send('Page.createIsolatedWorld', {
    frameId: frame.id,
    worldName: WORLD,
  });
  return Number(executionContextId);
}
