/** A process that is measured, and the requests that a benchmark sends to it. */
import { randomBytes } from 'node:crypto';
import type { Pool } from 'undici';

export interface Target {
  readonly name: string;
  /** `http://127.0.0.1:<port>`. */
  readonly origin: string;
  readonly pid: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Headers of one request, where each has its own. */
  readonly headersOf?: (method: string, path: string) => Readonly<Record<string, string>>;
}

const piece = randomBytes(64 * 1024);
/** The body of a small request, 1 KiB. */
export const SMALL = piece.subarray(0, 1024);

/** Sends bytes, or so many of them in chunks of 64 KiB. @throws Error where the answer is not 200 */
export async function put(pool: Pool, target: Target, path: string, body: Buffer | number): Promise<void> {
  const sizeBytes = typeof body === 'number' ? body : body.length;
  const answer = await pool.request({
    method: 'PUT',
    path,
    headers: { ...headersOf(target, 'PUT', path), 'content-length': String(sizeBytes) },
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

function headersOf(target: Target, method: string, path: string): Readonly<Record<string, string>> {
  return target.headersOf?.(method, path) ?? target.headers;
}

function expectOk(statusCode: number, target: Target, what: string): void {
  if (statusCode !== 200) throw new Error(`${target.name}: ${what} answered ${statusCode}`);
}

function* chunks(sizeBytes: number): Generator<Buffer> {
  for (let sent = 0; sent < sizeBytes; sent += piece.length) yield piece.subarray(0, sizeBytes - sent);
}
