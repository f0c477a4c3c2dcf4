import { randomUUID } from 'node:crypto';
import { ServiceError, startAwsJsonEndpoint } from './aws-json-endpoint.ts';
import type { Endpoint } from './loopback.ts';

export interface SecretsEndpoint extends Endpoint {
  /** The number of successful reads. */
  readonly reads: number;
}

/**
 * Secrets Manager on loopback: GetSecretValue and PutSecretValue, which creates a new version and makes it current.
 *
 * @param values the initial value of each secret by its id.
 */
export async function startSecretsEndpoint(values: Readonly<Record<string, string>>): Promise<SecretsEndpoint> {
  const version = (SecretString: string) => ({ SecretString, VersionId: randomUUID() });
  const secrets = new Map(Object.entries(values).map(([id, value]) => [id, version(value)]));
  let reads = 0;
  const current = (id: string) => {
    const secret = secrets.get(id);
    if (!secret) {
      throw new ServiceError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    }
    return { ARN: id, Name: id, ...secret, VersionStages: ['AWSCURRENT'] };
  };
  const endpoint = await startAwsJsonEndpoint({
    'secretsmanager.GetSecretValue': ({ SecretId }) => {
      const secret = current(String(SecretId));
      reads += 1;
      return secret;
    },
    'secretsmanager.PutSecretValue': ({ SecretId, SecretString }) => {
      const id = current(String(SecretId)).ARN;
      secrets.set(id, version(String(SecretString)));
      const { SecretString: _, ...metadata } = current(id);
      return metadata;
    },
  });
  return {
    ...endpoint,
    get reads() {
      return reads;
    },
  };
}
