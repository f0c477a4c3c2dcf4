import { EventEmitter } from 'node:events';
import https from 'node:https';
import { Readable } from 'node:stream';

/** A request to a server of others. */
export interface OutgoingRequest {
  readonly url: URL;
  readonly method: string;
  /** Empty for a GET. */
  readonly body: string;
}

/** What a server does with a request. */
export type ServerReaction =
  | {
      readonly kind: 'response';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Uint8Array;
      /** The connection breaks after half of the body. */
      readonly isCut?: boolean;
    }
  /** The connection ends without a response, or with the response 101, which closes it. */
  | { readonly kind: 'closed' | 'upgraded' }
  /** The system reports an error, like ECONNRESET. */
  | { readonly kind: 'error'; readonly code: string };

/**
 * Replaces `https.request`, below the project's own HTTP client.
 *
 * @returns the function that restores it.
 */
export function imitateHttps(react: (request: OutgoingRequest) => Promise<ServerReaction>): () => void {
  const { request } = https;
  Object.assign(https, {
    request: (url: URL, { method }: { readonly method: string }) =>
      Object.assign(new EventEmitter(), {
        end(this: EventEmitter, body = '') {
          // Like Node, nothing is emitted before the caller has added its listeners.
          queueMicrotask(() => void react({ url, method, body }).then((reaction) => emit(this, reaction)));
        },
      }),
  });
  return () => Object.assign(https, { request });
}

function emit(request: EventEmitter, reaction: ServerReaction): void {
  switch (reaction.kind) {
    case 'response': {
      const { status, headers, body, isCut = false } = reaction;
      const response = Object.assign(isCut ? cut(body) : Readable.from([body]), { statusCode: status, headers });
      request.emit('response', response);
      break;
    }
    case 'upgraded':
      request.emit('upgrade', { statusCode: 101, headers: {} }, { destroy: () => {} });
      break;
    case 'error':
      request.emit('error', Object.assign(new Error(reaction.code), { code: reaction.code }));
      break;
    case 'closed':
  }
  request.emit('close');
}

/** A body that breaks in its middle. */
function cut(body: Uint8Array): Readable {
  return Readable.from(
    (function* () {
      yield body.subarray(0, Math.floor(body.length / 2));
      throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    })(),
  );
}
