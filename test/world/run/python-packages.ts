/** What a list of Python packages names, and nothing else, in an environment of its own beside it. */
import { join } from 'node:path';
import { debianPackages } from './debian-packages.ts';
import type { Run } from './lane.ts';

/** Makes `environment` in `folder` out of `list`, a file there. @throws Error where the packages are not to be had */
export async function pythonPackages(folder: string, run: Run, list: string, environment: string): Promise<void> {
  await debianPackages(run, ['python3', 'python3-venv']);
  // Debian's own: what stands first on PATH may be another, without the module.
  await run('/usr/bin/python3', ['-m', 'venv', '--clear', environment]);
  const options = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'];
  await run(join(folder, environment, 'bin', 'pip'), ['install', ...options, '-r', list]);
}
