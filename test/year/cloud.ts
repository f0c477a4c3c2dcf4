import { randomUUID } from 'node:crypto';
import { EventBridgeServiceException, PutEventsCommand, type PutEventsRequestEntry } from '@aws-sdk/client-eventbridge';
import { GetTopicAttributesCommand, PublishCommand } from '@aws-sdk/client-sns';
import { bimiRecord } from '../../functions/bimi.ts';
import type { CrlDownload } from '../../functions/crl-download.ts';
import { matches } from '../../infra/local/cloud/event-pattern.ts';
import { type DeployedTemplate, deployTemplate } from '../../infra/local/cloud/template.ts';
import { Bucket } from './bucket.ts';
import { type Clock, HOUR, MINUTE, SECOND } from './clock.ts';
import { parseDefinition } from './definition.ts';
import type { OutgoingRequest, ServerReaction } from './https.ts';
import { type DeployedFunction, type FunctionName, type Invocation, Lambda } from './lambda.ts';
import { type Execution, Machine } from './machine.ts';
import type { Random } from './random.ts';
import { Secrets } from './secrets.ts';
import type { Service, Weather } from './weather.ts';

export interface BusEvent {
  readonly source: string;
  readonly 'detail-type': string;
  readonly detail: Readonly<Record<string, unknown>>;
  /** When it was sent, in milliseconds since 1970; default: now. */
  readonly time?: number;
}

/** A message that people receive, and the event that it is about. */
export interface Message {
  readonly time: number;
  readonly subject: string;
  readonly body: string;
  readonly event: BusEvent;
  /** Requests that had failed in the run that sent the message. */
  readonly invocation: Invocation;
}

/** An event that a function could not handle three times. */
export interface DeadLetter {
  readonly functionName: FunctionName;
  readonly event: unknown;
  readonly error: unknown;
}

export interface CloudObserver {
  /** Everything that leaves a function: data that AWS stores or passes on. */
  written(where: string, content: string | Uint8Array): void;
  executionStarted(execution: Execution): void;
  executionEnded(execution: Execution): void;
  messageSent(message: Message): void;
  eventSent(event: BusEvent): void;
  deadLetter(letter: DeadLetter): void;
  functionInvoked(functionName: FunctionName): void;
  requestFailed(invocation: Invocation): void;
  functionFailed(invocation: Invocation, error: unknown): void;
}

export interface CloudOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly weather: Weather;
  readonly template: DeployedTemplate;
  readonly trustAnchor: string;
  /** The key of the CA's log, base64. */
  readonly ctLog: string;
  readonly downloadCrls: CrlDownload;
  readonly observer: CloudObserver;
  /** Calls the CA, in a run of Collect. */
  readonly callCa: (request: OutgoingRequest, invocation: Invocation) => Promise<ServerReaction>;
}

const PUBLISHED_URL = 'https://logos.example.net/';
const COLLECTOR = 'mark-certificate-collector';

/** Synthesizes the stack with everything that a year needs. */
export function deployYear(): DeployedTemplate {
  return deployTemplate({ publish: true, push: true });
}

/** The deployed stack, with everything that it uses on AWS. */
export class Cloud {
  readonly bucket = new Bucket();
  readonly secrets = new Secrets();
  readonly machine: Machine;
  readonly lambda: Lambda;
  readonly #options: CloudOptions;
  readonly #rules: readonly { readonly pattern: unknown; readonly target: FunctionName }[];

  constructor(options: CloudOptions) {
    const { clock, random, weather, template, observer } = options;
    this.#options = options;
    const stateMachine = template.resource('AWS::StepFunctions::StateMachine');
    this.machine = new Machine(parseDefinition(String(template.resolve(stateMachine.Properties.DefinitionString))), {
      arn: String(template.resolve({ Ref: stateMachine.id })),
      clock,
      random: random.fork(),
      task: (resource, parameters) => this.#runTask(resource, parameters),
      record: ({ name }, what, data) => observer.written(`${what} of ${name}`, data),
      started: (execution) => observer.executionStarted(execution),
      ended: (execution) => this.#end(execution),
    });
    this.lambda = new Lambda({
      clock,
      weather,
      downloadCrls: options.downloadCrls,
      resolver: { resolveTxt: async (name) => [[this.#resolve(name)]] },
      functions: this.#functions({}),
      answer: (service, command, invocation) => this.#answer(service, command, invocation),
      invoked: (functionName) => observer.functionInvoked(functionName),
      faulted: (invocation) => observer.requestFailed(invocation),
      failed: (invocation, error) => observer.functionFailed(invocation, error),
    });
    this.#rules = template.resources('AWS::Events::Rule').map(({ Properties }) => {
      const { EventPattern, Targets } = template.resolve(Properties) as {
        readonly EventPattern: unknown;
        readonly Targets: readonly { readonly Arn: string }[];
      };
      return { pattern: EventPattern, target: functionNameIn(Targets[0]?.Arn ?? '') };
    });
  }

  /** The id of the secret with the login of an account; undefined for the default account. */
  loginSecret(account: string | undefined): string {
    return account === undefined
      ? this.#nameOf('AWS::SecretsManager::Secret', 'CollectorCredentials')
      : `${COLLECTOR}/accounts/${account}`;
  }

  /** The number of versions of an account's secret that contain a password, in the form in which the CA receives it. */
  countLoginVersions(account: string | undefined, password: string): number {
    return this.secrets.countVersions(
      this.loginSecret(account),
      (text) => (JSON.parse(text) as { readonly loginPassword: string }).loginPassword.toWellFormed() === password,
    );
  }

  get pushSecret(): string {
    return this.#nameOf('AWS::SecretsManager::Secret', 'PushCredentials');
  }

  /** Deploys the stack again with other settings, and runs the survey, as after every deployment. */
  deploy(settings: Readonly<Record<string, string>>): void {
    this.lambda.deploy(this.#functions(settings));
    this.deliver({
      source: 'aws.cloudformation',
      'detail-type': 'CloudFormation Stack Status Change',
      detail: {
        'stack-id': this.#options.template.resolve({ Ref: 'AWS::StackId' }),
        'status-details': { status: 'UPDATE_COMPLETE' },
      },
    });
  }

  /** Runs the survey as the daily schedule does. */
  survey(): void {
    this.#invokeLater('Survey', {}, 0);
  }

  /** Passes an event to every function whose rule matches it: usually within a second, sometimes late or twice. */
  deliver(event: BusEvent): void {
    const { clock, random, weather } = this.#options;
    const { time = clock.now, ...fields } = event;
    const delivered = {
      version: '0',
      id: randomUUID(),
      account: '000000000000',
      region: 'us-east-1',
      // EventBridge has whole seconds.
      time: new Date(time).toISOString().replace(/\.\d+/, ''),
      resources: [],
      ...fields,
    };
    for (const { pattern, target } of this.#rules) {
      if (matches(pattern, event)) {
        const isCalm = weather.isCalm();
        const delay = isCalm || random.chance(0.97) ? random.between(0.1, 2) * SECOND : random.between(0, HOUR);
        this.#invokeLater(target, delivered, delay);
        if (!isCalm && random.chance(0.02)) {
          this.#invokeLater(target, delivered, random.between(0, 10 * MINUTE));
        }
      }
    }
  }

  /** Answers a request to a server that is not AWS. */
  async serve(request: OutgoingRequest): Promise<ServerReaction> {
    const { invocation } = this.lambda;
    if (invocation.isDead) {
      return new Promise(() => {});
    }
    const { url } = request;
    if (url.href.startsWith(PUBLISHED_URL)) {
      const stored = this.bucket.current(`published${url.pathname}`);
      return stored?.body
        ? { kind: 'response', status: 200, headers: { 'content-type': stored.type ?? '' }, body: stored.body }
        : { kind: 'response', status: 403, headers: {}, body: new Uint8Array() };
    }
    if (invocation.functionName === 'Collect' && request.method === 'POST') {
      return this.#options.callCa(request, invocation);
    }
    return { kind: 'response', status: 404, headers: {}, body: new Uint8Array() };
  }

  #nameOf(type: string, idPart: string): string {
    const { template } = this.#options;
    return String(template.resolve({ Ref: template.resource(type, idPart).id }));
  }

  #functions(settings: Readonly<Record<string, string>>): Record<FunctionName, DeployedFunction> {
    const { template, trustAnchor, ctLog } = this.#options;
    const read = (name: FunctionName): DeployedFunction => {
      const { Environment, Timeout, ReservedConcurrentExecutions } = template.resolve(
        template.resource('AWS::Lambda::Function', `${name}Function`).Properties,
      ) as Readonly<Record<string, unknown>> & { readonly Environment: { readonly Variables: Record<string, string> } };
      const variables = Environment.Variables;
      return {
        environment: {
          ...variables,
          // The overview changes no order, and writing it every day would take most of the time of a year.
          OVERVIEW: '',
          OVERVIEW_SCHEDULE_GROUP: '',
          ...(name === 'Collect' && { TRUST_ANCHORS: trustAnchor, CT_LOGS: ctLog, ...settings }),
          // The template contains the name of a distribution, which does not exist here.
          ...(variables.PUBLISHED_URL !== undefined && { PUBLISHED_URL }),
        },
        timeoutSeconds: Number(Timeout),
        reservedConcurrency: Number(ReservedConcurrentExecutions ?? Number.POSITIVE_INFINITY),
      };
    };
    return {
      Collect: read('Collect'),
      Notify: read('Notify'),
      Publish: read('Publish'),
      Push: read('Push'),
      Revoke: read('Revoke'),
      Start: read('Start'),
      Survey: read('Survey'),
    };
  }

  async #runTask(resource: string, parameters: unknown): Promise<unknown> {
    if (resource !== 'arn:aws:states:::events:putEvents') {
      return this.lambda.invoke(functionNameIn(resource), parameters);
    }
    const { weather } = this.#options;
    const fault = weather.next('events');
    if (fault === 'refused' || fault === 'dies-before') {
      throw Object.assign(new Error('EventBridge is unavailable'), { name: 'EventBridge.InternalException' });
    }
    const { Entries } = parameters as {
      readonly Entries: readonly { Source: string; DetailType: string; Detail: BusEvent['detail'] }[];
    };
    for (const { Source, DetailType, Detail } of Entries) {
      this.#send({ source: Source, 'detail-type': DetailType, detail: Detail });
    }
    return { FailedEntryCount: 0 };
  }

  #answer(service: Service, command: object, invocation: Invocation): object {
    const { observer } = this.#options;
    if (service === 's3') {
      const { Key, Body } = (command as { readonly input: { Key?: string; Body?: Uint8Array } }).input;
      if (Key !== undefined && Body !== undefined) {
        observer.written(`the object ${Key}`, Body);
      }
      return this.bucket.answer(command);
    }
    if (service === 'secrets') {
      return this.secrets.answer(command);
    }
    if (service === 'states') {
      return this.machine.answer(command);
    }
    if (command instanceof PutEventsCommand) {
      return this.#putEvents(command.input.Entries ?? [], invocation);
    }
    if (command instanceof PublishCommand) {
      const { Subject: subject = '', Message: body = '' } = command.input;
      observer.written('a message', `${subject}\n${body}`);
      observer.messageSent({
        time: this.#options.clock.now,
        subject,
        body,
        event: invocation.event as BusEvent,
        invocation,
      });
      return { MessageId: randomUUID() };
    }
    if (command instanceof GetTopicAttributesCommand) {
      return { Attributes: { SubscriptionsConfirmed: '1' } };
    }
    throw new Error(`The year does not imitate ${command.constructor.name}`);
  }

  #putEvents(entries: readonly PutEventsRequestEntry[], invocation: Invocation): object {
    const { random, weather } = this.#options;
    const bytes = entries.reduce((sum, entry) => sum + Buffer.byteLength(JSON.stringify(entry)), 0);
    if (entries.length === 0 || entries.length > 10 || bytes > 256 * 1024) {
      throw new EventBridgeServiceException({
        name: 'ValidationException',
        message: 'The call is too large',
        $fault: 'client',
        $metadata: { httpStatusCode: 400 },
      });
    }
    const results = entries.map(({ Source = '', DetailType = '', Detail = '{}' }) => {
      if (!weather.isCalm() && random.chance(0.002)) {
        this.lambda.fault(invocation);
        return { ErrorCode: 'InternalFailure', ErrorMessage: 'try again' };
      }
      this.#send({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) });
      return { EventId: randomUUID() };
    });
    return { FailedEntryCount: results.filter(({ ErrorCode }) => ErrorCode).length, Entries: results };
  }

  #send(event: BusEvent): void {
    const { observer } = this.#options;
    observer.written('an event', JSON.stringify(event));
    observer.eventSent(event);
    this.deliver(event);
  }

  /** Lambda repeats an asynchronous invocation that failed after one and two minutes. */
  #invokeLater(functionName: FunctionName, event: object, delay: number, attempt = 1): void {
    const { clock, observer } = this.#options;
    clock.after(delay, async () => {
      try {
        await this.lambda.invoke(functionName, event);
      } catch (error) {
        if (attempt < 3) {
          this.#invokeLater(functionName, event, attempt * MINUTE, attempt + 1);
        } else {
          observer.deadLetter({ functionName, event, error });
        }
      }
    });
  }

  /** AWS sends the event about the end of an execution "on a best effort basis". */
  #end(execution: Execution): void {
    const { random, weather, observer } = this.#options;
    observer.executionEnded(execution);
    if (!weather.isCalm() && random.chance(0.05)) {
      return;
    }
    const { name, status, startDate, stopDate, input, error = null, cause = null } = execution;
    const stateMachineArn = this.#nameOf('AWS::StepFunctions::StateMachine', '');
    this.deliver({
      source: 'aws.states',
      'detail-type': 'Step Functions Execution Status Change',
      detail: { stateMachineArn, name, status, startDate, stopDate, input, error, cause },
    });
  }

  /** Every published domain has the record that the messages show, and a strict DMARC policy. */
  #resolve(name: string): string {
    const [, selector, domain] = /^([^.]+)\._bimi\.(.+)$/.exec(name) ?? [];
    return selector !== undefined && domain !== undefined
      ? (/"(.*)"/.exec(bimiRecord(PUBLISHED_URL, domain, selector))?.[1] ?? '')
      : 'v=DMARC1; p=reject';
  }
}

function functionNameIn(arn: string): FunctionName {
  const [, name] = /Collector(\w+)Function[0-9A-F]*$/.exec(arn) ?? [];
  switch (name) {
    case 'Collect':
    case 'Notify':
    case 'Publish':
    case 'Push':
    case 'Revoke':
    case 'Start':
    case 'Survey':
      return name;
    default:
      throw new Error(`The year has no function ${arn}`);
  }
}
