/** The documents about a bucket itself: its creation and its versioning. */
import { GatewayError } from '../../errors/gateway-error.ts';
import { SMALL_DOCUMENT_BYTES } from '../limits.ts';
import { S3_NAMESPACE, textElement, XML_DECLARATION } from './xml.ts';
import { textOf } from './xml-reader.ts';
import { expectChildren, malformedXml, optionalText, readClientDocument, requiredText } from './client-document.ts';
import { readStoreDocument } from './stored-document.ts';

/**
 * Writes the document that makes a bucket in the store's region; `undefined` where that is S3's first one, which may not
 * be named. The client may name the region or leave it out.
 * @throws GatewayError MalformedXML, InvalidArgument (another region)
 */
export function createBucketForStore(document: Uint8Array, region: string): string | undefined {
  if (document.length > 0) {
    const root = readClientDocument(document, 'CreateBucketConfiguration', SMALL_DOCUMENT_BYTES);
    expectChildren(root, ['LocationConstraint']);
    const named = optionalText(root, 'LocationConstraint') ?? '';
    if (named !== '' && named !== region) {
      throw new GatewayError('InvalidArgument', { clientFields: { ArgumentName: 'LocationConstraint' } });
    }
  }
  if (region === 'us-east-1') return undefined;
  return write('CreateBucketConfiguration', textElement('LocationConstraint', region));
}

/** Writes a client's VersioningConfiguration anew. @throws GatewayError MalformedXML, NotImplemented (MFA) */
export function versioningForStore(document: Uint8Array): string {
  const root = readClientDocument(document, 'VersioningConfiguration', SMALL_DOCUMENT_BYTES);
  expectChildren(root, ['Status', 'MfaDelete']);
  const mfa = optionalText(root, 'MfaDelete');
  if (mfa !== undefined && mfa !== 'Disabled') {
    throw new GatewayError('NotImplemented', { detail: 'MfaDelete' });
  }
  const status = requiredText(root, 'Status');
  if (status !== 'Enabled' && status !== 'Suspended') throw malformedXml('Status');
  return write('VersioningConfiguration', textElement('Status', status));
}

/** Writes the client's VersioningConfiguration from the store's. @throws GatewayError InternalError */
export function renderVersioning(document: Uint8Array): string {
  // Of a bucket that never had versions nothing is said.
  const root = readStoreDocument(document, 'VersioningConfiguration', { telling: ['Status'], mayBeEmpty: true });
  const status = textOf(root, 'Status');
  const isKnown = status === 'Enabled' || status === 'Suspended';
  return write('VersioningConfiguration', isKnown ? textElement('Status', status) : '');
}

function write(name: string, inner: string): string {
  return `${XML_DECLARATION}<${name} xmlns="${S3_NAMESPACE}">${inner}</${name}>`;
}
