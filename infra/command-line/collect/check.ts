import { type CheckRecord, type Collection, createCollect } from '../../../functions/collect/collect.ts';
import { openStore } from '../../../functions/collect/store.ts';
import { createCrlDownload } from '../../../functions/crl-download.ts';
import { DEFAULT_COLLECTOR } from '../../../functions/environment.ts';
import { CollectionError } from '../../../functions/errors.ts';
import { FAILED, REVOKED, WAITING } from '../../../functions/events.ts';
import { isLoopback, sendHttp } from '../../../functions/http.ts';
import type { OrderOptions } from '../../../functions/order.ts';
import type { ObjectStorage } from '../../../functions/store/objects.ts';
import type { Terminal } from '../terminal.ts';
import type { RejectedLogins } from './logins.ts';
import type { OrderState, openOrderState } from './order-state.ts';
import type { CollectRequest } from './request.ts';
import { LOCAL_NEXT_STEPS } from './texts.ts';

/** The time of one check, in milliseconds. The function Collect has half of it on AWS; here, nothing ends it. */
const CHECK_MILLISECONDS = 120_000;

/** What a check needs. */
export interface CheckDependencies {
  readonly directory: string;
  readonly request: CollectRequest;
  readonly storage: ObjectStorage;
  /** The options with which the order is collected. */
  readonly options: OrderOptions;
  readonly logins: RejectedLogins;
  readonly file: ReturnType<typeof openOrderState>;
  readonly terminal: Terminal;
}

/**
 * Creates the function that checks the order once, with the code of the Lambda function Collect. It returns the new state,
 * and whether the CA was asked: a rejected login is not sent again. The state is written
 * before the call and after it: a process that is killed in between cannot know whether the CA was asked, so the next
 * one waits as long as after a call.
 */
export function createCheck({ directory, request, storage, options, logins, file, terminal }: CheckDependencies) {
  const { orderNumber, url, format, pollSeconds, giveUpSeconds, trustAnchors, ctLogs } = request;
  const store = openStore(storage);
  /** What the last check reports of itself. */
  const records: CheckRecord[] = [];
  const collect = createCollect({
    url,
    format,
    pollSeconds,
    giveUpSeconds,
    credentials: logins.lookup,
    http: sendHttp,
    bucket: directory,
    trustAnchors,
    ctLogs,
    publishedUrl: undefined,
    collector: DEFAULT_COLLECTOR,
    nextSteps: LOCAL_NEXT_STEPS,
    archive: async (order) => store.archive(order),
    status: async (order) => store.status(order),
    readOptions: store.options,
    // A CA on this machine, as in the simulation, also has its CRLs here.
    downloadCrls: createCrlDownload({ allowLoopback: isLoopback(new URL(url)) }),
    reportNotMade: (_, error) =>
      terminal.note(`report.html could not be made; the certificate is stored without it: ${error}`),
    revocationNotChecked: (_, error) =>
      terminal.note(`The CRLs could not be checked; the certificate is stored without their result: ${error}`),
    keepUnreadable: store.keepUnreadable,
    // Nobody receives events here. The command itself prints how a collection ends.
    async sendEvent(detailType, detail) {
      if (request.wait && detailType === WAITING && 'nextStep' in detail) {
        terminal.note(`Order ${orderNumber} needs a person: ${detail.nextStep}`);
      } else if (request.wait && (detailType === REVOKED || detailType === FAILED) && 'text' in detail) {
        terminal.note(`Order ${orderNumber}: ${detail.text}`);
      }
    },
    observe(check) {
      records.push(check);
    },
    unreported: (_, error) => terminal.note(`Some files could not be written. The next check tries again: ${error}`),
    now: () => new Date(),
    random: Math.random,
  });

  return async (state: OrderState): Promise<{ readonly state: OrderState; readonly asked: boolean }> => {
    const began = Date.now();
    records.length = 0;
    const { callBegan: _, text: _text, ...before } = state;
    const nextCheckAt = new Date(began + pollSeconds * 1000).toISOString();
    const calling: OrderState = {
      ...before,
      ...(state.text !== undefined && { text: state.text }),
      login: await logins.currentVersion(),
      callBegan: new Date(began).toISOString(),
      nextCheckAt,
    };
    await file.write(calling);
    const { execution, startedAt, collection: previous, login } = calling;
    const order = { orderNumber, ...options, ...(previous && { collection: previous }) };
    const ended = (): OrderState => ({
      ...before,
      ...(login !== undefined && { login }),
      nextCheckAt,
      ...(records.at(-1)?.text !== undefined && { text: records.at(-1)?.text }),
    });
    let next: OrderState;
    try {
      const collection: Collection = await collect(
        { order, execution, startedAt },
        () => CHECK_MILLISECONDS - (Date.now() - began),
      );
      next = { ...ended(), ...(collection.nextCheckAt && { nextCheckAt: collection.nextCheckAt }), collection };
    } catch (error) {
      if (!(error instanceof CollectionError) || error.name === 'InvalidInput') {
        throw error;
      }
      // The message of the error ends with what an operator of a deployed collector must do.
      const message = records.at(-1)?.text ?? error.message;
      next = { ...ended(), failure: { name: error.name, message, next: LOCAL_NEXT_STEPS.failed[error.name] } };
    }
    await file.write(next);
    return { state: next, asked: records.at(-1)?.milliseconds !== undefined };
  };
}
