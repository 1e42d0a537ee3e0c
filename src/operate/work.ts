/**
 * What the commands put beside the objects for a short while. It is marked, so that it is never taken for a client's object,
 * nor a client's for it, whatever the keys. A run that is killed leaves its work behind; a later run removes it.
 */
import type { Clock } from '../contracts/clock.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import type { ListedVersion } from './list-versions.ts';
import type { OperatorSession } from './operator-session.ts';

/** Work of a run that was killed is removed after this long: a run in progress may still need its own. */
const ABANDONED_AFTER_MS = 7 * 24 * 3_600_000;

/** Metadata of this name is taken from no client. */
export const WORK_MARK = 'x-amz-meta-sallyport-work';

/** What every object of the commands' own bears. */
export const WORK_HEADERS: Readonly<Record<string, string>> = { [WORK_MARK]: '1' };

/** Removes work that nobody needs any more. @throws GatewayError what the store says */
export async function removeAbandoned(
  { clock }: { readonly clock: Clock },
  at: OperatorSession,
  { key, versionId, lastModifiedMs }: ListedVersion,
): Promise<void> {
  if (clock.now() - lastModifiedMs < ABANDONED_AFTER_MS) return;
  await removeWork(await at.session(), key, versionId);
}

/** Removes one piece of work; where the bucket keeps versions, the one that is named. @throws GatewayError what the store says */
export async function removeWork(session: StoreSession, key: string, versionId: string | undefined): Promise<void> {
  const query = versionId === undefined ? [] : [['versionId', versionId] as const];
  const answer = await session.send({ method: 'DELETE', key, query, headers: {} });
  await answer.discard();
}
