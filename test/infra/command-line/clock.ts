import { onTestFinished, vi } from 'vitest';

/**
 * Sets the clock of this process instead of waiting, until the end of the test: the clock stands still otherwise. The
 * servers of this process have the same clock, processes do not.
 *
 * @returns a wait for `run`.
 */
export function stopClock(): (milliseconds: number, signal?: AbortSignal) => Promise<void> {
  if (!vi.isFakeTimers()) {
    vi.useFakeTimers({ toFake: ['Date'], now: vi.getRealSystemTime() });
    onTestFinished(() => {
      vi.useRealTimers();
    });
  }
  return async (milliseconds, signal) => {
    signal?.throwIfAborted();
    vi.setSystemTime(Date.now() + milliseconds);
  };
}
