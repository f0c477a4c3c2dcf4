import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { type Endpoint, listenOnLoopback } from './loopback.ts';

/** A schedule that runs once. */
export interface LocalSchedule {
  readonly name: string;
  readonly group: string;
  /** The members of the request of CreateSchedule. */
  readonly request: Readonly<Record<string, unknown>>;
}

/** EventBridge Scheduler on loopback. */
export interface SchedulesEndpoint extends Endpoint {
  /** The schedules that exist, in the order in which they were created. */
  readonly schedules: LocalSchedule[];
}

/**
 * EventBridge Scheduler on loopback: CreateSchedule and GetSchedule, in the protocol "REST JSON". A second schedule of a
 * name is a conflict. No schedule runs by itself. It ignores signatures.
 */
export async function startSchedulesEndpoint(): Promise<SchedulesEndpoint> {
  const schedules: LocalSchedule[] = [];
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const [, name = ''] = /^\/schedules\/([0-9a-zA-Z-_.]{1,64})$/.exec(pathname) ?? [];
    const body = request.method === 'POST' ? await bodyOf(request) : {};
    const group = String(body.GroupName ?? searchParams.get('groupName') ?? 'default');
    const known = schedules.find((each) => each.name === name && each.group === group);
    const respond = (status: number, output: object, error?: string) =>
      response
        .writeHead(status, { 'content-type': 'application/json', ...(error && { 'x-amzn-errortype': error }) })
        .end(JSON.stringify(output));
    if (name === '' || (request.method !== 'POST' && request.method !== 'GET')) {
      respond(400, { Message: `${request.method} ${pathname} is not served here` }, 'ValidationException');
    } else if (request.method === 'GET') {
      if (known) {
        respond(200, { Name: name, ...known.request });
      } else {
        respond(404, { Message: `Schedule ${name} does not exist.` }, 'ResourceNotFoundException');
      }
    } else if (known) {
      respond(409, { Message: `Schedule ${name} already exists.` }, 'ConflictException');
    } else {
      schedules.push({ name, group, request: body });
      respond(200, { ScheduleArn: `arn:aws:scheduler:us-east-1:000000000000:schedule/${group}/${name}` });
    }
  });
  return { ...(await listenOnLoopback(server)), schedules };
}

async function bodyOf(request: Parameters<typeof json>[0]): Promise<Record<string, unknown>> {
  const body = await json(request);
  return typeof body === 'object' && body !== null ? { ...body } : {};
}
