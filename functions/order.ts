import { domainToASCII } from 'node:url';
import * as v from 'valibot';
import { ORDER_NUMBER } from './collectmc/request.ts';

const ORDER_NUMBER_FORM =
  'the digits of an order number, 1 to 16 of them without a leading zero, as text ("1378973013") or as a JSON number up to 9007199254740991';
const DOMAINS_FORM = 'a list of 1 to 100 domain names, like ["example.com"]';
const PRODUCT_FORM = '"VMC" or "CMC"';
const REQUEST_FORM = '1 to 32 letters, digits, "-" and "_", but not a date of eight digits';
const SELECTOR_FORM = 'a BIMI selector: 1 to 63 lower-case letters, digits and hyphens, like "default"';
const REPLACE_FORM = 'true or false';
const KEYS_FORM = 'orderNumber, domains, product, request, selector, replace';

/** Labels of letters, digits and hyphens, at least two of them and the last no number (RFC 1123, 2.1), 253 characters in all. */
const DOMAIN = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Characters that mean something in a URL: the conversion would read `example.com/x` as example.com. */
const NO_DOMAIN = /[\s/?#%@:\\[\]]/;

/** A domain as certificates spell it: A-labels (RFC 5890), lower case, no final dot. */
export const domainSchema = v.pipe(
  v.string(DOMAINS_FORM),
  v.check((name) => !NO_DOMAIN.test(name), DOMAINS_FORM),
  v.transform((name) => domainToASCII(name.replace(/\.$/, ''))),
  v.regex(DOMAIN, DOMAINS_FORM),
);

const orderEntries = {
  orderNumber: v.pipe(
    v.union(
      [
        v.string(),
        // Past 2^53 JSON numbers lose digits on the way: another order would be collected.
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
  // One label of a domain name: it stands before `._bimi.` and in an address.
  selector: v.optional(v.pipe(v.string(SELECTOR_FORM), v.regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, SELECTOR_FORM))),
  // Whether it may be published over a certificate of another owner, or one that covers more.
  replace: v.optional(v.boolean(REPLACE_FORM)),
  // Eight digits are what tells a second attempt from the first in an execution's name.
  request: v.optional(v.pipe(v.string(REQUEST_FORM), v.regex(/^(?!\d{8}(-\d+)?$)[A-Za-z0-9_-]{1,32}$/, REQUEST_FORM))),
};

/** The detail of an event "Mark Certificate Ordered": an order, and what its buyer expects of the certificate. */
export const orderSchema = v.strictObject(orderEntries, KEYS_FORM);

/** What was bought, known by its number. */
export type Order = v.InferOutput<typeof orderSchema>;

/** The same among other keys, as the state of an execution carries it. */
export const orderInStateSchema = v.object(orderEntries, KEYS_FORM);

/**
 * The name of an order's execution, the one place that makes it. An operator types it, and Step Functions refuses a second
 * execution of the same name for 90 days, so a doubled event starts nothing.
 */
export function executionName(order: Pick<Order, 'orderNumber' | 'request'>): string {
  return order.request === undefined ? `order-${order.orderNumber}` : `order-${order.orderNumber}-${order.request}`;
}
