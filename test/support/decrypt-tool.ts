/** The independent reference decryptor, tools/decrypt.py, run on what a store holds. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const DECRYPT = fileURLToPath(new URL('../../tools/decrypt.py', import.meta.url));
const PYTHON = '/usr/bin/python3';

export interface StoredForDecryption {
  readonly bucketId: string;
  readonly key: string;
  readonly envelope: string;
  readonly body: Buffer;
  readonly seedFile: string;
}

/** Whether this machine has what it needs. */
export async function canDecrypt(): Promise<boolean> {
  return run(PYTHON, ['-c', 'import cryptography']).then(
    () => true,
    () => false,
  );
}

/** Gives the plaintext. @throws Error with what the decryptor said */
export async function decryptStored({ bucketId, key, envelope, body, seedFile }: StoredForDecryption): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-decrypt-'));
  try {
    await writeFile(join(folder, 'body'), body);
    await run(PYTHON, [
      ...[DECRYPT, `--body=${join(folder, 'body')}`, `--out=${join(folder, 'plain')}`, `--envelope=${envelope}`],
      ...[`--bucket-id=${bucketId}`, `--key=${key}`, `--seed-file=${seedFile}`],
    ]);
    return await readFile(join(folder, 'plain'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
