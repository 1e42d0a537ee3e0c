/**
 * Debian's current programs (sid) in a folder, beside this machine's own: `lanes/debian/<name>.sh`, run in that folder on
 * this machine's network. Its mounts are in a namespace of the program's, and end with it. Needs root.
 */
import { join } from 'node:path';
import type { Lane, Manners } from './lane.ts';
import { makeSid } from './sid.ts';

const PACKAGES = 'packages.txt';
/** Sid moves by itself: what it had when somebody looked last. A new look is a new install. */
const VERSIONS = 'versions.txt';
/** The home, what the site gives and the lane's own files are seen at the same paths. */
const ENTER = `
set -e
root=$1; shift
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
for shown in "$HOME" "$(dirname "$WORLD_CA_FILE")" "$(dirname "$WORLD_TOKEN_FILE")" "$(dirname "$root")"; do
  mkdir -p "$root$shown"
  mount --bind "$shown" "$root$shown"
done
exec chroot "$root" "$@"`;

interface DebianProgram extends Manners {
  /** Default: the program's own name. */
  readonly file?: string;
  readonly parameters?: readonly string[];
}

/** A program's name, its manners, and what it is started with. */
export function debian(programs: Readonly<Record<string, DebianProgram>>): Lane {
  return {
    name: 'debian',
    locks: [PACKAGES, VERSIONS],
    install: (folder, run) => makeSid(run, join(folder, 'root'), join(folder, PACKAGES), 'installed'),
    programs: Object.entries(programs).map(([name, { file = name, parameters = [], ...manners }]) => ({
      name,
      ...manners,
      command: (folder) => [
        ...(['unshare', '--mount', '--propagation', 'private', 'bash', '-c', ENTER, 'enter'] as const),
        ...[join(folder, 'root'), 'bash', join(folder, `${file}.sh`), ...parameters],
      ],
      environment: () => ({ PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' }),
    })),
  };
}
