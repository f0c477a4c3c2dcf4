import { randomUUID } from 'node:crypto';
import { type Endpoint, ServiceError, startAwsJsonEndpoint } from './aws-json-endpoint.ts';

export interface SecretsEndpoint extends Endpoint {
  /** How often a secret was read. */
  readonly reads: number;
}

/** Secrets Manager on loopback: GetSecretValue and PutSecretValue of one secret. A value put is a new version, at once current. */
export async function startSecretsEndpoint(secretId: string, value: string): Promise<SecretsEndpoint> {
  let current = { SecretString: value, VersionId: randomUUID() };
  let reads = 0;
  const known = (input: Record<string, unknown>) => {
    if (input.SecretId !== secretId) {
      throw new ServiceError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    }
  };
  const endpoint = await startAwsJsonEndpoint({
    'secretsmanager.GetSecretValue': (input) => {
      known(input);
      reads += 1;
      return { ARN: secretId, Name: secretId, ...current, VersionStages: ['AWSCURRENT'] };
    },
    'secretsmanager.PutSecretValue': (input) => {
      known(input);
      current = { SecretString: String(input.SecretString), VersionId: randomUUID() };
      return { ARN: secretId, Name: secretId, VersionId: current.VersionId, VersionStages: ['AWSCURRENT'] };
    },
  });
  return {
    ...endpoint,
    get reads() {
      return reads;
    },
  };
}
