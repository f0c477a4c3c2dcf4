import { domainToASCII } from 'node:url';
import * as v from 'valibot';
import { ORDER_NUMBER } from './collectmc/request.ts';

const ORDER_NUMBER_FORM =
  'the digits of an order number, 1 to 16 of them without a leading zero, as text ("1378973013") or as a JSON number up to 9007199254740991';
const DOMAINS_FORM = 'a list of 1 to 100 domain names, like ["example.com"]';
const PRODUCT_FORM = '"VMC" or "CMC"';
const REQUEST_FORM =
  '1 to 32 letters, digits, "-" and "_", that are not "push" or "renewal", do not begin with "push-" or "renewal-", and do not end like a date, such as "20261231" or "a-20261231-2"';
const ACCOUNT_FORM = '1 to 32 lower-case letters, digits and hyphens, like "brand-a"';
const EVENT_ACCOUNT_FORM = `${ACCOUNT_FORM}, or null for the default account`;
const SELECTOR_FORM = 'a BIMI selector: 1 to 63 lower-case letters, digits and hyphens, like "default"';
const REPLACE_FORM = 'true or false';
const KEYS_FORM = 'orderNumber, domains, product, account, request, selector, replace';

/**
 * At least two labels of letters, digits and hyphens, the last one not a number (RFC 1123, 2.1); at most 253
 * characters.
 */
const DOMAIN = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Characters with a meaning in a URL: the conversion to A-labels would turn `example.com/x` into example.com. */
const URL_CHARACTERS = /[\s/?#%@:\\[\]]/;

/** A domain in the form that certificates contain: A-labels (RFC 5890) in lower case without a final dot. */
export const domainSchema = v.pipe(
  v.string(DOMAINS_FORM),
  v.check((name) => !URL_CHARACTERS.test(name), DOMAINS_FORM),
  v.transform((name) => domainToASCII(name.replace(/\.$/, ''))),
  v.regex(DOMAIN, DOMAINS_FORM),
);

/** Whether a name can be a domain of an order. A certificate can contain any text, and the names of BIMI records. */
export function isDomain(name: string): boolean {
  const result = v.safeParse(domainSchema, name);
  return result.success && result.output === name;
}

const ACCOUNT = /^[a-z0-9-]{1,32}$/;

const orderEntries = {
  orderNumber: v.pipe(
    v.union(
      [
        v.string(),
        // JSON numbers above 2^53 lose digits, which would name another order.
        v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.transform(String)),
      ],
      ORDER_NUMBER_FORM,
    ),
    v.regex(ORDER_NUMBER, ORDER_NUMBER_FORM),
  ),
  domains: v.optional(
    v.pipe(v.array(domainSchema, DOMAINS_FORM), v.minLength(1, DOMAINS_FORM), v.maxLength(100, DOMAINS_FORM)),
  ),
  product: v.optional(v.picklist(['VMC', 'CMC'], PRODUCT_FORM)),
  // The login at the CA. Without it, the login of the default account is used.
  account: v.optional(v.pipe(v.string(ACCOUNT_FORM), v.regex(ACCOUNT, ACCOUNT_FORM))),
  // One label of a domain name: the BIMI record's name and the published URLs contain it.
  selector: v.optional(v.pipe(v.string(SELECTOR_FORM), v.regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, SELECTOR_FORM))),
  // Whether the certificate may replace a published one of another owner, or one that covers more domains.
  replace: v.optional(v.boolean(REPLACE_FORM)),
};

/**
 * The detail of an event "Mark Certificate Ordered". The executions of a push and of the survey use the prefixes `push` and
 * `renewal` of `request`. A `request` that ends like a date would give two executions the same name: `order-8-a-20260601`
 * is also the second attempt of the request `a`.
 */
export const orderSchema = v.strictObject(
  {
    ...orderEntries,
    // A correction inherits what it leaves out, so the default account needs a value.
    account: v.optional(v.nullable(v.pipe(v.string(EVENT_ACCOUNT_FORM), v.regex(ACCOUNT, EVENT_ACCOUNT_FORM)))),
    request: v.optional(
      v.pipe(
        v.string(REQUEST_FORM),
        v.regex(/^(?!(push|renewal)(-|$))(?!(.*-)?\d{8}(-\d+)?$)[A-Za-z0-9_-]{1,32}$/, REQUEST_FORM),
      ),
    ),
  },
  KEYS_FORM,
);

/** What an event ordered. */
export type OrderEvent = v.InferOutput<typeof orderSchema>;

/** An order at the CA: its number, and what its certificate must cover. */
export type Order = Omit<OrderEvent, 'account'> & { readonly account?: string | undefined };

/** What an event says about an order besides its number. A later event can correct it. */
export type OrderOptions = Pick<Order, 'account' | 'domains' | 'product' | 'selector' | 'replace'>;

/** The names of the options of an order. */
export const OPTION_NAMES = [
  'domains',
  'product',
  'account',
  'selector',
  'replace',
] as const satisfies (keyof OrderOptions)[];

/** The options of an order, without the keys that it lacks. */
export function optionsOf<Options extends Pick<OrderEvent, keyof OrderOptions>>(
  order: Options,
): Pick<Options, keyof OrderOptions> {
  const given = OPTION_NAMES.filter((name) => order[name] !== undefined).map((name) => [name, order[name]]);
  return Object.fromEntries(given) as Pick<Options, keyof OrderOptions>;
}

/** The order in the state of an execution, which has more keys. */
export const orderInStateSchema = v.object(
  {
    ...orderEntries,
    // Any value that an execution of an earlier release, of a push or of the survey can have.
    request: v.optional(v.pipe(v.string(REQUEST_FORM), v.regex(/^[A-Za-z0-9_-]{1,32}$/, REQUEST_FORM))),
    // A check beside another execution of the order: a reply without a certificate ends the execution without a report.
    once: v.optional(v.boolean('true or false')),
    // The seconds before the first check of an execution that the survey started.
    delaySeconds: v.optional(v.number('a number of seconds')),
  },
  KEYS_FORM,
);

/** The name of the secret with the login of an account at the CA. People create it; the stack does not. */
export function accountSecretName(collector: string, account: string): string {
  return `${collector}/accounts/${account}`;
}

/** The options of an order that later collections inherit. */
export const orderOptionsSchema = v.object({
  account: orderEntries.account,
  domains: orderEntries.domains,
  product: orderEntries.product,
  selector: orderEntries.selector,
  replace: orderEntries.replace,
});

/**
 * The name of an order's execution. Operators type it. Step Functions refuses a second execution of the same name for
 * 90 days, so a repeated event starts nothing.
 */
export function executionName(order: Pick<Order, 'orderNumber' | 'request'>): string {
  return order.request === undefined ? `order-${order.orderNumber}` : `order-${order.orderNumber}-${order.request}`;
}

/**
 * A `request` for an event that collects an order again, as messages suggest it: `again-26nov-1205`. It was not used
 * before, unless another message about the order has the same minute (UTC).
 */
export function suggestRequest(at: Date): string {
  const [, day, month = '', , time = ''] = at.toUTCString().split(' ');
  return `again-${day}${month.toLowerCase()}-${time.slice(0, 5).replace(':', '')}`;
}

/** The number of the order in the name of its execution; undefined if the name has another form. */
export function orderNumberOf(execution: string): string | undefined {
  return /^order-(\d+)(-|$)/.exec(execution)?.[1];
}

/** Whether the survey started an execution to ask the CA again about an order that has a certificate. */
export function isRenewalCheck(execution: string): boolean {
  return /^order-\d+-renewal-/.test(execution);
}
