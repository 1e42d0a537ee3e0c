/** The files that every cell uploads. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CellContext, Fixtures } from './cell.ts';

/** Above 16 MiB, and no multiple of any part size. */
const LARGE_BYTES = 17 * 1024 * 1024 + 321;
/** Random bytes: so many are met by chance once in 2^128. */
const SAMPLE_BYTES = 16;
/** Some in each part, at ever other places of segments. */
const SAMPLE_STEP_BYTES = 1_000_003;
const TREE = [
  'a.txt',
  'empty',
  'nested/deeper/b.bin',
  'with space.txt',
  'plus+and%percent.txt',
  'grüße-日本語.txt',
  "quote'(1)!.txt",
];

/** Writes the files into `folder`. */
export async function writeFixtures(folder: string): Promise<Fixtures> {
  const tree = join(folder, 'tree');
  for (const name of TREE) {
    await mkdir(dirname(join(tree, name)), { recursive: true });
    await writeFile(join(tree, name), name === 'empty' ? '' : `${name}\n${randomBytes(500).toString('hex')}`);
  }
  const small = join(folder, 'small.txt');
  // In a folder of its own: clients that sync it walk all of it, and cells beside it come and go.
  const large = join(folder, 'large', 'large.bin');
  await mkdir(dirname(large));
  await writeFile(small, `small ${randomBytes(100).toString('hex')}\n`);
  await writeFile(large, randomBytes(LARGE_BYTES));
  return { small, large, tree, treeFiles: TREE.toSorted() };
}

/** @throws Error unless both files hold the same bytes */
export async function assertSameFile(one: string, other: string): Promise<void> {
  const [left, right] = await Promise.all([readFile(one), readFile(other)]);
  if (!left.equals(right))
    throw new Error(`${one} (${left.length} bytes) differs from ${other} (${right.length} bytes)`);
}

/** @throws Error where the store holds any of the file's bytes as they are, or nothing */
export async function assertCiphertext({ stored }: CellContext, key: string, file: string): Promise<void> {
  const [kept, plain] = await Promise.all([stored(key), readFile(file)]);
  if (kept.length <= plain.length) throw new Error(`the store holds ${kept.length} bytes of ${plain.length}`);
  for (let at = 0; at + SAMPLE_BYTES <= plain.length; at += SAMPLE_STEP_BYTES) {
    if (kept.includes(plain.subarray(at, at + SAMPLE_BYTES)))
      throw new Error(`the store holds plaintext of byte ${at}`);
  }
}
