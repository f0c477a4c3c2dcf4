// A process that runs one survey with the deployed handler, as Lambda does, and invokes it again while the survey continues
// itself. It is plain JavaScript, so that its memory does not include Node's TypeScript stripper. Arguments: the handler's
// file, the address of the name server, the seconds of an invocation, and the server of the CRLs. It sends what the survey took to its parent,
// survey.ts, which answers "continuations" with the events by which the survey continues.
import dns from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { syncBuiltinESMExports } from 'node:module';

const [file, nameServer, seconds, crlServer] = process.argv.slice(2);

// The handler creates its resolver itself, with the name servers of the system.
dns.Resolver = class extends dns.Resolver {
  constructor(options) {
    super(options);
    this.setServers([nameServer]);
  }
};
// The handler downloads CRLs from public addresses only, by names in certificates.
const { request } = http;
http.request = (url, ...others) =>
  request(url.hostname === 'crls.mark-certificates.test' ? new URL(url.pathname, crlServer) : url, ...others);
syncBuiltinESMExports();
const { handler } = await import(file);

const started = performance.now();
const before = process.cpuUsage();
let invocations = 0;
let events = [{}];
while (events.length > 0) {
  for (const event of events) {
    invocations += 1;
    await handler(event, createContext());
  }
  events = await new Promise((resolve) => {
    process.once('message', resolve);
    process.send('continuations');
  });
}
const { user, system } = process.cpuUsage(before);
const run = {
  cpuSeconds: (user + system) / 1e6,
  seconds: (performance.now() - started) / 1000,
  peakBytes: peakBytes(),
  invocations,
};
process.send(run, () => process.exit());

function createContext() {
  const until = performance.now() + seconds * 1000;
  return {
    functionName: 'survey',
    functionVersion: '$LATEST',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:survey',
    memoryLimitInMB: '512',
    awsRequestId: crypto.randomUUID(),
    logGroupName: 'survey',
    logStreamName: 'bench',
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => until - performance.now(),
  };
}

/** The peak resident memory of this process. On Linux getrusage also contains the parent's peak, but VmHWM does not. */
function peakBytes() {
  if (process.platform === 'linux') {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
  }
  return process.resourceUsage().maxRSS * 1024;
}
