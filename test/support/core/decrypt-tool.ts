/** The independent reference decryptor, tools/decrypt.py, run on what a store holds. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runPython } from '../python-programs.ts';

const DECRYPT = fileURLToPath(new URL('../../../tools/decrypt.py', import.meta.url));

export interface StoredForDecryption {
  readonly bucketId: string;
  readonly key: string;
  readonly envelope: string;
  readonly body: Buffer;
  readonly seedFile: string;
}

/** Gives the plaintext. @throws Error with what the decryptor said */
export async function decryptStored({ bucketId, key, envelope, body, seedFile }: StoredForDecryption): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-decrypt-'));
  try {
    await writeFile(join(folder, 'body'), body);
    const { status, stderr } = await runPython(
      ...[DECRYPT, `--body=${join(folder, 'body')}`, `--out=${join(folder, 'plain')}`, `--envelope=${envelope}`],
      ...[`--bucket-id=${bucketId}`, `--key=${key}`, `--seed-file=${seedFile}`],
    );
    if (status !== 0) throw new Error(stderr);
    return await readFile(join(folder, 'plain'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
