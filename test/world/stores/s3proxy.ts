/** S3Proxy of Maven Central, on a file system: no STS, no versions, no tags, and paths for keys. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../../demo/free-port.ts';
import { configOfKeys } from './keys.ts';
import { installJars } from './maven.ts';
import { startServer } from './server.ts';
import type { ForeignStore } from './store.ts';

const OWNER = { accessKeyId: 'owner', secretAccessKey: 'secret-of-the-owner' };

export const s3proxy: ForeignStore = {
  name: 's3proxy',
  locks: ['pom.xml'],
  install: installJars,
  start: async ({ folder, data }) => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const objects = join(data, 'objects');
    await mkdir(objects);
    const properties = {
      's3proxy.endpoint': endpoint,
      's3proxy.authorization': 'aws-v4',
      's3proxy.identity': OWNER.accessKeyId,
      's3proxy.credential': OWNER.secretAccessKey,
      'jclouds.provider': 'filesystem-nio2',
      'jclouds.filesystem.basedir': objects,
    };
    const file = join(data, 's3proxy.conf');
    const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
    await writeFile(file, lines.join(''));
    const server = await startServer({
      command: [
        ...(['java', '-Xmx512m', `-Dlogback.configurationFile=${join(folder, 'logback.xml')}`] as const),
        ...['-cp', join(folder, 'lib', '*'), 'org.gaul.s3proxy.Main', '--properties', file],
      ],
      ...{ endpoint, logFile: join(data, 'log') },
      // Java names files in the encoding of its locale.
      environment: { LC_ALL: 'C.UTF-8' },
    });
    return {
      ...{ version: '4.0.0', endpoint, region: 'us-east-1', credentials: OWNER },
      ...(await configOfKeys(data, endpoint, OWNER)),
      stop: server.stop,
    };
  },
};
