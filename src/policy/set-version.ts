/** The texts of a set in; the content by which it is kept, and the version by which decisions name it, out. */
import { createHash } from 'node:crypto';
import type { TextFile } from './read-directory.ts';

/** Writes all names and texts as one text. */
export function contentOf(files: readonly TextFile[]): string {
  return JSON.stringify(files.map(({ name, text }) => [name, text]));
}

/** Gives the first 12 hex digits of the SHA-256 of that. */
export function versionOf(files: readonly TextFile[]): string {
  return createHash('sha256').update(contentOf(files)).digest('hex').slice(0, 12);
}
