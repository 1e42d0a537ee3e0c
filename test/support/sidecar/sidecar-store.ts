/** The embedded store, as sidecars reach it that are watched. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEmbeddedStore, type EmbeddedStore } from '../../../demo/store/embedded-store.ts';
import { freePort } from '../../../demo/free-port.ts';
import { startSidecar, type SidecarWorld } from './sidecar-world.ts';
import type { TestKeys } from '../store/store-client.ts';

/** An embedded store for sidecars, in a folder of its own. */
export interface PodStore {
  readonly store: EmbeddedStore;
  /** Where a sidecar must reach it. */
  readonly proxyPort: number;
  readonly folder: string;
  readonly stop: () => Promise<void>;
}

/** May assume a role of the store, and nothing else. */
export const roleKeys: TestKeys = {
  accessKeyId: 'GATEWAYGATEWAYGATEWA',
  secretAccessKey: randomBytes(20).toString('hex'),
};
/** May do everything at the store. */
export const podKeys: TestKeys = {
  accessKeyId: 'PODPODPODPODPODPODPO',
  secretAccessKey: randomBytes(20).toString('hex'),
};

export async function startPodStore(): Promise<PodStore> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-sidecar-store-'));
  const proxyPort = await freePort();
  const store = await createEmbeddedStore({
    folder: join(folder, 'store'),
    port: await freePort(),
    relayPort: proxyPort,
    buckets: ['ledger', 'other'],
    gatewayKeys: roleKeys,
    ownerKeys: podKeys,
    log: () => undefined,
  });
  await store.start();
  return {
    ...{ store, proxyPort, folder },
    stop: async () => {
      await store.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Starts a sidecar before it. */
export const startPod = (
  { store, proxyPort }: PodStore,
  variables: Readonly<Record<string, string>>,
): Promise<SidecarWorld> =>
  startSidecar({ port: store.port, region: 'us-east-1', buckets: ['ledger'], variables }, proxyPort);
