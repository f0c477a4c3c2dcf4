/**
 * The part of puppeteer-core that the tests use. The package is installed below `.local/`, where the compiler does not
 * find its types.
 */
import { pathToFileURL } from 'node:url';
import { resolvePackage } from './install.ts';

/** A session of the Chrome DevTools Protocol (https://chromedevtools.github.io/devtools-protocol/). */
export interface Session {
  send(method: string, parameters?: object): Promise<Readonly<Record<string, unknown>>>;
  on(event: string, listener: (parameters: Readonly<Record<string, unknown>>) => void): void;
  detach(): Promise<void>;
}

export interface Page {
  createCDPSession(): Promise<Session>;
  close(): Promise<void>;
}

export interface Browser {
  newPage(): Promise<Page>;
  target(): { createCDPSession(): Promise<Session> };
  on(event: 'targetcreated', listener: (target: { url(): string; type(): string }) => void): void;
  version(): Promise<string>;
  close(): Promise<void>;
}

export interface LaunchOptions {
  readonly executablePath: string;
  readonly headless: 'shell';
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

interface Puppeteer {
  launch(options: LaunchOptions): Promise<Browser>;
}

/** Starts a browser. */
export async function launch(options: LaunchOptions): Promise<Browser> {
  const { default: puppeteer }: { readonly default: Puppeteer } = await import(
    pathToFileURL(resolvePackage('puppeteer-core')).href
  );
  return puppeteer.launch(options);
}
