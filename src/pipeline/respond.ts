/**
 * The last stage. Whatever is answered, its outcome is durable before the last byte goes out; an answer that breaks after
 * its first byte is never ended cleanly (`failure.ts` destroys the connection).
 */
import type { Exchange } from '../contracts/exchange.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { answerHeaders, answerStatus } from '../s3/answer.ts';
import { writeDeleteResult } from '../s3/delete-objects.ts';
import { checksumText } from '../s3/documents/object-attributes.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { responseOverrides } from '../s3/response-overrides.ts';
import { objectHeaders } from '../s3/store-response.ts';
import { answerOf } from './answer-of.ts';
import type { Answered, Forwarded, Opened, Received, Sealed, Settled } from './contexts.ts';
import type { Stage } from './stage.ts';

/** Answers GetObject and HeadObject with the plaintext view. */
export function createRespondObject(): Stage<Opened, void> {
  return {
    name: 'respond',
    run: async (context) => {
      const { exchange, view, ledger } = context;
      const status = view.partial ? 206 : 200;
      try {
        const headers = viewHeaders(context);
        if (view.body === undefined) {
          await ledger.end('completed', status);
          exchange.writeHead(status, headers);
          exchange.end();
          return;
        }
        const expectedBytes = view.last - view.first + 1;
        const last = Buffer.isBuffer(view.body)
          ? view.body
          : await sendAllButLast(context, view.body, expectedBytes, () => exchange.writeHead(status, headers));
        ledger.bytesOut += last.length;
        if (ledger.bytesOut !== expectedBytes) throw wrongLength('fewer');
        await ledger.end('completed', status);
        if (exchange.status() === undefined) exchange.writeHead(status, headers);
        exchange.end(last);
      } catch (error) {
        await view.discard?.();
        throw error;
      }
    },
  };
}

function viewHeaders({ request, bucket, view }: Opened): Record<string, string> {
  const { headers: stored, first, last, checksum, partsCount } = view;
  const headers: Record<string, string> = {
    ...objectHeaders(stored, !isKeptPlain(bucket, request.key), view.form === 'none'),
    ...responseOverrides(request),
    'accept-ranges': 'bytes',
    'content-length': String(last - first + 1),
  };
  if (view.partial) headers['content-range'] = `bytes ${first}-${last}/${view.sizeBytes}`;
  if (partsCount !== undefined) headers['x-amz-mp-parts-count'] = String(partsCount);
  if (checksum !== undefined) {
    headers[`x-amz-checksum-${checksum.algorithm.toLowerCase()}`] = checksumText(checksum);
    headers['x-amz-checksum-type'] = checksum.type;
  }
  return headers;
}

/**
 * Hands a body to the client but for its last chunk, which goes out when the rest has been authenticated and the outcome
 * is durable. The status line waits for the first chunk, so that an object that fails at once is a clean error.
 */
async function sendAllButLast(
  { exchange, ledger }: Opened,
  body: AsyncIterable<Buffer>,
  expectedBytes: number,
  start: () => void,
): Promise<Buffer> {
  let givenBytes = 0;
  let held: Buffer | undefined;
  for await (const chunk of body) {
    givenBytes += chunk.length;
    if (givenBytes > expectedBytes) throw wrongLength('more');
    if (held !== undefined) {
      if (exchange.status() === undefined) start();
      ledger.bytesOut += held.length;
      await exchange.write(held);
    }
    held = chunk;
  }
  return held ?? NOTHING;
}

const NOTHING = Buffer.alloc(0);

function wrongLength(how: 'more' | 'fewer'): GatewayError {
  return new GatewayError('ServiceUnavailable', 'respond', { detail: `the store sent ${how} bytes than it announced` });
}

/** Answers PutObject, UploadPart and DeleteObject; of a body, with the checksum that was verified. */
export function createRespondWrite(): Stage<Forwarded & Partial<Pick<Sealed, 'checksum'>>, void> {
  return {
    name: 'respond',
    run: async ({ exchange, request, bucket, response, checksum, ledger }) => {
      await response.discard();
      const status = answerStatus(request.operation);
      const headers = answerHeaders(request, response.headers, !isKeptPlain(bucket, request.key));
      if (checksum !== undefined) {
        headers[`x-amz-checksum-${checksum.algorithm.toLowerCase()}`] = checksum.value().toString('base64');
      }
      if (status !== 204) headers['content-length'] = '0';
      await ledger.end('completed', status);
      exchange.writeHead(status, headers);
      exchange.end();
    },
  };
}

/** Answers operations with documents. */
export function createRespondDocument(): Stage<Forwarded, void> {
  const { run } = createRespondAnswer();
  return { name: 'respond', run: async (context) => run({ ...context, answer: await answerOf(context) }) };
}

/** Answers copies, uploads and whatever else was put together here. */
export function createRespondAnswer(): Stage<Answered, void> {
  return {
    name: 'respond',
    run: async ({ exchange, early, request, ledger, answer: { document, headers } }) => {
      if (document !== undefined && early.isOpen) {
        // The headers of the result would have had to go out before it was known.
        ledger.bytesOut += Buffer.byteLength(document);
        await ledger.end('completed', 200);
        early.end(document);
        return;
      }
      if (document !== undefined) {
        await sendXml(exchange, ledger, document, headers);
        return;
      }
      const status = answerStatus(request.operation);
      await ledger.end('completed', status);
      exchange.writeHead(status, status === 204 ? headers : { ...headers, 'content-length': '0' });
      exchange.end();
    },
  };
}

/** Answers DeleteObjects: one outcome for each key, denied ones among them. */
export function createRespondEach(): Stage<Settled, void> {
  return {
    name: 'respond',
    run: ({ exchange, ledger, list, outcomes }) => sendXml(exchange, ledger, writeDeleteResult(list, outcomes)),
  };
}

/** Sends a whole XML document as the completed answer. */
export async function sendXml(
  exchange: Exchange,
  ledger: Received['ledger'],
  document: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const body = Buffer.from(document);
  ledger.bytesOut += body.length;
  await ledger.end('completed', 200);
  const length = String(body.length);
  exchange.writeHead(200, { ...headers, 'content-type': 'application/xml', 'content-length': length });
  exchange.end(body);
}
