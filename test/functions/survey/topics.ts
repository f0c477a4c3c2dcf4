import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { listenOnLoopback } from '../../../infra/local/cloud/loopback.ts';

const NAMESPACE = 'xmlns="http://sns.amazonaws.com/doc/2010-03-31/"';

/**
 * GetTopicAttributes of SNS on loopback, in its protocol of forms and XML.
 *
 * @param confirmed the confirmed subscriptions of each topic, by ARN. Other topics do not exist.
 */
export async function startTopics(confirmed: ReadonlyMap<string, number>) {
  const server = createServer(async (request, response) => {
    const form = new URLSearchParams(await text(request));
    const count = form.get('Action') === 'GetTopicAttributes' ? confirmed.get(form.get('TopicArn') ?? '') : undefined;
    const entry = `<entry><key>SubscriptionsConfirmed</key><value>${count}</value></entry>`;
    const [status, body] =
      count === undefined
        ? [
            404,
            `<ErrorResponse ${NAMESPACE}><Error><Code>NotFound</Code><Message>no topic</Message></Error></ErrorResponse>`,
          ]
        : [
            200,
            `<GetTopicAttributesResponse ${NAMESPACE}><GetTopicAttributesResult><Attributes>${entry}</Attributes></GetTopicAttributesResult></GetTopicAttributesResponse>`,
          ];
    response.writeHead(status, { 'content-type': 'text/xml' }).end(body);
  });
  return listenOnLoopback(server);
}
