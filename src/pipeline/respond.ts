/**
 * The last stage. Whatever is answered, its outcome is durable before the last byte goes out; an answer that breaks after
 * its first byte is never ended cleanly (`failure.ts` destroys the connection).
 */
import type { Exchange } from '../contracts/exchange.ts';
import { clientEtag } from '../s3/etag.ts';
import { parseListing, renderListing } from '../s3/listing.ts';
import { objectHeaders } from '../s3/store-response.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import type { Forwarded, Opened, Received } from './contexts.ts';
import type { Stage } from './stage.ts';

const LISTING_LIMIT_BYTES = 16 * 1024 * 1024;

/** Answers GetObject and HeadObject with the plaintext view. */
export function createRespondObject(): Stage<Opened, void> {
  return {
    name: 'respond',
    run: async (context) => {
      const { exchange, bucket, response, view, ledger } = context;
      const headers = objectHeaders(response.headers, bucket.encryption !== 'off');
      headers['accept-ranges'] = 'bytes';
      headers['content-length'] = String(view.last - view.first + 1);
      if (view.partial) headers['content-range'] = `bytes ${view.first}-${view.last}/${view.sizeBytes}`;
      const status = view.partial ? 206 : 200;
      if (view.body === undefined) {
        await response.discard();
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
    },
  };
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

/** Answers PutObject and DeleteObject. */
export function createRespondWrite(): Stage<Forwarded, void> {
  return {
    name: 'respond',
    run: async ({ exchange, request, bucket, response, ledger }) => {
      await response.discard();
      const headers: Record<string, string> = { 'content-length': '0' };
      const given = objectHeaders(response.headers, bucket.encryption !== 'off');
      for (const name of ['etag', 'x-amz-version-id', 'x-amz-delete-marker']) {
        const value = given[name];
        if (value !== undefined) headers[name] = value;
      }
      const status = request.operation === 'DeleteObject' ? 204 : 200;
      if (status === 204) delete headers['content-length'];
      await ledger.end('completed', status);
      exchange.writeHead(status, headers);
      exchange.end();
    },
  };
}

/** Answers ListObjects and ListObjectsV2 with plaintext sizes and ETags. */
export function createRespondListing(cipher: ObjectCipher): Stage<Forwarded, void> {
  return {
    name: 'respond',
    run: async ({ exchange, request, bucket, response, ledger }) => {
      const encrypted = bucket.encryption !== 'off';
      const document = renderListing(await readWhole(response.body), parseListing(request), {
        bucket: request.bucket,
        // A stored size that no object of ours has is shown as it is: such an object is not served anyway.
        size: (stored) => (encrypted ? (cipher.plainSize(stored) ?? stored) : stored),
        etag: (stored) => (encrypted ? clientEtag(stored) : stored),
      });
      await sendXml(exchange, ledger, document);
    },
  };
}

/** Sends a whole XML document as the completed answer. */
export async function sendXml(exchange: Exchange, ledger: Received['ledger'], document: string): Promise<void> {
  const body = Buffer.from(document);
  ledger.bytesOut += body.length;
  await ledger.end('completed', 200);
  exchange.writeHead(200, { 'content-type': 'application/xml', 'content-length': String(body.length) });
  exchange.end(body);
}

async function readWhole(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > LISTING_LIMIT_BYTES)
      throw new GatewayError('ServiceUnavailable', 'respond', { detail: 'the listing is too large' });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
