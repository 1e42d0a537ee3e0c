/**
 * Stands before a real service on loopback, at an address of its own: counts what comes, passes it on with its answer, and
 * spoils either as a test says. Can refuse connections and be found again at the same address.
 */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An answer of the service, whole. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Does with a request what it likes; `pass` gets the service's own answer, or sends it. */
export type Spoil = (response: ServerResponse, pass: () => Promise<Answer>) => void | Promise<void>;

export interface Front {
  readonly url: string;
  readonly port: number;
  /** Requests since the start. */
  readonly calls: () => number;
  spoil: Spoil | undefined;
  /** From now on connections are refused; those that stand are cut. */
  readonly refuse: () => Promise<void>;
  readonly listen: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export interface FrontOptions {
  /** The service behind it. */
  readonly port: () => number;
  /** What the service sees in `Host`; that of the request unless said. */
  readonly host?: () => string;
  /** Which paths are spoiled and counted; all unless said. */
  readonly only?: (path: string) => boolean;
  /** Changes what passes. */
  readonly rewrite?: (body: string) => string;
}

/** Starts a front. */
export async function startFront({
  port,
  host,
  only = () => true,
  rewrite = (body) => body,
}: FrontOptions): Promise<Front> {
  let server: Server | undefined;
  let ownPort = 0;
  let calls = 0;

  const forward = async (incoming: IncomingMessage): Promise<Answer> => {
    const outgoing = request({
      host: '127.0.0.1',
      port: port(),
      method: incoming.method,
      path: incoming.url,
      agent: false,
    });
    for (let at = 0; at < incoming.rawHeaders.length; at += 2) {
      const name = incoming.rawHeaders[at] ?? '';
      const value = name.toLowerCase() === 'host' && host !== undefined ? host() : (incoming.rawHeaders[at + 1] ?? '');
      if (name.toLowerCase() !== 'connection') outgoing.setHeader(name, value);
    }
    incoming.pipe(outgoing);
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = rewrite(Buffer.concat(chunks).toString());
    return { status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', body };
  };

  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    incoming.on('error', () => undefined);
    response.on('error', () => undefined);
    const counted = only(incoming.url ?? '');
    if (counted) calls += 1;
    const pass = (): Promise<Answer> => forward(incoming);
    if (counted && front.spoil !== undefined) await front.spoil(response, pass);
    else sendAnswer(response, await pass());
  };

  const front: Front = {
    get url() {
      return `http://127.0.0.1:${ownPort}`;
    },
    get port() {
      return ownPort;
    },
    calls: () => calls,
    spoil: undefined,
    listen: async () => {
      if (server !== undefined) return;
      server = createServer((incoming, response) => {
        serve(incoming, response).catch(() => response.destroy());
      }).listen(ownPort, '127.0.0.1');
      await once(server, 'listening');
      ownPort = (server.address() as AddressInfo).port;
    },
    refuse: async () => {
      const closing = server;
      server = undefined;
      closing?.close();
      closing?.closeAllConnections();
      if (closing) await once(closing, 'close');
    },
    stop: () => front.refuse(),
  };
  await front.listen();
  return front;
}

/** Sends an answer as it is. */
function sendAnswer(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}

const JSON_TYPE = 'application/json';
const HUGE_BYTES = 16 * 1024 ** 2;

/** Never answers. */
export const silent: Spoil = () => undefined;

/** Answers after a time, in milliseconds. */
export const late =
  (afterMs: number): Spoil =>
  async (response, pass) => {
    const answer = await pass();
    setTimeout(() => sendAnswer(response, answer), afterMs);
  };

/** Breaks the connection in the middle of the answer. */
export const broken: Spoil = async (response, pass) => {
  const { status, type, body } = await pass();
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.write(body.slice(0, body.length / 2), () => response.socket?.resetAndDestroy());
};

/** Always answers the same. */
export const answering =
  (status: number, body: string, type = JSON_TYPE): Spoil =>
  (response) =>
    sendAnswer(response, { status, type, body });

/** Passes the real answer, changed. */
export const changed =
  (change: (body: string) => string): Spoil =>
  async (response, pass) => {
    const answer = await pass();
    sendAnswer(response, { ...answer, body: change(answer.body) });
  };

/** Begins as the real answer does, and does not end. */
export const huge: Spoil = async (response, pass) => {
  const { status, type, body } = await pass();
  response.writeHead(status, { 'content-type': type });
  response.write(body.slice(0, -1));
  let sentBytes = 0;
  const pour = (): void => {
    while (!response.destroyed && sentBytes < HUGE_BYTES) {
      sentBytes += 65_536;
      if (!response.write(Buffer.alloc(65_536, ' '))) return;
    }
    response.end();
  };
  response.on('drain', pour);
  pour();
};

/** Sends the caller elsewhere. */
export const redirecting =
  (location: string): Spoil =>
  (response) => {
    response.writeHead(307, { location }).end();
  };
