/**
 * Tag sets, from a header or a document. Never: more tags, or longer ones, or other characters, than S3 takes.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
 */
import { StoreError } from './store-error.ts';
import type { Tag } from './stored-object.ts';
import { childText, malformed, onlyChildren, type XmlElement } from './xml-reader.ts';

export const MAX_OBJECT_TAGS = 10;
export const MAX_BUCKET_TAGS = 50;
const CHARACTERS = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** `x-amz-tagging`, a query string. @throws StoreError InvalidTag, BadRequest, InvalidArgument */
export function parseTaggingHeader(header: string | undefined): readonly Tag[] {
  if (header === undefined || header === '') return [];
  try {
    decodeURIComponent(header);
  } catch {
    throw new StoreError('InvalidArgument', 400, 'The header x-amz-tagging is not a valid query string.');
  }
  return checked(
    [...new URLSearchParams(header)].map(([Key, Value]) => ({ Key, Value })),
    MAX_OBJECT_TAGS,
  );
}

/** A `Tagging` document. @throws StoreError MalformedXML, InvalidTag, BadRequest */
export function parseTagging(root: XmlElement, maxTags: number): readonly Tag[] {
  const [set, more] = root.children;
  if (set?.name !== 'TagSet' || more !== undefined) throw malformed();
  onlyChildren(set, ['Tag']);
  const tags = set.children.map((tag) => {
    onlyChildren(tag, ['Key', 'Value']);
    const [Key, Value] = [childText(tag, 'Key'), childText(tag, 'Value')];
    if (Key === undefined || Value === undefined) throw malformed();
    return { Key, Value };
  });
  return checked(tags, maxTags);
}

export function taggingElements(tags: readonly Tag[]) {
  return { TagSet: { Tag: tags.map(({ Key, Value }) => ({ Key, Value })) } };
}

function checked(tags: readonly Tag[], maxTags: number): readonly Tag[] {
  if (tags.length > maxTags) throw new StoreError('BadRequest', 400, `Tags cannot be greater than ${maxTags}`);
  if (new Set(tags.map(({ Key }) => Key)).size < tags.length)
    throw invalid('Cannot provide multiple Tags with the same key');
  for (const { Key, Value } of tags) {
    if (Key.length < 1 || Key.length > 128 || !CHARACTERS.test(Key))
      throw invalid('The TagKey you have provided is invalid');
    if (Value.length > 256 || !CHARACTERS.test(Value)) throw invalid('The TagValue you have provided is invalid');
    if (Key.toLowerCase().startsWith('aws:')) throw invalid('System tags cannot be added or updated by requester');
  }
  return tags;
}

const invalid = (message: string) => new StoreError('InvalidTag', 400, message);
