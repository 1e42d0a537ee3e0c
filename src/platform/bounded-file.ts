/** Files that others fill, read no further than they may be long: the size that a file is said to have may change. */
import type { FileHandle } from 'node:fs/promises';

/** Reads an open file from its start, whole; `undefined` where it is longer than `maxBytes`. */
export async function readBoundedFile(file: FileHandle, maxBytes: number): Promise<Buffer | undefined> {
  const buffer = Buffer.alloc(maxBytes + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length);
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
  }
  return undefined;
}
