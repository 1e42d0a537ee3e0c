/**
 * How documents of a store are read: what is required, and what its absence or its form means. Whatever a store sends that
 * is not understood is an InternalError, never half an answer.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import { ANSWER_LIMIT_BYTES } from '../limits.ts';
import { errorOfStore } from '../response/store-errors.ts';
import { readXml, textOf, type XmlElement } from './xml-reader.ts';

const SIZE = /^\d{1,15}$/;

/**
 * Reads a store's document. Some stores give the root another name than S3 does, and SDKs do not look at it: such a document
 * is read by its children, of which there must be one. `telling`: where no child is required, those that tell what it is;
 * `mayBeEmpty`: where no child at all says something too.
 * @throws GatewayError InternalError (not understood), NotImplemented; for a document that is an error, the error
 */
export function readStoreDocument(
  document: Uint8Array,
  name: string,
  { telling = [], mayBeEmpty = false }: { readonly telling?: readonly string[]; readonly mayBeEmpty?: boolean } = {},
): XmlElement {
  const root = readXml(document, ANSWER_LIMIT_BYTES);
  if (root === undefined) throw unusable(`not a ${name}`);
  if (root.name === 'Error') throw errorInside(root);
  // Ceph 20 leaves the end of the name out, also where nothing is in it.
  if (root.name === name || name === `${root.name}Response`) return root;
  if (root.name === LISTING && !isOfVersions(root, name)) {
    const detail = `the store lists the bucket instead of giving a ${name}`;
    throw new GatewayError('NotImplemented', { detail });
  }
  const isReported = root.children.some((child) => telling.length === 0 || telling.includes(child.name));
  if (!isReported && !(mayBeEmpty && root.children.length === 0 && root.text.trim() === '')) {
    throw unusable(`not a ${name}`);
  }
  return root;
}

/** What a store answers that does not know a subresource. Read by its children, it would be a bucket without uploads. */
const LISTING = 'ListBucketResult';

/** S3Mock gives a page of versions that name; one of objects would be a page without versions. */
function isOfVersions({ children }: XmlElement, name: string): boolean {
  return name === 'ListVersionsResult' && !children.some((child) => child.name === 'Contents');
}

/** Gives the text of the one child of that name. @throws GatewayError InternalError */
export function required(parent: XmlElement, name: string): string {
  const text = textOf(parent, name);
  if (text === undefined) throw unusable(`${parent.name} without one ${name}`);
  return text;
}

/** Reads a number of bytes or items. @throws GatewayError InternalError */
export function parseCount(text: string): number {
  if (!SIZE.test(text)) throw unusable('a number that is none');
  return Number(text);
}

/** Creates the failure of a document that is not understood. */
export function unusable(detail: string, cause?: unknown): GatewayError {
  return new GatewayError('InternalError', { detail: `document of the store: ${detail}`, cause });
}

/** A copy and the completion of an upload say 200 before they are done, and tell a failure in the document. */
function errorInside(root: XmlElement): GatewayError {
  const storeCode = textOf(root, 'Code');
  const detail = `the store answered 200 and then ${storeCode?.slice(0, 64) ?? 'an error without a code'}`;
  return new GatewayError(errorOfStore(storeCode) ?? 'ServiceUnavailable', { detail });
}
