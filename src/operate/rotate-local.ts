/**
 * A new version of the local key, in two steps: a seed and its place in the configuration first; to wrap by it only once
 * every replica can read it. Enters: the path of the configuration file. Never: a seed overwritten, a file half written, or a
 * configuration put in place that was not loaded and checked before.
 */
import { randomBytes } from 'node:crypto';
import { readFile, realpath, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { createDurably, replaceDurably, type Prepare } from '../platform/durable-file.ts';
import { activated, seedFileOf, withVersion } from './edit-keyring.ts';

/** The local keyring as a configuration describes it. */
export interface LocalVersions {
  readonly current: number;
  readonly versions: readonly number[];
}

export interface RotateOptions {
  readonly configPath: string;
  /** Loads and checks a configuration file. @throws Error (why it cannot be used) */
  readonly load: (path: string) => Promise<LocalVersions>;
}

/** Nothing was changed: the reason is for the operator. */
export class RotationRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RotationRefused';
  }
}

const MAX_VERSION = 65_535;
const SEED_BYTES = 32;

/** Makes a seed and adds it as the next version; what is current stays so. @throws RotationRefused; what `load` throws */
export async function addVersion({
  configPath,
  load,
}: RotateOptions): Promise<{ readonly version: number; readonly current: number; readonly seedPath: string }> {
  const path = await realpath(configPath);
  const source = await readFile(path, 'utf8');
  const { current, versions } = await load(path);
  const [pending] = versions.filter((version) => version > current);
  if (pending !== undefined) {
    throw new RotationRefused(
      `version ${pending} was added before and is not current yet; make it so with --activate, or take it out again`,
    );
  }
  const version = Math.max(...versions) + 1;
  if (version > MAX_VERSION) throw new RotationRefused(`there is no version after ${MAX_VERSION}`);
  const present = seedFileOf(source, current);
  if (present === undefined) throw notPlain();
  const seedFile = nextName(present, current, version);
  const seedPath = resolve(dirname(path), seedFile);
  const edited = withVersion(source, { version, seedFile, current });
  if (edited === undefined) throw notPlain();
  await createSeed(seedPath, resolve(dirname(path), present));
  try {
    await replaceConfig(path, source, edited, async (candidate) => {
      const after = await load(candidate);
      return after.current === current && after.versions.includes(version) && after.versions.length > versions.length;
    });
  } catch (error) {
    // Nothing was ever wrapped by it.
    await unlink(seedPath);
    throw error;
  }
  return { version, current, seedPath };
}

/** Makes the version that was added the current one. @throws RotationRefused; what `load` throws */
export async function activateVersion({
  configPath,
  load,
}: RotateOptions): Promise<{ readonly version: number; readonly previous: number }> {
  const path = await realpath(configPath);
  const source = await readFile(path, 'utf8');
  const { current, versions } = await load(path);
  const [version, ...others] = versions.filter((other) => other > current);
  if (version === undefined) {
    throw new RotationRefused(`version ${current} is the newest, and current; make another one without --activate`);
  }
  if (others.length > 0) {
    throw new RotationRefused(`several versions are newer than ${current}; set keyring.local.current by hand`);
  }
  const edited = activated(source, version);
  if (edited === undefined) throw notPlain();
  await replaceConfig(path, source, edited, async (candidate) => (await load(candidate)).current === version);
  return { version, previous: current };
}

function notPlain(): RotationRefused {
  return new RotationRefused('keyring.local does not stand in the file as plain keys and values; edit it by hand');
}

/** `seed-1` -> `seed-2`; a name without the number gets it at its end. */
function nextName(present: string, current: number, version: number): string {
  const name = basename(present);
  const numbered = name.replace(new RegExp(`(?<!\\d)${current}(?=\\D*$)`), String(version));
  return join(dirname(present), numbered === name ? `${name}-${version}` : numbered);
}

/** @throws RotationRefused (it exists) */
async function createSeed(path: string, predecessor: string): Promise<void> {
  const text = Buffer.from(`${randomBytes(SEED_BYTES).toString('hex')}\n`);
  try {
    const { uid, gid } = await stat(predecessor);
    await createDurably(path, text, like({ uid, gid, mode: 0o600 }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new RotationRefused(
      `${path} exists and is not in the configuration, as after a run that was stopped half-way; move it away first`,
    );
  }
}

/** Puts a text in the place of the configuration in one step, once it has proved itself beside it. */
async function replaceConfig(
  path: string,
  source: string,
  edited: string,
  isGood: (candidate: string) => Promise<boolean>,
): Promise<void> {
  const confirm = async (candidate: string): Promise<void> => {
    if (!(await isGood(candidate))) {
      throw new RotationRefused('the environment or the file says otherwise of the keyring; edit it by hand');
    }
    if ((await readFile(path, 'utf8')) !== source)
      throw new RotationRefused(`${path} was changed meanwhile; run again`);
  };
  await replaceDurably(path, edited, { prepare: like(await stat(path)), confirm });
}

/** For a file that belongs to whom its neighbour belongs to: the gateway must be able to read it. */
function like({ uid, gid, mode }: { readonly uid: number; readonly gid: number; readonly mode: number }): Prepare {
  return async (file) => {
    const own = await file.stat();
    if (own.uid !== uid || own.gid !== gid) await file.chown(uid, gid);
    await file.chmod(mode & 0o777);
  };
}
