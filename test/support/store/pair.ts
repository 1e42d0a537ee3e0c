/**
 * Which edge and which store the tests meet: `stable` is this machine's own HAProxy and Ceph (Debian 12's in CI), `current`
 * those of Debian sid, which lie in a folder of the cache and run from there, without chroot. One word chooses, before
 * anything is started; what runs then is found by PATH, by the product as by the tests.
 */
import { chmod, glob, mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { packageCache } from '../../world/run/cache.ts';
import type { Run } from '../../world/run/lane.ts';
import { havePackages } from '../../world/run/packages.ts';
import { makeSid } from '../../world/run/sid.ts';
import { versionOf } from './versions.ts';

export type Pair = 'stable' | 'current';

const LIST = 'packages.txt';
const PROGRAMS = ['usr/sbin/haproxy'].concat(
  ['radosgw', 'radosgw-admin', 'ceph', 'ceph-mon', 'ceph-osd', 'monmaptool'].map((name) => `usr/bin/${name}`),
);
/** Where the programs of `current` start; the prefix of each is then `usr`, as it is for those that are installed. */
const STARTERS = 'usr/current';

export const isPair = (name: string): name is Pair => name === 'stable' || name === 'current';

/** Makes this process and those it starts use the programs of a pair, and says which these are. @throws Error in one line */
export async function usePair(name: Pair): Promise<void> {
  if (name === 'current') {
    const folder = await havePackages(CURRENT, 'lanes', packageCache());
    process.env['PATH'] = `${join(folder, 'root', STARTERS)}:${process.env['PATH'] ?? ''}`;
  }
  console.error(`pair ${name}: HAProxy ${await versionOf('haproxy')}, Ceph ${await versionOf('radosgw')}`);
}

const CURRENT = {
  name: 'servers',
  locks: [LIST],
  install: (folder: string, command: Run) => makeSid(command, join(folder, 'root'), join(folder, LIST), 'extracted'),
  build: (folder: string) => writeStarters(join(folder, 'root')),
};

/** Starts each program by the loader and with the libraries of the folder: those of this machine are older. */
async function writeStarters(root: string): Promise<void> {
  let loader: string | undefined;
  for await (const found of glob('usr/lib/*/ld-linux*.so.*', { cwd: root })) loader = join(root, found);
  if (loader === undefined) throw new Error(`no loader of programs lies in ${root}`);
  const libraries = dirname(loader);
  await mkdir(join(root, STARTERS), { recursive: true });
  for (const program of PROGRAMS) {
    const starter = join(root, STARTERS, basename(program));
    // HAProxy's master starts itself anew at a reload, by the name that it was started by: the starter's.
    const named = basename(program) === 'haproxy' ? ' --argv0 "$0"' : '';
    const command = `exec "${loader}"${named} --library-path "${libraries}:${libraries}/ceph"`;
    // The one that is written in Python.
    const python = `PYTHONHOME="${join(root, 'usr')}" ${command} "${join(root, 'usr/bin/python3')}" -s`;
    const start = program.endsWith('/ceph') ? python : command;
    await writeFile(starter, `#!/bin/sh\n${start} "${join(root, program)}" "$@"\n`);
    await chmod(starter, 0o755);
  }
}
