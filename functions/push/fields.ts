/** A field as the CA wrote it. */
export interface Field {
  readonly name: string;
  /** Never empty: an empty field counts as missing. */
  readonly value: string;
}

/** The fields of one notification, by {@link fieldKey}. */
export type Fields = ReadonlyMap<string, Field>;

/** What a request contains besides its headers. */
export interface PushContent {
  readonly query: string;
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
}

/** The content of a request, read as far as its format is known. */
export interface ReadContent {
  /** The fields of each notification, at most {@link NOTIFICATIONS_LIMIT}. */
  readonly notifications: readonly Fields[];
  /** Whether the content has more notifications. */
  readonly hasMore: boolean;
  /** Whether the body is JSON. */
  readonly isJson: boolean;
  /** Every text in the content, decoded. */
  readonly texts: readonly string[];
}

/** The maximum number of notifications in one request: each takes some calls of AWS, and the function has 15 seconds. */
export const NOTIFICATIONS_LIMIT = 50;

/** The maximum depth of values in a body. */
const DEPTH_LIMIT = 8;

/** The type of the event with which the CA announces a revocation, as {@link fieldKey} writes it. */
export const PRE_REVOCATION = 'prerevocationnotification';

/** The key of the field that makes an object a notification. */
const ORDER_NUMBER = 'ordernumber';

/** The form in which names are compared: `order_number`, `Order-Number` and `orderNumber` are one field. */
export function fieldKey(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/**
 * Reads the fields of a request from its query and its body: a form, JSON or multipart. The CA documents a form, and for
 * some events no format at all, so the content decides, not its type. JSON may be nested, and contain several
 * notifications in lists; fields around a list belong to each of them. It never throws.
 */
export async function readContent({ query, body, contentType }: PushContent): Promise<ReadContent> {
  const around = readForm(query);
  const { value, isJson = false } = await readBody(body, contentType);
  const { fields } = inspect(around, 0);
  const inBody = first(NOTIFICATIONS_LIMIT + 1, expand(value, fields, 0));
  const found = inBody.length > 0 ? inBody : first(NOTIFICATIONS_LIMIT + 1, expand(around, new Map(), 0));
  return {
    notifications: found.slice(0, NOTIFICATIONS_LIMIT),
    hasMore: found.length > NOTIFICATIONS_LIMIT,
    isJson,
    texts: [...textsIn([around, value], 0)],
  };
}

/** `value` is undefined if the body is empty, or of an unknown format. */
async function readBody(
  body: Uint8Array,
  contentType: string | undefined,
): Promise<{ readonly value?: unknown; readonly isJson?: boolean }> {
  if (contentType !== undefined && /^\s*multipart\//i.test(contentType)) {
    return { value: await readMultipart(body, contentType) };
  }
  const text = new TextDecoder().decode(body).trim();
  if (text === '' || text.startsWith('<')) {
    return {};
  }
  const json = parseJson(text);
  if (json !== undefined) {
    return { value: json, isJson: true };
  }
  // A form of the type text/plain has one field in each line.
  return text.startsWith('{') || text.startsWith('[') ? {} : { value: readForm(text.replaceAll(/\r?\n/g, '&')) };
}

async function readMultipart(body: Uint8Array, contentType: string): Promise<unknown> {
  try {
    const response = new Response(new Uint8Array(body), { headers: { 'content-type': contentType } });
    const entries: [string, string][] = [];
    for (const [name, value] of await response.formData()) {
      entries.push([name, typeof value === 'string' ? value : await value.text()]);
    }
    return groupEntries(entries);
  } catch {
    return undefined;
  }
}

function readForm(text: string): object {
  return groupEntries([...new URLSearchParams(text)]);
}

/** The entries of a form as an object: a name that occurs several times has a list, and a value can contain JSON. */
function groupEntries(entries: readonly (readonly [string, string])[]): object {
  const values = new Map<string, unknown[]>();
  for (const [name, text] of entries) {
    const value = /^\s*[{[]/.test(text) ? (parseJson(text) ?? text) : text;
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  return Object.fromEntries([...values].map(([name, all]) => [name, all.length === 1 ? all[0] : all]));
}

/** The value of a JSON text that contains more than a number or a word; undefined for any other text. */
function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function first<Item>(count: number, items: Iterable<Item>): Item[] {
  const taken: Item[] = [];
  for (const item of items) {
    taken.push(item);
    if (taken.length === count) {
      break;
    }
  }
  return taken;
}

/** The fields of each notification in a value. Fields of the value itself replace those around it. */
function* expand(value: unknown, around: Fields, depth: number): Generator<Fields> {
  if (depth > DEPTH_LIMIT) {
    return;
  }
  if (Array.isArray(value)) {
    for (const each of value) {
      yield* expand(each, around, depth + 1);
    }
    return;
  }
  if (!isObject(value)) {
    return;
  }
  const { fields, lists } = inspect(value, depth);
  const merged = new Map([...around, ...fields]);
  let count = 0;
  for (const list of lists) {
    for (const each of expand(list, merged, depth + 1)) {
      count += 1;
      yield each;
    }
  }
  if (count === 0) {
    yield merged;
  }
}

interface Inspected {
  readonly fields: Map<string, Field>;
  /** The values that contain separate notifications. */
  readonly lists: unknown[];
}

/** The maximum number of fields of one object. A push has about 20. Each level of nesting can double them. */
const FIELDS_LIMIT = 1000;

/** The fields of an object and of the objects in it; an outer field has precedence. */
function inspect(object: object, depth: number): Inspected {
  const fields = new Map<string, Field>();
  const lists: unknown[] = [];
  const nested: { readonly name: string; readonly value: object; readonly inner: Inspected }[] = [];
  for (const [name, value] of Object.entries(object)) {
    if (Array.isArray(value) && value.some((each) => typeof each === 'object')) {
      lists.push(value);
    } else if (isObject(value) && !Array.isArray(value)) {
      if (depth < DEPTH_LIMIT) {
        nested.push({ name, value, inner: inspect(value, depth + 1) });
      }
    } else {
      add(fields, name, textOf(value));
    }
  }
  // Two orders beside each other are two notifications.
  const orders = nested.filter(({ inner }) => inner.fields.has(ORDER_NUMBER));
  const areSeparate = orders.length > 1 && !fields.has(ORDER_NUMBER);
  for (const { name, value, inner } of nested) {
    if (areSeparate && inner.fields.has(ORDER_NUMBER)) {
      lists.push(value);
      continue;
    }
    for (const [key, field] of inner.fields) {
      add(fields, field.name, field.value);
      // {"order": {"number": "1"}} contains an orderNumber, and {"event": {"type": "x"}} an eventType.
      if (!key.startsWith(fieldKey(name))) {
        add(fields, `${name}_${field.name}`, field.value);
      }
    }
    // {"PreRevocationNotification": {…}} names the event.
    if (fieldKey(name) === PRE_REVOCATION) {
      add(fields, 'eventType', name);
    }
    lists.push(...inner.lists);
  }
  return { fields, lists };
}

function add(fields: Map<string, Field>, name: string, value: string): void {
  if (fields.size >= FIELDS_LIMIT) {
    return;
  }
  const key = fieldKey(name);
  if (value !== '' && !fields.has(key)) {
    fields.set(key, { name, value });
  }
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) {
    return [...new Set(value.map(textOf))].filter((each) => each !== '').join(', ');
  }
  // A JSON number above 2^53 has lost digits, which would name another order.
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return value.toExponential();
  }
  return typeof value === 'string' ? value.trim() : value === null || value === undefined ? '' : String(value);
}

/** Every text in a value, names included. */
function* textsIn(value: unknown, depth: number): Generator<string> {
  if (typeof value === 'string') {
    yield value;
  } else if (isObject(value) && depth <= DEPTH_LIMIT + 1) {
    for (const [name, each] of Object.entries(value)) {
      yield name;
      yield* textsIn(each, depth + 1);
    }
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
