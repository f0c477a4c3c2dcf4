/** The pushes of the simulated CA. */

/** A notification about a mark certificate, and how the CA sends it. */
export interface PushNotification {
  readonly method: 'GET' | 'POST';
  readonly contentType?: string;
  /** The query of a GET, the body of a POST. */
  readonly content: string;
}

/** What a notification is about. */
export interface PushedOrder {
  readonly orderNumber: string;
  /** The product decides only the file names in the examples of `bimi-l` and `bimi-a`. */
  readonly product: 'VMC' | 'CMC';
  readonly domain: string;
  /** PEM of the certificate and of its issuers, if their delivery is on. */
  readonly certificates?: { readonly certificate: string; readonly caCertificate: string };
}

/** The fields of every notification. */
const common = ({ orderNumber }: PushedOrder) => ({ orderNumber, certificateID: '7654321' });

/** The fields that certificate events may carry since November 2025. */
const extended = ({ product, domain }: PushedOrder) => ({
  removedDomains: '',
  revocationReasonCode: '',
  revocationReasonName: '',
  'bimi-l': `https://bimi.${domain}/${product.toLowerCase()}.svg`,
  'bimi-a': `https://bimi.${domain}/${product.toLowerCase()}.pem`,
});

/** Every notification of which something is known. The CA documents a form, and no content type for the last one. */
export const PUSH_NOTIFICATIONS = {
  'domain-validated': (order) => asQuery({ ...common(order), eventType: 'Domain Validation' }),
  'identity-validated': (order) => asQuery({ ...common(order), eventType: 'Identity Validation' }),
  'awaiting-brand-validation': (order) => certificateEvent(order, 12, 'Awaiting brand validation'),
  issued: (order) => certificateEvent(order, 6, 'Issued'),
  replaced: (order) => certificateEvent(order, 14, 'Replaced'),
  rejected: (order) => certificateEvent(order, 7, 'Rejected'),
  revoked: (order) =>
    certificateEvent(order, 8, 'Revoked', {
      revocationReasonCode: '5',
      revocationReasonName: 'cessationOfOperation',
      removedDomains: order.domain,
    }),
  'pre-revocation': (order) => ({
    method: 'POST',
    contentType: 'application/json',
    content: JSON.stringify({
      ...common(order),
      eventType: 'PreRevocationNotification',
      ...extended(order),
      removedDomains: [order.domain],
      revocationReasonCode: 5,
      revocationReasonName: 'cessationOfOperation',
    }),
  }),
} as const satisfies Record<string, (order: PushedOrder) => PushNotification>;

/** A status is a GET; with certificates the same fields are a form. */
function certificateEvent(
  order: PushedOrder,
  statusCode: number,
  status: string,
  more: Readonly<Record<string, string>> = {},
): PushNotification {
  const fields = {
    ...common(order),
    eventType: 'Certificate',
    status,
    statusCode: String(statusCode),
    statusDesc: `Certificate ${status.toLowerCase()}`,
    ...extended(order),
    ...more,
  };
  return order.certificates ? asForm({ ...fields, ...order.certificates }) : asQuery(fields);
}

function asQuery(fields: Readonly<Record<string, string>>): PushNotification {
  return { method: 'GET', content: new URLSearchParams(fields).toString() };
}

function asForm(fields: Readonly<Record<string, string>>): PushNotification {
  return {
    method: 'POST',
    contentType: 'application/x-www-form-urlencoded',
    content: new URLSearchParams(fields).toString(),
  };
}

/** Sends a notification, and returns the HTTP status of the response. */
export async function sendPush(
  url: string,
  { method, contentType, content }: PushNotification,
  login: { readonly username: string; readonly password: string },
): Promise<number> {
  const authorization = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
  const response =
    method === 'GET'
      ? await fetch(`${url}?${content}`, { headers: { authorization } })
      : await fetch(url, {
          method,
          headers: { authorization, ...(contentType !== undefined && { 'content-type': contentType }) },
          body: content,
        });
  await response.text();
  return response.status;
}
