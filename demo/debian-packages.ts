/**
 * Programs from Debian packages without root: downloaded and unpacked into a folder of ours. Nothing of the system is
 * changed; apt's own lists are used, or fetched into the same folder where there are none.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram, runProgram, type Environment } from './programs.ts';

export interface UnpackedProgram {
  readonly program: string;
  /** For `LD_LIBRARY_PATH`; empty where the machine has every library. */
  readonly libraryPath: string;
}

/**
 * Finds the program in `folder`, or puts it there. `versionParameter` makes it print its version, by which one sees whether
 * it runs at all.
 * @throws Error when apt-get or dpkg cannot
 */
export async function unpackProgram(
  packageName: string,
  versionParameter: string,
  folder: string,
  environment: Environment,
): Promise<UnpackedProgram> {
  const findUnpacked = async (): Promise<UnpackedProgram | undefined> => {
    const program = await findIn(folder, packageName);
    if (program === undefined) return undefined;
    const found = { program, libraryPath: await libraryPath(folder) };
    return (await runs(found, versionParameter, environment)) ? found : undefined;
  };
  const present = await findUnpacked();
  if (present !== undefined) return present;
  const apt = await openApt(folder, environment);
  try {
    await apt.download([packageName]);
    const alone = await findUnpacked();
    if (alone !== undefined) return alone;
    await apt.download(await apt.libraries(packageName));
  } finally {
    await apt.close();
  }
  const complete = await findUnpacked();
  if (complete === undefined) throw new Error(`the package ${packageName} was unpacked but its program does not run`);
  return complete;
}

async function findIn(folder: string, name: string): Promise<string | undefined> {
  const paths = ['usr/sbin', 'usr/bin'].map((path) => join(folder, path));
  const found = await findProgram(name, { PATH: paths.join(':') });
  return found?.startsWith(folder) === true ? found : undefined;
}

/** A library that is missing shows at once. */
function runs(found: UnpackedProgram, versionParameter: string, environment: Environment): Promise<boolean> {
  return runProgram(found.program, [versionParameter], {
    environment: { ...environment, LD_LIBRARY_PATH: found.libraryPath },
  }).then(
    () => true,
    () => false,
  );
}

/** `lib/<architecture>` and `usr/lib/<architecture>` of what was unpacked. */
async function libraryPath(folder: string): Promise<string> {
  const paths: string[] = [];
  for (const parent of [join(folder, 'lib'), join(folder, 'usr/lib')])
    for (const name of await readdir(parent).catch(() => []))
      if (name.includes('linux')) paths.push(join(parent, name));
  return paths.join(':');
}

interface Apt {
  readonly download: (packages: readonly string[]) => Promise<void>;
  /** The libraries that a package needs, directly or not, except the C library. */
  readonly libraries: (packageName: string) => Promise<readonly string[]>;
  /** Removes the archives and lists. */
  readonly close: () => Promise<void>;
}

async function openApt(folder: string, environment: Environment): Promise<Apt> {
  const archives = join(folder, 'archives');
  const state = join(folder, 'apt');
  await mkdir(archives, { recursive: true, mode: 0o700 });
  // Without a network this must say so soon.
  const fastFailing = ['-o', 'Acquire::http::Timeout=5', '-o', 'Acquire::https::Timeout=5', '-o', 'Acquire::Retries=0'];
  let options = fastFailing;
  const run = (program: string, ...parameters: readonly string[]) =>
    runProgram(program, [...options, ...parameters], {
      folder: archives,
      environment: { ...environment, LC_ALL: 'C' },
    });

  const fetch = async (packages: readonly string[]): Promise<void> => {
    try {
      await run('apt-get', 'download', ...packages);
    } catch (error) {
      if (options !== fastFailing) throw error;
      // A fresh machine or container has no lists, and only root may fetch them to where they belong.
      const lists = `Dir::State::Lists=${join(state, 'lists')}`;
      options = [...fastFailing, '-o', lists, '-o', `Dir::Cache=${join(state, 'cache')}`];
      for (const part of ['lists/partial', 'cache/archives/partial'])
        await mkdir(join(state, part), { recursive: true });
      await run('apt-get', 'update');
      await run('apt-get', 'download', ...packages);
    }
  };
  return {
    download: async (packages) => {
      await fetch(packages);
      for (const name of await readdir(archives)) {
        await runProgram('dpkg', ['-x', join(archives, name), folder], { environment });
        await rm(join(archives, name));
      }
    },
    libraries: async (packageName) => {
      const kinds = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map(
        (kind) => `--no-${kind}`,
      );
      const listed = await run('apt-cache', 'depends', '--recurse', ...kinds, packageName);
      const names = listed.split('\n').filter((line) => /^lib[a-z0-9.+-]+$/.test(line));
      return names.filter((name) => !/^libc(6|-bin)?$|^libc-/.test(name));
    },
    close: async () => {
      for (const path of [archives, state]) await rm(path, { recursive: true, force: true });
    },
  };
}
