/** A process that is measured, and the requests that a benchmark sends to it. */
import { createHash, randomBytes } from 'node:crypto';
import aws4 from 'aws4';
import type { Pool } from 'undici';

type Headers = Readonly<Record<string, string>>;

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface Target {
  readonly name: string;
  /** `http://127.0.0.1:<port>`. */
  readonly origin: string;
  /** The processes whose CPU and memory are its own. */
  readonly pids: readonly number[];
  readonly headers: Headers;
  /** Signs each request (SigV4). */
  readonly keys?: Keys;
}

/** Servers take a signature of up to 15 minutes. */
const SIGNATURE_MS = 600_000;
const signatures = new Map<string, { headers: Headers; madeMs: number }>();

const piece = randomBytes(64 * 1024);
/** The body of a small request, 1 KiB. */
export const SMALL = piece.subarray(0, 1024);
const SMALL_SHA256 = createHash('sha256').update(SMALL).digest('hex');

/** Sends bytes, or so many of them in chunks of 64 KiB. @throws Error where the answer is not 200 */
export async function put(pool: Pool, target: Target, path: string, body: Buffer | number): Promise<void> {
  const sizeBytes = typeof body === 'number' ? body : body.length;
  const answer = await pool.request({
    method: 'PUT',
    path,
    headers: { ...headersOf(target, 'PUT', path, body), 'content-length': String(sizeBytes) },
    // undici takes iterables too; its types do not say so.
    body: (typeof body === 'number' ? chunks(sizeBytes) : body) as Buffer,
  });
  await answer.body.dump();
  expectOk(answer.statusCode, target, `PUT ${path}`);
}

/** Reads to the end and gives the size in bytes. @throws Error where the answer is not 200 */
export async function get(pool: Pool, target: Target, path: string): Promise<number> {
  const answer = await pool.request({ method: 'GET', path, headers: headersOf(target, 'GET', path) });
  let sizeBytes = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) sizeBytes += chunk.length;
  expectOk(answer.statusCode, target, `GET ${path}`);
  return sizeBytes;
}

/** Posts a document and gives the answer's. @throws Error where the answer is not 200 */
export async function post(
  pool: Pool,
  target: Target,
  path: string,
  body: Buffer = Buffer.alloc(0),
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const answer = await pool.request({
    ...{ method: 'POST', path, body },
    headers: { ...headersOf(target, 'POST', path), ...headers },
  });
  const text = await answer.body.text();
  expectOk(answer.statusCode, target, `POST ${path}`);
  return text;
}

/** Begins an upload of parts and gives the path of its seventh part. @throws Error where it was not begun */
export async function beginUpload(pool: Pool, target: Target, path: string): Promise<string> {
  const id = /<UploadId>([^<]+)</.exec(await post(pool, target, `${path}?uploads`))?.[1];
  if (id === undefined) throw new Error(`${target.name}: an upload was not begun`);
  return `${path}?partNumber=7&uploadId=${id}`;
}

/** Runs `total` of something, so many at once. */
export async function parallel(atOnce: number, total: number, one: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < total) {
        const index = next;
        next += 1;
        await one(index);
      }
    }),
  );
}

/** Signs small PUTs ahead: what it costs the client is then neither in the time that they take nor between them. */
export function signAhead(target: Target, paths: Iterable<string>): void {
  if (target.keys !== undefined) for (const path of paths) headersOf(target, 'PUT', path, SMALL);
}

function headersOf(target: Target, method: string, path: string, body?: Buffer | number): Headers {
  if (target.keys === undefined) return target.headers;
  const request = `${method} ${target.origin}${path}`;
  const known = signatures.get(request);
  if (known !== undefined && performance.now() - known.madeMs < SIGNATURE_MS) return known.headers;
  const signed = aws4.sign(
    {
      ...{ service: 's3', region: 'us-east-1', host: new URL(target.origin).host, method, path },
      headers: { 'X-Amz-Content-Sha256': body === SMALL ? SMALL_SHA256 : 'UNSIGNED-PAYLOAD' },
    },
    target.keys,
  );
  // undici says the host itself.
  const headers = Object.fromEntries(
    Object.entries(signed.headers as Headers).filter(([name]) => name.toLowerCase() !== 'host'),
  );
  signatures.set(request, { headers, madeMs: performance.now() });
  return headers;
}

function expectOk(statusCode: number, target: Target, what: string): void {
  if (statusCode !== 200) throw new Error(`${target.name}: ${what} answered ${statusCode}`);
}

function* chunks(sizeBytes: number): Generator<Buffer> {
  for (let sent = 0; sent < sizeBytes; sent += piece.length) yield piece.subarray(0, sizeBytes - sent);
}
