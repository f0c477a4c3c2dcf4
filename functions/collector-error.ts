/**
 * The base of this project's errors. Each subclass states its name as a literal: the name of the class, or the name
 * that Step Functions, alarms and the runbook match.
 */
export abstract class CollectorError extends Error {
  abstract override readonly name: string;
}
