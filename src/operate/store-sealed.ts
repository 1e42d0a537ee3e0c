/**
 * A plaintext of known size to a key, encrypted: in one PUT, or in parts where it is larger than that may be. Streams; no
 * byte of it is kept, and none that is not sealed leaves.
 */
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import type { NamedPart } from '../contracts/object-cipher.ts';
import type { Uploads } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { ENVELOPE_HEADER } from '../s3/request/user-metadata.ts';

export interface StoreSealedDependencies {
  readonly cipher: Pick<ObjectCipher, 'seal' | 'maxPlainSizeBytes'>;
  readonly uploads: Pick<Uploads, 'create' | 'sealPart' | 'complete' | 'abort'>;
  /** Of what is too large for one PUT. Whole segments, so that sizes can be told from the stored size. */
  readonly partBytes?: number;
}

interface Plain {
  /** To stand beside it. */
  readonly headers: Readonly<Record<string, string>>;
  readonly sizeBytes: number;
  readonly plain: AsyncGenerator<Buffer>;
}

/** 5 TiB are 9,930 of these. */
const PART_BYTES = 528 * 1024 ** 2;

/** Stores it, and gives the id of the version that was made. @throws GatewayError what the store and the keyring say */
export async function storeSealed(
  dependencies: StoreSealedDependencies,
  session: StoreSession,
  key: string,
  { headers, sizeBytes, plain }: Plain,
): Promise<string | undefined> {
  if (sizeBytes > dependencies.cipher.maxPlainSizeBytes)
    return storeInParts(dependencies, session, key, { headers, sizeBytes, plain });
  const address = { bucketId: session.bucket.id, key };
  const sealed = await dependencies.cipher.seal(address, sizeBytes, undefined);
  const answer = await session.send({
    method: 'PUT',
    key,
    query: [],
    headers: { ...headers, [ENVELOPE_HEADER]: sealed.envelope },
    body: { sizeBytes: sealed.storedSizeBytes, content: sealed.body(plain) },
  });
  await answer.discard();
  return answer.headers.get('x-amz-version-id');
}

async function storeInParts(
  { uploads, partBytes = PART_BYTES }: StoreSealedDependencies,
  session: StoreSession,
  key: string,
  { headers, sizeBytes, plain }: Plain,
): Promise<string | undefined> {
  const upload = { key, uploadId: (await uploads.create(session, key, headers)).uploadId };
  const cut = cutter(plain);
  try {
    const named: NamedPart[] = [];
    for (let first = 0; first < sizeBytes; first += partBytes) {
      const number = named.length + 1;
      const partSizeBytes = Math.min(partBytes, sizeBytes - first);
      const part = await uploads.sealPart(session, upload, { number, sizeBytes: partSizeBytes, checksum: undefined });
      const answer = await session.send({
        method: 'PUT',
        key: part.key,
        query: part.query,
        headers: {},
        body: { sizeBytes: part.storedSizeBytes, content: part.body(cut(partSizeBytes)) },
      });
      await answer.discard();
      const etag = answer.headers.get('etag')?.replaceAll('"', '');
      if (etag === undefined) throw new GatewayError('InternalError', { detail: 'a part without an ETag' });
      named.push({ number, etag });
    }
    return (await uploads.complete(session, upload, named, { sizeBytes, conditions: {} })).versionId;
  } catch (error) {
    // What failed first says more.
    await uploads.abort(session, upload).catch(() => undefined);
    throw error;
  }
}

/** Gives the next so many bytes of a stream, as streams of their own, one after the other. */
function cutter(source: AsyncGenerator<Buffer>): (sizeBytes: number) => AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  return async function* (sizeBytes) {
    let left = sizeBytes;
    while (left > 0) {
      if (rest.length === 0) {
        const next = await source.next();
        if (next.done === true) return;
        rest = next.value;
      }
      const piece = rest.subarray(0, left);
      rest = rest.subarray(piece.length);
      left -= piece.length;
      if (piece.length > 0) yield piece;
    }
  };
}
