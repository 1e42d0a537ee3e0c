/**
 * Enters: a request for a plain key of a store that keeps no checksums of uploads and copies. Leaves: nothing, or a refusal
 * of one who asks for such a checksum in so many words. What SDKs name by default, and every checksum of a body, is
 * verified here all the same; and where nothing more than that is asked, it is enough.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import type { S3Request } from './request.ts';

/** @throws GatewayError NotImplemented */
export function refuseUnkeptChecksum({ descriptor, headers }: Pick<S3Request, 'descriptor' | 'headers'>): void {
  const header = descriptor.objectChecksum?.unkept(headers);
  if (header === undefined) return;
  const detail = `${header}: the store keeps no such checksum (its \`checksums\` is not \`all\`)`;
  throw new GatewayError('NotImplemented', { detail, clientFields: { Header: header } });
}
