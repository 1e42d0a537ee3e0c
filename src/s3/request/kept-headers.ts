/**
 * What stands beside a stored object, as a request that writes it anew carries it. Enters: the object's head. Never: an
 * object that has lost, without a word, something that its owner had put beside it; nor its envelope, which is bound to its
 * bucket and key.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import { storedHeaders } from './stored-headers.ts';
import { isReservedMetadata } from './user-metadata.ts';

type Headers = Readonly<Record<string, string>>;

/** Kept with an object by the store, and lost by a write that does not say it again. */
const SAID_AGAIN = [
  'x-amz-storage-class',
  'x-amz-website-redirect-location',
  // Policies of buckets deny writes without it.
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
  'x-amz-server-side-encryption-bucket-key-enabled',
];

const PRINTABLE_ASCII = /^[ -~]*$/;

/**
 * Gives the headers of content and metadata that go along with a copy; `dropped` names those that belong to the object's
 * present form.
 * @throws GatewayError InvalidRequest (a value that no request can carry byte for byte, or that the store does not show)
 */
export function keptHeaders(head: ReadonlyMap<string, string>, dropped: readonly string[] = []): Headers {
  // Left out they would be lost unnoticed.
  if (head.has('x-amz-missing-meta')) throw notCarried('metadata that the store does not show');
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(storedHeaders({ headers: head }))) {
    if (isReservedMetadata(name) || dropped.includes(name)) continue;
    if (!PRINTABLE_ASCII.test(value)) throw notCarried(`metadata that is not ASCII: ${name}`);
    kept[name] = value;
  }
  return kept;
}

/** Gives the same of an object that is written anew in its place: how the store keeps it is kept as well. @throws as `keptHeaders` */
export function keptInCopy(head: ReadonlyMap<string, string>, dropped: readonly string[] = []): Headers {
  if (head.has('x-amz-server-side-encryption-customer-algorithm')) throw notCarried('a customer key');
  const again = SAID_AGAIN.flatMap((name): readonly (readonly [string, string])[] => {
    const value = head.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  return { ...keptHeaders(head, dropped), ...Object.fromEntries(again) };
}

function notCarried(detail: string): GatewayError {
  return new GatewayError('InvalidRequest', { detail });
}
