import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import * as v from 'valibot';
import { isLoopbackAddress } from '../../../functions/addresses.ts';
import { DEFAULT_SELECTOR } from '../../../functions/bimi.ts';
import { readFingerprint } from '../../../functions/certificate/path/trust-anchors.ts';
import type { Expectations } from '../../../functions/certificate/report.ts';
import { LOG_KEY_FORM, readLogKey } from '../../../functions/certificate/transparency/ct-logs.ts';
import { domainSchema, orderInStateSchema } from '../../../functions/order.ts';
import { printable } from '../../../functions/text.ts';
import { UsageError } from '../errors.ts';

/** Milliseconds, and attempts, of one question to a name server. */
const DNS_ATTEMPTS = { timeout: 2_500, tries: 2 };

/** The options as the user typed them. */
export interface InspectOptions {
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly at?: string;
  readonly domain?: readonly string[];
  readonly selector?: string;
  readonly product?: 'VMC' | 'CMC';
  readonly trust?: readonly string[];
  readonly log?: readonly string[];
  readonly revocation?: boolean;
  readonly minDays?: string;
  readonly failOn: 'error' | 'warning';
  readonly nameServer?: string;
  readonly out?: string;
  readonly html?: string;
}

/** The options of `inspect` in the form that the code uses. */
export interface Settings {
  readonly expectations: Expectations;
  readonly selector: string;
  readonly revocation: boolean;
  readonly minDays: number | undefined;
  readonly failOn: 'error' | 'warning';
  readonly format: 'text' | 'json' | 'csv';
  /** The folder that receives the files of a chain. */
  readonly out: string | undefined;
  /** The file that receives a page about all results. */
  readonly html: string | undefined;
  readonly resolver: Resolver;
  /** Whether the servers that a BIMI record names may be on this machine: its name server is. */
  readonly isLocalDns: boolean;
}

/** @throws {UsageError} for a value that is not accepted. */
export function readSettings(options: InspectOptions): Settings {
  const selector = readSelector(options.selector);
  return {
    expectations: {
      at: options.at === undefined ? new Date() : readDate(options.at),
      product: options.product,
      domains: (options.domain ?? []).map(readDomain),
      selector,
      trustAnchors: (options.trust ?? []).map(readTrust),
      ctLogs: (options.log ?? []).map(readLog),
    },
    selector,
    revocation: options.revocation ?? false,
    minDays: options.minDays === undefined ? undefined : readDays(options.minDays),
    failOn: options.failOn,
    format: options.csv ? 'csv' : options.json ? 'json' : 'text',
    out: options.out,
    html: options.html === undefined ? undefined : readFileName(options.html),
    ...openResolver(options.nameServer),
  };
}

/** A date alone means its first moment. A time without a zone is UTC. */
function readDate(text: string): Date {
  const date = new Date(/T[\d:.]+$/.test(text) ? `${text}Z` : text);
  const [, day] = /^(\d{4}-\d{2}-\d{2})(T.*)?$/.exec(text) ?? [];
  // JavaScript's Date reads February 30 as March 2.
  if (!day || Number.isNaN(date.getTime()) || !new Date(day).toISOString().startsWith(day)) {
    throw refused('--at', text, 'an ISO 8601 date like 2026-06-01 or 2026-06-01T12:00:00Z');
  }
  return date;
}

function readDomain(text: string): string {
  const result = v.safeParse(domainSchema, text);
  if (!result.success) {
    throw refused('--domain', text, 'a domain name like example.com');
  }
  return result.output;
}

function readSelector(text: string = DEFAULT_SELECTOR): string {
  const result = v.safeParse(orderInStateSchema.entries.selector, text);
  if (!result.success) {
    throw refused('--selector', text, 'a BIMI selector like default');
  }
  return result.output ?? DEFAULT_SELECTOR;
}

function readTrust(text: string): string {
  const fingerprint = readFingerprint(text);
  if (!fingerprint) {
    throw refused('--trust', text, "the 64 hex digits of a certificate's SHA-256");
  }
  return fingerprint;
}

function readLog(text: string): string {
  const key = readLogKey(text);
  if (!key) {
    throw refused('--log', text, `the key of a log, ${LOG_KEY_FORM}`);
  }
  return key;
}

function readDays(text: string): number {
  if (!/^\d{1,5}$/.test(text)) {
    throw refused('--min-days', text, 'a number of days from 0 to 99999');
  }
  return Number(text);
}

function readFileName(text: string): string {
  if (text === '' || text === '-') {
    throw refused('--html', text, 'the name of a file like report.html');
  }
  return text;
}

function openResolver(address: string | undefined): Pick<Settings, 'resolver' | 'isLocalDns'> {
  const resolver = new Resolver(DNS_ATTEMPTS);
  if (address === undefined) {
    return { resolver, isLocalDns: false };
  }
  const [, ipv6, ipv4, port = '53'] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(address) ?? [];
  const ip = isIP(address) ? address : (ipv6 ?? ipv4 ?? '');
  if (!isIP(ip) || Number(port) < 1 || Number(port) > 65_535) {
    throw refused('--name-server', address, 'an IP address like 192.0.2.53 or [2001:db8::53]:5353');
  }
  resolver.setServers([isIP(address) ? address : `${isIP(ip) === 6 ? `[${ip}]` : ip}:${port}`]);
  return { resolver, isLocalDns: isLoopbackAddress(ip) };
}

function refused(option: string, text: string, accepted: string): UsageError {
  return new UsageError(`${option}: ${printable(text)} is not accepted; accepted: ${accepted}`);
}
