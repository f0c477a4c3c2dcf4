import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { issueScenarioCertificates, SCENARIOS } from '../local/scenarios.ts';
import { EXIT_CODES, isProgram, parseArguments, runCommand, UsageError } from './usage.ts';

const ORDER = '1378973013';
const PROJECT = join(import.meta.dirname, '..', '..');
/** Git ignores this folder. */
const LOCAL = join(PROJECT, '.local');

/** The scenarios that only the CA plays: nobody stores another login, corrects the order or changes a setting meanwhile. */
const PLAYED = Object.fromEntries(
  Object.entries(SCENARIOS).filter(
    ([, { account, secret, settings, wrongDomains, followUp, operatorActions }]) =>
      (account ?? secret ?? settings ?? wrongDomains ?? followUp ?? operatorActions) === undefined,
  ),
);

export const USAGE = `npm run simulator -- [--scenario NAME]

Starts the simulated CA on this machine, with the order ${ORDER}, until Ctrl-C. It prints the command that collects the order.

  --scenario   how the CA answers (default: issued):
${Object.entries(PLAYED)
  .map(([name, { description }]) => `                 ${name.padEnd(18)} ${description}`)
  .join('\n')}

Exit status: 0 after Ctrl-C, 64 wrong usage, 70 internal error.`;

/**
 * Runs the command, and returns its exit code.
 *
 * @param local the folder for the authority, the login and the certificate.
 */
export async function main(args: string[], local = LOCAL): Promise<number> {
  const { values } = parseArguments({
    args,
    allowPositionals: false,
    options: { scenario: { type: 'string', default: 'issued' }, help: { type: 'boolean', short: 'h', default: false } },
  });
  if (values.help) {
    console.log(USAGE);
    return EXIT_CODES.success;
  }
  const scenario = Object.hasOwn(PLAYED, values.scenario) ? PLAYED[values.scenario] : undefined;
  if (!scenario) {
    const names = Object.keys(PLAYED).join(', ');
    throw new UsageError(`--scenario: ${values.scenario} is not accepted; accepted: ${names}`);
  }
  console.log('Creating the simulated CA (the first time, this takes some seconds) ...');
  // The help needs none of them, and to load them takes a while.
  const [{ createCertificateAuthority }, { startCollectMcSimulator }, { serveCrls }] = await Promise.all([
    import('../local/ca/certificate-authority.ts'),
    import('../local/ca/collectmc-simulator.ts'),
    import('../local/cloud/crl-server.ts'),
  ]);
  const stored = await createCertificateAuthority({ directory: join(local, 'ca') });
  const crls = await serveCrls(() => authority.crls());
  const authority = stored.with({ crlServer: crls.url });
  const credentials = { loginName: 'brand@example.com', loginPassword: crypto.randomUUID() };
  const ca = await startCollectMcSimulator({ credentials });
  ca.order(ORDER, scenario.responses(issueScenarioCertificates(authority)));

  const folder = join(local, 'simulator');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const login = join(folder, 'login.txt');
  await writeFile(login, `${credentials.loginName}\n${credentials.loginPassword}\n`, { mode: 0o600 });
  const inProject = (file: string) => relative(PROJECT, file);
  console.log(`The simulated CA answers at ${ca.url}. Its login is in ${inProject(login)}. Ctrl-C ends it.

Collect the order ${ORDER} in another terminal, in this folder:

  npm run -s mark-certificates -- collect ${ORDER} --wait --poll-every PT5S --domain example.com \\
    --login ${inProject(login)} --out ${inProject(join(folder, 'collected'))} \\
    --url ${ca.url} \\
    --trust ${createHash('sha256').update(authority.root).digest('hex')} \\
    --log ${authority.log.key}`);
  await once(process, 'SIGINT');
  await Promise.all([ca.close(), crls.close()]);
  return EXIT_CODES.success;
}

if (isProgram(import.meta.filename)) {
  await runCommand(USAGE, (args) => main(args));
}
