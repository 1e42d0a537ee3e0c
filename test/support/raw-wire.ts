/**
 * Requests byte for byte: what is signed and what is sent are told apart, so that a test can send what no library would.
 * Chunk signatures are computed here, by the text of the specification, and share no code with the gateway.
 */
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { sign, type TestKeys, type TestRequest } from './store-client.ts';

export interface WireAnswer {
  /** 0 when the connection ended without one. */
  readonly status: number;
  readonly code: string | undefined;
  readonly text: string;
}

export interface Signed {
  readonly method: string;
  readonly target: string;
  /** Names and values in wire order, duplicates as they are. */
  readonly lines: (readonly [name: string, value: string])[];
  readonly date: Date;
}

/** Signs what `request` says; nothing is sent. */
export async function signed(port: number, request: TestRequest): Promise<Signed> {
  const date = request.date ?? new Date();
  const { method, target, headers } = await sign(port, { ...request, date });
  return { method, target, lines: Object.entries(headers), date };
}

/** Sends it on a connection of its own, and reads until that ends. Pieces of the body are `pauseMs` apart. */
export async function sendRaw(
  port: number,
  request: Pick<Signed, 'method' | 'target' | 'lines'>,
  body: readonly (Buffer | string)[] = [],
  pauseMs = 0,
): Promise<WireAnswer> {
  const socket = connect(port, '127.0.0.1');
  const received: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => received.push(bytes));
  // A refusal may close the connection while the body is still under way.
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  const lines = [...request.lines, ['connection', 'close'] as const].map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`${request.method} ${request.target} HTTP/1.1\r\n${lines.join('')}\r\n`);
  for (const piece of body) {
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    if (socket.destroyed) break;
    socket.write(piece);
  }
  await closed;
  const text = Buffer.concat(received).toString('latin1');
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0),
    code: /<Code>([^<]*)<\/Code>/.exec(text)?.[1],
    text,
  };
}

/** Data in aws-chunked framing without signatures. */
export function unsignedChunks(chunks: readonly (Buffer | string)[], trailer = ''): Buffer {
  return Buffer.concat([
    ...chunks.flatMap((chunk) => [
      Buffer.from(`${Buffer.byteLength(chunk).toString(16)}\r\n`),
      Buffer.from(chunk),
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`0\r\n${trailer}\r\n`),
  ]);
}

/** Data in aws-chunked framing, each chunk signed over the one before; one buffer for each, the last one is empty. */
export function signedChunks(keys: TestKeys, request: Signed, chunks: readonly Buffer[]): Buffer[] {
  const authorization = request.lines.find(([name]) => name.toLowerCase() === 'authorization')?.[1] ?? '';
  const scope = /Credential=[^/]+\/([^,]+)/.exec(authorization)?.[1] ?? '';
  const [day = '', region = '', service = ''] = scope.split('/');
  const timestamp = request.date.toISOString().replace(/[:-]|\.\d{3}/g, '');
  const hmac = (key: Buffer | string, text: string) => createHmac('sha256', key).update(text).digest();
  const hash = (data: Buffer | string) => createHash('sha256').update(data).digest('hex');
  const key = [day, region, service, 'aws4_request'].reduce<Buffer | string>(hmac, `AWS4${keys.secretAccessKey}`);
  let previous = /Signature=([0-9a-f]{64})/.exec(authorization)?.[1] ?? '';
  return [...chunks, Buffer.alloc(0)].map((chunk) => {
    previous = hmac(
      key,
      ['AWS4-HMAC-SHA256-PAYLOAD', timestamp, scope, previous, hash(''), hash(chunk)].join('\n'),
    ).toString('hex');
    return Buffer.concat([
      Buffer.from(`${chunk.length.toString(16)};chunk-signature=${previous}\r\n`),
      chunk,
      Buffer.from('\r\n'),
    ]);
  });
}
