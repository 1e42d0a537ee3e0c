/** Retention and legal hold, both ways. Dates are written anew, so that the store reads the moment that was read here. */
import { SMALL_DOCUMENT_BYTES } from '../limits.ts';
import { S3_NAMESPACE, textElement, XML_DECLARATION } from './xml.ts';
import { textOf } from './xml-reader.ts';
import { expectChildren, malformedXml, readClientDocument, requiredText } from './client-document.ts';
import { readStoreDocument, required } from './stored-document.ts';

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/** Writes a client's Retention anew; an empty one takes a retention away. @throws GatewayError MalformedXML */
export function retentionForStore(document: Uint8Array): string {
  const root = readClientDocument(document, 'Retention', SMALL_DOCUMENT_BYTES);
  expectChildren(root, ['Mode', 'RetainUntilDate']);
  if (root.children.length === 0) return write('Retention', '');
  const mode = requiredText(root, 'Mode');
  if (mode !== 'GOVERNANCE' && mode !== 'COMPLIANCE') throw malformedXml('Mode');
  const until = timestamp(requiredText(root, 'RetainUntilDate'));
  return write('Retention', textElement('Mode', mode) + textElement('RetainUntilDate', until));
}

/** Writes a client's LegalHold anew. @throws GatewayError MalformedXML */
export function legalHoldForStore(document: Uint8Array): string {
  const root = readClientDocument(document, 'LegalHold', SMALL_DOCUMENT_BYTES);
  expectChildren(root, ['Status']);
  const status = requiredText(root, 'Status');
  if (status !== 'ON' && status !== 'OFF') throw malformedXml('Status');
  return write('LegalHold', textElement('Status', status));
}

/** Writes the client's Retention from the store's. @throws GatewayError InternalError */
export function renderRetention(document: Uint8Array): string {
  const root = readStoreDocument(document, 'Retention');
  if (textOf(root, 'Mode') === undefined) return write('Retention', '');
  const until = textElement('RetainUntilDate', required(root, 'RetainUntilDate'));
  return write('Retention', textElement('Mode', required(root, 'Mode')) + until);
}

/** Writes the client's LegalHold from the store's. @throws GatewayError InternalError */
export function renderLegalHold(document: Uint8Array): string {
  return write('LegalHold', textElement('Status', required(readStoreDocument(document, 'LegalHold'), 'Status')));
}

function timestamp(text: string): string {
  const date = new Date(TIMESTAMP.test(text) ? text : Number.NaN);
  if (Number.isNaN(date.getTime())) throw malformedXml('RetainUntilDate');
  return date.toISOString();
}

function write(name: string, inner: string): string {
  return `${XML_DECLARATION}<${name} xmlns="${S3_NAMESPACE}">${inner}</${name}>`;
}
