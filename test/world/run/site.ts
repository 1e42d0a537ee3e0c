/**
 * The default demo as the world meets it: HAProxy over TLS, gateway, identity provider and embedded store on free ports,
 * with the shipped policies, one plain bucket more, and one origin whose pages may ask. `bob` logs in.
 */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startDemoStack } from '../../../demo/demo-stack.ts';
import { freePort } from '../../../demo/free-port.ts';
import { makeAuditFolder } from './audit-folder.ts';
import type { Site } from './lane.ts';

export const packageRoot = fileURLToPath(new URL('../../../', import.meta.url)).replace(/\/$/, '');
const PLAIN = 'plain';
const ENCRYPTED = 'artifacts';
const PLAIN_POLICY = {
  id: 'world',
  description: 'Administrators do with the plain bucket what they may with the artifacts; some keys nobody writes.',
  subjects: [{ issuer: 'demo', group: 'admins' }],
  rules: [
    {
      id: 'all-plain',
      allow: ['GET', 'PUT', 'DELETE', 'LIST', 'GET_VERSION', 'DELETE_VERSION', 'LIST_VERSIONS', 'GET_TAGS', 'PUT_TAGS'],
      bucket: PLAIN,
      everything: true,
    },
    { id: 'administer-plain', allow: ['ADMIN'], bucket: PLAIN, everything: true },
    ...[ENCRYPTED, PLAIN].map((bucket) => ({
      ...{ id: `refused-${bucket}`, deny: ['PUT'], bucket, prefix: 'refused/' },
      reason: 'Nobody writes here.',
    })),
  ],
};

export interface RunningSite extends Site {
  readonly logDirectory: string;
  /** Ends everything and removes what it wrote. */
  readonly stop: () => Promise<void>;
}

/** Starts it in a folder of its own. @throws Error in one line */
export async function startSite(): Promise<RunningSite> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-world-'));
  const policies = join(folder, 'policies');
  await cp(join(packageRoot, 'policies'), policies, { recursive: true });
  await writeFile(join(policies, 'world.yaml'), JSON.stringify(PLAIN_POLICY));
  const pagePort = await freePort();
  const auditFolder = await makeAuditFolder();
  const stack = await startDemoStack({
    dataDirectory: join(folder, 'demo'),
    ports: { front: 0, admin: 0, identityProvider: 0, store: 0 },
    packageRoot,
    environment: process.env,
    gatewayCommand: (configFile) => [
      process.execPath,
      ...[join(packageRoot, 'bin', 'sallyport.js'), 'demo', 'gateway', '--config', configFile],
    ],
    buckets: ['reports', ENCRYPTED, PLAIN],
    gatewayConfig: {
      buckets: { reports: {}, [ENCRYPTED]: {}, [PLAIN]: { encryption: 'off' } },
      policies: { directory: policies },
      audit: { directory: auditFolder },
      cors: { origins: [`http://localhost:${pagePort}`] },
    },
  });
  const stop = async (): Promise<void> => {
    await stack.stop();
    for (const made of [folder, auditFolder]) await rm(made, { recursive: true, force: true });
  };
  try {
    if (stack.front === undefined) throw new Error('HAProxy is not to be had; install it: apt-get install haproxy');
    const { accessToken: token } = await stack.token('bob');
    // Other users of the machine have no business here, but a program may run as one.
    const shown = join(folder, 'given');
    await mkdir(shown, { mode: 0o755 });
    const tokenFile = join(shown, 'token');
    // No newline: container credentials take the whole file as a header.
    await writeFile(tokenFile, token, { mode: 0o600 });
    return {
      endpoint: stack.frontUrl,
      caFile: stack.caFile,
      token,
      tokenFile,
      roleArn: 'arn:aws:iam::000000000000:role/sallyport',
      buckets: { encrypted: ENCRYPTED, plain: PLAIN },
      pagePort,
      logDirectory: stack.logDirectory,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
