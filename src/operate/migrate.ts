/**
 * Encrypts plaintext and legacy objects in their place. Each is read, sealed and written to a key of the command's own;
 * read back from there through the same reader that serves clients; and only when the hash of what came back is that of
 * what went in does the store put it, in one step, where the old one stands. Constant memory, and at no time is there
 * neither. Never: a client's PUT lost where the store can hold us to an ETag. Stateless, as re-wrapping is.
 */
import type { Copies } from '../contracts/stored-objects.ts';
import { encryptionAt } from '../s3/encryption.ts';
import { keptInCopy } from '../s3/request/kept-headers.ts';
import type { Examined } from './examine.ts';
import type { ListedVersion } from './list-versions.ts';
import type { OperatorSession, Written } from './operator-session.ts';
import { locationName } from './location.ts';
import { withVerifiedCopy, type VerifiedCopyDependencies } from './verified-copy.ts';
import { rewriteCurrent, staysAsItIs, type Rewrite } from './rewrite-current.ts';
import { visitVersions, type VisitOptions, type VisitReport, type Visited } from './visit-versions.ts';
import { removeAbandoned } from './work.ts';
import { demandPreconditions } from './write-preconditions.ts';

export interface MigrateDependencies extends VerifiedCopyDependencies {
  readonly copies: Pick<Copies, 'probe' | 'replaceObject'>;
}

export interface MigrateOptions extends VisitOptions {
  readonly dryRun: boolean;
  /** Writes also where the store cannot hold us to an ETag. */
  readonly force: boolean;
}

export interface MigrateReport extends VisitReport {
  readonly location: string;
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

/** Encrypts a location. @throws UncheckedStore; GatewayError what the store says of a listing */
export async function migrate(
  dependencies: MigrateDependencies,
  at: OperatorSession,
  options: MigrateOptions,
): Promise<MigrateReport> {
  const { dryRun, force } = options;
  const counts = { encrypted: 0, encryptedBytes: 0, keptPlain: 0, locked: 0, archived: 0 };
  if (!dryRun) await demandPreconditions(dependencies.copies, at, force);
  const rewriteOf = (key: string): Rewrite => ({
    write: (now) => at.recorded('Migrate', key, () => replaceBySealed(dependencies, at, key, now)),
    isDone: ({ stored }) => stored.form === 'sealed',
  });
  const visit = async ({ key, isCurrent }: ListedVersion, seen: Examined): Promise<Visited> => {
    if (!isCurrent || seen.stored.form === 'sealed') return { now: seen };
    if (encryptionAt(at.rules, key) === 'off') {
      counts.keptPlain += 1;
      return { now: seen };
    }
    if (staysAsItIs(seen, counts)) return { now: seen };
    const visited = dryRun ? { now: seen } : await rewriteCurrent(dependencies, at, { key, seen }, rewriteOf(key));
    counts.encrypted += 1;
    counts.encryptedBytes += plainSizeOf(seen);
    return visited;
  };
  const report = await visitVersions(dependencies, at, options, visit, async (work) => {
    if (!dryRun) await removeAbandoned(dependencies, at, work);
  });
  return { location: locationName(at.location), dryRun, ...counts, ...report };
}

function plainSizeOf({ stored, sizeBytes }: Examined): number {
  if (stored.form === 'plain') return sizeBytes;
  return stored.form === 'legacy' ? (stored.plainSizeBytes ?? 0) : 0;
}

async function replaceBySealed(
  dependencies: MigrateDependencies,
  at: OperatorSession,
  key: string,
  seen: Examined,
): Promise<Written> {
  const session = await at.session();
  const headers = keptInCopy(seen.headers, dependencies.legacy?.recognise(session.bucket.name, seen.headers)?.headers);
  const target = { key, etag: seen.etag, versionId: seen.versionId };
  return withVerifiedCopy(
    dependencies,
    { session, location: at.location },
    target,
    async ({ session: hidden, source, plainBytes }) => {
      const ends = { from: hidden, to: session };
      const { keyId, versionId } = await dependencies.copies.replaceObject(ends, { source, target, headers });
      return { keyId, versionId, plainBytes };
    },
  );
}
