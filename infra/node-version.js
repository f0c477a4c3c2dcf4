// Plain JavaScript, so that a version of Node that cannot run TypeScript can still print this message.
// 22.18 and 23.6 are the first versions of their lines that run TypeScript files without a flag.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18) || (major === 23 && minor < 6)) {
  console.error(
    `Node ${process.versions.node} is too old: Mark Certificate Collector needs Node 22.18 or later (23.6 or later of Node 23). ` +
      'Run "npm ci", then use the npm scripts and npx (npm start, npm test, npx cdk ...): they use the installed Node 24.',
  );
  process.exit(1);
}
