/** SeaweedFS of PyPI: `weed server -s3` with an IAM file. Its STS gives sessions that it holds to their policies. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../../demo/free-port.ts';
import { pythonPackages } from '../run/python-packages.ts';
import { startServer } from './server.ts';
import type { ForeignStore } from './store.ts';

const VERSION = '4.48';
const ROLE = 'arn:aws:iam::000000000000:role/sallyport';
const OWNER = { accessKeyId: 'owner', secretAccessKey: 'secret-of-the-owner' };
/** May assume the role, and nothing else. */
const GATEWAY = { accessKeyId: 'gateway', secretAccessKey: 'secret-of-the-gateway' };

const statement = (rest: object) => ({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...rest }] });
const identity = (name: string, { accessKeyId, secretAccessKey }: typeof OWNER, actions: readonly string[]) => ({
  ...{ name, actions },
  credentials: [{ accessKey: accessKeyId, secretKey: secretAccessKey }],
});
const IAM = {
  identities: [
    identity('owner', OWNER, ['Admin', 'Read', 'List', 'Tagging', 'Write']),
    identity('gateway', GATEWAY, []),
  ],
  sts: {
    ...{ tokenDuration: '1h', maxSessionLength: '12h', issuer: 'world' },
    signingKey: Buffer.from('a key for a store that lives for one run').toString('base64'),
  },
  policy: { defaultEffect: 'Deny', storeType: 'memory' },
  policies: [{ name: 'all', document: statement({ Action: ['s3:*'], Resource: ['*'] }) }],
  roles: [
    {
      ...{ roleName: 'sallyport', roleArn: ROLE, attachedPolicies: ['all'] },
      trustPolicy: statement({ Principal: '*', Action: ['sts:AssumeRole'] }),
    },
  ],
};

/** One for each of its parts, and one more where that speaks to the others. */
async function freePorts(): Promise<readonly string[]> {
  const ports = new Set<number>();
  while (ports.size < 8) ports.add(await freePort());
  return [...ports].map(String);
}

export const seaweedfs: ForeignStore = {
  name: 'seaweedfs',
  locks: ['requirements.txt'],
  install: (folder, run) => pythonPackages(folder, run, 'requirements.txt', 'venv'),
  start: async ({ folder, data }) => {
    const iamFile = join(data, 'iam.json');
    await writeFile(iamFile, JSON.stringify(IAM));
    const ports = await freePorts();
    const [s3 = '', s3Grpc = '', , masterGrpc = '', , volumeGrpc = ''] = ports;
    const names = ['s3.port', 's3.port.grpc', 'master.port', 'master.port.grpc', 'volume.port', 'volume.port.grpc'];
    const endpoint = `http://127.0.0.1:${s3}`;
    const server = await startServer({
      command: [
        ...([
          join(folder, 'venv', 'bin', 'weed'),
          'server',
          '-s3',
          `-dir=${data}`,
          `-s3.iam.config=${iamFile}`,
        ] as const),
        ...['-ip=127.0.0.1', '-ip.bind=127.0.0.1', '-s3.port.iceberg=0', '-s3.port.lance=0', '-master.telemetry=false'],
        ...['-volume.max=100', '-master.volumeSizeLimitMB=256', `-filer.localSocket=${join(data, 'filer.sock')}`],
        `-s3.localSocket=${join(data, 's3.sock')}`,
        ...[...names, 'filer.port', 'filer.port.grpc'].map((name, at) => `-${name}=${ports[at] ?? ''}`),
      ],
      endpoint,
      logFile: join(data, 'log'),
    });
    return {
      ...{ version: VERSION, endpoint, region: 'us-east-1', credentials: OWNER },
      storeConfig: {
        endpoint,
        region: 'us-east-1',
        allowPlaintextHttp: true,
        sts: { roleArn: ROLE, unknownActions: [] },
      },
      environment: { AWS_ACCESS_KEY_ID: GATEWAY.accessKeyId, AWS_SECRET_ACCESS_KEY: GATEWAY.secretAccessKey },
      stop: async () => {
        await server.stop();
        // It makes these of its sockets there, whatever it is told.
        for (const name of [`s3-grpc-${s3Grpc}`, `master-grpc-${masterGrpc}`, `volume-grpc-${volumeGrpc}`]) {
          await rm(`/tmp/seaweedfs-${name}.sock`, { force: true });
        }
      },
    };
  },
};
