/**
 * Requests byte for byte: what is signed and what is sent are told apart, so that a test can send what no library would.
 * Chunk signatures are computed here, by the text of the specification, and share no code with the gateway.
 */
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { sign, type TestKeys, type TestRequest } from '../store/store-client.ts';

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

/** A port of this machine, or one that speaks TLS with a certificate of `ca`. */
export type Endpoint = number | { readonly port: number; readonly ca: string };

/** Sends it on a connection of its own, and reads until that ends. Pieces of the body are `pauseMs` apart. */
export async function sendRaw(
  endpoint: Endpoint,
  request: Pick<Signed, 'method' | 'target' | 'lines'>,
  body: readonly (Buffer | string)[] = [],
  pauseMs = 0,
): Promise<WireAnswer> {
  const text = await converse(
    endpoint,
    [head({ ...request, lines: [...request.lines, ['connection', 'close']] }), ...body],
    pauseMs,
  );
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0),
    code: /<Code>([^<]*)<\/Code>/.exec(text)?.[1],
    text,
  };
}

/** The head of a request as it goes over the wire. */
export function head({ method, target, lines }: Pick<Signed, 'method' | 'target' | 'lines'>): string {
  return `${method} ${target} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** Writes pieces that are `pauseMs` apart, and gives all that came back when the other side has ended the connection. */
export async function converse(endpoint: Endpoint, pieces: readonly (Buffer | string)[], pauseMs = 0): Promise<string> {
  const socket =
    typeof endpoint === 'number'
      ? connect(endpoint, '127.0.0.1')
      : connectTls({ port: endpoint.port, host: '127.0.0.1', servername: 'localhost', ca: endpoint.ca });
  const received: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => received.push(bytes));
  // A refusal may close the connection while the body is still in progress.
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  for (const [index, piece] of pieces.entries()) {
    if (pauseMs > 0 && index > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    if (socket.destroyed) break;
    socket.write(piece);
  }
  await closed;
  return Buffer.concat(received).toString('latin1');
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

/**
 * Data in aws-chunked framing, each chunk signed over the one before; one buffer for each, the last one is empty, and
 * `trailer` (`name:value`) with its signature is one more.
 */
export function signedChunks(keys: TestKeys, request: Signed, chunks: readonly Buffer[], trailer?: string): Buffer[] {
  const authorization = request.lines.find(([name]) => name.toLowerCase() === 'authorization')?.[1] ?? '';
  const scope = /Credential=[^/]+\/([^,]+)/.exec(authorization)?.[1] ?? '';
  const key = signingKey(keys, scope);
  let previous = /Signature=([0-9a-f]{64})/.exec(authorization)?.[1] ?? '';
  const sign = (kind: string, ...hashes: readonly string[]): string => {
    const text = [`AWS4-HMAC-SHA256-${kind}`, timestampOf(request.date), scope, previous, ...hashes].join('\n');
    previous = hmac(key, text).toString('hex');
    return previous;
  };
  const pieces = [...chunks, Buffer.alloc(0)].map((chunk, index) => {
    const line = `${chunk.length.toString(16)};chunk-signature=${sign('PAYLOAD', sha256(''), sha256(chunk))}\r\n`;
    const isLast = index === chunks.length;
    return Buffer.concat([Buffer.from(line), chunk, Buffer.from(isLast && trailer !== undefined ? '' : '\r\n')]);
  });
  if (trailer === undefined) return pieces;
  const signature = sign('TRAILER', sha256(`${trailer}\n`));
  return [...pieces, Buffer.from(`${trailer}\r\nx-amz-trailer-signature:${signature}\r\n\r\n`)];
}

export interface HeadToSign {
  readonly method: string;
  /** As it is sent. */
  readonly target: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly keys: TestKeys;
  readonly date?: Date;
  readonly region?: string;
  readonly service?: string;
}

/** Signs a head over the very target that is sent, in whatever spelling; for scopes, too, that no library would sign for. */
export function signedHead({ method, target, keys, ...received }: HeadToSign): Signed {
  const { date = new Date(), region = 'us-east-1', service = 's3' } = received;
  const scope = `${timestampOf(date).slice(0, 8)}/${region}/${service}/aws4_request`;
  const headers: Record<string, string> = {
    'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
    'x-amz-date': timestampOf(date),
    ...(keys.sessionToken === undefined ? {} : { 'x-amz-security-token': keys.sessionToken }),
    ...received.headers,
  };
  const names = Object.keys(headers).toSorted();
  const lines = names.map((name) => `${name}:${headers[name]?.trim().replace(/\s+/g, ' ')}\n`).join('');
  const [path = '', query = ''] = target.split('?');
  const canonical = [method, path, canonicalQuery(query), lines, names.join(';'), headers['x-amz-content-sha256']];
  const text = ['AWS4-HMAC-SHA256', timestampOf(date), scope, sha256(canonical.join('\n'))].join('\n');
  const signature = hmac(signingKey(keys, scope), text).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${keys.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return { method, target, lines: [...Object.entries(headers), ['authorization', authorization]], date };
}

/** Signs a target as a URL that anyone may use for `expiresSeconds`; only the host is signed beside it. */
export function presignedTarget(
  host: string,
  { method, target, keys, date = new Date() }: Omit<HeadToSign, 'headers' | 'region' | 'service'>,
  expiresSeconds = 60,
): string {
  const scope = `${timestampOf(date).slice(0, 8)}/us-east-1/s3/aws4_request`;
  const [path = '', received = ''] = target.split('?');
  const query = [
    ...(received === '' ? [] : [received]),
    'X-Amz-Algorithm=AWS4-HMAC-SHA256',
    `X-Amz-Credential=${encode(`${keys.accessKeyId}/${scope}`)}`,
    `X-Amz-Date=${timestampOf(date)}`,
    `X-Amz-Expires=${expiresSeconds}`,
    'X-Amz-SignedHeaders=host',
    ...(keys.sessionToken === undefined ? [] : [`X-Amz-Security-Token=${encode(keys.sessionToken)}`]),
  ].join('&');
  const canonical = [method, path, canonicalQuery(query), `host:${host}\n`, 'host', 'UNSIGNED-PAYLOAD'].join('\n');
  const text = ['AWS4-HMAC-SHA256', timestampOf(date), scope, sha256(canonical)].join('\n');
  return `${path}?${query}&X-Amz-Signature=${hmac(signingKey(keys, scope), text).toString('hex')}`;
}

function canonicalQuery(query: string): string {
  const pairs = query.split('&').filter((pair) => pair !== '');
  return pairs
    .map((pair) => {
      const [name = '', value = ''] = pair.split('=').map((part) => encode(decodeURIComponent(part)));
      return `${name}=${value}`;
    })
    .toSorted()
    .join('&');
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const sha256 = (data: Buffer | string): string => createHash('sha256').update(data).digest('hex');
const timestampOf = (date: Date): string => date.toISOString().replace(/[:-]|\.\d{3}/g, '');
const signingKey = ({ secretAccessKey }: TestKeys, scope: string): Buffer | string =>
  scope.split('/').reduce<Buffer | string>(hmac, `AWS4${secretAccessKey}`);
