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

/** Finds the program in `folder`, or puts it there. @throws Error when apt-get or dpkg cannot */
export async function unpackProgram(
  packageName: string,
  folder: string,
  environment: Environment,
): Promise<UnpackedProgram> {
  const present = await findUnpacked(packageName, folder, environment);
  if (present !== undefined) return present;
  const apt = await openApt(folder, environment);
  await apt.download([packageName]);
  const program = await findIn(folder, packageName);
  if (program === undefined) throw new Error(`the package ${packageName} has no program of that name`);
  if (await lacksLibraries(program, folder, environment)) await apt.download(await apt.libraries(packageName));
  const complete = await findUnpacked(packageName, folder, environment);
  if (complete === undefined) throw new Error(`${packageName} was unpacked but does not find its libraries`);
  return complete;
}

async function findUnpacked(
  packageName: string,
  folder: string,
  environment: Environment,
): Promise<UnpackedProgram | undefined> {
  const program = await findIn(folder, packageName);
  if (program === undefined || (await lacksLibraries(program, folder, environment))) return undefined;
  return { program, libraryPath: await libraryPath(folder) };
}

async function findIn(folder: string, name: string): Promise<string | undefined> {
  const places = ['usr/sbin', 'usr/bin'].map((place) => join(folder, place));
  const found = await findProgram(name, { PATH: places.join(':') });
  return found?.startsWith(folder) === true ? found : undefined;
}

async function lacksLibraries(program: string, folder: string, environment: Environment): Promise<boolean> {
  const listed = await runProgram('ldd', [program], {
    environment: { ...environment, LC_ALL: 'C', LD_LIBRARY_PATH: await libraryPath(folder) },
  });
  return listed.includes('not found');
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
}

async function openApt(folder: string, environment: Environment): Promise<Apt> {
  const archives = join(folder, 'archives');
  const state = join(folder, 'apt');
  await mkdir(archives, { recursive: true, mode: 0o700 });
  let options: readonly string[] = [];
  const run = (program: string, ...parameters: readonly string[]) =>
    runProgram(program, [...options, ...parameters], {
      folder: archives,
      environment: { ...environment, LC_ALL: 'C' },
    });

  const fetch = async (packages: readonly string[]): Promise<void> => {
    try {
      await run('apt-get', 'download', ...packages);
    } catch (error) {
      if (options.length > 0) throw error;
      // A fresh machine or container has no lists, and only root may fetch them to where they belong.
      options = ['-o', `Dir::State::Lists=${join(state, 'lists')}`, '-o', `Dir::Cache=${join(state, 'cache')}`];
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
  };
}
