/**
 * The product under test, as a process of its own: the suite that forks it shares nothing with it but this message. HAProxy
 * finds the recorder where it expects the gateway's socket. The first argument is the store; a message ends it.
 */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { freePort } from '../../../demo/free-port.ts';
import { startStack, type StackKind } from '../../support/stack/stack.ts';

/** What the suite is told. */
export interface StackInfo {
  readonly frontUrl: string;
  readonly caFile: string;
  /** Where HAProxy looks for the gateway. */
  readonly edgeSocket: string;
  readonly gatewayPort: number;
  readonly token: string;
  readonly roleArn: string;
  readonly buckets: { readonly sealed: string; readonly open: string };
  /** What the store holds of the encrypted bucket: a key is appended, encoded. */
  readonly storedUrl: string;
}

const ALL = [
  ...['GET', 'PUT', 'DELETE', 'LIST', 'GET_VERSION', 'DELETE_VERSION', 'LIST_VERSIONS', 'GET_TAGS', 'PUT_TAGS'],
  ...['GET_ACL', 'PUT_ACL', 'PUT_STORAGE_CLASS'],
];
const POLICY = {
  id: 'clients',
  description: 'Whoever administers may do everything with objects.',
  subjects: [{ issuer: 'demo', group: 'admins' }],
  rules: ['reports', 'artifacts'].map((bucket) => ({ id: `all-${bucket}`, allow: ALL, bucket, everything: true })),
};

const policies = await mkdtemp(join(tmpdir(), 'sallyport-policies-'));
await writeFile(join(policies, 'clients.yaml'), JSON.stringify(POLICY));
const gatewayPort = await freePort();
const stack = await startStack(process.argv[2] as StackKind, {
  listen: { address: `127.0.0.1:${gatewayPort}`, allowPlaintextLoopback: true },
  buckets: { reports: {}, artifacts: { encryption: 'off' } },
  policies: { directory: policies },
});
const window = createServer((request, response) => {
  void stack.raw.get('reports', decodeURIComponent((request.url ?? '').slice(1))).then(({ status, body }) => {
    response.writeHead(status, { 'content-length': body.length }).end(body);
  });
});
window.listen(0, '127.0.0.1');
await once(window, 'listening');
const info: StackInfo = {
  storedUrl: `http://127.0.0.1:${(window.address() as AddressInfo).port}/`,
  frontUrl: stack.frontUrl,
  caFile: stack.caFile,
  edgeSocket: join(dirname(stack.auditDirectory), 'run', 'gateway.sock'),
  gatewayPort,
  token: await stack.token('bob'),
  roleArn: 'arn:aws:iam::000000000000:role/sallyport',
  buckets: { sealed: 'reports', open: 'artifacts' },
};
process.send?.(info);

let ending = false;
const end = async (): Promise<void> => {
  if (ending) return;
  ending = true;
  await stack.stop();
  await rm(policies, { recursive: true, force: true });
  process.exit(0);
};
process.on('message', () => void end());
process.on('disconnect', () => void end());
