/** Configuration -> the list of grants: as gateways watch it, and the store of it that the commands write. */
import type { Config } from '../config/config.ts';
import type { GrantSettings } from '../contracts/grant-settings.ts';
import type { RevocationSettings } from '../contracts/revocation-settings.ts';
import { grantFormat, type GrantEntry } from '../grants/entry.ts';
import { createGrantList, type GrantList } from '../grants/grant-list.ts';
import type { ListStore } from '../lists/list-store.ts';
import { listStoreOf, type ListOptions } from './revocations.ts';

/** Makes the list of a gateway, read once and watched from then on. One that cannot be read gives nothing, and is no reason not to start. */
export async function grantsOf({ policies, revocation }: Config, options: ListOptions): Promise<GrantList> {
  const { grants } = policies;
  if (grants === undefined || revocation === undefined) return nothingGranted;
  const { maxDurationSeconds, approvers } = grants;
  const { isOver } = grantFormat(grants.key.revealBytes());
  const store = await grantStoreOf(grants, revocation, options);
  const list = createGrantList({ ...options, store, isOver, maxDurationSeconds, approvers });
  await list.refresh();
  list.watch();
  return list;
}

/** Opens the store: a file beside that of the revocations, or another hash of the same Redis. */
export function grantStoreOf(
  grants: GrantSettings,
  revocation: RevocationSettings,
  options: ListOptions,
): Promise<ListStore<GrantEntry>> {
  const beside = revocation.kind === 'file' ? { ...revocation, path: `${revocation.path}.grants` } : revocation;
  return listStoreOf(grantFormat(grants.key.revealBytes()), beside, options);
}

const NONE: ReturnType<GrantList['of']> = [];

const nothingGranted: GrantList = {
  of: () => NONE,
  refresh: () => Promise.resolve(),
  watch: () => undefined,
  count: () => 0,
  health: () => [],
  close: () => Promise.resolve(),
};
