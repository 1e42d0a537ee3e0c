/**
 * What a store heeds of the conditions on which it is to replace an object, found out by asking for what no store may do
 * that heeds them. Enters: a key where nothing is. Every object and upload of the trial is taken away again; they bear the
 * headers that are given, so that what a killed trial leaves is known for what it is.
 */
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import type { StoreRequest, StoreSession } from '../contracts/store-session.ts';
import type { CopyPreconditions } from '../contracts/stored-objects.ts';
import { unusable } from '../s3/documents/stored-document.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { ENVELOPE_HEADER } from '../s3/request/user-metadata.ts';
import { originEntity } from './copy-origin.ts';
import { EntityChanged } from './entity.ts';
import { addressOf } from './lookups.ts';
import { copyWhole, inParts, unquoted, type CopyTarget } from './store-copy.ts';

/** No object has it. */
const OTHER_ETAG = `"${'0'.repeat(32)}"`;
const IF_OTHER = { 'if-match': unquoted(OTHER_ETAG) };

/** A store that refuses a condition as unknown loses nothing either. */
const REFUSED: ReadonlySet<string> = new Set(['PreconditionFailed', 'NotImplemented']);

/** Tries it. @throws GatewayError PreconditionFailed (something is at the key), what the store says */
export async function probePreconditions(
  cipher: ObjectCipher,
  session: StoreSession,
  key: string,
  mark: Readonly<Record<string, string>>,
): Promise<CopyPreconditions> {
  const ref = { key, versionId: undefined };
  const sealed = await cipher.seal(addressOf(session, ref), 0, undefined);
  const content = sealed.whole(Buffer.alloc(0));
  const body = { sizeBytes: content.length, content };
  const headers = { ...mark, [ENVELOPE_HEADER]: sealed.envelope };
  // It is written only where nothing is, and so what is deleted at the end is our own.
  const put = { method: 'PUT', key, query: [], headers: { 'if-none-match': '*', ...headers }, body } as const;
  const versions = new Set([(await done(session, put)).get('x-amz-version-id')]);
  const isRefused = async (
    write: (target: CopyTarget) => Promise<{ readonly versionId: string | undefined }>,
    conditions: CopyTarget['conditions'],
  ): Promise<boolean> => {
    try {
      versions.add((await write({ key, headers, conditions })).versionId);
      return false;
    } catch (error) {
      if (error instanceof EntityChanged || (error instanceof GatewayError && REFUSED.has(error.code))) return true;
      throw error;
    }
  };
  try {
    const ends = { from: session, to: session };
    const entity = await originEntity(session, { ...ref, conditions: {} });
    return {
      source: await isRefused((target) => copyWhole(ends, { ...entity, etag: OTHER_ETAG }, target), {}),
      target: await isRefused((target) => copyWhole(ends, entity, target), IF_OTHER),
      completion: await isRefused(
        (target) =>
          inParts(session, target, async (query) => [await putPart(session, { key, query, headers: {}, body })]),
        IF_OTHER,
      ),
    };
  } finally {
    for (const versionId of versions) {
      const query = versionId === undefined ? [] : [['versionId', versionId] as const];
      await done(session, { method: 'DELETE', key, query, headers: {} });
    }
  }
}

async function putPart(
  session: StoreSession,
  request: Omit<StoreRequest, 'method'>,
): Promise<{ readonly number: number; readonly etag: string }> {
  const query = [['partNumber', '1'] as const, ...request.query];
  const etag = (await done(session, { ...request, query, method: 'PUT' })).get('etag');
  if (etag === undefined) throw unusable('a part without an ETag');
  return { number: 1, etag: unquoted(etag) };
}

async function done(session: StoreSession, request: StoreRequest): Promise<ReadonlyMap<string, string>> {
  const response = await session.send(request);
  await response.discard();
  return response.headers;
}
