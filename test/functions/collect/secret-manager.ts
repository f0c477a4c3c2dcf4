import { SecretsManagerClient, SecretsManagerServiceException } from '@aws-sdk/client-secrets-manager';
import {
  type CredentialsLookup,
  type CredentialsReading,
  createCredentialsLookup,
  type LabelFailure,
} from '../../../functions/collect/credentials.ts';
import { ServiceError } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { createSecrets } from '../../../infra/local/cloud/secrets.ts';

/** The secret of the default account, and the collector whose accounts have secrets. */
export const DEFAULT_SECRET = 'acme/credentials';
export const COLLECTOR = 'acme';

/** Secrets Manager in memory behind a client of the SDK that sends nothing. */
export interface FakeSecretsManager {
  readonly client: SecretsManagerClient;
  /** Every request: its operation and its input. */
  readonly requests: readonly { readonly operation: string; readonly input: Readonly<Record<string, unknown>> }[];
  /** Stores a login, and returns the id of its version. */
  store(secretId: string, login: object): string;
  /** Makes an earlier version the current one. */
  rollBack(secretId: string, version: string): void;
  /** The labels of a version, or of the current one. */
  labels(secretId: string, version?: string): readonly string[];
  setLabel(secretId: string, version: string, label: string): void;
  removeLabel(secretId: string, version: string, label: string): void;
  /** Runs before each request; it can throw an error of the service. */
  before: (operation: string, input: Readonly<Record<string, unknown>>) => void | Promise<void>;
  /** The lookup of a new process: nothing is cached. Failures to change a label are added to `failures`. */
  lookup(failures?: LabelFailure[], now?: () => number): ReturnType<typeof createCredentialsLookup>;
}

/** An error as the SDK throws it. */
export function serviceError(name: string, message = name): SecretsManagerServiceException {
  return new SecretsManagerServiceException({ name, message, $fault: 'client', $metadata: {} });
}

/** @param now returns milliseconds since 1970, for the dates of versions. */
export function createSecretsManager(now: () => number = Date.now): FakeSecretsManager {
  const { operations } = createSecrets({}, now);
  const requests: { operation: string; input: Readonly<Record<string, unknown>> }[] = [];
  const client = new SecretsManagerClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const versions = new Map<string, number>();
  const run = (operation: keyof typeof operations, input: Record<string, unknown>) => {
    try {
      return operations[operation](input);
    } catch (error) {
      throw error instanceof ServiceError ? serviceError(error.name, error.message) : error;
    }
  };
  const fake: FakeSecretsManager = {
    client,
    requests,
    store(SecretId, login) {
      const number = (versions.get(SecretId) ?? 0) + 1;
      versions.set(SecretId, number);
      // Secrets Manager accepts 32 to 64 characters.
      const ClientRequestToken = `${SecretId.replaceAll('/', '-')}-${number}`.padStart(32, '0');
      const SecretString = JSON.stringify(login);
      run(number === 1 ? 'CreateSecret' : 'PutSecretValue', {
        SecretId,
        Name: SecretId,
        SecretString,
        ClientRequestToken,
      });
      return ClientRequestToken;
    },
    rollBack(SecretId, version) {
      const current = Object.assign({ VersionId: '' }, run('GetSecretValue', { SecretId })).VersionId;
      const stages = { MoveToVersionId: version, RemoveFromVersionId: current };
      run('UpdateSecretVersionStage', { SecretId, VersionStage: 'AWSCURRENT', ...stages });
    },
    labels: (SecretId, VersionId) =>
      Object.assign({ VersionStages: [] }, run('GetSecretValue', { SecretId, VersionId })).VersionStages,
    setLabel: (SecretId, MoveToVersionId, VersionStage) =>
      void run('UpdateSecretVersionStage', { SecretId, VersionStage, MoveToVersionId }),
    removeLabel: (SecretId, RemoveFromVersionId, VersionStage) =>
      void run('UpdateSecretVersionStage', { SecretId, VersionStage, RemoveFromVersionId }),
    before: () => {},
    lookup: (failures = [], clock = now) =>
      createCredentialsLookup(client, {
        collector: COLLECTOR,
        defaultSecretId: DEFAULT_SECRET,
        labelFailed: (failure) => failures.push(failure),
        now: clock,
      }),
  };
  // In place of the upper half of the SDK, so that a test can make hundreds of thousands of requests.
  Object.assign(client, {
    async send(command: { readonly input: object }) {
      const operation = command.constructor.name.replace(/Command$/, '');
      if (!isOperation(operation)) {
        throw serviceError('UnknownOperationException', operation);
      }
      const parameters = { ...command.input };
      requests.push({ operation, input: parameters });
      await fake.before(operation, parameters);
      return { $metadata: {}, ...withDates(await run(operation, parameters)) };
    },
  });
  const isOperation = (name: string): name is keyof typeof operations => Object.hasOwn(operations, name);
  return fake;
}

/** The SDK's dates, which the service sends as seconds since 1970. */
function withDates(output: object): object {
  return Object.fromEntries(
    Object.entries(output).map(([name, value]) => {
      if (name === 'CreatedDate') {
        return [name, new Date(value * 1000)];
      }
      return [name, name === 'Versions' ? value.map(withDates) : value];
    }),
  );
}

/** Credentials that every account has, or that `read` returns. Labels are not kept. */
export function fixedCredentials(
  read: (options: { readonly fresh: boolean }) => CredentialsReading | Promise<CredentialsReading>,
): CredentialsLookup {
  const labels = {
    reject: async () => true,
    doubt: async () => true,
    claim: async () => 'claimed' as const,
    accept: async () => {},
  };
  return () => ({ read: async (options) => read(options), labels });
}
