/**
 * Copies whose body passes through here, because one end is plain or the key is another one. Enters: the opened origin.
 * Leaves: what the store made of it. Not a byte of the last chunk goes out before the whole origin has been
 * authenticated, so that a copy that fails leaves nothing behind.
 */
import type { StoreRequest, StoreSession } from '../contracts/store-session.ts';
import type { OpenedObject } from '../contracts/stored-objects.ts';
import type { UpstreamResponse } from '../contracts/upstream.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { PassingChecksum } from '../s3/body/body-verifier.ts';
import { CHECKSUM_HEADERS, type ChecksumAlgorithm } from '../s3/body/checksums.ts';
import { withChecksum } from '../s3/body/frame-chunked.ts';
import { withholdLast } from '../s3/body/withhold-last.ts';

/** How a body becomes what is stored. */
export interface BodyForm {
  /** Whether it is stored as it is. */
  readonly isPlain?: true;
  readonly storedSizeBytes: number;
  readonly whole: (plain: Buffer) => Buffer;
  readonly body: (plain: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;
}

/** A body that is stored as it is. */
export function plainForm(sizeBytes: number): BodyForm {
  return {
    isPlain: true,
    storedSizeBytes: sizeBytes,
    whole: (plain) => {
      if (plain.length !== sizeBytes) throw incomplete(plain.length, sizeBytes);
      return plain;
    },
    body: (plain) => withholdLast(plain, sizeBytes, incomplete),
  };
}

/** Sends the plaintext of an origin to where it goes, a plain one with its checksum, and gives the store's answer. @throws GatewayError what either end says */
export async function sendBody(
  to: StoreSession,
  body: OpenedObject['body'],
  form: BodyForm,
  request: Pick<StoreRequest, 'key' | 'query' | 'headers'>,
  checksum?: PassingChecksum,
): Promise<UpstreamResponse> {
  const tap = checksum?.update;
  const content = Buffer.isBuffer(body)
    ? form.whole(tapped(body, tap))
    : form.body(tap === undefined ? body : each(body, tap));
  const outbound = { headers: request.headers, body: { sizeBytes: form.storedSizeBytes, content } };
  const isChecked = form.isPlain === true && checksum !== undefined;
  const sent = isChecked ? withChecksum(outbound, checksum, { isKnown: false }) : outbound;
  const response = await to.send({ ...request, ...sent, method: 'PUT' });
  await response.discard();
  return response;
}

/** The kind of checksum that an origin has: ours, or the store's. Its value is not taken over. */
export function checksumKind({ checksum, headers }: OpenedObject): ChecksumAlgorithm | undefined {
  if (checksum !== undefined) return checksum.algorithm;
  for (const [name, { algorithm }] of CHECKSUM_HEADERS) if (headers.has(name)) return algorithm;
  return undefined;
}

function tapped(whole: Buffer, tap: ((chunk: Buffer) => void) | undefined): Buffer {
  tap?.(whole);
  return whole;
}

async function* each(
  plain: AsyncIterable<Buffer>,
  tap: (chunk: Buffer) => void,
): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of plain) {
    tap(chunk);
    yield chunk;
  }
}

function incomplete(got: number, expected: number): GatewayError {
  return new GatewayError('ServiceUnavailable', { detail: `the source gave ${got} of ${expected} bytes` });
}
