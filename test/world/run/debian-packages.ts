/** Has packages of this machine's Debian. */
import type { Run } from './lane.ts';

/** Installs those that are missing; none of their services is started. @throws Error where they are not to be had */
export async function debianPackages(run: Run, names: readonly string[]): Promise<void> {
  const states = await Promise.all(
    names.map((name) => run('dpkg-query', ['-W', '-f=${db:Status-Status}', name]).catch(() => 'absent')),
  );
  const missing = names.filter((_, index) => states[index] !== 'installed');
  if (missing.length === 0) return;
  const environment = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  // Another lane may be at it.
  const wait = ['-o', 'DPkg::Lock::Timeout=120'];
  await run('apt-get', ['update', '-q'], { environment });
  await run('apt-get', ['install', '-yq', '--no-install-recommends', ...wait, ...missing], { environment });
}
