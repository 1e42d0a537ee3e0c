/**
 * What operators' commands write over stored objects: the same object under a new envelope, or another one of the commands'
 * own. The store copies the body; everything that is known of the object is given to it again, for it replaces all
 * metadata. Enters: the ETag of what is to be there. Never puts the envelope of one object beside the body of another.
 */
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import type { Copies, CopyEnds } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { renderTagging, taggingHeader } from '../s3/documents/tagging.ts';
import { sentDocument } from '../s3/documents/sent-document.ts';
import { keptInCopy } from '../s3/request/kept-headers.ts';
import { ENVELOPE_HEADER } from '../s3/request/user-metadata.ts';
import { hasTags, MAX_COPY_BYTES, originEntity, readTags, tagsIfAny } from './copy-origin.ts';
import { EntityChanged, type Entity } from './entity.ts';
import { addressOf } from './lookups.ts';
import { copyInParts, copyWhole, unquoted, type StoreCopied } from './store-copy.ts';
import { probePreconditions } from './probe-preconditions.ts';

/** Creates the operators' half of the copies. */
export function createReplacements(cipher: ObjectCipher): Pick<Copies, 'replaceEnvelope' | 'replaceObject' | 'probe'> {
  return {
    replaceEnvelope: async (session, key, etag) => {
      const source = await originEntity(session, { key, versionId: undefined, conditions: { 'if-match': etag } });
      if (source.etag !== etag) throw anotherObject();
      const { envelope } = source;
      if (envelope === undefined) throw new GatewayError('ObjectNotEncrypted');
      const address = addressOf(session, source);
      const wrapped = await cipher.rewrap(address, envelope, address);
      const headers = { ...keptInCopy(source.headers), [ENVELOPE_HEADER]: wrapped.envelope };
      const tags = hasTags(source.headers) ? await readTags(session, source) : undefined;
      const copied = await replace({ from: session, to: session }, source, { key, etag, headers, tags });
      return { keyId: wrapped.keyId, etag: copied.etag, versionId: copied.versionId };
    },

    replaceObject: async (ends, { source, target, headers }) => {
      const { key, etag } = target;
      const wrapped = await cipher.rewrap(addressOf(ends.from, source), source.envelope, addressOf(ends.to, target));
      const copied = await replace(
        ends,
        { ...source, headers: NONE },
        {
          ...{ key, etag },
          headers: { ...headers, [ENVELOPE_HEADER]: wrapped.envelope },
          tags: await tagsIfAny(ends.to, target),
        },
      );
      return { keyId: wrapped.keyId, etag: copied.etag, versionId: copied.versionId };
    },

    probe: (session, key, headers) => probePreconditions(cipher, session, key, headers),
  };
}

const NONE: Entity['headers'] = new Map();

interface Target {
  readonly key: string;
  /** Of what is replaced. */
  readonly etag: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The store's document of the tags; `undefined`: none. */
  readonly tags: Buffer | undefined;
}

/** Has the store copy an entity over what must still be there. @throws GatewayError PreconditionFailed, what the store says */
async function replace(ends: CopyEnds, source: Entity, { key, etag, headers, tags }: Target): Promise<StoreCopied> {
  const isLarge = source.sizeBytes > MAX_COPY_BYTES;
  const tagging = tags === undefined ? '' : taggingHeader(tags);
  const tagged = tagging === '' ? {} : { 'x-amz-tagging': tagging };
  const directive = isLarge || tagging === '' ? {} : { 'x-amz-tagging-directive': 'REPLACE' };
  const target = { key, conditions: { 'if-match': unquoted(etag) }, headers: { ...headers, ...tagged, ...directive } };
  const copied = await (isLarge ? copyInParts : copyWhole)(ends, source, target).catch((error: unknown) => {
    throw error instanceof EntityChanged ? anotherObject(error) : error;
  });
  if (tags !== undefined && tagging !== '') await restoreTags(ends.to, { key, versionId: copied.versionId }, tags);
  return copied;
}

function anotherObject(cause?: Error): GatewayError {
  return new GatewayError('PreconditionFailed', { detail: 'another object is there by now', cause });
}

/** Ceph drops tags from a copy that replaces metadata. @throws GatewayError: the object stands there without its tags */
async function restoreTags(
  session: StoreSession,
  ref: { readonly key: string; readonly versionId: string | undefined },
  tags: Buffer,
): Promise<void> {
  const { key, versionId } = ref;
  if (taggingHeader(await readTags(session, ref)) === taggingHeader(tags)) return;
  const response = await session.send({
    method: 'PUT',
    key,
    query: [['tagging', ''], ...(versionId === undefined ? [] : [['versionId', versionId] as const])],
    ...sentDocument(renderTagging(tags)),
  });
  await response.discard();
}
