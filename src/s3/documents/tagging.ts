/** Tags, both ways: the client's document in strictly, the store's out in the same form. */
import { GatewayError } from '../../errors/gateway-error.ts';
import { encodeQueryComponent } from '../encode.ts';
import { SMALL_DOCUMENT_BYTES } from '../limits.ts';
import { S3_NAMESPACE, textElement, XML_DECLARATION } from './xml.ts';
import { childrenOf, type XmlElement } from './xml-reader.ts';
import { expectChildren, malformedXml, readClientDocument, requiredText } from './client-document.ts';
import { readStoreDocument, required, unusable } from './stored-document.ts';

type Tag = readonly [key: string, value: string];

const TAG_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+@-]*$/u;

/**
 * Writes a client's tags anew; at most `maxTags` of them.
 * @throws GatewayError MalformedXML, InvalidTag
 * @see Amazon S3 User Guide, "Categorizing your objects using tags"
 */
export function taggingForStore(document: Uint8Array, maxTags: number): string {
  const root = readClientDocument(document, 'Tagging', SMALL_DOCUMENT_BYTES);
  expectChildren(root, ['TagSet']);
  const [set, second] = root.children;
  if (set === undefined || second !== undefined) throw malformedXml('TagSet');
  expectChildren(set, ['Tag']);
  if (set.children.length > maxTags) throw invalidTag('too many tags');
  const keys = new Set<string>();
  const tags = set.children.map((tag): Tag => {
    expectChildren(tag, ['Key', 'Value']);
    const [key, value] = checkTag([requiredText(tag, 'Key'), requiredText(tag, 'Value')]);
    if (keys.has(key)) throw invalidTag('a repeated key');
    keys.add(key);
    return [key, value];
  });
  return writeTagging(tags);
}

/** Checks `x-amz-tagging`: at most 10 tags in the form of a query. @throws GatewayError InvalidTag, InvalidArgument */
export function checkTaggingHeader(header: string): void {
  if (header === '') return;
  const pairs = header.split('&');
  const keys = new Set<string>();
  for (const pair of pairs) {
    const [name] = checkTag(tagOf(pair));
    keys.add(name);
  }
  if (keys.size < pairs.length || pairs.length > MAX_OBJECT_TAGS) throw invalidTag('x-amz-tagging');
}

export const MAX_OBJECT_TAGS = 10;
export const MAX_BUCKET_TAGS = 50;

/** Writes the client's document from the store's. @throws GatewayError InternalError */
export function renderTagging(document: Uint8Array): string {
  return writeTagging(readTags(document));
}

/** Gives the tags of a store's document in the form of `x-amz-tagging`. @throws GatewayError InternalError */
export function taggingHeader(document: Uint8Array): string {
  return readTags(document)
    .map((tag) => tag.map(encodeQueryComponent).join('='))
    .join('&');
}

/** Writes the document of tags in the form of `x-amz-tagging`. @throws GatewayError InvalidTag */
export function tagsDocument(header: string): string {
  return writeTagging(header.split('&').map((pair) => checkTag(tagOf(pair))));
}

function tagOf(pair: string): Tag {
  const [name, value = '', ...more] = pair.split('=').map(decode);
  if (name === undefined || more.length > 0) throw invalidTag('x-amz-tagging');
  return [name, value];
}

function readTags(document: Uint8Array): readonly Tag[] {
  // All that Ceph says of an object whose tags it dropped while it replaced them in a copy.
  if (document.length === 0) return [];
  const root = readStoreDocument(document, 'Tagging');
  const [set] = childrenOf(root, 'TagSet');
  if (set === undefined) throw unusable('Tagging without TagSet');
  return childrenOf(set, 'Tag').map((tag: XmlElement) => [required(tag, 'Key'), required(tag, 'Value')]);
}

function writeTagging(tags: readonly Tag[]): string {
  const elements = tags.map(([key, value]) => `<Tag>${textElement('Key', key)}${textElement('Value', value)}</Tag>`);
  return `${XML_DECLARATION}<Tagging xmlns="${S3_NAMESPACE}"><TagSet>${elements.join('')}</TagSet></Tagging>`;
}

function checkTag(tag: Tag): Tag {
  const [key, value] = tag;
  if (key === '' || key.length > 128 || value.length > 256) throw invalidTag('the length of a tag');
  if (!TAG_TEXT.test(key) || !TAG_TEXT.test(value) || /^aws:/i.test(key)) throw invalidTag('a tag');
  return tag;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw invalidTag('x-amz-tagging');
  }
}

function invalidTag(detail: string): GatewayError {
  return new GatewayError('InvalidTag', { detail });
}
