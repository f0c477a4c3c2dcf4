/**
 * Replaces node:http in the bundles (build/function-bundle.ts): the SDK imports it for plain-http endpoints. An `import` of
 * node:http makes Node read all of its exports, and three of them (WebSocket, CloseEvent, MessageEvent) load all of fetch
 * when they are read: 10 to 20 ms of a cold start. This module leaves these three out; the other exports are the same.
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
