/**
 * Whether a store can hold us to what we read, asked of it by trying on an object of our own. Where it cannot, a client's
 * PUT that comes between our reading and our writing is lost: refused, unless the operator knows that nobody writes there.
 */
import { randomUUID } from 'node:crypto';
import type { StoreSession } from '../contracts/store-session.ts';
import type { Copies, CopyGuards } from '../contracts/stored-objects.ts';
import { listEntries } from './list-versions.ts';
import type { OperatorSession } from './operator-session.ts';
import { placeName, workKey } from './place.ts';

/** Nothing was written: the store cannot do it safely, and the operator did not say that it need not. */
export class UnguardedStore extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UnguardedStore';
  }
}

/** Tries it. @throws UnguardedStore; GatewayError what the store says of the trial itself */
export async function demandGuards(
  copies: Pick<Copies, 'probe'>,
  at: OperatorSession,
  force: boolean,
): Promise<CopyGuards> {
  const trial = workKey(at.place, `trial-${randomUUID()}`);
  const guards = await copies.probe(await at.session(), trial);
  await removeEveryVersion(at, trial);
  if (force || (guards.source && guards.target)) return guards;
  const lack = guards.source ? 'the target of a copy' : 'the source of a copy';
  throw new UnguardedStore(
    `the store of ${placeName(at.place)} does not hold ${lack} to an ETag, so that an object that a client writes ` +
      'meanwhile would be lost; stop writes to the prefix and run this again with --force',
  );
}

/** Ceph does not say which version a copy made: one that stayed would need its key version for ever. */
async function removeEveryVersion(at: OperatorSession, key: string): Promise<void> {
  for await (const entry of listEntries(at.session, key)) {
    const versionId = 'deleteMarkerId' in entry ? entry.deleteMarkerId : entry.versionId;
    await removeWork(await at.session(), entry.key, versionId);
  }
}

/**
 * Removes something of the commands' own making; where the bucket keeps versions, the one that is named.
 * @throws GatewayError what the store says
 */
export async function removeWork(session: StoreSession, key: string, versionId: string | undefined): Promise<void> {
  const query = versionId === undefined ? [] : [['versionId', versionId] as const];
  const answer = await session.ask({ method: 'DELETE', key, query, headers: {} });
  await answer.discard();
}
