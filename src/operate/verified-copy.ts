/**
 * An encrypted copy of an object under a key of the commands' own, proven before it is used: it is read back through the
 * reader that serves clients, and the hash of what came back is that of what went in. Constant memory. Never: a copy that a
 * client could read through a gateway, or one that stays when its use has ended.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { Clock } from '../contracts/clock.ts';
import type { LegacyObjects } from '../contracts/legacy-objects.ts';
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import type { ObjectReader, Replacement, Uploads } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { examine, type Examined } from './examine.ts';
import { workKey, type Location } from './location.ts';
import { storeSealed } from './store-sealed.ts';
import { removeWork, WORK_HEADERS } from './work.ts';

export interface VerifiedCopyDependencies {
  readonly cipher: ObjectCipher;
  readonly reader: Pick<ObjectReader, 'read'>;
  readonly uploads: Uploads;
  readonly legacy: LegacyObjects | undefined;
  readonly clock: Clock;
}

/** The copy that is used. */
export interface VerifiedCopy {
  /** The only session by which its key can be unwrapped. */
  readonly session: StoreSession;
  readonly source: Replacement['source'];
  readonly plainBytes: number;
}

/** Makes a copy of the object that was seen at a key, hands it to `use`, and removes it. @throws GatewayError IntegrityFailure, what `use` throws, what the store says */
export async function withVerifiedCopy<Result>(
  dependencies: VerifiedCopyDependencies,
  { session, location }: { readonly session: StoreSession; readonly location: Location },
  { key, etag, versionId }: Pick<Examined, 'etag' | 'versionId'> & { readonly key: string },
  use: (copyKey: VerifiedCopy) => Promise<Result>,
): Promise<Result> {
  const copyKey = workKey(location, randomUUID());
  const hidden = unopenable(session);
  let copyVersion: string | undefined;
  try {
    const written = await write(dependencies, hidden, { key, etag, copyKey });
    copyVersion = written.versionId;
    const source = await readBack(dependencies, hidden, copyKey, written);
    // Not every store says at once which version an upload made.
    copyVersion = source.versionId;
    return await use({ session: hidden, source, plainBytes: written.plainBytes });
  } finally {
    await abort(session, copyKey, { versionId: copyVersion, isVersioned: versionId !== undefined });
  }
}

/**
 * Binds the copy to a bucket id that no configuration can give: what it is a copy of may be shut to those who
 * may read this key, and no gateway opens it here, nor copies it from here. Only the command's last step moves its key on.
 */
function unopenable(session: StoreSession): StoreSession {
  return { ...session, bucket: { ...session.bucket, id: `${session.bucket.id} aside` } };
}

/** What cannot be removed now is, by its mark, removed by a later run: the object itself is what the outcome is about. */
async function abort(
  session: StoreSession,
  copyKey: string,
  { versionId, isVersioned }: { readonly versionId: string | undefined; readonly isVersioned: boolean },
): Promise<void> {
  // Without the version this would only add a delete marker.
  if (isVersioned && versionId === undefined) return;
  await removeWork(session, copyKey, versionId).catch(() => undefined);
}

interface Written {
  readonly sha256: Buffer;
  readonly plainBytes: number;
  readonly versionId: string | undefined;
}

/** Reads the object, which no bucket id binds, as a client would, and stores it encrypted beside. */
async function write(
  { reader, cipher, uploads }: VerifiedCopyDependencies,
  session: StoreSession,
  { key, etag, copyKey }: { readonly key: string; readonly etag: string; readonly copyKey: string },
): Promise<Written> {
  const source = await reader.read(session, queryOf(key, etag));
  const hash = createHash('sha256');
  try {
    const versionId = await storeSealed({ cipher, uploads }, session, copyKey, {
      headers: WORK_HEADERS,
      sizeBytes: source.sizeBytes,
      plain: hashed(source.body, hash),
    });
    return { sha256: hash.digest(), plainBytes: source.sizeBytes, versionId };
  } finally {
    // Where it failed before the first byte was taken, nothing else ends the answer.
    await source.discard();
  }
}

/** Reads what was stored, and holds it to what went in. @throws GatewayError IntegrityFailure */
async function readBack(
  dependencies: VerifiedCopyDependencies,
  session: StoreSession,
  key: string,
  { sha256, plainBytes }: Written,
): Promise<VerifiedCopy['source']> {
  const { stored, etag, sizeBytes, versionId } = await examine(
    dependencies,
    session,
    { key },
    dependencies.clock.now(),
  );
  if (stored.form !== 'sealed') throw notAsWritten();
  const opened = await dependencies.reader.read(session, queryOf(key, etag));
  const hash = createHash('sha256');
  await drained(hashed(opened.body, hash)).finally(opened.discard);
  if (opened.form !== 'sealed' || opened.sizeBytes !== plainBytes || !hash.digest().equals(sha256))
    throw notAsWritten();
  return { key, envelope: stored.envelope, etag, sizeBytes, versionId };
}

function notAsWritten(): GatewayError {
  return new GatewayError('IntegrityFailure', { detail: 'the store returned other bytes than were written' });
}

function queryOf(key: string, etag: string): Parameters<ObjectReader['read']>[1] {
  return {
    key,
    versionId: undefined,
    range: undefined,
    partNumber: undefined,
    wantsChecksum: false,
    conditions: { 'if-match': etag },
  };
}

async function drained(stream: AsyncGenerator<Buffer>): Promise<void> {
  while ((await stream.next()).done !== true) continue;
}

async function* hashed(
  body: Buffer | AsyncIterable<Buffer>,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<Buffer> {
  for await (const chunk of Buffer.isBuffer(body) ? [body] : body) {
    hash.update(chunk);
    yield chunk;
  }
}
