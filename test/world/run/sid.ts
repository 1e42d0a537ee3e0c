/** Debian's current programs (sid) in a folder, beside this machine's own. Needs root, as mmdebstrap does. */
import { readFile, rm } from 'node:fs/promises';
import { debianPackages } from './debian-packages.ts';
import type { Run } from './lane.ts';

const MIRROR = 'http://deb.debian.org/debian';

/**
 * Makes the folder `root` anew, of the packages that the file `list` names: `installed`, so that one can live in it by
 * chroot, or only `extracted`, for programs that are run from outside.
 * @throws Error where they are not to be had
 */
export async function makeSid(run: Run, root: string, list: string, how: 'installed' | 'extracted'): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('a folder of Debian is made by root alone');
  await debianPackages(run, ['mmdebstrap', 'debian-archive-keyring']);
  await rm(root, { recursive: true, force: true });
  const packages = (await readFile(list, 'utf8')).trim().split(/\s+/);
  await run('mmdebstrap', [
    ...['--quiet', '--mode=root', `--variant=${how === 'installed' ? 'apt' : 'extract'}`],
    `--include=${packages.join(',')}`,
    // The mirror may hold a dated copy of sid: its list is then past its date, and its signature still good.
    ...['--aptopt=Acquire::Check-Valid-Until "false"', '--keyring=/usr/share/keyrings/debian-archive-keyring.gpg'],
    ...['sid', root, await debianMirror(run)],
  ]);
}

/** Where this machine's own packages come from. */
export async function debianMirror(run: Run): Promise<string> {
  const said = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages']).catch(
    () => '',
  );
  return said.split('\n').find((line) => /\/debian\/?$/.test(line)) ?? MIRROR;
}
