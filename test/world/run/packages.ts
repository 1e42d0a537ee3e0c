/**
 * Has the packages of a lane or of a store, in a cache folder outside the repository, and builds its programs there. An install is tried three
 * times; what it was made of is noted, and the next run finds it.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Run } from './lane.ts';

const TRIES = 3;
const SHOWN = 600;
const INSTALL_LIMIT_MS = 480_000;

/** Where the files of lanes and of stores are. */
export type Sources = 'lanes' | 'stores';

/** A lane, or a store. */
interface Installed {
  readonly name: string;
  readonly locks: readonly string[];
  readonly install: (folder: string, run: Run) => Promise<void>;
  readonly build?: (folder: string, run: Run) => Promise<void>;
}

/** Gives its folder, ready to run. @throws Error where its packages are not to be had, or a program does not build */
export async function havePackages(lane: Installed, sources: Sources, cache: string): Promise<string> {
  const folder = sources === 'lanes' ? join(cache, lane.name) : join(cache, sources, lane.name);
  const files = fileURLToPath(new URL(`../${sources}/${lane.name}`, import.meta.url));
  const stampFile = join(folder, '.installed');
  const stamp = await stampOf(files, lane.locks);
  const run: Run = (command, parameters, options = {}) => runInstall(command, parameters, { folder, ...options });
  await mkdir(folder, { recursive: true });
  for (let attempt = 1; (await readFile(stampFile, 'utf8').catch(() => '')) !== stamp; attempt += 1) {
    await rm(stampFile, { force: true });
    try {
      await cp(files, folder, { recursive: true });
      await lane.install(folder, run);
      await writeFile(stampFile, stamp);
    } catch (error) {
      if (attempt === TRIES) throw error;
    }
  }
  await cp(files, folder, { recursive: true });
  await lane.build?.(folder, run);
  return folder;
}

async function stampOf(files: string, locks: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(process.version);
  for (const lock of locks) hash.update(await readFile(join(files, lock)));
  return hash.digest('hex');
}

function runInstall(
  command: string,
  parameters: readonly string[],
  { folder, environment }: { folder: string; environment?: Readonly<Record<string, string>> },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, parameters, {
      cwd: folder,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: INSTALL_LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    let said = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(said);
      else
        reject(new Error(`${command} ended with ${code ?? signal ?? ''}: ${`${said}${errors}`.trim().slice(-SHOWN)}`));
    });
  });
}
