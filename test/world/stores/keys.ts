/** The keys of a store without STS as files: `method: static` takes them from nowhere else. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunningStore } from './store.ts';

/** What the gateway's configuration says of a store that is reached by these keys, which are written into `folder`. */
export async function configOfKeys(
  folder: string,
  endpoint: string,
  { accessKeyId, secretAccessKey }: RunningStore['credentials'],
): Promise<Pick<RunningStore, 'storeConfig' | 'environment'>> {
  const credentials = { accessKeyIdFile: join(folder, 'key-id'), secretAccessKeyFile: join(folder, 'secret') };
  await writeFile(credentials.accessKeyIdFile, accessKeyId, { mode: 0o600 });
  await writeFile(credentials.secretAccessKeyFile, secretAccessKey, { mode: 0o600 });
  const storeConfig = { endpoint, region: 'us-east-1', allowPlaintextHttp: true, method: 'static', credentials };
  return { storeConfig, environment: {} };
}
