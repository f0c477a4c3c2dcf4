import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { type Endpoint, listenOnLoopback } from './loopback.ts';

/** A stack that {@link startCloudFormation} serves. */
export interface ServedStack {
  readonly name: string;
  readonly description?: string;
  readonly status?: string;
  /** Whether termination protection is on. */
  readonly isProtected?: boolean;
  readonly outputs?: Readonly<Record<string, string>>;
  readonly template?: unknown;
}

/** Serves stacks to the real SDK client in CloudFormation's protocol "AWS Query". It ignores signatures. */
export async function startCloudFormation(
  stacks: readonly ServedStack[],
  { mayListStacks = true }: { readonly mayListStacks?: boolean } = {},
): Promise<Endpoint> {
  const server = createServer(async (request, response) => {
    const form = new URLSearchParams(await text(request));
    const [action, name] = [form.get('Action') ?? '', form.get('StackName')];
    const { status, body } =
      name === null && !mayListStacks ? denied(action) : respond(stacks, action, name, form.get('NextToken'));
    response.writeHead(status, { 'content-type': 'text/xml' }).end(body);
  });
  return listenOnLoopback(server);
}

function respond(stacks: readonly ServedStack[], action: string, name: string | null, token: string | null) {
  const stack = stacks.find((each) => each.name === name);
  if (name !== null && !stack) {
    return failure('ValidationError', `Stack with id ${name} does not exist`);
  }
  if (action === 'GetTemplate' && stack) {
    return success(action, `<TemplateBody>${escapeXml(JSON.stringify(stack.template))}</TemplateBody>`);
  }
  if (action === 'DescribeStacks') {
    // One stack on each page.
    const page = Number(token ?? 0);
    const next = !stack && page + 1 < stacks.length ? `<NextToken>${page + 1}</NextToken>` : '';
    const members = (stack ? [stack] : stacks.slice(page, page + 1)).map(member).join('');
    return success(action, `<Stacks>${members}</Stacks>${next}`);
  }
  return denied(action);
}

function denied(action: string) {
  return failure('AccessDenied', `not authorized to perform: cloudformation:${action}`);
}

function member(stack: ServedStack): string {
  const { name, description = '', status = 'CREATE_COMPLETE', isProtected = false, outputs = {} } = stack;
  const entries = Object.entries(outputs).map(
    ([key, value]) =>
      `<member><OutputKey>${escapeXml(key)}</OutputKey><OutputValue>${escapeXml(value)}</OutputValue></member>`,
  );
  return (
    `<member><StackName>${escapeXml(name)}</StackName><Description>${escapeXml(description)}</Description>` +
    `<StackStatus>${status}</StackStatus><EnableTerminationProtection>${isProtected}</EnableTerminationProtection><CreationTime>2026-11-26T00:00:00Z</CreationTime><Outputs>${entries.join('')}</Outputs></member>`
  );
}

function success(action: string, result: string) {
  const body = `<${action}Response xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><${action}Result>${result}</${action}Result></${action}Response>`;
  return { status: 200, body };
}

function failure(code: string, message: string) {
  const body = `<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error></ErrorResponse>`;
  return { status: 400, body };
}

function escapeXml(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
