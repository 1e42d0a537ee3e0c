/**
 * Whether a file is private enough to hold a secret of the gateway: its owner alone reads it, or root gave it to a group of
 * this process to read, no more, and the process is not root: it reads the file by that very right. So Kubernetes mounts
 * secrets (`root:fsGroup`, 0440). Never: a file that others, or the group of another owner, can read; one a group can write.
 */
import type { Stats } from 'node:fs';
import { getegid, geteuid, getgroups } from 'node:process';

const GROUP_AND_OTHERS = 0o077;
/** All of these but the group's right to read. */
const MORE_THAN_GROUP_READS = 0o037;

/** What makes a file that others may read private. */
export const MAKE_PRIVATE = 'chmod 600 it, or have root own it and a group of the gateway read it (chmod 440)';

/** A process, by the ids of its user and its groups. */
export interface Reader {
  readonly uid: number;
  readonly gids: readonly number[];
}

/** This process. Asked of the kernel: in a container the user need not have a name. Windows has no ids, and no such modes. */
export const thisProcess = (): Reader => ({
  uid: geteuid?.() ?? 0,
  gids: [...(getgroups?.() ?? []), ...(getegid === undefined ? [] : [getegid()])],
});

/** Tells whether a file of this owner and mode may hold a secret of the reader. */
export function isPrivateMode(file: Pick<Stats, 'mode' | 'uid' | 'gid'>, reader = thisProcess()): boolean {
  if ((file.mode & GROUP_AND_OTHERS) === 0) return true;
  const groupReads = (file.mode & MORE_THAN_GROUP_READS) === 0;
  return groupReads && file.uid === 0 && reader.uid !== 0 && reader.gids.includes(file.gid);
}
