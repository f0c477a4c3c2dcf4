// The part of Lambda's runtime that a cold start needs: loads the handler, invokes it once, and ends. It is plain
// JavaScript, so that the measurement does not include Node's TypeScript stripper. Without arguments it does nothing.
// Arguments: the handler's file, and the event as JSON. The parent process reads the last line of the output.
const [file, event] = process.argv.slice(2);
const { readFileSync, writeSync } = process.getBuiltinModule('node:fs');

const until = Date.now() + 60_000;
const context = {
  functionName: 'collect',
  functionVersion: '$LATEST',
  invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:collect',
  memoryLimitInMB: '512',
  awsRequestId: '00000000-0000-4000-8000-000000000000',
  logGroupName: 'collect',
  logStreamName: 'bench',
  callbackWaitsForEmptyEventLoop: false,
  getRemainingTimeInMillis: () => until - Date.now(),
};

let answer;
if (file) {
  // Like Lambda's runtime: require a CommonJS bundle, import an ES module.
  const { handler } = file.endsWith('.mjs')
    ? await import(file)
    : process.getBuiltinModule('node:module').createRequire(file)(file);
  answer = await handler(JSON.parse(event), context);
}
const { user, system } = process.cpuUsage();
writeSync(1, `\n${JSON.stringify({ answer, cpuMilliseconds: (user + system) / 1000, peakBytes: peakBytes() })}`);
process.exit();

/** The peak resident memory of this process. On Linux getrusage also contains the parent's peak, but VmHWM does not. */
function peakBytes() {
  if (process.platform === 'linux') {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
  }
  return process.resourceUsage().maxRSS * 1024;
}
