/**
 * Whether a store can hold us to what we read, asked of it by trying on an object of our own. Where it cannot, a client's
 * PUT that comes between our reading and our writing is lost: refused, unless the operator knows that nobody writes there.
 */
import { randomUUID } from 'node:crypto';
import type { Copies, CopyPreconditions } from '../contracts/stored-objects.ts';
import { listEntries } from './list-versions.ts';
import type { OperatorSession } from './operator-session.ts';
import { locationName, workKey } from './location.ts';
import { removeWork, WORK_HEADERS } from './work.ts';

/** Nothing was written: the store cannot do it safely, and the operator did not say that it need not. */
export class UncheckedStore extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UncheckedStore';
  }
}

/** Tries it. @throws UncheckedStore; GatewayError what the store says of the trial itself */
export async function demandPreconditions(
  copies: Pick<Copies, 'probe'>,
  at: OperatorSession,
  force: boolean,
): Promise<CopyPreconditions> {
  const trial = workKey(at.location, `trial-${randomUUID()}`);
  const preconditions = await copies.probe(await at.session(), trial, WORK_HEADERS);
  await removeEveryVersion(at, trial);
  const lack = LACKS.find(([condition]) => !preconditions[condition])?.[1];
  if (force || lack === undefined) return preconditions;
  throw new UncheckedStore(
    `the store of ${locationName(at.location)} does not hold ${lack} to an ETag, so that an object that a client writes ` +
      'meanwhile would be lost; stop writes to the prefix and run this again with --force',
  );
}

const LACKS = [
  ['source', 'the source of a copy'],
  ['target', 'the target of a copy'],
  ['completion', 'the target of an upload in parts'],
] as const;

/** Ceph does not say which version a copy made: one that stayed would need its key version for ever. */
async function removeEveryVersion(at: OperatorSession, key: string): Promise<void> {
  for await (const entry of listEntries(at.session, key)) {
    const versionId = 'deleteMarkerId' in entry ? entry.deleteMarkerId : entry.versionId;
    await removeWork(await at.session(), entry.key, versionId);
  }
}
