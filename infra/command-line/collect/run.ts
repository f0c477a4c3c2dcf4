import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { DEFAULT_COLLECTOR } from '../../../functions/environment.ts';
import { type OrderOptions, optionsOf } from '../../../functions/order.ts';
import type { ObjectStorage } from '../../../functions/store/objects.ts';
import { knownOptions, openOrderFile, withoutNull } from '../../../functions/store/order-file.ts';
import { openStatus } from '../../../functions/store/status.ts';
import { printable, printableJson } from '../../../functions/text.ts';
import { CommandError } from '../errors.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { listenForSignals } from '../signals.ts';
import { folderError, isSystemError } from '../system-error.ts';
import { type Terminal, wait } from '../terminal.ts';
import { createCheck } from './check.ts';
import { makeFolder } from './files.ts';
import { folderStorage, OutsideFolderError, removeIncomplete, STATE } from './folder-storage.ts';
import { acquireLock, type Lock, LockedError } from './lock.ts';
import { type LoginSource, openLogin } from './login-source.ts';
import { openRejectedLogins, type RejectedLogins } from './logins.ts';
import { begin, isEnded, type OrderState, openOrderState } from './order-state.ts';
import { type CollectOptions, type CollectRequest, readRequest } from './request.ts';
import { type CollectResult, describeResult, describeTime, LOCAL_NEXT_STEPS } from './texts.ts';

/** How often the file of the login is read while an order waits for another login, and how long the process sleeps otherwise. */
const LOGIN_MILLISECONDS = 5_000;
/** The clock can change while the process sleeps, and a laptop can be closed. */
const SLEEP_MILLISECONDS = 60_000;

/** How long a process waits for the call of another order. One takes at most two minutes. */
const CALL_LOCK_MILLISECONDS = 180_000;
const CALL_LOCK_RETRY_MILLISECONDS = 200;

/** Runs the command `collect`. */
export async function runCollect(terminal: Terminal, order: string, options: CollectOptions): Promise<ExitCode> {
  const request = readRequest(order, options);
  const directory = resolve(terminal.folder, options.out);
  const source = await openLogin(options.login, terminal);
  const stop = listenForSignals();
  try {
    const result = await collectInto(directory, request, source, terminal, stop.signal);
    terminal.print(request.json ? printableJson(JSON.stringify(result)) : describeResult(result, new Date()));
    return exitCodeOf(result);
  } catch (error) {
    throw isSystemError(error) || error instanceof OutsideFolderError ? folderError(directory, error) : error;
  } finally {
    stop.close();
  }
}

function exitCodeOf({ outcome, publishable, reason }: CollectResult): ExitCode {
  switch (outcome) {
    case 'issued':
      return publishable ? EXIT_CODES.success : EXIT_CODES.problem;
    case 'failed':
      return EXIT_CODES.problem;
    case 'waiting':
      return reason === 'storage' ? EXIT_CODES.unavailable : EXIT_CODES.waiting;
  }
}

async function collectInto(
  directory: string,
  request: CollectRequest,
  source: LoginSource,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<CollectResult> {
  const { orderNumber } = request;
  await makeFolder(join(directory, STATE, 'orders'));
  const lock = await lockOrder(directory, orderNumber);
  try {
    await removeIncomplete(directory, `orders/${orderNumber}/`);
    const logins = await withCallLock(directory, () =>
      openRejectedLogins(directory, source, (error) =>
        terminal.note(
          `The CA rejected the login, and this could not be stored. This run does not send the login again: ${error}`,
        ),
      ),
    );
    return await collectOrder({ directory, request, source, logins, terminal, signal, lock });
  } finally {
    await lock.release();
  }
}

async function lockOrder(directory: string, orderNumber: string): Promise<Lock> {
  try {
    return await acquireLock(join(directory, STATE, 'locks', `order-${orderNumber}`));
  } catch (error) {
    if (!(error instanceof LockedError)) {
      throw error;
    }
    const { pid, host, since } = error.owner;
    throw new CommandError(
      `Process ${pid} on ${host} is collecting order ${orderNumber} in ${printable(directory)}, since ${since}. This process did not ask the CA.`,
      {
        exitCode: EXIT_CODES.unavailable,
        next: `Wait until process ${pid} ends, or stop it: kill ${pid}`,
        cause: error,
      },
    );
  }
}

/** The CA takes one call at a time, and one order's rejected login must not be sent by another order at the same moment. */
async function withCallLock<T>(directory: string, action: () => Promise<T>): Promise<T> {
  const folder = join(directory, STATE, 'locks', 'call');
  const until = Date.now() + CALL_LOCK_MILLISECONDS;
  for (;;) {
    let lock: Lock;
    try {
      lock = await acquireLock(folder);
    } catch (error) {
      if (!(error instanceof LockedError)) {
        throw error;
      }
      if (Date.now() > until) {
        const { pid, host, since } = error.owner;
        throw new CommandError(
          `Process ${pid} on ${host} is asking the CA about another order, since ${since}. One call may run at a time.`,
          {
            exitCode: EXIT_CODES.unavailable,
            next: `Stop process ${pid}: kill ${pid}`,
            cause: error,
          },
        );
      }
      await wait(CALL_LOCK_RETRY_MILLISECONDS);
      continue;
    }
    try {
      return await action();
    } finally {
      await lock.release();
    }
  }
}

interface Session {
  readonly directory: string;
  readonly request: CollectRequest;
  readonly source: LoginSource;
  readonly logins: RejectedLogins;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  /** The lock of the order. */
  readonly lock: Lock;
}

/** Checks the order when it is due, once or until the collection ends. */
async function collectOrder(session: Session): Promise<CollectResult> {
  const { directory, request, terminal, signal, lock } = session;
  const { orderNumber } = request;
  const storage = folderStorage(directory);
  const file = openOrderState(directory, orderNumber);
  const before = await file.read();
  const isDue = ({ nextCheckAt }: OrderState) => nextCheckAt === undefined || Date.parse(nextCheckAt) <= Date.now();
  if (before && isEnded(before) && !isDue(before)) {
    return resultOf(session, storage, before, false);
  }
  let state: OrderState = before && !isEnded(before) ? before : begin(orderNumber, before, new Date());
  if (state !== before) {
    await file.write(state);
  }
  const options = await writeOrder(storage, request, state.execution);
  const check = createCheck({ ...session, storage, options, file });
  let asked = false;
  let printed = '';
  while (!signal.aborted) {
    if (isDue(state) || (await canAskEarlier(session, state))) {
      const current: OrderState = state;
      const checked = await withCallLock(directory, async () => {
        if (!(await lock.isHeld())) {
          throw new CommandError(
            `Another process now collects order ${orderNumber} in ${printable(directory)}. This process did not ask the CA.`,
            {
              exitCode: EXIT_CODES.unavailable,
              next: 'Stop the other process, or let it continue.',
            },
          );
        }
        return check(current);
      });
      state = checked.state;
      asked ||= checked.asked;
      if (isEnded(state)) {
        break;
      }
    }
    if (!request.wait) {
      break;
    }
    const line = `(${state.collection?.reason ?? 'interrupted'}): ${state.text ?? interrupted(state)}`;
    if (line !== printed) {
      printed = line;
      const when = describeTime(state.nextCheckAt ?? '', new Date());
      terminal.note(
        `${new Date().toISOString()} Order ${orderNumber} is waiting ${line}; the CA is asked again ${when}`,
      );
    }
    await sleepUntilDue(session, state);
  }
  return resultOf(session, storage, state, asked);
}

/**
 * Writes what is ordered into `order.json`, as an event does on AWS. Options that this run does not name stay, or are
 * inherited from earlier collections.
 *
 * @returns the options with which the order is collected.
 */
async function writeOrder(
  storage: ObjectStorage,
  { orderNumber, options: given }: CollectRequest,
  execution: string,
): Promise<OrderOptions> {
  const known = await knownOptions(storage, orderNumber);
  const written = await openOrderFile(storage, orderNumber).update((current) => {
    const isOwn = current?.execution === execution;
    const options = { ...(isOwn ? current.options : known), ...given };
    if (isOwn && isDeepStrictEqual(options, current.options)) {
      return undefined;
    }
    const now = new Date().toISOString();
    return {
      schemaVersion: 1,
      collector: DEFAULT_COLLECTOR,
      orderNumber,
      options,
      execution,
      orderedAt: now,
      updatedAt: now,
    };
  });
  return optionsOf(withoutNull(written?.options ?? {}));
}

/**
 * Whether the order waits for another login than the last one, and there is one now. It is sent at once: the CA has
 * answered the last call, or there was none.
 */
async function canAskEarlier({ logins }: Session, { collection, login = '' }: OrderState): Promise<boolean> {
  if (collection?.reason !== 'credentials' || (login !== '' && !(await logins.isLabelled(login)))) {
    return false;
  }
  const version = await logins.currentVersion();
  return version !== '' && version !== login && !(await logins.isLabelled(version));
}

/** Sleeps until the next check, or until the login may have changed. */
async function sleepUntilDue(
  { source, terminal, signal }: Session,
  { nextCheckAt = '', collection }: OrderState,
): Promise<void> {
  const isWaitingForLogin = collection?.reason === 'credentials' && source.canChange;
  const remaining = Math.max(0, Date.parse(nextCheckAt) - Date.now());
  const limit = isWaitingForLogin ? LOGIN_MILLISECONDS : SLEEP_MILLISECONDS;
  await terminal.wait(Math.min(remaining, limit), signal).catch((error: unknown) => {
    if (!signal.aborted) {
      throw error;
    }
  });
}

function interrupted({ callBegan }: OrderState): string {
  return callBegan === undefined
    ? 'no call to the CA was made yet'
    : `the command ended during the call that began at ${callBegan}; the CA may have received it`;
}

async function resultOf(
  { directory, request: { orderNumber } }: Session,
  storage: ObjectStorage,
  state: OrderState,
  asked: boolean,
): Promise<CollectResult> {
  const { collection, failure, nextCheckAt } = state;
  const { current: status } = await openStatus(storage, orderNumber).read();
  const base = {
    orderNumber,
    folder: join(directory, 'orders', orderNumber),
    asked,
    nextCheckAt,
    collection: collection ?? null,
  };
  if (failure) {
    return { ...base, outcome: 'failed', text: failure.message, nextStep: failure.next, error: failure };
  }
  if (collection?.outcome === 'issued') {
    const { publishable, findings, keys } = collection.certificate ?? {};
    const text = status?.text ?? 'the certificate is stored';
    return {
      ...base,
      outcome: 'issued',
      text,
      publishable: publishable === true,
      ...(findings && { findings }),
      ...(keys && { keys }),
      ...(!publishable && {
        nextStep: 'read what the findings mean in docs/findings.md, then ask the CA to correct the certificate',
      }),
    };
  }
  return {
    ...base,
    outcome: 'waiting',
    text: state.callBegan === undefined ? (state.text ?? interrupted(state)) : interrupted(state),
    ...(collection?.reason && { reason: collection.reason }),
    // A folder that accepts no file does not accept the status either.
    nextStep:
      collection?.reason === 'storage'
        ? LOCAL_NEXT_STEPS.waiting.storage
        : status?.state === 'waiting'
          ? status.nextStep
          : undefined,
  };
}
