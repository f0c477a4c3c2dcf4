import dgram from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import packet, { type Answer, type Packet } from 'dns-packet';

/** The codes of responses (RFC 1035, 4.1.1). */
const CODES = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;
type Code = keyof typeof CODES;

/** The records of one name: TXT records as texts or as their strings, CAA records as flags, tag and value, or an alias. */
export interface Records {
  readonly CAA?: readonly (readonly [flags: number, tag: string, value: string])[];
  readonly TXT?: readonly (string | readonly string[])[];
  readonly CNAME?: string;
}

/** How the server answers one question instead of from its zone. */
export interface Reaction {
  /** The code of a response without records. */
  readonly code?: Code;
  /** No answer. */
  readonly silent?: boolean;
  /** The answer is sent after this time. */
  readonly delayMilliseconds?: number;
  /** The answer repeats another name than that of the question. */
  readonly question?: string;
  /** The bytes of the answer. */
  readonly bytes?: Buffer;
}

/** A question, and how it came. */
export interface Asked {
  readonly name: string;
  readonly type: string;
  readonly transport: 'udp' | 'tcp';
}

export type NameServer = Awaited<ReturnType<typeof startNameServer>>;

/**
 * A name server on loopback, over UDP and TCP. It answers from a zone with wildcards (RFC 4592), follows aliases like a
 * server with recursion, and truncates what is too large for the client's UDP (RFC 1035, 4.2.1; RFC 6891).
 */
export async function startNameServer(zone: Record<string, Records>) {
  const asked: Asked[] = [];
  const server = {
    asked,
    /** Whether the server follows aliases; one that serves only the zone of a name does not. */
    followsAliases: true,
    /** Whether the server answers over TCP. */
    hasTcp: true,
    /** How the server reacts to a question; undefined to answer from the zone. */
    react: (_: Asked): Reaction | undefined => undefined,
    resolver,
    /** The address and the port of the server. */
    get address() {
      return `127.0.0.1:${port}`;
    },
    close() {
      udp.close();
      tcp.close();
      for (const socket of sockets) {
        socket.destroy();
      }
    },
  };

  const { udp, tcp, port } = await listen();
  udp.on('message', async (bytes, client) => {
    const query = packet.decode(bytes);
    const response = await respond(query, 'udp');
    if (response) {
      const { udpPayloadSize = 512 } = query.additionals?.find((each) => each.type === 'OPT') ?? {};
      const isTooLarge = response.length > udpPayloadSize;
      udp.send(isTooLarge ? encode(query, packet.TRUNCATED_RESPONSE, []) : response, client.port, client.address);
    }
  });

  const sockets = new Set<net.Socket>();
  tcp.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', async (bytes) => {
      if (!server.hasTcp) {
        socket.destroy();
        return;
      }
      const response = await respond(packet.streamDecode(bytes), 'tcp');
      if (response) {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(response.length);
        socket.write(Buffer.concat([length, response]));
      }
    });
  });
  return server;

  /** A resolver of node:dns that asks this server. */
  function resolver({ timeout = 2000, tries = 1 } = {}): Resolver {
    const created = new Resolver({ timeout, tries });
    created.setServers([`127.0.0.1:${port}`]);
    return created;
  }

  async function respond(query: Packet, transport: Asked['transport']): Promise<Buffer | undefined> {
    const [question] = query.questions ?? [];
    if (!question) {
      return undefined;
    }
    const each = { name: question.name.toLowerCase(), type: question.type, transport };
    asked.push(each);
    const { code, silent, delayMilliseconds, question: other, bytes } = server.react(each) ?? {};
    if (delayMilliseconds !== undefined) {
      await wait(delayMilliseconds);
    }
    if (silent) {
      return undefined;
    }
    const found = answersTo(each.name, each.type);
    const asOther = other === undefined ? query : { ...query, questions: [{ ...question, name: other }] };
    return bytes ?? encode(asOther, CODES[code ?? found.code], code === undefined ? found.answers : []);
  }

  function answersTo(name: string, type: string): { code: Code; answers: Answer[] } {
    const answers: Answer[] = [];
    for (let current = name; ; ) {
      const records = recordsOf(current);
      if (records === undefined) {
        return { code: 'NXDOMAIN', answers };
      }
      if (type === 'TXT') {
        answers.push(
          ...(records.TXT ?? []).map((strings) => txt(current, typeof strings === 'string' ? [strings] : strings)),
        );
      }
      if (type === 'CAA') {
        answers.push(...(records.CAA ?? []).map((properties) => caa(current, properties)));
      }
      const target = records.CNAME;
      const isRepeated = answers.some((answer) => answer.type === 'CNAME' && answer.name === current);
      if (target === undefined || isRepeated) {
        return { code: isRepeated ? 'SERVFAIL' : 'NOERROR', answers };
      }
      answers.push({ type: 'CNAME', name: current, data: target, ttl: 60 });
      if (!server.followsAliases || !['TXT', 'CAA'].includes(type)) {
        return { code: 'NOERROR', answers };
      }
      current = target;
    }
  }

  /** The records of a name, or of the wildcard that answers for it; undefined if the name does not exist. */
  function recordsOf(name: string): Records | undefined {
    const exists = (each: string) => Object.keys(zone).some((other) => other === each || other.endsWith(`.${each}`));
    if (exists(name)) {
      return zone[name] ?? {};
    }
    const labels = name.split('.');
    const above = labels.map((_, index) => labels.slice(index + 1).join('.'));
    const encloser = above.find((each) => each !== '' && exists(each));
    return encloser === undefined ? undefined : zone[`*.${encloser}`];
  }
}

/** Opens the same free port for both transports. A port that is free for TCP can be in use for UDP: then it tries again. */
async function listen(attempts = 10): Promise<{ udp: dgram.Socket; tcp: net.Server; port: number }> {
  const tcp = net.createServer().listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const { port } = tcp.address() as net.AddressInfo;
  const udp = dgram.createSocket('udp4').bind(port, '127.0.0.1');
  try {
    await once(udp, 'listening');
    return { udp, tcp, port };
  } catch (error) {
    tcp.close();
    if (attempts === 1) {
      throw error;
    }
    return listen(attempts - 1);
  }
}

function txt(name: string, strings: readonly string[]): Answer {
  return { type: 'TXT', name, ttl: 60, data: strings.map((text) => Buffer.from(text)) };
}

function caa(name: string, [flags, tag, value]: readonly [number, string, string]): Answer {
  // The package has the type of the tags of RFC 6844 only.
  return { type: 'CAA', name, ttl: 60, data: { flags, tag: tag as 'issue', value } };
}

function encode({ id = 0, questions = [] }: Packet, flags: number, answers: Answer[]) {
  return packet.encode({ type: 'response', id, questions, answers, flags: packet.RECURSION_AVAILABLE | flags });
}
