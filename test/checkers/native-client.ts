/**
 * Replaces the native part of AWS's runtime client, which is C++ over HTTP and needs a compiler: the same three calls of
 * the Runtime API, in JavaScript. Node loads this file before the client (`--import`).
 */
import { registerHooks } from 'node:module';

const API = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;

/** The client calls `done` and `error` without waiting, as the native part blocks until they have ended. */
let posted: Promise<unknown> = Promise.resolve();

/** Waits for the next event. */
export async function next(): Promise<{ readonly bodyJson: string; readonly headers: Record<string, string> }> {
  await posted;
  const response = await fetch(`${API}/next`);
  return { bodyJson: await response.text(), headers: Object.fromEntries(response.headers) };
}

/** Posts the result of a handler. */
export function done(id: string, body: string): void {
  posted = fetch(`${API}/${id}/response`, { method: 'POST', body });
}

/** Posts the error of a handler. */
export function error(id: string, body: string): void {
  posted = fetch(`${API}/${id}/error`, { method: 'POST', body });
}

registerHooks({
  resolve: (specifier, context, nextResolve) =>
    specifier.endsWith('rapid-client.node')
      ? { url: import.meta.url, format: 'module-typescript', shortCircuit: true }
      : nextResolve(specifier, context),
});
