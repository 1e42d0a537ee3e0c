/**
 * Stands between the gateways and a store, on loopback: counts every request and its bytes, looks for plaintext in all that
 * the store is sent, and spoils requests as a test says. Bytes pass as they come; signatures hold, for the host is passed on.
 */
import { once } from 'node:events';
import { Agent, createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';

/** One request as the store got it. */
export interface StoreCall {
  readonly method: string;
  /** As S3 calls it, as far as a test needs to know it. */
  readonly operation: string;
  readonly target: string;
  readonly host: string;
  readonly range: string | undefined;
  status: number;
  /** Bytes of the body that came from the gateway. */
  sentBytes: number;
  /** Bytes of the body that the store gave. */
  receivedBytes: number;
}

/**
 * `refuse`: 503 without the store. `cut`: the connection ends before a byte is passed on. `cut body`: in the middle of what
 * the gateway sends. `cut answer`: in the middle of what the store gives. `lose answer`: the store has done it, and nobody is told.
 */
export type StoreFault = 'refuse' | 'cut' | 'cut body' | 'cut answer' | 'lose answer';

/** What must never come by, by name. */
export type Forbidden = Readonly<Record<string, Buffer>>;

export interface StoreProxy {
  readonly endpoint: string;
  /** Since the last `reset`. */
  readonly calls: readonly StoreCall[];
  /** Names of what was forbidden and came by, since the start, with the request. */
  readonly leaks: readonly string[];
  forbidden: Forbidden;
  /** Asked about each request but those to STS. */
  fault: (call: StoreCall, index: number) => StoreFault | undefined;
  /** How long such a request lies before anything is done about it, in milliseconds; none of its body is read meanwhile. */
  slowness: (call: StoreCall) => number;
  readonly reset: () => void;
  readonly stop: () => Promise<void>;
}

const OVERLAP_BYTES = 128;

/** Starts a proxy on one port before the store on another. */
export async function startStoreProxy(port: number, storePort: number): Promise<StoreProxy> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const leaks: string[] = [];
  let calls: StoreCall[] = [];
  let counted = 0;

  const observe = (call: StoreCall, bytes: Buffer): void => {
    for (const [name, marker] of Object.entries(proxy.forbidden)) {
      if (bytes.includes(marker)) leaks.push(`${name} in ${call.operation} ${call.target}`);
    }
  };

  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url = '' } = incoming;
    const host = incoming.headers.host ?? '';
    const call: StoreCall = {
      method,
      host,
      operation: operationOf(method, pathStyle(host, url), incoming.headers),
      target: url,
      range: incoming.headers.range,
      status: 0,
      sentBytes: 0,
      receivedBytes: 0,
    };
    const isSts = call.operation === 'AssumeRole';
    if (!isSts) calls.push(call);
    observe(call, Buffer.from([method, url, ...incoming.rawHeaders].join('\n'), 'latin1'));
    const fault = isSts ? undefined : proxy.fault(call, counted);
    if (!isSts) counted += 1;
    incoming.on('error', () => undefined);
    response.on('error', () => undefined);
    const slowness = isSts ? 0 : proxy.slowness(call);
    if (slowness > 0) {
      await setTimeout(slowness);
      if (incoming.destroyed) return;
    }
    if (fault === 'cut') {
      incoming.socket.destroy();
      return;
    }
    if (fault === 'refuse') {
      incoming.resume();
      response.writeHead(503, { 'content-type': 'application/xml' });
      response.end('<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>');
      return;
    }
    const outgoing = httpRequest({ agent, host: '127.0.0.1', port: storePort, method, path: url });
    for (let at = 0; at < incoming.rawHeaders.length; at += 2) {
      outgoing.setHeader(incoming.rawHeaders[at] ?? '', incoming.rawHeaders[at + 1] ?? '');
    }
    let isAnswered = false;
    outgoing.on('error', () => {
      if (!isAnswered) incoming.socket.destroy();
    });
    response.on('close', () => {
      if (!response.writableFinished) outgoing.destroy();
    });
    const announced = Number(incoming.headers['content-length'] ?? 0);
    const isObserving = Object.keys(proxy.forbidden).length > 0;
    let tail: Buffer = Buffer.alloc(0);
    outgoing.on('drain', () => incoming.resume());
    incoming.on('data', (chunk: Buffer) => {
      call.sentBytes += chunk.length;
      if (isObserving) {
        const together = Buffer.concat([tail, chunk]);
        observe(call, together);
        tail = together.subarray(Math.max(0, together.length - OVERLAP_BYTES));
      }
      if (isAnswered) return;
      if (fault === 'cut body' && call.sentBytes * 2 >= announced) {
        outgoing.destroy();
        incoming.socket.destroy();
      } else if (!outgoing.write(chunk)) incoming.pause();
    });
    incoming.on('end', () => outgoing.end());
    incoming.on('aborted', () => outgoing.destroy());
    outgoing.on('response', (answer) => {
      call.status = answer.statusCode ?? 0;
      answer.on('error', () => response.destroy());
      if (fault === 'lose answer') {
        answer.resume();
        answer.on('end', () => incoming.socket.destroy());
        return;
      }
      const size = Number(answer.headers['content-length'] ?? 0);
      response.writeHead(call.status, answer.rawHeaders);
      response.on('drain', () => answer.resume());
      answer.on('data', (chunk: Buffer) => {
        call.receivedBytes += chunk.length;
        if (fault === 'cut answer' && call.receivedBytes * 2 >= size) {
          response.write(chunk.subarray(0, Math.floor(chunk.length / 2)), () => incoming.socket.destroy());
          answer.destroy();
        } else if (!response.write(chunk)) answer.pause();
      });
      answer.on('end', () => {
        response.end();
        // A store may refuse before it has read everything: the rest must not lie in the way of the next request.
        isAnswered = true;
        if (!outgoing.writableFinished) outgoing.destroy();
        incoming.resume();
      });
    });
  };

  const server = createServer(
    { requestTimeout: 0, keepAliveTimeout: 60_000 },
    (incoming, response) => void serve(incoming, response),
  );
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const proxy: StoreProxy = {
    endpoint: `http://127.0.0.1:${port}`,
    get calls() {
      return calls;
    },
    leaks,
    forbidden: {},
    fault: () => undefined,
    slowness: () => 0,
    reset: () => {
      calls = [];
      counted = 0;
    },
    stop: async () => {
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await once(server, 'close');
    },
  };
  return proxy;
}

/** The target as it would be with the bucket in it. */
function pathStyle(host: string, url: string): string {
  const bucket = /^(.+)\.localhost(?::\d+)?$/.exec(host)?.[1];
  return bucket === undefined ? url : `/${bucket}${url}`;
}

function operationOf(method: string, url: string, headers: IncomingMessage['headers']): string {
  if (method === 'POST' && url === '/') return 'AssumeRole';
  const { pathname, searchParams: query } = new URL(url, 'http://store');
  const isObject = pathname.indexOf('/', 1) > 0 && !pathname.endsWith('/');
  const copy = headers['x-amz-copy-source'] === undefined ? '' : 'Copy';
  if (query.has('uploads')) return method === 'GET' ? 'ListMultipartUploads' : 'CreateMultipartUpload';
  if (query.has('uploadId')) {
    if (method === 'PUT') return `UploadPart${copy}`;
    return method === 'POST' ? 'CompleteMultipartUpload' : method === 'GET' ? 'ListParts' : 'AbortMultipartUpload';
  }
  if (!isObject) return query.has('versions') ? 'ListObjectVersions' : method === 'GET' ? 'ListObjects' : 'Bucket';
  if (query.has('attributes')) return 'GetObjectAttributes';
  if (method === 'PUT') return copy === '' ? 'PutObject' : 'CopyObject';
  return { GET: 'GetObject', HEAD: 'HeadObject', DELETE: 'DeleteObject' }[method] ?? method;
}
