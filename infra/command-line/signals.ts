/** The end of a wait by a signal. */
export interface Interruption {
  /** Is aborted by the first signal. */
  readonly signal: AbortSignal;
  /** Lets signals end the process again. */
  readonly close: () => void;
}

/** Ctrl-C and SIGTERM end a wait at the next moment at which nothing is lost. A second signal ends the process at once. */
export function listenForSignals(): Interruption {
  const controller = new AbortController();
  const abort = () => controller.abort();
  process.once('SIGINT', abort).once('SIGTERM', abort);
  return {
    signal: controller.signal,
    close: () => process.off('SIGINT', abort).off('SIGTERM', abort),
  };
}
