import { Logger } from '@aws-lambda-powertools/logger';
import { printableLines } from './text.ts';

/**
 * The logger of a function. Log lines quote certificates, replies of the CA and events, so every string in them is made
 * printable: JSON itself leaves C1 controls and the characters that change the direction of a text as they are.
 */
export function createLogger(serviceName: string): Logger {
  return new Logger({
    serviceName,
    jsonReplacerFn: (_, value) => (typeof value === 'string' ? printableLines(value) : value),
  });
}
