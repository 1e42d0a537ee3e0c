/** moto of PyPI, a double of AWS: S3 and an STS that gives sessions and holds nobody to their policies. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../../demo/free-port.ts';
import { pythonPackages } from '../run/python-packages.ts';
import { startServer } from './server.ts';
import type { ForeignStore } from './store.ts';

const ROLE = 'arn:aws:iam::123456789012:role/sallyport';
const START = fileURLToPath(new URL('moto-server.py', import.meta.url));

const OWNER = { accessKeyId: 'AKIAOWNER', secretAccessKey: 'secret-of-the-owner' };

export const moto: ForeignStore = {
  name: 'moto',
  locks: ['requirements.txt'],
  install: (folder, run) => pythonPackages(folder, run, 'requirements.txt', 'venv'),
  start: async ({ folder, data }) => {
    const port = await freePort();
    const endpoint = `http://127.0.0.1:${port}`;
    const server = await startServer({
      command: [
        ...([join(folder, 'venv', 'bin', 'python'), START] as const),
        ...['-H', '127.0.0.1', '-p', String(port)],
      ],
      ...{ endpoint, logFile: join(data, 'log') },
    });
    return {
      ...{ version: '5.2.1', endpoint, region: 'us-east-1', credentials: OWNER },
      storeConfig: {
        ...{ endpoint, region: 'us-east-1', allowPlaintextHttp: true },
        sts: { roleArn: ROLE },
      },
      environment: { AWS_ACCESS_KEY_ID: OWNER.accessKeyId, AWS_SECRET_ACCESS_KEY: OWNER.secretAccessKey },
      stop: server.stop,
    };
  },
};
