/** The exit codes of every command. 64 and 70 are those of sysexits.h. */
export const EXIT_CODES = {
  success: 0,
  /** Something is wrong with a certificate, an order or a deployment. */
  problem: 1,
  /** Something cannot be read or reached. */
  unavailable: 2,
  /** The order still waits, for the CA or for a person. */
  waiting: 3,
  usage: 64,
  internalError: 70,
} as const;

/** One of {@link EXIT_CODES}. */
export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];
