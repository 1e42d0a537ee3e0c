/** Adobe's S3Mock of Maven Central: no STS, and whoever asks is let in. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../../demo/free-port.ts';
import { configOfKeys } from './keys.ts';
import { installJars } from './maven.ts';
import { startServer } from './server.ts';
import type { ForeignStore } from './store.ts';

const VERSION = '4.11.0';
const OWNER = { accessKeyId: 'owner', secretAccessKey: 'secret-of-the-owner' };

export const s3mock: ForeignStore = {
  name: 's3mock',
  locks: ['pom.xml'],
  install: installJars,
  start: async ({ folder, data }) => {
    const port = await freePort();
    const endpoint = `http://127.0.0.1:${port}`;
    const objects = join(data, 'objects');
    await mkdir(objects);
    const server = await startServer({
      command: [
        // Its other port, of HTTPS, may be any.
        ...(['java', '-Xmx512m', '-Dserver.port=0', `-Dcom.adobe.testing.s3mock.httpPort=${port}`] as const),
        `-Dcom.adobe.testing.s3mock.store.root=${objects}`,
        ...['-jar', join(folder, 'lib', `s3mock-${VERSION}-exec.jar`)],
      ],
      ...{ endpoint, logFile: join(data, 'log') },
      // Java names files in the encoding of its locale.
      environment: { LC_ALL: 'C.UTF-8' },
    });
    return {
      ...{ version: VERSION, endpoint, region: 'us-east-1', credentials: OWNER },
      ...(await configOfKeys(data, endpoint, OWNER)),
      stop: server.stop,
    };
  },
};
