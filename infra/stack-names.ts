/** How stacks of collectors are named and found. Commands use it without the CDK. */
import { DEFAULT_COLLECTOR } from '../functions/environment.ts';

/** The description of every stack of a collector. Commands find the collectors of an account by it. */
export const STACK_DESCRIPTION = 'Collects mark certificates (VMC, CMC) from the CA into S3';

/** The name of a collector. */
export const COLLECTOR_NAME = /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/;
export const COLLECTOR_NAME_FORM = '1 to 32 lower-case letters, digits and hyphens, without a hyphen at its ends';

/** The stack of a collector: the default name has no suffix. A value that is no name gets none either: it is refused. */
export function stackNameOf(name: unknown): string {
  const isOtherName = typeof name === 'string' && COLLECTOR_NAME.test(name) && name !== DEFAULT_COLLECTOR;
  return isOtherName ? `MarkCertificateCollector-${name}` : 'MarkCertificateCollector';
}

/** The collector in the app's own stack of this name. It is the inverse of {@link stackNameOf}. */
export function collectorNameOf(stackName: string): string {
  return /^MarkCertificateCollector-(.+)$/.exec(stackName)?.[1] ?? DEFAULT_COLLECTOR;
}
