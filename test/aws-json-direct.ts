import { setImmediate } from 'node:timers/promises';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SFNClient } from '@aws-sdk/client-sfn';
import type { AwsJsonEndpoint } from '../infra/local/cloud/aws-json-endpoint.ts';
import { type AwsClient, createDirectServers } from './direct-clients.ts';

/** The protocol of a client and its commands, as the SDK describes them. Their types are for requests over HTTP. */
interface JsonClient extends AwsClient {
  readonly config: AwsClient['config'] & {
    readonly protocol: {
      serializeRequest(operation: object, input: object, context: object): Promise<JsonRequest>;
      deserializeResponse(operation: object, context: object, response: JsonResponse): Promise<object>;
    };
  };
}

interface JsonRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

interface JsonResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

interface JsonCommand {
  readonly schema: readonly unknown[];
  readonly input: object;
}

type Clients = ReadonlyMap<{ readonly prototype: JsonClient }, string>;

const CLIENTS = new Map<{ readonly prototype: object }, string>([
  [EventBridgeClient, 'AWS_ENDPOINT_URL_EVENTBRIDGE'],
  [SFNClient, 'AWS_ENDPOINT_URL_SFN'],
  [SecretsManagerClient, 'AWS_ENDPOINT_URL_SECRETS_MANAGER'],
]) as Clients;

/** Lets all clients of EventBridge, Step Functions and Secrets Manager use an endpoint without HTTP. */
export const withoutHttp = createDirectServers<AwsJsonEndpoint, JsonClient>(CLIENTS, (server, client, command) =>
  perform(server, client, command as JsonCommand),
);

async function perform(
  { answer }: AwsJsonEndpoint,
  { config }: JsonClient,
  { schema, input: members }: JsonCommand,
): Promise<object> {
  const [, namespace, name, traits, input, output] = schema;
  const operation = { namespace, name, traits, input, output };
  const context = { ...config, endpoint: async () => undefined };
  const { headers, body } = await config.protocol.serializeRequest(operation, members, context);
  // Requests that are sent at once arrive one after the other.
  await setImmediate();
  const { status, output: answered } = await answer(
    String(headers['x-amz-target']),
    JSON.parse(new TextDecoder().decode(body)),
  );
  return config.protocol.deserializeResponse(operation, context, {
    statusCode: status,
    headers: {},
    body: Buffer.from(JSON.stringify(answered)),
  });
}
