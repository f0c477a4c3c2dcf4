import * as v from 'valibot';
import { readFingerprint } from '../../../functions/certificate/path/trust-anchors.ts';
import { LOG_KEY_FORM, readLogKey } from '../../../functions/certificate/transparency/ct-logs.ts';
import {
  COLLECT_URL,
  endpointProblem,
  RESPONSE_FORMATS,
  type ResponseFormat,
} from '../../../functions/collectmc/request.ts';
import { SECURE_URL_FORM } from '../../../functions/http.ts';
import { type OrderOptions, orderSchema } from '../../../functions/order.ts';
import { printable } from '../../../functions/text.ts';
import { DEFAULT_GIVE_UP, DEFAULT_POLL, secondsOf, waitingProblems } from '../../timing.ts';
import { UsageError } from '../errors.ts';

/** The options as the user typed them. */
export interface CollectOptions {
  readonly login: string;
  readonly wait?: true;
  readonly out: string;
  readonly domain?: readonly string[];
  readonly product?: string;
  readonly selector?: string;
  readonly replace?: true;
  readonly url?: string;
  readonly format?: string;
  readonly pollEvery?: string;
  readonly giveUpAfter?: string;
  readonly trust?: readonly string[];
  readonly log?: readonly string[];
  readonly json?: true;
}

/** What the user asked for, checked. */
export interface CollectRequest {
  readonly orderNumber: string;
  /** The options that the user gave. Others are inherited from earlier runs. */
  readonly options: Omit<OrderOptions, 'account'>;
  readonly wait: boolean;
  readonly json: boolean;
  readonly url: string;
  readonly format: ResponseFormat;
  readonly pollSeconds: number;
  readonly giveUpSeconds: number;
  readonly trustAnchors: readonly string[];
  readonly ctLogs: readonly string[];
}

const FORMATS = Object.keys(RESPONSE_FORMATS) as ResponseFormat[];

/** How the user writes each key of an event. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  orderNumber: 'ORDER',
  domains: '--domain',
  product: '--product',
  selector: '--selector',
};
const ACCEPTED: Readonly<Record<string, string>> = {
  orderNumber: 'the number of an order at the CA, 1 to 16 digits without a leading zero',
  domains: 'a domain name like example.com, at most 100 times',
  product: 'VMC, CMC',
  selector: 'a BIMI selector: 1 to 63 lower-case letters, digits and hyphens, like default',
};

/**
 * Checks the arguments, as the settings and the events of a deployed collector are checked.
 *
 * @throws {UsageError} that names every problem.
 */
export function readRequest(order: string, given: CollectOptions): CollectRequest {
  const problems: string[] = [];
  const refuse = (name: string, value: string, accepted: string) =>
    problems.push(`${name}: ${printable(value)} is not accepted; accepted: ${accepted}`);

  const { domain = [], trust = [], log = [], product, selector, replace } = given;
  const event = v.safeParse(orderSchema, {
    orderNumber: order,
    ...(domain.length > 0 && { domains: domain }),
    ...(product !== undefined && { product }),
    ...(selector !== undefined && { selector }),
    ...(replace && { replace }),
  });
  for (const { path, input } of event.issues ?? []) {
    const key = String(path?.[0]?.key);
    refuse(ARGUMENTS[key] ?? key, Array.isArray(input) ? `${input.length} values` : String(input), ACCEPTED[key] ?? '');
  }

  const { url = COLLECT_URL, format = 'pkcs7' } = given;
  if (endpointProblem(url) !== undefined) {
    // Not quoted: it can contain a password.
    problems.push(`--url is not accepted; accepted: ${SECURE_URL_FORM}`);
  }
  const knownFormat = FORMATS.find((known) => known === format);
  if (!knownFormat) {
    refuse('--format', format, FORMATS.join(', '));
  }
  const seconds = (name: string, value: string, example: string) => {
    const read = secondsOf(value);
    if (read === undefined) {
      refuse(name, value, `an ISO 8601 duration like ${example}`);
    }
    return read;
  };
  const pollEvery = seconds('--poll-every', given.pollEvery ?? DEFAULT_POLL, DEFAULT_POLL);
  const giveUpAfter = seconds('--give-up-after', given.giveUpAfter ?? DEFAULT_GIVE_UP, DEFAULT_GIVE_UP);
  if (pollEvery !== undefined && giveUpAfter !== undefined) {
    const names = { pollEvery: '--poll-every', giveUpAfter: '--give-up-after' };
    problems.push(...waitingProblems(names, { url, pollEvery, giveUpAfter }));
  }
  const trustAnchors = trust.flatMap(
    (text) => readFingerprint(text) ?? refused('--trust', text, "the 64 hex digits of a certificate's SHA-256"),
  );
  const ctLogs = log.flatMap((text) => readLogKey(text) ?? refused('--log', text, `the key of a log, ${LOG_KEY_FORM}`));

  function refused(name: string, value: string, accepted: string): [] {
    refuse(name, value, accepted);
    return [];
  }

  if (problems.length > 0 || !event.success || !knownFormat || pollEvery === undefined || giveUpAfter === undefined) {
    throw new UsageError(problems.join('\n'));
  }
  const { orderNumber, account: _account, request: _request, ...options } = event.output;
  return {
    orderNumber,
    options,
    wait: given.wait === true,
    json: given.json === true,
    url,
    format: knownFormat,
    pollSeconds: pollEvery,
    giveUpSeconds: giveUpAfter,
    trustAnchors,
    ctLogs,
  };
}
