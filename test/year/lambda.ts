import { AsyncLocalStorage } from 'node:async_hooks';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SNSClient } from '@aws-sdk/client-sns';
import type { Context } from 'aws-lambda';
import { createHandler as createCollect } from '../../functions/collect/handler.ts';
import type { CrlDownload } from '../../functions/crl-download.ts';
import type { Environment } from '../../functions/environment.ts';
import { createHandler as createNotify } from '../../functions/notify/handler.ts';
import { createHandler as createPublish } from '../../functions/publish/handler.ts';
import { createHandler as createPush } from '../../functions/push/handler.ts';
import { createHandler as createRevoke } from '../../functions/revoke/handler.ts';
import { createHandler as createStart } from '../../functions/start/handler.ts';
import { createHandler as createSurvey } from '../../functions/survey/handler.ts';
import type { TxtResolver } from '../../functions/survey/txt.ts';
import { type Clock, SECOND } from './clock.ts';
import type { Service, Weather } from './weather.ts';

export type FunctionName = 'Collect' | 'Notify' | 'Publish' | 'Push' | 'Revoke' | 'Start' | 'Survey';

type Handler = (event: never, context: Context) => Promise<unknown>;

/** A function as the template describes it. */
export interface DeployedFunction {
  readonly environment: Environment;
  readonly timeoutSeconds: number;
  readonly reservedConcurrency: number;
}

/** One run of a function. */
export interface Invocation {
  readonly functionName: FunctionName;
  readonly event: unknown;
  /** Milliseconds since 1970. */
  readonly deadline: number;
  /** Requests to AWS that failed. */
  faults: number;
  /** Whether its process has ended: it sends nothing any more. */
  isDead: boolean;
  /** Whether it waits while other processes act. */
  isWaiting: boolean;
  readonly die: (errorName: string) => void;
  /** Is called at each failed request, and at the death of the process. */
  onFault?: () => void;
}

export interface LambdaOptions {
  readonly clock: Clock;
  readonly weather: Weather;
  readonly resolver: TxtResolver;
  readonly downloadCrls: CrlDownload;
  readonly functions: Readonly<Record<FunctionName, DeployedFunction>>;
  /** Executes a request of a function. */
  readonly answer: (service: Service, command: object, invocation: Invocation) => Promise<object> | object;
  readonly invoked: (functionName: FunctionName) => void;
  readonly faulted: (invocation: Invocation) => void;
  readonly failed: (invocation: Invocation, error: unknown) => void;
}

const CLIENTS = [
  ['s3', S3Client],
  ['secrets', SecretsManagerClient],
  ['states', SFNClient],
  ['events', EventBridgeClient],
  ['sns', SNSClient],
] as const satisfies readonly (readonly [Service, unknown])[];

/** Runs the real handlers, with processes that are reused, replaced, or end in the middle of a request. */
export class Lambda {
  readonly #options: LambdaOptions;
  readonly #invocations = new AsyncLocalStorage<Invocation>();
  readonly #idle = new Map<FunctionName, Handler[]>();
  readonly #running = new Map<FunctionName, number>();
  #functions: LambdaOptions['functions'];
  #requests = 0;

  constructor(options: LambdaOptions) {
    this.#options = options;
    this.#functions = options.functions;
    const send = (service: Service, command: object) => this.#send(service, command);
    for (const [service, { prototype }] of CLIENTS) {
      Object.defineProperty(prototype, 'send', {
        configurable: true,
        value: (command: object) => send(service, command),
      });
    }
  }

  /** Gives the SDK clients their own `send` back. */
  stop(): void {
    for (const [, { prototype }] of CLIENTS) {
      Reflect.deleteProperty(prototype, 'send');
    }
  }

  /** Replaces the functions: every process is a new one. */
  deploy(functions: LambdaOptions['functions']): void {
    this.#functions = functions;
    this.#idle.clear();
  }

  /** The run that the present code belongs to. */
  get invocation(): Invocation {
    const invocation = this.#invocations.getStore();
    if (!invocation) {
      throw new Error('A request was sent outside of an invocation');
    }
    return invocation;
  }

  /**
   * Runs a function.
   *
   * @throws the error of the function, or one that Lambda reports.
   */
  async invoke(functionName: FunctionName, event: unknown): Promise<unknown> {
    const { clock, weather } = this.#options;
    const functions = this.#functions;
    const { timeoutSeconds, reservedConcurrency } = functions[functionName];
    const running = this.#running.get(functionName) ?? 0;
    if (running >= reservedConcurrency) {
      throw Object.assign(new Error('Rate Exceeded.'), { name: 'Lambda.TooManyRequestsException' });
    }
    const idle = this.#idle.get(functionName) ?? [];
    this.#idle.set(functionName, idle);
    const warm = idle.pop();
    const handler = warm && !weather.isCold() ? warm : this.#createHandler(functionName);
    const death = Promise.withResolvers<never>();
    const deadline = clock.now + timeoutSeconds * SECOND;
    const invocation: Invocation = {
      functionName,
      event,
      deadline,
      faults: 0,
      isDead: false,
      isWaiting: false,
      die: (name) => {
        invocation.isDead = true;
        this.fault(invocation);
        death.reject(Object.assign(new Error('the process ended'), { name }));
      },
    };
    this.#running.set(functionName, running + 1);
    this.#options.invoked(functionName);
    try {
      const payload = JSON.parse(JSON.stringify(event));
      const context = this.#context(functionName, deadline);
      const run = this.#invocations.run(invocation, () => handler(payload as never, context));
      const result = await Promise.race([run, death.promise]);
      return result === undefined ? null : JSON.parse(JSON.stringify(result));
    } catch (error) {
      this.#options.failed(invocation, error);
      throw error;
    } finally {
      this.#running.set(functionName, (this.#running.get(functionName) ?? 1) - 1);
      if (!invocation.isDead && this.#functions === functions) {
        idle.push(handler);
      }
    }
  }

  /** Lets other processes act while the run waits for an answer. One that takes too long ends the run. */
  async wait(invocation: Invocation, milliseconds: number): Promise<void> {
    const { clock } = this.#options;
    if (milliseconds > 0 && !invocation.isWaiting) {
      invocation.isWaiting = true;
      await clock.pass(milliseconds);
      invocation.isWaiting = false;
    }
    if (clock.now > invocation.deadline) {
      invocation.die('Sandbox.Timedout');
      await new Promise(() => {});
    }
  }

  /** Counts a request that failed, or the end of a process. */
  fault(invocation: Invocation): void {
    invocation.faults += 1;
    invocation.onFault?.();
    this.#options.faulted(invocation);
  }

  async #send(service: Service, command: object): Promise<object> {
    const { invocation } = this;
    const { weather, answer } = this.#options;
    if (invocation.isDead) {
      return new Promise(() => {});
    }
    const fault = weather.next(service, invocation.functionName);
    if (fault !== undefined) {
      this.fault(invocation);
    }
    if (fault === 'dies-before') {
      invocation.die('Runtime.ExitError');
      return new Promise(() => {});
    }
    await this.wait(invocation, weather.delay(invocation.functionName));
    if (fault === 'refused') {
      throw requestError(service);
    }
    const result = await answer(service, command, invocation);
    switch (fault) {
      case 'lost':
        throw requestError(service);
      case 'repeated':
        return answer(service, command, invocation);
      case 'dies-after':
        invocation.die('Runtime.ExitError');
        return new Promise(() => {});
      default:
        return result;
    }
  }

  #createHandler(functionName: FunctionName): Handler {
    const { environment } = this.#functions[functionName];
    switch (functionName) {
      case 'Collect':
        return createCollect(environment, { downloadCrls: this.#options.downloadCrls });
      case 'Notify':
        return createNotify(environment);
      case 'Publish':
        return createPublish(environment);
      case 'Push':
        return createPush(environment);
      case 'Revoke':
        return createRevoke(environment);
      case 'Start':
        return createStart(environment);
      case 'Survey':
        return createSurvey(environment, this.#options.resolver, false, {
          downloadCrls: this.#options.downloadCrls,
        }) as Handler;
    }
  }

  #context(functionName: string, deadline: number): Context {
    const { clock } = this.#options;
    return {
      functionName,
      functionVersion: '$LATEST',
      invokedFunctionArn: `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`,
      memoryLimitInMB: '512',
      awsRequestId: `request-${++this.#requests}`,
      logGroupName: functionName,
      logStreamName: 'year',
      callbackWaitsForEmptyEventLoop: false,
      getRemainingTimeInMillis: () => deadline - clock.now,
      done: () => {},
      fail: () => {},
      succeed: () => {},
    };
  }
}

/** An error as the SDK throws it after its last attempt. */
function requestError(service: Service): Error {
  return Object.assign(new Error(`${service} did not answer`), {
    name: 'TimeoutError',
    $metadata: {},
    code: 'ECONNRESET',
  });
}
