// Plain JavaScript, so that a Node too old to read TypeScript can still run it and say what is wrong.
// 22.18 and 23.6 are the first of their lines that run TypeScript files as they are, without a flag.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18) || (major === 23 && minor < 6)) {
  console.error(
    `Mark Certificate Collector needs Node 22.18 or later, and this is Node ${process.versions.node}: ` +
      'run "npm ci" and then the npm scripts (npm start, npm test, npx cdk ...), which bring Node 24 with them.',
  );
  process.exit(1);
}
