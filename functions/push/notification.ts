import * as v from 'valibot';
import { problemsOf } from '../input.ts';
import { orderInStateSchema } from '../order.ts';
import { joinWithLimit } from '../text.ts';
import { PUSH_CODES, REVOKED } from './codes.ts';
import { type Field, type Fields, fieldKey, PRE_REVOCATION } from './fields.ts';

/** What a push reports about an order. */
export interface Notification {
  readonly orderNumber: string;
  readonly certificateID?: string | undefined;
  readonly eventType?: string | undefined;
  readonly statusCode?: number | undefined;
  readonly statusDesc?: string | undefined;
  /** What CollectMC must be asked about, as the name of an execution contains it; undefined if there is nothing to ask. */
  readonly ask?: string | undefined;
  /** Set if the CA revoked the certificate, or announces that it will. */
  readonly revocation?: PushedRevocation | undefined;
}

/** A revocation that CollectMC has not confirmed yet. */
export interface PushedRevocation {
  readonly kind: 'revoked' | 'announced';
  /** The reason, the dates and the domains in the push, for a person; empty if there are none. */
  readonly details: string;
}

/** The result of reading: a notification, or what cannot be understood about it. */
export type Reading = { readonly notification: Notification } | { readonly problem: string };

const numberSchema = v.object({ orderNumber: orderInStateSchema.entries.orderNumber });

/**
 * Reads a notification. The certificates in it are ignored, because only those of CollectMC are used.
 *
 * A statusCode decides. Without a known one, a status in words does, and without that, the type of the event:
 * notifications about a validation are documented without a statusCode.
 *
 * @param redact removes secrets from a value before a text quotes and cuts it: a secret that was cut is no longer found.
 */
export function readNotification(fields: Fields, redact: (text: string) => string): Reading {
  const valueIn = (key: string) => fields.get(fieldKey(key))?.value;
  const orderNumber = valueIn('orderNumber');
  const number = v.safeParse(numberSchema, { orderNumber });
  if (!number.success) {
    const { issues = number.issues } = v.safeParse(numberSchema, { orderNumber: orderNumber && redact(orderNumber) });
    return { problem: problemsOf(issues).join('; ') };
  }
  const [eventType, statusDesc] = [valueIn('eventType'), valueIn('statusDesc')];
  const isAnnounced = [...fields.values()].some(({ value }) => fieldKey(value) === PRE_REVOCATION);
  const statusCode = [valueIn('statusCode'), valueIn('status'), statusDesc, eventType]
    .map(codeOf)
    .find((code) => code !== undefined);
  if (!isAnnounced && statusCode === undefined && !isProgress(eventType)) {
    const given = ['statusCode', 'status', 'eventType'].flatMap((name) => {
      const value = valueIn(name);
      return value === undefined ? [] : [`${name} ${JSON.stringify(redact(value))}`];
    });
    const event = joinWithLimit(given) || 'no statusCode and no eventType';
    return { problem: `what happened to order ${number.output.orderNumber} is not understood: ${event}` };
  }
  const kind = isAnnounced ? 'announced' : statusCode === REVOKED ? 'revoked' : undefined;
  const isOutcome = statusCode !== undefined && PUSH_CODES.get(statusCode)?.ask;
  return {
    notification: {
      ...number.output,
      certificateID: valueIn('certificateID'),
      eventType,
      statusCode,
      statusDesc,
      ask: isAnnounced ? 'pre-revocation' : isOutcome ? String(statusCode) : undefined,
      revocation: kind && { kind, details: detailsOf(fields, redact) },
    },
  };
}

/** The events that report a step of the validation, such as "Domain Validation". */
function isProgress(eventType: string | undefined): boolean {
  return eventType !== undefined && /validat/i.test(eventType);
}

/** The codes by their meaning in words. The CA documents a push about "issuance" without its fields. */
const CODES_BY_WORDS: ReadonlyMap<string, number> = new Map([
  ...[...PUSH_CODES].toReversed().map(([code, { meaning }]) => [fieldKey(meaning), code] as const),
  ['issuance', 6],
  ['revocation', REVOKED],
  ['replacement', 14],
]);

/** The documented code that a text contains: "6", "06", "Issued" or "Certificate issued". */
function codeOf(text: string | undefined): number | undefined {
  if (text === undefined) {
    return undefined;
  }
  if (/^\d{1,4}$/.test(text)) {
    return PUSH_CODES.has(Number(text)) ? Number(text) : undefined;
  }
  return CODES_BY_WORDS.get(fieldKey(text).replace(/^certificate/, ''));
}

/** The fields of a revocation that a person needs, each with its name in words. */
const DETAILS = {
  statusDesc: '',
  description: '',
  message: '',
  revocationReasonName: 'reason ',
  revocationReasonCode: 'reason code ',
  revocationReason: 'reason ',
  removedDomains: 'removed domains: ',
} as const;

function detailsOf(fields: Fields, redact: (text: string) => string): string {
  const details = Object.entries(DETAILS).flatMap(([name, words]) => {
    const value = fields.get(fieldKey(name))?.value;
    return value === undefined ? [] : [`${words}${redact(value)}`];
  });
  const dates = [...fields.values()].filter(isDate).map(({ name, value }) => redact(`${name} ${value}`));
  return joinWithLimit([...details, ...dates], '; ');
}

/** Whether the name of a field ends like that of a date: `revocationDate`, `revoke_time`, `revokeAt`. */
function isDate({ name }: Field): boolean {
  return /(date|time)(_?utc)?$/i.test(name) || /(At|_at)$/.test(name);
}
