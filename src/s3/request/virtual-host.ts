import { GatewayError } from '../../errors/gateway-error.ts';
import { isBucketName } from '../bucket-name.ts';

const IPV4 = /^[\d.]+$/;
const PORT = /:\d{1,5}$/;

/**
 * Gives the bucket that stands before one of the public hosts (`bucket.s3.example.com`); `undefined` for path-style: a
 * public host itself, an address, and every host that configuration does not name. `publicHosts` are lower case; one
 * with a port is met by that port only.
 * @throws GatewayError InvalidBucketName
 * @see Amazon S3 User Guide, "Virtual hosting of buckets"
 */
export function bucketOfHost(host: string | undefined, publicHosts: readonly string[]): string | undefined {
  if (host === undefined || publicHosts.length === 0) return undefined;
  const lowerHost = host.toLowerCase();
  const withoutPort = lowerHost.replace(PORT, '');
  if (isAddress(withoutPort)) return undefined;
  let bucket: string | undefined;
  for (const entry of publicHosts) {
    const name = PORT.test(entry) ? lowerHost : withoutPort;
    if (name === entry) return undefined;
    // Of two hosts of which one ends like the other, the longer one is meant.
    if (!isAddress(entry.replace(PORT, '')) && name.endsWith(`.${entry}`)) {
      const label = name.slice(0, -entry.length - 1);
      if (bucket === undefined || label.length < bucket.length) bucket = label;
    }
  }
  // By the name as it was sent: upper case is no bucket's, also where DNS does not care.
  if (bucket === undefined) return undefined;
  if (isBucketName(bucket) && host.startsWith(`${bucket}.`)) return bucket;
  throw new GatewayError('InvalidBucketName', { detail: 'the label before a public host' });
}

function isAddress(host: string): boolean {
  return host.startsWith('[') || IPV4.test(host);
}
