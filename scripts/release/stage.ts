/** The files of one commit in a folder of their own, built. */
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';

/** A commit that was checked out. */
export interface Source {
  /** Where its files are. */
  readonly folder: string;
  /** 40 hexadecimal digits. */
  readonly commit: string;
  /** Of its package.json. */
  readonly version: string;
  /** When it was committed, in seconds: the time of all that is made of it. */
  readonly time: number;
}

/** Puts the files of a commit, and nothing else, into a folder under `work`. */
export async function checkOut(root: string, commit: string, work: string): Promise<Source> {
  const git = async (...args: string[]): Promise<string> => (await run('git', args, { cwd: root })).trim();
  const id = await git('rev-parse', '--verify', `${commit}^{commit}`);
  const time = Number(await git('log', '-1', '--format=%ct', id));
  const folder = join(work, 'source');
  const archive = join(work, 'source.tar');
  await mkdir(folder);
  await git('archive', '--format=tar', '--output', archive, id);
  await run('tar', ['--extract', '--file', archive, '--directory', folder, '--no-same-permissions']);
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string };
  return { folder, commit: id, version, time };
}

/**
 * Compiles it, and installs what it runs on: the packages of its lock file for Linux on amd64 with glibc, whatever this machine
 * is. The compiler and the types are those of the checkout `root`, which stand in a folder above.
 */
export async function buildIn({ folder }: Source, root: string): Promise<void> {
  await symlink(join(root, 'node_modules'), join(folder, '../node_modules'));
  const target = ['--os=linux', '--cpu=x64', '--libc=glibc'];
  const args = ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', ...target];
  await run('npm', args, { cwd: folder });
  await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
    cwd: folder,
  });
}
