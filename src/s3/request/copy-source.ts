/**
 * Enters: the value of `x-amz-copy-source`. Leaves: bucket, key and version, percent-decoded once; and the way back, with
 * the store's name of the bucket. An access point or anything else that is no bucket of ours is refused.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import { isBucketName } from '../bucket-name.ts';
import { encodePath, encodeQueryComponent } from '../encode.ts';
import { decodeOnce, isTooLong } from './request-target.ts';
import type { CopySource } from './request.ts';

const VERSION = '?versionId=';
/** Version ids of AWS, Ceph and MinIO; `null` among them. */
const VERSION_ID = /^[\w.+/=-]{1,1024}$/;

/**
 * Parses the source of a copy: `bucket/key`, with or without a leading slash, and a version or none.
 * @throws GatewayError InvalidArgument, InvalidBucketName, InvalidURI, KeyTooLong
 * @see Amazon S3 API Reference, "CopyObject", x-amz-copy-source
 */
export function parseCopySource(header: string): CopySource {
  const path = header.startsWith('/') ? header.slice(1) : header;
  // A question mark of the key comes escaped; clients that do not escape it mean the last one.
  const mark = path.lastIndexOf(VERSION);
  const versionId = mark < 0 ? undefined : parseVersionId(decodeOnce(path.slice(mark + VERSION.length)));
  const name = mark < 0 ? path : path.slice(0, mark);
  // A blank may stand as it is, but not two: signatures cover runs of them as one, and one could then name two keys.
  if (!/^[!-~]+(?: [!-~]+)*$/.test(name) || name.includes('?')) throw invalid();
  // Some clients escape the slash between bucket and key as well: it is the first one either way.
  const separator = /\/|%2F/i.exec(name);
  if (separator === null) throw invalid();
  const bucket = name.slice(0, separator.index);
  // A plus is a space, as in a query: Go's clients escape so, and all others escape a plus.
  const key = decodeOnce(name.slice(separator.index + separator[0].length).replaceAll('+', ' '));
  if (key === '') throw invalid();
  if (!isBucketName(bucket)) throw new GatewayError('InvalidBucketName', { detail: 'x-amz-copy-source' });
  if (isTooLong(key)) throw new GatewayError('KeyTooLong');
  return { bucket, key, versionId };
}

/** Checks a version id, decoded. @throws GatewayError InvalidArgument */
export function parseVersionId(text: string): string {
  if (VERSION_ID.test(text)) return text;
  throw new GatewayError('InvalidArgument', { clientFields: { ArgumentName: 'versionId' } });
}

/** Writes the header that names a source in the store. */
export function copySourceHeader({ key, versionId }: CopySource, storeBucket: string): string {
  const version = versionId === undefined ? '' : `${VERSION}${encodeQueryComponent(versionId)}`;
  return `/${storeBucket}/${encodePath(key)}${version}`;
}

function invalid(): GatewayError {
  return new GatewayError('InvalidArgument', { clientFields: { ArgumentName: 'x-amz-copy-source' } });
}
