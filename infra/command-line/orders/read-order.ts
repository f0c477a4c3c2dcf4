import type { DescribeExecutionCommandOutput } from '@aws-sdk/client-sfn';
import { type Executions, findExecution, isRunning, listRunningExecutions } from '../../../functions/executions.ts';
import { executionName, orderNumberOf } from '../../../functions/order.ts';
import { schemaProblems } from '../../../functions/store/json.ts';
import { manifestKey, parseManifest, type StoredManifest } from '../../../functions/store/manifest.ts';
import type { ObjectStorage } from '../../../functions/store/objects.ts';
import { openStatus } from '../../../functions/store/status.ts';
import { type DeployedCollector, withCommandErrors } from '../collector.ts';
import { CommandError } from '../errors.ts';
import { readNextCheck } from '../next-check.ts';
import { readCaaWarnings } from './caa.ts';
import { type OrderState, orderState } from './order-state.ts';

/** One order with what its execution contains. */
export interface ReadOrder {
  readonly state: OrderState;
  /** How Step Functions describes the execution; undefined if it is deleted, or could not be read. */
  readonly execution: DescribeExecutionCommandOutput | undefined;
  /** When the CA is asked again: a moment in the past if it is asked now; undefined if it is not known. */
  readonly nextCheckAt: string | undefined;
  /** When the execution of the order started; undefined if it is not known. */
  readonly startedAt: string | undefined;
  /** What could not be read about its execution. */
  readonly notes: readonly string[];
  /** What else could not be read. */
  readonly otherNotes: readonly string[];
}

/**
 * Reads an order from the bucket, and its execution.
 *
 * @returns undefined if the collector knows no such order.
 * @throws {CommandError} if the bucket cannot be read.
 */
export async function readOrder(
  collector: DeployedCollector,
  orderNumber: string,
  now: Date,
): Promise<ReadOrder | undefined> {
  const storage = await collector.storage();
  const executions = await collector.executions();
  const before = await readStored(storage, orderNumber);
  const name = before.status?.execution ?? before.manifest?.execution ?? executionName({ orderNumber });
  const notes: string[] = [];
  const found = await readExecution(executions, orderNumber, name).catch((error) => {
    if (error instanceof CommandError) {
      notes.push(`${error.message} It is not known whether the execution runs.`);
      return undefined;
    }
    throw error;
  });
  // The execution may have ended since the status was read.
  const stored = before.status?.state === 'waiting' ? await readStored(storage, orderNumber) : before;
  const { status, manifest, damage } = stored;
  if (status === undefined && manifest === null && damage.length === 0 && found?.execution === undefined) {
    return undefined;
  }
  const otherNotes: string[] = [];
  const caa = await readCaaWarnings(storage, otherNotes);
  const state = orderState({ orderNumber, ...stored, running: found?.running }, now, caa);
  const [running] = found?.running ?? [];
  return {
    state,
    execution: found?.execution,
    nextCheckAt: running === undefined ? undefined : await nextCheckOf(executions, running, notes),
    startedAt: status?.startedAt ?? found?.execution?.startDate?.toISOString(),
    notes,
    otherNotes,
  };
}

/**
 * Reads the current manifest of an order.
 *
 * @returns undefined if there is none.
 * @throws {CommandError} if it cannot be read.
 */
export async function readManifest(
  storage: ObjectStorage,
  orderNumber: string,
): Promise<{ readonly manifest?: StoredManifest; readonly bytes: Uint8Array; readonly damage?: string } | undefined> {
  const key = manifestKey(orderNumber);
  const object = await withCommandErrors(
    `The certificate of order ${orderNumber} cannot be read`,
    () => storage.read(key),
    's3:GetObject',
  );
  if (object === undefined) {
    return undefined;
  }
  const result = parseManifest(object.body, key);
  return result.success
    ? { manifest: result.output, bytes: object.body }
    : { bytes: object.body, damage: `${key} cannot be read: ${schemaProblems(result.issues)}.` };
}

async function readStored(storage: ObjectStorage, orderNumber: string) {
  const [{ current, damage }, certificate] = await Promise.all([
    withCommandErrors(
      `The status of order ${orderNumber} cannot be read`,
      () => openStatus(storage, orderNumber).read(),
      's3:GetObject',
    ),
    readManifest(storage, orderNumber),
  ]);
  return {
    status: current,
    manifest: certificate?.manifest ?? null,
    damage: [
      ...(damage === undefined ? [] : [`The status of order ${orderNumber} cannot be read: ${damage}.`]),
      ...(certificate?.damage === undefined ? [] : [certificate.damage]),
    ],
  };
}

/** The execution of a name, and every one of the order that runs. Another one can run, such as that of a push. */
function readExecution(executions: Executions, orderNumber: string, name: string) {
  return withCommandErrors(
    `The execution of order ${orderNumber} cannot be read`,
    async () => {
      const execution = await findExecution(executions, name);
      if (isRunning(execution)) {
        return { execution, running: [name] };
      }
      const all = await listRunningExecutions(executions);
      const running = [...all].filter((each) => orderNumberOf(each) === orderNumber);
      const [first] = running;
      return { execution: first === undefined ? execution : await findExecution(executions, first), running };
    },
    'states:DescribeExecution and states:ListExecutions',
  );
}

/** When an execution asks the CA next. If its history cannot be read, the reason is a note. */
async function nextCheckOf(executions: Executions, name: string, notes: string[]): Promise<string | undefined> {
  try {
    const next = await withCommandErrors(
      'The time of the next check cannot be read',
      () => readNextCheck(executions, name),
      'states:GetExecutionHistory',
    );
    return next?.toISOString();
  } catch (error) {
    if (!(error instanceof CommandError)) {
      throw error;
    }
    notes.push(error.message);
    return undefined;
  }
}
