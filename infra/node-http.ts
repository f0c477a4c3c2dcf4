/**
 * What the bundles import in place of node:http (functions.ts). An `import` from node:http itself makes Node read all of its
 * exports, and three of them (WebSocket, CloseEvent, MessageEvent) load the whole of fetch when they are read: 10 to 20 ms of a
 * cold start. Those are left out here; the others are the same.
 */
const http = process.getBuiltinModule('node:http');
export default http;
export const {
  Agent,
  ClientRequest,
  createServer,
  get,
  globalAgent,
  IncomingMessage,
  maxHeaderSize,
  METHODS,
  OutgoingMessage,
  request,
  Server,
  ServerResponse,
  setGlobalProxyFromEnv,
  setMaxIdleHTTPParsers,
  STATUS_CODES,
  validateHeaderName,
  validateHeaderValue,
} = http;
