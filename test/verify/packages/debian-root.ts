/** A fresh Debian 12 in a folder, and programs in it. */
import { execFile, spawn } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** With what a machine has when its installer is done, and nothing else. */
const PACKAGES = ['ca-certificates', 'systemd', 'systemd-sysv'];

/** Makes it, and gives its path. @throws Error where Debian's packages are not to be had */
export async function makeDebian(root: string): Promise<string> {
  const args = ['--quiet', '--mode=root', '--variant=apt', `--include=${PACKAGES.join(',')}`, 'bookworm', root];
  await execute('mmdebstrap', args, { maxBuffer: 16 * 1024 * 1024 });
  for (const name of ['resolv.conf', 'hosts']) await copyFile(`/etc/${name}`, join(root, 'etc', name));
  return root;
}

/** The program that runs another one in the folder: with processes, /proc and mounts of its own, which end with it. */
export const IN_ROOT = 'unshare';

/** Its arguments. */
export function inRoot(root: string, command: readonly string[], userspec = '0:0'): string[] {
  const script =
    'mount -t proc proc "$0/proc" && root=$0 who=$1 && shift && exec chroot --userspec="$who" "$root" "$@"';
  return ['--mount', '--pid', '--fork', '--kill-child=SIGKILL', 'sh', '-c', script, root, userspec, ...command];
}

export interface Ended {
  readonly code: number | null;
  readonly said: string;
}

/** Runs a program in the folder to its end. */
export function runIn(
  root: string,
  command: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', ...environment };
  const child = spawn(IN_ROOT, inRoot(root, command), { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, said }));
  });
}
