/**
 * The documents of a bucket that tools read before they touch it. Enters: what a store says of one, or that it cannot. Leaves:
 * the same, written anew, or S3's own way of saying that there is none. Only elements and text pass; attributes do not.
 */
import type { ErrorCode } from '../../errors/codes.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { ANSWER_LIMIT_BYTES } from '../limits.ts';
import { escapeXml, S3_NAMESPACE, XML_DECLARATION } from './xml.ts';
import { readXml, type XmlElement } from './xml-reader.ts';
import { unusable } from './stored-document.ts';

/** A document that a bucket need not have. */
export interface BucketDocument {
  /** The name of its root element; `JSON` where it is no XML. */
  readonly root: string;
  /** How S3 says that there is none: by an error, or by a document with this in it. */
  readonly none: { readonly error: ErrorCode } | { readonly inner: string };
  /** Whether stores other than AWS answer 403 to whoever asks for what they do not have. */
  readonly isRareElsewhere: boolean;
}

/** Such a store does not have the document at all. */
const CANNOT: ReadonlySet<ErrorCode> = new Set(['NotImplemented', 'MethodNotAllowed']);

/**
 * Gives the document that stands for a store's refusal; `undefined`: the refusal is one. `isAws`: whether the store's IAM
 * is AWS's own.
 * @throws GatewayError the error that says that there is none
 */
export function documentInsteadOf(error: GatewayError, document: BucketDocument, isAws: boolean): string | undefined {
  const isUnknown = error.code === 'AccessDeniedByStore' && !isAws && document.isRareElsewhere;
  // Of a bucket S3 says so in other words than of an object.
  const isUnlocked = error.code === 'NoSuchObjectLock';
  return isUnknown || isUnlocked || CANNOT.has(error.code) ? none(document, error) : undefined;
}

/** Writes the client's document from the store's. @throws GatewayError the error that says that there is none, InternalError */
export function renderBucketDocument(stored: Uint8Array, document: BucketDocument): string {
  if (document.root === 'JSON') return renderPolicy(stored);
  const root = readXml(stored, ANSWER_LIMIT_BYTES);
  if (root === undefined) throw unusable(`not a ${document.root}`);
  // Stores that do not know a subresource list the bucket instead.
  return root.name === document.root ? written(document.root, root.children.map(elementOf).join('')) : none(document);
}

function none({ root, none: said }: BucketDocument, cause?: GatewayError): string {
  if ('inner' in said) return written(root, said.inner);
  const detail = 'the store does not have such documents';
  throw new GatewayError(said.error, cause === undefined ? { detail } : { detail, cause });
}

function written(root: string, inner: string): string {
  return `${XML_DECLARATION}<${root} xmlns="${S3_NAMESPACE}">${inner}</${root}>`;
}

function elementOf({ name, children, text }: XmlElement): string {
  const inner = children.length === 0 ? escapeXml(text) : children.map(elementOf).join('');
  return `<${name}>${inner}</${name}>`;
}

/** The policy of a bucket is no XML. */
function renderPolicy(stored: Uint8Array): string {
  try {
    const policy: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(stored));
    if (typeof policy === 'object' && policy !== null) return JSON.stringify(policy);
  } catch (cause) {
    throw unusable('a policy that is none', cause);
  }
  throw unusable('a policy that is none');
}
