/**
 * What requests and answers say of encryption at rest. Enters: what a client asked for and what its store said. Leaves: what
 * the store is told, and what the client is told. Of a sealed object the client's view is ours: S3 has two ways of saying
 * that an ETag is no MD5, and SDKs that compare the two look for one of them in the answer to each write. Never: a hint for
 * clients that repeat what they read of an object (they would ask for more than they need), or the id of a key of ours.
 */
import { operationOf } from '../operations/operations.ts';
import type { S3Request } from './request.ts';

const ALGORITHM = 'x-amz-server-side-encryption';
const KEY_ID = `${ALGORITHM}-aws-kms-key-id`;
const BUCKET_KEY = `${ALGORITHM}-bucket-key-enabled`;
const CUSTOMER_ALGORITHM = `${ALGORITHM}-customer-algorithm`;

/** What a store can be asked to encrypt with. */
export const STORE_ENCRYPTIONS = ['AES256', 'aws:kms', 'aws:kms:dsse'] as const;

/** What a store is to encrypt with where the request does not say. */
export interface StoreEncryption {
  readonly algorithm: (typeof STORE_ENCRYPTIONS)[number];
  /** Undefined: the store's default key. */
  readonly kmsKeyId: string | undefined;
}

/** Gives the headers that ask a store for it. */
export function encryptionHeaders({ algorithm, kmsKeyId }: StoreEncryption): Readonly<Record<string, string>> {
  return { [ALGORITHM]: algorithm, ...(kmsKeyId === undefined ? {} : { [KEY_ID]: kmsKeyId }) };
}

/** Tells whether a request asks for some encryption by itself. */
export function requestsEncryption(headers: Readonly<Record<string, string>>): boolean {
  return headers[ALGORITHM] !== undefined;
}

/** Gives what the answer to a read says: what the store said, of a sealed object only that it encrypts as well. */
export function encryptionOfRead(
  stored: ReadonlyMap<string, string>,
  form: 'sealed' | 'legacy' | 'none',
): Readonly<Record<string, string>> {
  if (form === 'none') return asStored(stored);
  // By a key of the store's that a bucket chose for itself nobody who reads a sealed object needs to ask again.
  return stored.get(ALGORITHM) === 'AES256' ? { [ALGORITHM]: 'AES256' } : {};
}

/**
 * Gives what the answer to a write says. `encrypted`: clients see mapped ETags there. AES256 is said to whoever asked for
 * it, together with the way of SSE-C to say that the ETag is no MD5; everybody else is told so in the way of SSE-KMS.
 */
export function encryptionOfWrite(
  { operation, headers: requested }: Pick<S3Request, 'operation' | 'headers'>,
  stored: ReadonlyMap<string, string>,
  encrypted: boolean,
): Readonly<Record<string, string>> {
  if (!operationOf(operation).tellsEncryption) return {};
  if (!encrypted) return asStored(stored);
  const algorithm = requested.get(ALGORITHM);
  if (algorithm === 'AES256') return { [ALGORITHM]: algorithm, [CUSTOMER_ALGORITHM]: 'AES256' };
  return algorithm === undefined ? { [ALGORITHM]: 'aws:kms' } : { [ALGORITHM]: algorithm, ...asStored(stored) };
}

function asStored(stored: ReadonlyMap<string, string>): Record<string, string> {
  const said: Record<string, string> = {};
  for (const name of [ALGORITHM, KEY_ID, BUCKET_KEY]) {
    const value = stored.get(name);
    if (value !== undefined && VISIBLE.test(value)) said[name] = value;
  }
  return said;
}

const VISIBLE = /^[!-~]{1,2048}$/;
