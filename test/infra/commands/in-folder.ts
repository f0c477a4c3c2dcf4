/**
 * A command of `infra/commands/` as a process that keeps its files in another folder than `.local`, with the authority of
 * the tests: creating one takes seconds. Arguments: the name of the command, the folder, and the command's arguments.
 */
import { exitCodeOf } from '../../../infra/commands/usage.ts';

const [, , name = '', folder = '', ...args] = process.argv;
const { USAGE, main } = await import(`../../../infra/commands/${name}.ts`);
process.exitCode = await exitCodeOf(USAGE, () => main(args, folder));
