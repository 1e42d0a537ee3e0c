/**
 * The last stage. Whatever is answered, its outcome is durable before the last byte goes out; an answer that breaks after
 * its first byte is never ended cleanly (`failure.ts` destroys the connection).
 */
import type { BucketFacts } from '../contracts/bucket-facts.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { answerHeaders, answerStatus } from '../s3/response/answer.ts';
import { checksumHeaders, withoutChecksums, shownChecksum } from '../s3/body/checksums.ts';
import { releasedOnceSent } from '../s3/body/release-memory.ts';
import { writeDeleteResult } from '../s3/documents/delete-objects.ts';
import { encryptionOfRead } from '../s3/request/encryption-headers.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { putsObject } from '../s3/operations/operation.ts';
import { responseOverrides } from '../s3/request/response-overrides.ts';
import { objectHeaders } from '../s3/response/store-response.ts';
import { responder, type Responder } from './access.ts';
import { clientAnswer } from './client-answer.ts';
import type { Answered, Forwarded, Opened, Received, Sealed, Settled } from './contexts.ts';
import { effectsOf } from './effects.ts';

/** Answers GetObject and HeadObject with the plaintext view. */
export function createRespondObject(): Responder<Opened> {
  return responder((context) => {
    const { exchange, view } = context;
    const { body } = view;
    if (body !== undefined && !Buffer.isBuffer(body)) return respondStream(context, body);
    const status = statusOf(context);
    const headers = viewHeaders(context);
    if (body !== undefined && body.length !== view.last - view.first + 1) throw wrongLength('fewer');
    return complete(context, status, body?.length).then(() => {
      exchange.writeHead(status, headers);
      exchange.end(body);
    });
  });
}

async function respondStream(context: Opened, body: AsyncIterable<Buffer>): Promise<void> {
  const { exchange, view, meter } = context;
  const status = statusOf(context);
  try {
    const headers = viewHeaders(context);
    const expectedBytes = view.last - view.first + 1;
    const start = () => exchange.writeHead(status, headers);
    const last = await sendAllButLast(context, body, expectedBytes, start);
    if (meter.bytesOut + last.length !== expectedBytes) throw wrongLength('fewer');
    await complete(context, status, last.length);
    if (exchange.status() === undefined) start();
    exchange.end(last);
  } catch (error) {
    await view.discard?.();
    throw error;
  }
}

function statusOf({ view }: Opened): number {
  return view.partial ? 206 : 200;
}

function viewHeaders({ request, bucket, view }: Opened): Record<string, string> {
  const { headers: stored, first, last, checksum, partsCount } = view;
  const shown = objectHeaders(stored, !isKeptPlain(bucket, request.key), view.form === 'none');
  const headers: Record<string, string> = {
    // Clients hold a checksum against the bytes that they get.
    ...(view.partial ? withoutChecksums(shown) : shown),
    ...encryptionOfRead(stored, view.form),
    ...responseOverrides(request),
    'accept-ranges': 'bytes',
    'content-length': String(last - first + 1),
  };
  if (view.partial) headers['content-range'] = `bytes ${first}-${last}/${view.sizeBytes}`;
  if (partsCount !== undefined) headers['x-amz-mp-parts-count'] = String(partsCount);
  if (checksum === undefined) return headers;
  return { ...headers, ...checksumHeaders(shownChecksum(checksum, checksum.type, checksum.partsCount)) };
}

/**
 * Hands a body to the client but for its last chunk, which goes out when the rest has been authenticated and the outcome
 * is durable. The status line waits for the first chunk, so that an object that fails at once is a clean error.
 */
async function sendAllButLast(
  { exchange, meter }: Opened,
  body: AsyncIterable<Buffer>,
  expectedBytes: number,
  start: () => void,
): Promise<Buffer> {
  let sentBytes = 0;
  let held: Buffer | undefined;
  for await (const chunk of body) {
    sentBytes += chunk.length;
    if (sentBytes > expectedBytes) throw wrongLength('more');
    if (held !== undefined) {
      if (exchange.status() === undefined) start();
      meter.sent(held.length);
      await exchange.write(releasedOnceSent(held));
    }
    held = chunk;
  }
  return held ?? NOTHING;
}

const NOTHING = Buffer.alloc(0);

function wrongLength(how: 'more' | 'fewer'): GatewayError {
  return new GatewayError('ServiceUnavailable', { detail: `the store sent ${how} bytes than it announced` });
}

/** The MD5 of no bytes, which a store gives as the ETag of an empty object. */
const ETAG_OF_NOTHING = /^"?d41d8cd98f00b204e9800998ecf8427e"?$/;

/**
 * Answers PutObject, UploadPart and DeleteObject; of a body, with the checksum that was verified. A store that drops the
 * content of some keys (S3Proxy, of those that end in a slash) says so by the ETag alone.
 * @throws GatewayError ContentNotKept
 */
export function createRespondWrite(): Responder<Forwarded & Partial<Pick<Sealed, 'checksum' | 'body'>>> {
  return responder(async (context) => {
    const { exchange, request, bucket, response, checksum, body } = context;
    await response.discard();
    if (body !== undefined && body.sizeBytes > 0 && ETAG_OF_NOTHING.test(response.headers.get('etag') ?? '')) {
      throw new GatewayError('ContentNotKept');
    }
    const status = answerStatus(request.operation);
    const headers = answerHeaders(request, response.headers, !isKeptPlain(bucket, request.key));
    if (checksum !== undefined) {
      const type = putsObject(request.descriptor) ? 'FULL_OBJECT' : undefined;
      Object.assign(headers, checksumHeaders(shownChecksum({ ...checksum, value: checksum.value() }, type)));
    }
    if (status !== 204) headers['content-length'] = '0';
    await complete(context, status);
    exchange.writeHead(status, headers);
    exchange.end();
  });
}

/** Answers operations with documents. */
export function createRespondDocument(bucketFacts: Pick<BucketFacts, 'forget'>): Responder<Forwarded> {
  const { run } = createRespondAnswer();
  return responder(async (context) => {
    const { descriptor } = context.request;
    if (descriptor.operationClass === 'DOCUMENT' && descriptor.changes === 'bucket') bucketFacts.forget(context.bucket);
    await run({ ...context, answer: await clientAnswer(context) });
  });
}

/** Answers copies, uploads and whatever else was put together here. */
export function createRespondAnswer(): Responder<Answered> {
  return responder(async (context) => {
    const { exchange, early, request, answer } = context;
    const { document, headers } = answer;
    if (document !== undefined && early.isOpen) {
      // The headers of the result would have had to go out before it was known.
      await complete(context, 200, Buffer.byteLength(document));
      early.end(document);
      return;
    }
    if (document !== undefined) {
      await sendXml(context, document, headers);
      return;
    }
    const status = answerStatus(request.operation);
    await complete(context, status);
    exchange.writeHead(status, status === 204 ? headers : { ...headers, 'content-length': '0' });
    exchange.end();
  });
}

/** Answers DeleteObjects: one outcome for each key, denied ones among them. */
export function createRespondEach(): Responder<Settled> {
  return responder((context) => sendXml(context, writeDeleteResult(context.list, context.outcomes)));
}

type Completed = Pick<Received, 'exchange' | 'trail'> & Parameters<typeof effectsOf>[0];

/**
 * Records that a request completed, before its last `lastBytes` go out. A write took effect, whether or not its client
 * still waits; a read that reaches nobody did not complete. @throws GatewayError RequestTimeout, AuditUnavailable
 */
export function complete(context: Completed, status: number, lastBytes = 0): Promise<void> {
  const { signal, raw } = context.exchange;
  const { method } = raw;
  if (signal.aborted && (method === 'GET' || method === 'HEAD')) {
    throw new GatewayError('RequestTimeout', { detail: 'the client is gone' });
  }
  context.meter.sent(lastBytes);
  return context.trail.end({ result: 'completed', status }, effectsOf(context));
}

/** Sends a whole XML document as the completed answer. */
export async function sendXml(
  context: Completed,
  document: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { exchange } = context;
  const body = Buffer.from(document);
  await complete(context, 200, body.length);
  const length = String(body.length);
  // The policy of a bucket is the one that is no XML.
  const type = document.startsWith('{') ? 'application/json' : 'application/xml';
  exchange.writeHead(200, { ...headers, 'content-type': type, 'content-length': length });
  exchange.end(body);
}
