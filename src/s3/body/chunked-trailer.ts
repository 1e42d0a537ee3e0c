/**
 * Enters: what follows the last chunk of an aws-chunked body, whole. Leaves: the checksum that was declared.
 * A trailer that was not declared, stands twice or is missing is refused. Blank lines mean nothing: some clients put one
 * after the last chunk, and some before the trailer's signature.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import { CHECKSUM_HEADERS, decodeChecksum, type ChecksumAlgorithm } from './checksums.ts';

const MAX_BLANK_LINES = 4;
const SIGNATURE_TRAILER = 'x-amz-trailer-signature';

/**
 * Reads the trailer; `undefined` when none was declared. `verify` is given `name:value\n` and the signature over it; absent:
 * the trailer is not signed.
 * @throws GatewayError MalformedTrailer, InvalidRequest (a trailer that was not declared), and what `verify` throws
 */
export function parseTrailer(
  text: string,
  declared: ChecksumAlgorithm | undefined,
  verify: ((trailer: string, signature: string) => void) | undefined,
): Buffer | undefined {
  const fields = readFields(text);
  const signature = fields.get(SIGNATURE_TRAILER);
  fields.delete(SIGNATURE_TRAILER);
  if ((signature !== undefined) !== (verify !== undefined && declared !== undefined)) {
    throw malformed('the signature of the trailer is missing, or there should be none');
  }
  let checksum: Buffer | undefined;
  for (const [name, value] of fields) {
    const kind = CHECKSUM_HEADERS.get(name);
    if (kind === undefined || kind.algorithm !== declared) {
      throw new GatewayError('InvalidRequest', { detail: 'a trailer that was not declared' });
    }
    if (signature !== undefined) verify?.(`${name}:${value}\n`, signature);
    checksum = decodeChecksum(value, kind.algorithm);
    if (checksum === undefined) throw malformed('not base64');
  }
  if (checksum === undefined && declared !== undefined) throw malformed('the declared trailer did not come');
  return checksum;
}

function readFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  let blankLines = 0;
  for (const line of text.split('\n')) {
    const content = line.endsWith('\r') ? line.slice(0, -1) : line;
    if (content === '') {
      blankLines += 1;
      continue;
    }
    const colon = content.indexOf(':');
    const name = content.slice(0, colon).toLowerCase();
    if (colon < 1 || !/^[ -~]+$/.test(content) || fields.has(name)) throw malformed('malformed or repeated');
    fields.set(name, content.slice(colon + 1).trim());
  }
  // The text after the last line break counts as one.
  if (blankLines > MAX_BLANK_LINES) throw malformed('blank lines');
  return fields;
}

function malformed(detail: string): GatewayError {
  return new GatewayError('MalformedTrailer', { detail });
}
