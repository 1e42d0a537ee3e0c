/**
 * Enters: a request for a plain key of a store that keeps no checksums of uploads and copies. Leaves: nothing, or a refusal
 * of one who asks for such a checksum in so many words. What SDKs name by default, and every checksum of a body, is
 * verified here all the same; and where nothing more than that is asked, it is enough.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import { CHECKSUM_HEADERS, parseChecksumType } from './checksums.ts';
import type { S3Request } from './request.ts';

/** @throws GatewayError NotImplemented */
export function refuseUnkeptChecksum({ operation, headers }: Pick<S3Request, 'operation' | 'headers'>): void {
  // Refused before the parts are sent: a verification of the whole is expected at the end.
  if (operation === 'CreateMultipartUpload' && parseChecksumType(headers) === 'FULL_OBJECT') {
    throw unkept('x-amz-checksum-type');
  }
  if (operation === 'CompleteMultipartUpload') {
    const claimed = [...headers.keys()].find((name) => CHECKSUM_HEADERS.has(name));
    if (claimed !== undefined) throw unkept(claimed);
  }
  if (operation === 'CopyObject' && headers.has('x-amz-checksum-algorithm')) throw unkept('x-amz-checksum-algorithm');
}

function unkept(header: string): GatewayError {
  const detail = `${header}: the store keeps no such checksum (its \`checksums\` is not \`all\`)`;
  return new GatewayError('NotImplemented', { detail, clientFields: { Header: header } });
}
