/**
 * Takes the framing of aws-chunked off a body whose checksum follows it, unsigned. Enters: bytes as they come. Leaves: the
 * data, and the trailer's value when the generator has ended. Never: an implementation taken from the gateway, whose
 * framing this store is there to verify.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */
import { checksumHeader, type ChecksumAlgorithm } from './checksums.ts';
import { StoreError } from './store-error.ts';

const MAX_LINE_BYTES = 1024;

/** @throws StoreError InvalidRequest, MalformedTrailerError */
export async function* unframed(
  source: AsyncIterable<Buffer>,
  algorithm: ChecksumAlgorithm,
  onTrailer: (value: string) => void,
): AsyncGenerator<Buffer, void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  /** Bytes of the present chunk that are still to come. */
  let left = 0;
  /** Whether the line end behind a chunk is due. */
  let mustEnd = false;
  let trailer: string | undefined;
  for await (const piece of source) {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    while (rest.length > 0) {
      if (left > 0) {
        const data = rest.subarray(0, left);
        left -= data.length;
        rest = rest.subarray(data.length);
        mustEnd = left === 0;
        yield data;
        continue;
      }
      const end = rest.indexOf('\r\n');
      if (end < 0 || end > MAX_LINE_BYTES) {
        if (rest.length > MAX_LINE_BYTES) throw malformed();
        break;
      }
      const line = rest.toString('latin1', 0, end);
      rest = rest.subarray(end + 2);
      if (mustEnd) {
        if (line !== '') throw malformed();
        mustEnd = false;
      } else if (trailer !== undefined) trailer += `${line}\n`;
      else if (!/^[0-9a-f]{1,16}$/i.test(line)) throw malformed();
      else if (Number.parseInt(line, 16) === 0) trailer = '';
      else left = Number.parseInt(line, 16);
    }
  }
  const lines = (trailer ?? '').split('\n').filter((line) => line !== '');
  const [, name, value] = /^([^:]+):(.*)$/.exec(lines[0] ?? '') ?? [];
  if (rest.length > 0 || lines.length !== 1 || name !== checksumHeader(algorithm) || value === undefined)
    throw new StoreError('MalformedTrailerError', 400, 'The request contained trailing data that was not well-formed.');
  onTrailer(value);
}

const malformed = () => new StoreError('InvalidRequest', 400, 'The chunks of the body are not well-formed.');
