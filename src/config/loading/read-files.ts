/**
 * The files that a configuration names, read once at start. A secret that others could read is refused; no message
 * holds a path or a content, since either may be a secret that was put in the wrong place.
 */
import { X509Certificate } from 'node:crypto';
import { constants, open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { readBoundedFile } from '../../platform/bounded-file.ts';
import { isPrivateMode, MAKE_PRIVATE } from '../../platform/private-mode.ts';
import { isPath } from '../values/shapes.ts';
import type { Explanation } from './explain.ts';
import { keyAt, type KeyRow } from './keys.ts';
import { pathKey } from './path-key.ts';
import { Secret } from './secret.ts';

/** No certificate bundle, key or seed is larger, in bytes. */
const MAX_FILE_BYTES = 1_048_576;
const MIN_SEED_BYTES = 32;

/** Content by `pathKey` of the key that names the file. */
export type Files = ReadonlyMap<string, Secret>;

/** The files of a configuration, and where its relative paths start. */
export interface NamedFiles {
  readonly files: Files;
  /** Of these, those that came in variables and are no files. */
  readonly provided: Files;
  readonly directory: string;
}

interface NamedFile {
  readonly path: readonly string[];
  readonly name: string;
  readonly kind: NonNullable<KeyRow['file']>;
}

/** Finds every key of the content that names a file. */
const namedFiles = (content: unknown, path: readonly string[] = []): NamedFile[] => {
  if (typeof content === 'string') {
    const kind = keyAt(path)?.file;
    return kind !== undefined && isPath(content) ? [{ path, name: content, kind }] : [];
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return [];
  return Object.entries(content).flatMap(([key, value]) => namedFiles(value, [...path, key]));
};

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

const isCertificates = (pem: string): boolean => {
  const blocks = pem.match(PEM_CERTIFICATE) ?? [];
  try {
    return blocks.length > 0 && blocks.every((block) => new X509Certificate(block).subject !== '');
  } catch {
    return false;
  }
};

/** What is wrong with the content of a file, or the content itself. */
const check = (kind: NamedFile['kind'], content: Buffer): Secret | string => {
  // A seed may be random bytes, of which the last may be any; only a text loses its final newline. The seed of another
  // gateway always was one: it came in a variable.
  const textual = kind === 'foreign seed' || /^[\t\r\n\x20-\x7e]*$/.test(content.toString('latin1'));
  const bytes = textual ? Buffer.from(content.toString('latin1').replace(/[\r\n]+$/, ''), 'latin1') : content;
  if (bytes.length === 0) return 'names an empty file';
  switch (kind) {
    case 'certificates':
      return isCertificates(content.toString('latin1')) ? new Secret(content) : 'names a file without PEM certificates';
    case 'private key':
      return content.includes('PRIVATE KEY-----') ? new Secret(content) : 'names a file without a PEM private key';
    case 'secret':
    case 'token':
      return /^[\x21-\x7e]+$/.test(bytes.toString('latin1'))
        ? new Secret(bytes)
        : 'names a file that holds more than one line of visible ASCII';
    case 'seed':
      return bytes.length >= MIN_SEED_BYTES
        ? new Secret(bytes)
        : `names a seed of less than ${MIN_SEED_BYTES} bytes; make one with \`openssl rand -hex 32\``;
    case 'foreign seed':
      // Another program took it as it was, of any length.
      return new Secret(bytes);
    case 'directory':
      return 'names a file; must be the path of a directory';
  }
};

const readOne = async (file: NamedFile, directory: string): Promise<Secret | string | undefined> => {
  const path = resolve(directory, file.name);
  try {
    if (file.kind === 'directory') {
      return (await stat(path)).isDirectory() ? undefined : 'must be the path of a directory';
    }
    // Without O_NONBLOCK, opening a named pipe waits for its writer.
    await using handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const status = await handle.stat();
    if (!status.isFile()) return 'is not a regular file';
    // Kubernetes lets others in a pod read its token.
    const isPrivate = file.kind !== 'certificates' && file.kind !== 'token';
    // Asked of the open file, so that nothing can be put in its place between the request and the reading.
    if (isPrivate && !isPrivateMode(status)) {
      return `names a file that others may read (mode ${(status.mode & 0o777).toString(8).padStart(4, '0')}); ${MAKE_PRIVATE}`;
    }
    const content = await readBoundedFile(handle, MAX_FILE_BYTES);
    return content === undefined ? 'names a file of more than 1 MiB' : check(file.kind, content);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    return `names something that cannot be read (${code})`;
  }
};

interface ReadFiles {
  readonly files: Files;
  /** Of those that are on this machine. */
  readonly paths: readonly string[];
  readonly problems: readonly Explanation[];
}

/**
 * Reads every file that the content names; `provided` takes the place of files, and so does what was `read` before. Relative
 * paths start at `directory`.
 */
export const readFiles = async (
  content: unknown,
  directory: string,
  provided: Files,
  read?: Files,
): Promise<ReadFiles> => {
  const files = new Map<string, Secret>();
  const paths: string[] = [];
  const problems: Explanation[] = [];
  for (const file of namedFiles(content)) {
    const given = provided.get(pathKey(file.path));
    if (given === undefined && file.kind !== 'directory') paths.push(resolve(directory, file.name));
    const provision = given ?? read?.get(pathKey(file.path));
    const result =
      provision === undefined
        ? await readOne(file, directory)
        : file.kind === 'directory'
          ? provision
          : check(file.kind, provision.revealBytes());
    if (typeof result === 'string') problems.push({ path: file.path, message: result });
    else if (result !== undefined) files.set(pathKey(file.path), result);
  }
  return { files, paths, problems };
};
