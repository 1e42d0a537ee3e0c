/**
 * Re-wraps an object in place: its body stays, its envelope is written anew by the current key. Enters: the ETag of what
 * is to be there. A store copies the object onto itself, for which it has to replace all metadata: everything that is
 * known of the object is given to it again. Never puts the envelope of one object beside the body of another.
 */
import { createHash } from 'node:crypto';
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import type { StoreQuestion, StoreSession } from '../contracts/store-session.ts';
import type { Copies, CopyGuards } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { renderTagging, taggingHeader } from '../s3/documents/tagging.ts';
import { ENVELOPE_HEADER } from '../s3/user-metadata.ts';
import { hasTags, keptHeaders, MAX_COPY_BYTES, originEntity, readTags } from './copy-origin.ts';
import { EntityChanged, type Entity } from './entity.ts';
import { addressOf } from './look-ups.ts';
import { copyInParts, copyWhole, unquoted } from './store-copy.ts';

/** Kept with an object by the store, and lost by a copy that does not say it again. */
const SAID_AGAIN = ['x-amz-storage-class', 'x-amz-website-redirect-location'];

/** The same of the store's own encryption, where it is by keys that somebody chose. */
const KMS_SAID_AGAIN = [
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
  'x-amz-server-side-encryption-bucket-key-enabled',
];

/** No object has it. */
const OTHER_ETAG = `"${'0'.repeat(32)}"`;

/** Creates the operators' half of the copies. */
export function createEnvelopeReplacement(cipher: ObjectCipher): Pick<Copies, 'replaceEnvelope' | 'probe'> {
  return {
    replaceEnvelope: async (session, key, etag) => {
      const source = await originEntity(session, { key, versionId: undefined, conditions: { 'if-match': etag } });
      if (source.etag !== etag) throw anotherObject();
      const { envelope } = source;
      if (envelope === undefined) throw new GatewayError('ObjectNotEncrypted', 'copy');
      const address = addressOf(session, source);
      const wrapped = await cipher.rewrap(address, envelope, address);
      const tagging = hasTags(source.headers) ? await readTags(session, source) : undefined;
      const headers: Record<string, string> = { ...keptHeaders(source.headers), [ENVELOPE_HEADER]: wrapped.envelope };
      const isKms = source.headers.get('x-amz-server-side-encryption')?.startsWith('aws:kms') === true;
      for (const name of isKms ? [...SAID_AGAIN, ...KMS_SAID_AGAIN] : SAID_AGAIN) {
        const value = source.headers.get(name);
        if (value !== undefined) headers[name] = value;
      }
      const ends = { from: session, to: session };
      const target = { key, headers, conditions: { 'if-match': unquoted(etag) } };
      if (source.sizeBytes > MAX_COPY_BYTES && tagging !== undefined) headers['x-amz-tagging'] = taggingHeader(tagging);
      const copied = await (source.sizeBytes > MAX_COPY_BYTES ? copyInParts : copyWhole)(ends, source, target).catch(
        (error: unknown) => {
          throw error instanceof EntityChanged ? anotherObject(error) : error;
        },
      );
      if (tagging !== undefined) await restoreTags(session, { key, versionId: copied.versionId }, tagging);
      return { keyId: wrapped.keyId, etag: copied.etag, versionId: copied.versionId };
    },
    probe: (session, key) => probe(cipher, session, key),
  };
}

function anotherObject(cause?: Error): GatewayError {
  return new GatewayError('PreconditionFailed', 'copy', { detail: 'another object is there by now', cause });
}

/** Ceph drops tags from a copy that replaces metadata. @throws GatewayError: the object is re-wrapped and without tags */
async function restoreTags(
  session: StoreSession,
  place: { readonly key: string; readonly versionId: string | undefined },
  tagging: Buffer,
): Promise<void> {
  if (taggingHeader(await readTags(session, place)) === taggingHeader(tagging)) return;
  const content = Buffer.from(renderTagging(tagging));
  await done(session, {
    method: 'PUT',
    key: place.key,
    query: [['tagging', ''], ...(place.versionId === undefined ? [] : [['versionId', place.versionId] as const])],
    headers: {
      'content-type': 'application/xml',
      'content-md5': createHash('md5').update(content).digest('base64'),
    },
    body: { sizeBytes: content.length, content },
  });
}

/** Asks for copies that no store may make which heeds what it is asked. */
async function probe(cipher: ObjectCipher, session: StoreSession, key: string): Promise<CopyGuards> {
  const place = { key, versionId: undefined };
  const sealed = await cipher.seal(addressOf(session, place), 0, undefined);
  const content = sealed.whole(Buffer.alloc(0));
  const headers = { [ENVELOPE_HEADER]: sealed.envelope };
  // It is written only where nothing is, and so what is deleted at the end is our own.
  const written = { 'if-none-match': '*', ...headers };
  const versions = new Set([
    await done(session, {
      method: 'PUT',
      key,
      query: [],
      headers: written,
      body: { sizeBytes: content.length, content },
    }),
  ]);
  const isRefused = async (source: Entity, conditions: Readonly<Record<string, string>>): Promise<boolean> => {
    try {
      const { versionId } = await copyWhole({ from: session, to: session }, source, { key, headers, conditions });
      versions.add(versionId);
      return false;
    } catch (error) {
      if (error instanceof EntityChanged) return true;
      if (error instanceof GatewayError && error.code === 'PreconditionFailed') return true;
      throw error;
    }
  };
  try {
    const entity = await originEntity(session, { ...place, conditions: {} });
    return {
      source: await isRefused({ ...entity, etag: OTHER_ETAG }, {}),
      target: await isRefused(entity, { 'if-match': unquoted(OTHER_ETAG) }),
    };
  } finally {
    for (const versionId of versions) {
      const query = versionId === undefined ? [] : [['versionId', versionId] as const];
      await done(session, { method: 'DELETE', key, query, headers: {} });
    }
  }
}

async function done(session: StoreSession, question: StoreQuestion): Promise<string | undefined> {
  const response = await session.ask(question);
  await response.discard();
  return response.headers.get('x-amz-version-id');
}
