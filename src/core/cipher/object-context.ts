/**
 * The context that a wrapped key is bound to. A key wrapped for one bucket, key and kind does not unwrap for another, so a
 * stored object that is moved does not open. Every field is length-prefixed: no two contexts give the same bytes. The hash
 * keeps key names out of the logs of a remote keyring.
 * @see docs/spec/object-format.md, "Context"
 */
import { hash } from 'node:crypto';
import type { ObjectAddress } from '../../contracts/object-cipher.ts';
import type { ObjectKind } from './envelope.ts';

const FORMAT = 'sallyport/1';

/** Gives the 32-byte hash of bucket id, object key (as UTF-8) and kind. */
export function objectContext({ bucketId, key }: ObjectAddress, kind: ObjectKind): Buffer {
  const fields = [FORMAT, bucketId, key, kind];
  let sizeBytes = 0;
  for (const field of fields) sizeBytes += 4 + Buffer.byteLength(field);
  const bytes = Buffer.allocUnsafe(sizeBytes);
  let at = 0;
  for (const field of fields) {
    const length = bytes.write(field, at + 4);
    at = bytes.writeUInt32BE(length, at) + length;
  }
  return hash('sha256', bytes, 'buffer');
}
