import * as v from 'valibot';
import { readFingerprint } from '../functions/certificate/path/trust-anchors.ts';
import { LOG_KEY_FORM, readLogKey } from '../functions/certificate/transparency/ct-logs.ts';
import { endpointProblem, RESPONSE_FORMATS, type ResponseFormat } from '../functions/collectmc/request.ts';
import { SECURE_URL_FORM } from '../functions/http.ts';
import { domainSchema } from '../functions/order.ts';
import { COLLECTOR_NAME, COLLECTOR_NAME_FORM } from './stack-names.ts';

/** The accepted form of a text, as a setting and as a prop. */
export interface TextForm {
  /** The form in words, for errors. */
  readonly accepted: string;
  accepts(text: string): boolean;
}

const matching = (accepted: string, pattern: RegExp): TextForm => ({ accepted, accepts: (text) => pattern.test(text) });

/** The containers that the CA can send. */
export const FORMATS = Object.keys(RESPONSE_FORMATS) as ResponseFormat[];

/** The forms of the settings and props that are a text. */
export const FORMS = {
  name: matching(COLLECTOR_NAME_FORM, COLLECTOR_NAME),
  collectUrl: { accepted: SECURE_URL_FORM, accepts: (url) => endpointProblem(url) === undefined },
  eventSource: matching('1 to 256 characters, not beginning with "aws."', /^(?!aws\.).{1,256}$/),
  email: matching('an e-mail address', /^[^@\s]+@[^@\s]+\.[^@\s]+$/),
  runbookUrl: matching('an https URL without a fragment', /^https:\/\/[^\s#/]+\/?[^\s#]*$/),
  domainName: {
    accepted: 'a host name in lower case, like bimi.example.com',
    accepts(name) {
      const read = v.safeParse(domainSchema, name);
      return read.success && read.output === name;
    },
  },
  fingerprint: {
    accepted: 'the SHA-256 fingerprint of a certificate, 64 hex digits',
    accepts: (text) => readFingerprint(text) !== undefined,
  },
  logKey: { accepted: LOG_KEY_FORM, accepts: (text) => readLogKey(text) !== undefined },
} as const satisfies Readonly<Record<string, TextForm>>;

/** The runbook that messages link to, if no other page is set. */
export const DEFAULT_RUNBOOK_URL =
  'https://github.com/mark-certificate-collector/mark-certificate-collector/blob/main/docs/runbook.md';

/** The source of the events of orders, if no other one is set. */
export const DEFAULT_EVENT_SOURCE = 'mark-certificates';

/** The name of AWS's own event bus in each account and region. */
export const DEFAULT_EVENT_BUS = 'default';
