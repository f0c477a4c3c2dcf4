import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { type Endpoint, listenOnLoopback } from './loopback.ts';

/** A message that was published to a topic. */
export interface PublishedMessage {
  readonly topicArn: string;
  readonly subject: string;
  readonly body: string;
}

export interface TopicsEndpoint extends Endpoint {
  /** Every message so far, in the order of arrival. */
  readonly messages: readonly PublishedMessage[];
  /** Runs before a message is accepted. If it throws, the client receives an error of the server. */
  before: (message: PublishedMessage) => void;
}

/** The limits of SNS (AWS: SNS, API reference, Publish): characters of a subject, and bytes of a message. */
const SUBJECT_LIMIT = 100;
const MESSAGE_LIMIT = 262_144;

/**
 * SNS on loopback: Publish, in the protocol "AWS query". It refuses what SNS refuses: a subject that is too long, that is
 * not printable ASCII or that begins with a space, and a message that is empty or too long. It ignores signatures.
 */
export async function startTopicsEndpoint(): Promise<TopicsEndpoint> {
  const messages: PublishedMessage[] = [];
  const server = createServer(async (request, response) => {
    const form = new URLSearchParams(await text(request));
    const message = {
      topicArn: form.get('TopicArn') ?? '',
      subject: form.get('Subject') ?? '',
      body: form.get('Message') ?? '',
    };
    const respond = (status: number, xml: string) =>
      response.writeHead(status, { 'content-type': 'text/xml' }).end(xml);
    if (form.get('Action') !== 'Publish' || !isAccepted(message)) {
      respond(400, errorOf('InvalidParameter', 'Invalid parameter'));
      return;
    }
    try {
      endpoint.before(message);
    } catch (error) {
      respond(500, errorOf('InternalError', String(error)));
      return;
    }
    messages.push(message);
    respond(
      200,
      `<PublishResponse><PublishResult><MessageId>${randomUUID()}</MessageId></PublishResult></PublishResponse>`,
    );
  });
  const endpoint: TopicsEndpoint = { ...(await listenOnLoopback(server)), messages, before: () => {} };
  return endpoint;
}

function isAccepted({ subject, body }: PublishedMessage): boolean {
  const size = Buffer.byteLength(subject) + Buffer.byteLength(body);
  return (
    /^[\x21-\x7e][\x20-\x7e]*$/.test(subject) && subject.length < SUBJECT_LIMIT && body !== '' && size <= MESSAGE_LIMIT
  );
}

function errorOf(code: string, message: string): string {
  const type = code === 'InternalError' ? 'Receiver' : 'Sender';
  return `<ErrorResponse><Error><Type>${type}</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`;
}
