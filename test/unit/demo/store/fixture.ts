/** An embedded store of its own for a suite, and clients of it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { freePort } from '../../../../demo/free-port.ts';
import {
  createEmbeddedStore,
  DEMO_REGION,
  DEMO_ROLE_ARN,
  type EmbeddedStore,
} from '../../../../demo/store/embedded-store.ts';

export const OWNER = { accessKeyId: 'AKIAOWNER00000000000', secretAccessKey: 'owner-secret' };
const GATEWAY = { accessKeyId: 'AKIAGATEWAY000000000', secretAccessKey: 'gateway-secret' };

export interface TestStore {
  store: EmbeddedStore;
  client: S3Client;
  /** Opens the same folder in a new store. */
  readonly reopen: () => Promise<void>;
  /** A client with a session of this policy. */
  readonly session: (statements: readonly object[]) => Promise<S3Client>;
  /** Milliseconds that the store's clock is ahead. */
  aheadMs: number;
  readonly close: () => Promise<void>;
}

/** Starts one with a bucket `box`. */
export async function startTestStore(minPartBytes = 1): Promise<TestStore> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-store-'));
  const opened: S3Client[] = [];
  const open = async (): Promise<EmbeddedStore> => {
    const store = await createEmbeddedStore({
      folder,
      port: await freePort(),
      buckets: ['box'],
      gatewayKeys: GATEWAY,
      ownerKeys: OWNER,
      log: () => undefined,
      nowMs: () => Date.now() + setup.aheadMs,
      minPartBytes,
    });
    await store.start();
    return store;
  };
  const clientWith = (credentials: S3ClientConfig['credentials']): S3Client => {
    const client = new S3Client({
      endpoint: setup.store.endpoint,
      region: DEMO_REGION,
      forcePathStyle: true,
      maxAttempts: 1,
      ...(credentials === undefined ? {} : { credentials }),
    });
    opened.push(client);
    return client;
  };
  const setup = { aheadMs: 0 } as TestStore;
  Object.assign(setup, {
    reopen: async () => {
      await setup.store.stop();
      setup.store = await open();
      setup.client = clientWith(OWNER);
    },
    session: async (statements: readonly object[]) => {
      const sts = new STSClient({ endpoint: setup.store.endpoint, region: DEMO_REGION, credentials: GATEWAY });
      const Policy = JSON.stringify({ Version: '2012-10-17', Statement: statements });
      const command = new AssumeRoleCommand({ RoleArn: DEMO_ROLE_ARN, RoleSessionName: 'alice', Policy });
      const { Credentials: made } = await sts.send(command);
      sts.destroy();
      return clientWith({
        accessKeyId: made!.AccessKeyId!,
        secretAccessKey: made!.SecretAccessKey!,
        sessionToken: made!.SessionToken!,
      });
    },
    close: async () => {
      for (const client of opened) client.destroy();
      await setup.store.stop();
      await rm(folder, { recursive: true });
    },
  });
  setup.store = await open();
  setup.client = clientWith(OWNER);
  return setup;
}
