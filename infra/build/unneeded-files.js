// npm runs this at the end of "npm ci" (the script "prepare"): it deletes an eighth of node_modules. Plain JavaScript,
// because the Node of the machine may be older than the installed one.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Not import.meta.dirname, which Node 20 has only since 20.11.
const modules = process.argv[2] ?? fileURLToPath(new URL('../../node_modules', import.meta.url));

// The headers of Node (67 MB) are for packages in C++. The package "node" installs a package for each platform.
const platforms = join(modules, 'node', 'node_modules');
for (const name of existsSync(platforms) ? readdirSync(platforms) : []) {
  rmSync(join(platforms, name, 'include'), { recursive: true, force: true });
}

// The descriptions of the CDK for other programming languages (21 MB), and their examples.
for (const name of ['.jsii', '.jsii.gz', '.jsii.tabl.json.gz']) {
  rmSync(join(modules, 'aws-cdk-lib', name), { force: true });
}
