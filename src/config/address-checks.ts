/** Whether buckets can be addressed at their stores as configuration says. */
import { isIP } from 'node:net';
import { text, url, type Loose, type Report } from './loose.ts';
import type { FileConfig } from './schema.ts';

type Store = Loose<FileConfig['stores'][string]>;
type Bucket = Loose<FileConfig['buckets'][string]>;

const MAX_HOST_CHARACTERS = 253;

/** Checks that a bucket can stand before the host of a store. `path` is the key that says so. */
export const checkVirtualHosts = (path: readonly string[], store: Store, report: Report): void => {
  const host = url(store?.endpoint)?.hostname.replace(/^\[|\]$/g, '') ?? '';
  if (isIP(host) !== 0)
    report(path, 'is `virtual`, and no bucket can stand before an address; name the store by a host');
};

/** Checks the host of a bucket, where it has one. */
export const checkAddress = (path: readonly string[], bucket: Bucket, store: Store, report: Report): void => {
  const at = [...path, 'style'];
  if (bucket?.style === 'virtual') checkVirtualHosts(at, store, report);
  if ((text(bucket?.style) ?? store?.style) !== 'virtual') return;
  const name = text(bucket?.storeBucket) ?? path.at(-1) ?? '';
  const endpoint = url(store?.endpoint);
  if (!name.split('.').every((label) => /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(label))) {
    report(at, `is \`virtual\`, and ${name} is no host name; set \`style: path\` on this bucket`);
  } else if (`${name}.${endpoint?.hostname ?? ''}`.length > MAX_HOST_CHARACTERS) {
    report(at, `is \`virtual\`, and makes a host of more than ${MAX_HOST_CHARACTERS} characters`);
  } else if (name.includes('.') && endpoint?.protocol !== 'http:' && store?.tls?.serverName === undefined) {
    // A wildcard stands for one label only (RFC 9525 section 6.3).
    report(at, `is \`virtual\`, and no wildcard certificate covers ${name}; set \`style: path\` on this bucket`);
  }
};
