/**
 * Runs before each file of tests. The files of a worker share its process, so each begins with the environment with which
 * the process started, whatever the file before it changed.
 */
interface Original {
  readonly object: NodeJS.ProcessEnv;
  readonly variables: NodeJS.ProcessEnv;
}

const shared = globalThis as { originalEnvironment?: Original };
shared.originalEnvironment ??= { object: process.env, variables: { ...process.env } };
const { object, variables } = shared.originalEnvironment;
// Local clouds replace the object.
process.env = object;
for (const name of Object.keys(object)) {
  if (!(name in variables)) {
    delete object[name];
  }
}
Object.assign(object, variables);
