/** versitygw of the Go module proxy: files of a folder by S3, with versions. It has no STS that the gateway could ask. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../../demo/free-port.ts';
import { startServer } from './server.ts';
import type { ForeignStore } from './store.ts';

const VERSION = '1.8.0';
const OWNER = { accessKeyId: 'owner', secretAccessKey: 'secret-of-the-owner' };

export const versitygw: ForeignStore = {
  name: 'versitygw',
  locks: ['go.mod', 'go.sum'],
  install: async (folder, run) => {
    await run('go', ['build', '-o', join(folder, 'bin', 'versitygw'), 'github.com/versity/versitygw/cmd/versitygw']);
  },
  start: async ({ folder, data }) => {
    const [files, versions, users] = ['files', 'versions', 'users'].map((name) => join(data, name)) as [
      string,
      string,
      string,
    ];
    for (const made of [files, versions, users]) await mkdir(made);
    const port = await freePort();
    const endpoint = `http://127.0.0.1:${port}`;
    const { stop } = await startServer({
      command: [
        join(folder, 'bin', 'versitygw'),
        ...['--port', `127.0.0.1:${port}`, '--iam-dir', users, '--quiet'],
        ...['posix', '--versioning-dir', versions, files],
      ],
      endpoint,
      logFile: join(data, 'log'),
      environment: { ROOT_ACCESS_KEY: OWNER.accessKeyId, ROOT_SECRET_KEY: OWNER.secretAccessKey },
    });
    return {
      ...{ version: VERSION, endpoint, region: 'us-east-1', credentials: OWNER },
      storeConfig: { endpoint, region: 'us-east-1', allowPlaintextHttp: true, method: 'static' },
      environment: { AWS_ACCESS_KEY_ID: OWNER.accessKeyId, AWS_SECRET_ACCESS_KEY: OWNER.secretAccessKey },
      stop,
    };
  },
};
