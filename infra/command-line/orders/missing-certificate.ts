import { openStatus } from '../../../functions/store/status.ts';
import { type DeployedCollector, withCommandErrors } from '../collector.ts';
import { commandText } from '../command-text.ts';
import { CommandError } from '../errors.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { unknownOrder } from './next.ts';

/** The error about an order without a certificate. It states where the order is. */
export async function missingCertificate(collector: DeployedCollector, orderNumber: string): Promise<CommandError> {
  const storage = await collector.storage();
  const { current, damage } = await withCommandErrors(
    `The status of order ${orderNumber} cannot be read`,
    () => openStatus(storage, orderNumber).read(),
    's3:GetObject',
  );
  if (current === undefined && damage === undefined) {
    return unknownOrder(collector, orderNumber);
  }
  const why = current?.reason ?? current?.error;
  const state = current === undefined ? '' : ` It is ${current.state}${why === undefined ? '' : ` (${why})`}.`;
  return new CommandError(`Order ${orderNumber} has no certificate.${state}`, {
    exitCode: current?.state === 'waiting' ? EXIT_CODES.waiting : EXIT_CODES.problem,
    next: commandText(['status', orderNumber], collector.selection),
  });
}
