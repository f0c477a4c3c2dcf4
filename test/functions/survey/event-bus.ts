import { ServiceError, startAwsJsonEndpoint } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { withoutHttp } from '../../aws-json-direct.ts';

/** One entry of PutEvents. */
export interface Entry {
  readonly EventBusName: string;
  readonly Source: string;
  readonly DetailType: string;
  readonly Detail: string;
}

export interface EventBus {
  readonly url: string;
  /** The entries of each call of PutEvents. */
  readonly calls: readonly (readonly Entry[])[];
  /** Returns the error for an entry; undefined to accept it. */
  refuse: (entry: Entry) => { readonly ErrorCode: string; readonly ErrorMessage: string } | undefined;
  /** The maximum number of bytes in one call. */
  callBytes: number;
  /** The number of results in a response; undefined for one for each entry. */
  results?: number | undefined;
  /** Forgets all calls, and accepts everything again. */
  clear(): void;
  close(): Promise<void>;
}

const ACCEPTING = { refuse: () => undefined, callBytes: 256 * 1024, results: undefined };

/** EventBridge's PutEvents on loopback. A call may have ten entries and 256 KiB. */
export async function startEventBus(): Promise<EventBus> {
  const calls: Entry[][] = [];
  const endpoint = await startAwsJsonEndpoint({
    'AWSEvents.PutEvents': ({ Entries }) => {
      const entries = Entries as Entry[];
      if (entries.length > 10) {
        throw new ServiceError('ValidationException', 'entries must have length less than or equal to 10');
      }
      const size = entries.reduce((sum, { Source, DetailType, Detail }) => {
        return sum + Buffer.byteLength(Source) + Buffer.byteLength(DetailType) + Buffer.byteLength(Detail);
      }, 0);
      if (size >= bus.callBytes) {
        throw new ServiceError('ValidationException', 'Total size of the entries in the request is over the limit.');
      }
      calls.push(entries);
      const results = entries.map((entry) => bus.refuse(entry) ?? { EventId: crypto.randomUUID() });
      return {
        FailedEntryCount: results.filter((result) => 'ErrorCode' in result).length,
        Entries: results.slice(0, bus.results),
      };
    },
  });
  const bus: EventBus = {
    ...withoutHttp(endpoint),
    calls,
    ...ACCEPTING,
    clear() {
      calls.length = 0;
      Object.assign(bus, ACCEPTING);
    },
  };
  return bus;
}
