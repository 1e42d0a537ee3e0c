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
  const lengths = fields.map((field) => Buffer.byteLength(field));
  const bytes = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + 4 + length, 0));
  let at = 0;
  for (const [index, field] of fields.entries()) {
    at = bytes.writeUInt32BE(lengths[index] ?? 0, at);
    at += bytes.write(field, at);
  }
  return hash('sha256', bytes, 'buffer');
}
