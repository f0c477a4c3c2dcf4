import { relative } from 'node:path';
import { EmulatorError } from '../local/emulator/emulator.ts';
import { LOCAL_UP_DIRECTORY } from '../local/emulator/state.ts';
import { LOGIN_FILE, startAndDeploy } from '../local/emulator/up.ts';
import { EXIT_CODES, parseArguments, runCommand, UsageError } from './usage.ts';

const USAGE = `npm run local:up -- [-c SETTING=VALUE]...

Starts an AWS emulator and a simulated CA on this machine, and deploys the stack to the emulator with npm run deploy. Both run
until npm run local:down.

  -c  a setting of the stack, as for cdk deploy: -c responseFormat=zip, -c collectUrl=http://127.0.0.1:8080/...

Exit status: 0 deployed, 1 not deployed, 64 wrong usage, 70 internal error.`;

function readSetting(text: string): [string, string] {
  const [, name = '', value = ''] = /^([A-Za-z]+)=(.*)$/s.exec(text) ?? [];
  if (name === '') {
    throw new UsageError(`-c: ${text} is not accepted; accepted: SETTING=VALUE`);
  }
  return [name, value];
}

function instructions(orders: Awaited<ReturnType<typeof startAndDeploy>>): string {
  const order = orders[0]?.orderNumber;
  const detail = JSON.stringify(JSON.stringify({ orderNumber: order }));
  return `
The imitations of AWS and the CA run on this machine until npm run local:down. The collector asks for each order every ten seconds. The CA has
these orders:

${orders.map(({ orderNumber, description }) => `  ${orderNumber}  ${description}`).join('\n')}

npm run local -- COMMAND runs a command against them. To order a certificate, to wait until it is collected, and to download it:

  npm run local -- aws events put-events --entries '[{"Source": "mark-certificates", "DetailType": "Mark Certificate Ordered", "Detail": ${detail}}]'
  npm run local -- sh -c 'aws s3api wait object-exists --bucket "$BUCKET" --key orders/${order}/certificate.json'
  npm run local -- sh -c 'aws s3 cp --recursive "s3://$BUCKET/orders/${order}/" .local/orders/${order}/'

npm run local alone starts a shell for the commands of docs/runbook.md. Redrives, alarms and saved queries do not work in it.
The login at the CA is in ${relative(process.cwd(), LOGIN_FILE)} and in the secret. Logs are in ${relative(process.cwd(), LOCAL_UP_DIRECTORY)}.`;
}

await runCommand(USAGE, async (args) => {
  const { values } = parseArguments({
    args,
    options: {
      context: { type: 'string', short: 'c', multiple: true, default: [] },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return EXIT_CODES.success;
  }
  try {
    const orders = await startAndDeploy(Object.fromEntries(values.context.map(readSetting)), console.log);
    console.log(instructions(orders));
    return EXIT_CODES.success;
  } catch (error) {
    if (!(error instanceof EmulatorError)) {
      throw error;
    }
    console.error(error.message);
    return EXIT_CODES.problem;
  }
});
