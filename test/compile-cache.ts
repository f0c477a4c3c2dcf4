import { join } from 'node:path';

/**
 * Lets the processes of the tests share compiled code, with those of later runs too. It halves the time of a command,
 * which loads the CDK or the AWS clients. The configurations of vitest import this file before any process starts.
 *
 * @see https://nodejs.org/api/module.html#module-compile-cache
 */
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, '..', 'node_modules', '.cache', 'compile');
