/**
 * Encrypts plaintext and legacy objects in their place. Each is read, sealed and written to a key of the command's own;
 * read back from there through the same reader that serves clients; and only when the hash of what came back is that of
 * what went in does the store put it, in one step, where the old one stands. Constant memory, and at no time is there
 * neither. Never: a client's PUT lost where the store can hold us to an ETag. Stateless, as re-wrapping is.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { Clock } from '../contracts/clock.ts';
import type { LegacyObjects } from '../contracts/legacy-objects.ts';
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import type { Copies, ObjectReader, Uploads } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { encryptionAt } from '../s3/encryption.ts';
import { ENVELOPE_HEADER } from '../s3/user-metadata.ts';
import { copyInStore, readTags } from './copy-in-store.ts';
import { examine, type Examined } from './examine.ts';
import { keptHeaders } from './kept-headers.ts';
import type { ListedVersion } from './list-versions.ts';
import type { OperatorSession, Written } from './operator-session.ts';
import { placeName, WORK_MARK, workKey } from './place.ts';
import { storeSealed } from './store-sealed.ts';
import { replaced, sweep, type SweepOptions, type SweepReport, type Visited } from './sweep.ts';
import { demandGuards, removeWork } from './write-guard.ts';

export interface MigrateParts {
  readonly cipher: ObjectCipher;
  readonly reader: Pick<ObjectReader, 'read'>;
  readonly uploads: Uploads;
  readonly copies: Pick<Copies, 'probe'>;
  readonly legacy: LegacyObjects | undefined;
  readonly clock: Clock;
}

export interface MigrateOptions extends SweepOptions {
  readonly dryRun: boolean;
  /** Writes also where the store cannot hold us to an ETag. */
  readonly force: boolean;
}

export interface MigrateReport extends SweepReport {
  readonly place: string;
  readonly dryRun: boolean;
  /** In a dry run: that would be. */
  readonly encrypted: number;
  /** Plaintext bytes of these, where that is known without reading them. */
  readonly encryptedBytes: number;
  /** Current versions of which configuration says that they are not to be encrypted. */
  readonly keptPlain: number;
  /** Current versions that stay as they are until their lock ends. */
  readonly locked: number;
  /** The same, until they are restored from the archive. */
  readonly archived: number;
}

/** Work of a run that was killed is removed by a later one after this long: a run under way may still need its own. */
const ABANDONED_AFTER_MS = 7 * 24 * 3_600_000;
const MAX_ATTEMPTS = 3;

/** Encrypts a place. @throws UnguardedStore; GatewayError what the store says of a listing */
export async function migrate(
  parts: MigrateParts,
  at: OperatorSession,
  options: MigrateOptions,
): Promise<MigrateReport> {
  const { dryRun, force } = options;
  const counts = { encrypted: 0, encryptedBytes: 0, keptPlain: 0, locked: 0, archived: 0 };
  if (!dryRun) await demandGuards(parts.copies, at, force);
  const visit = async ({ key, isCurrent }: ListedVersion, seen: Examined): Promise<Visited> => {
    if (!isCurrent || seen.stored.form === 'sealed') return { now: seen };
    if (encryptionAt(at.rules, key) === 'off') {
      counts.keptPlain += 1;
      return { now: seen };
    }
    if (seen.isLocked) {
      counts.locked += 1;
      return { now: seen };
    }
    if (seen.isArchived) {
      counts.archived += 1;
      return { now: seen };
    }
    const visited = dryRun ? { now: seen } : await migrateObject(parts, at, key, seen);
    counts.encrypted += 1;
    counts.encryptedBytes += plainSizeOf(seen);
    return visited;
  };
  const report = await sweep(parts, at, options, visit, async ({ key, versionId, lastModifiedMs }) => {
    if (dryRun || parts.clock.now() - lastModifiedMs < ABANDONED_AFTER_MS) return;
    await removeWork(await at.session(), key, versionId);
  });
  return { place: placeName(at.place), dryRun, ...counts, ...report };
}

function plainSizeOf({ stored, sizeBytes }: Examined): number {
  if (stored.form === 'plain') return sizeBytes;
  return stored.form === 'legacy' ? (stored.plainSizeBytes ?? 0) : 0;
}

async function migrateObject(parts: MigrateParts, at: OperatorSession, key: string, seen: Examined): Promise<Visited> {
  let now = seen;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await at.recorded('Migrate', key, () => replaceBySealed(parts, at, key, now));
      return replaced(now, await examine(parts, await at.session(), { key }, parts.clock.now()));
    } catch (error) {
      const isChanged = error instanceof GatewayError && error.code === 'PreconditionFailed';
      if (!isChanged || attempt === MAX_ATTEMPTS) throw error;
      // A client wrote the object meanwhile: as a rule it is encrypted by that.
      now = await examine(parts, await at.session(), { key }, parts.clock.now());
      if (now.stored.form === 'sealed' || now.isLocked || now.isArchived) return replaced(seen, now);
    }
  }
}

async function replaceBySealed(
  parts: MigrateParts,
  at: OperatorSession,
  key: string,
  seen: Examined,
): Promise<Written> {
  const { cipher } = parts;
  const session = await at.session();
  const headers = keptHeaders(seen.headers, parts.legacy?.recognise(session.bucket.name, seen.headers)?.headers);
  const tags = await readTags(session, { key, versionId: seen.versionId });
  const aside = workKey(at.place, randomUUID());
  const hidden = unopenable(session);
  let asideVersion: string | undefined;
  try {
    const { sha256, plainBytes, versionId } = await writeAside(parts, hidden, { key, etag: seen.etag, aside });
    asideVersion = versionId;
    const {
      envelope,
      etag,
      sizeBytes,
      versionId: shown,
    } = await readBack(parts, hidden, { aside, sha256, plainBytes });
    // Not every store says at once which version an upload made.
    asideVersion = shown;
    const rewrapped = await cipher.rewrap({ bucketId: hidden.bucket.id, key: aside }, envelope, {
      bucketId: session.bucket.id,
      key,
    });
    const placed = await copyInStore(session, {
      from: { key: aside, etag, versionId: asideVersion, sizeBytes },
      to: key,
      headers: { ...headers, [ENVELOPE_HEADER]: rewrapped.envelope },
      tags,
      ifMatch: seen.etag,
    });
    return { keyId: rewrapped.keyId, versionId: placed.versionId, plainBytes };
  } finally {
    await giveUp(session, aside, { versionId: asideVersion, isVersioned: seen.versionId !== undefined });
  }
}

/**
 * Binds what stands aside to a bucket id that no configuration can give: what it is a copy of may be shut to those who
 * may read this key, and no gateway opens it here, nor copies it from here. Only the command's last step moves its key on.
 */
function unopenable(session: StoreSession): StoreSession {
  return { ...session, bucket: { ...session.bucket, id: `${session.bucket.id} aside` } };
}

/** What cannot be removed now is, by its mark, removed by a later run: the object itself is what the outcome is about. */
async function giveUp(
  session: StoreSession,
  aside: string,
  { versionId, isVersioned }: { readonly versionId: string | undefined; readonly isVersioned: boolean },
): Promise<void> {
  // Without the version this would only add a delete marker.
  if (isVersioned && versionId === undefined) return;
  await removeWork(session, aside, versionId).catch(() => undefined);
}

interface Aside {
  readonly sha256: Buffer;
  readonly plainBytes: number;
  readonly versionId: string | undefined;
}

/** Reads the object, which no bucket id binds, as a client would, and stores it encrypted beside. */
async function writeAside(
  { reader, cipher, uploads }: MigrateParts,
  session: StoreSession,
  { key, etag, aside }: { readonly key: string; readonly etag: string; readonly aside: string },
): Promise<Aside> {
  const source = await reader.read(session, queryOf(key, etag));
  const hash = createHash('sha256');
  try {
    const versionId = await storeSealed({ cipher, uploads }, session, aside, {
      headers: { [WORK_MARK]: '1' },
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
  parts: MigrateParts,
  session: StoreSession,
  { aside, sha256, plainBytes }: { readonly aside: string; readonly sha256: Buffer; readonly plainBytes: number },
): Promise<{
  readonly envelope: string;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly versionId: string | undefined;
}> {
  const { stored, etag, sizeBytes, versionId } = await examine(parts, session, { key: aside }, parts.clock.now());
  if (stored.form !== 'sealed') throw notAsWritten();
  const opened = await parts.reader.read(session, queryOf(aside, etag));
  const hash = createHash('sha256');
  await drained(hashed(opened.body, hash)).finally(opened.discard);
  if (opened.form !== 'sealed' || opened.sizeBytes !== plainBytes || !hash.digest().equals(sha256))
    throw notAsWritten();
  return { envelope: stored.envelope, etag, sizeBytes, versionId };
}

function notAsWritten(): GatewayError {
  return new GatewayError('IntegrityFailure', 'open', { detail: 'what the store gave back is not what it was given' });
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
