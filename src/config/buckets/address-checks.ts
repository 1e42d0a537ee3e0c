/** Whether buckets can be addressed at their stores as configuration says. */
import { text, url, type Loose, type Report } from '../loading/loose.ts';
import { checkVirtualHosts } from '../stores/checks.ts';
import type { FileStore } from '../stores/schema.ts';
import type { FileBucket } from './schema.ts';

const MAX_HOST_CHARACTERS = 253;

/** Checks the host of a bucket, where it has one. */
export const checkAddress = (
  path: readonly string[],
  bucket: Loose<FileBucket>,
  store: Loose<FileStore>,
  report: Report,
): void => {
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
