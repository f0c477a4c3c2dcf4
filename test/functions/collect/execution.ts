import { type CheckRecord, type Collection, createCollect } from '../../../functions/collect/collect.ts';
import { createReports } from './reports.ts';
import { COLLECTOR, createSecretsManager, DEFAULT_SECRET } from './secret-manager.ts';

const STARTED = Date.parse('2026-11-01T00:00:00Z');

/** The password of every account. The login name is the account, or `default`. */
export const PASSWORD = 'correct horse';

/**
 * One execution of an order without Step Functions. The CA answers every call with `ca.body`, or with what
 * `ca.bodies` has for the login name.
 */
export function prepareExecution(body: string, { order = { orderNumber: '1' } }: { readonly order?: object } = {}) {
  const settings = { giveUpSeconds: 90 * 86_400 };
  const reports = createReports();
  const ca = { body, bodies: {} as Record<string, string>, calls: [] as string[] };
  const observed: CheckRecord[] = [];
  let milliseconds = STARTED;
  const secrets = createSecretsManager(() => milliseconds);
  const addAccount = (
    account: string | null,
    login: object = { loginName: account ?? 'default', loginPassword: PASSWORD },
  ) => secrets.store(account === null ? DEFAULT_SECRET : `${COLLECTOR}/accounts/${account}`, login);
  addAccount(null);
  // Each check is made by a process that has just started, with the present settings.
  const createProcess = () =>
    createCollect({
      ...reports.dependencies,
      url: 'https://ca.example/CollectMC',
      format: 'pkcs7',
      pollSeconds: 10_800,
      ...settings,
      bucket: 'bucket',
      trustAnchors: [],
      ctLogs: [],
      publishedUrl: undefined,
      credentials: secrets.lookup(),
      async http({ form }) {
        const name = form?.get('loginName') ?? '';
        ca.calls.push(name);
        return {
          status: 200,
          headers: {},
          read: async () => Buffer.from(ca.bodies[name] ?? ca.body),
          discard: () => {},
        };
      },
      archive: () => {
        throw new Error('nothing was issued');
      },
      observe: (check) => observed.push(check),
      now: () => new Date(milliseconds),
      random: () => 0,
    });
  let collection: Collection | undefined;
  return {
    ...reports,
    ca,
    addAccount,
    settings,
    observed,
    /** Moves the clock, also backwards. */
    pass(seconds: number) {
      milliseconds += seconds * 1000;
    },
    /** Makes the next check after the planned wait. */
    async check(remainingMilliseconds = () => 60_000): Promise<Collection> {
      milliseconds += (collection?.waitSeconds ?? 0) * 1000;
      const state = { ...order, ...(collection && { collection }) };
      collection = await createProcess()(
        { order: state, execution: 'order-1', startedAt: new Date(STARTED).toISOString() },
        remainingMilliseconds,
      );
      return collection;
    },
  };
}
