// Lambda's runtime, as far as a cold start needs one: loads the handler, invokes it once, and ends. Plain JavaScript, so that
// Node does not load its TypeScript stripper, which would be measured too. Without arguments it does nothing.
// Arguments: the handler's file, and the event as JSON. The last line of its output is what parent process reads.
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
  // As Lambda's own runtime: a CommonJS bundle is required, an ES module imported.
  const { handler } = file.endsWith('.mjs')
    ? await import(file)
    : process.getBuiltinModule('node:module').createRequire(file)(file);
  answer = await handler(JSON.parse(event), context);
}
const { user, system } = process.cpuUsage();
writeSync(1, `\n${JSON.stringify({ answer, cpuMilliseconds: (user + system) / 1000, peakBytes: peakBytes() })}`);
process.exit();

/** The process's own peak of resident memory. Linux carries the parent's over into getrusage, but not into VmHWM. */
function peakBytes() {
  if (process.platform === 'linux') {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
  }
  return process.resourceUsage().maxRSS * 1024;
}
