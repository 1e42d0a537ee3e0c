/**
 * How documents of a store are read: what is required, and what its absence or its form means. Whatever a store sends that
 * is not understood is an InternalError, never half an answer.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import { ANSWER_LIMIT_BYTES } from '../limits.ts';
import { errorOfStore } from '../store-errors.ts';
import { readXml, textOf, type XmlElement } from '../xml-reader.ts';

const SIZE = /^\d{1,15}$/;

/**
 * Reads a store's document of one name.
 * @throws GatewayError InternalError (not understood); for a document that is an error, the error
 */
export function readStoreDocument(document: Uint8Array, name: string): XmlElement {
  const root = readXml(document, ANSWER_LIMIT_BYTES);
  if (root?.name === 'Error') throw errorInside(root);
  if (root?.name !== name) throw unusable(`not a ${name}`);
  return root;
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
  return new GatewayError('InternalError', 'respond', { detail: `document of the store: ${detail}`, cause });
}

/** A copy and the completion of an upload say 200 before they are done, and tell a failure in the document. */
function errorInside(root: XmlElement): GatewayError {
  const storeCode = textOf(root, 'Code');
  const detail = `the store answered 200 and then ${storeCode?.slice(0, 64) ?? 'an error without a code'}`;
  return new GatewayError(errorOfStore(storeCode) ?? 'ServiceUnavailable', 'respond', { detail });
}
