/**
 * A gateway of its own before an embedded store of its own, without an edge: for tests that ask both, and want no more of the
 * product around them.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { createGateway } from '../../../src/compose/gateway.ts';
import { auditFiles, readAudit, type AuditAccess } from '../../../src/audit/read-audit.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { freePort } from '../../../demo/free-port.ts';
import { createEmbeddedStore, DEMO_ROLE_ARN } from '../../../demo/store/embedded-store.ts';
import { makeKey, signToken, startTestIssuer } from '../identity/issuer.ts';
import { replayAudit } from './replayed.ts';
import { send, type TestAnswer, type TestKeys, type TestRequest } from '../store/store-client.ts';

export interface SingleGateway {
  /** `http://127.0.0.1:<port>`. */
  readonly origin: string;
  /** A token of a member of this group. */
  readonly token: (group: string) => string;
  /** Asks the store itself, as its owner. */
  readonly atStore: (request: Omit<TestRequest, 'keys'>) => Promise<TestAnswer>;
  readonly audit: () => Promise<readonly AuditAccess[]>;
  /** Everything that was logged. */
  readonly log: () => string;
  readonly stop: () => Promise<void>;
}

export interface SingleGatewayOptions {
  /** Of each store, by name: what stands beside its endpoint and credentials. */
  readonly stores: Readonly<Record<string, object>>;
  readonly buckets: Readonly<Record<string, object>>;
  /** YAML, by file name; the issuer is `test`. */
  readonly policies: Readonly<Record<string, string>>;
}

/** Starts both. All stores are the same one. */
export async function startSingleGateway({ stores, buckets, policies }: SingleGatewayOptions): Promise<SingleGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-lone-'));
  const key = makeKey('RS256', 'k1');
  const keysOf = (name: string): TestKeys => ({
    accessKeyId: name.repeat(4),
    secretAccessKey: randomBytes(20).toString('hex'),
  });
  const [gatewayKeys, ownerKeys] = [keysOf('GATEW'), keysOf('OWNER')];
  const issuer = await startTestIssuer([key.publicJwk]);
  const store = await createEmbeddedStore({
    ...{ folder: join(folder, 'store'), port: await freePort(), buckets: Object.keys(buckets), gatewayKeys, ownerKeys },
    log: () => undefined,
  });
  await store.start();
  await mkdir(join(folder, 'policies'));
  for (const [name, text] of Object.entries(policies)) await writeFile(join(folder, 'policies', name), text);
  const secret = (name: string, content: string | Buffer) => writeFile(join(folder, name), content, { mode: 0o600 });
  await secret('seed', randomBytes(32));
  await secret('session-key', randomBytes(32));
  await secret('id', gatewayKeys.accessKeyId);
  await secret('secret', gatewayKeys.secretAccessKey);
  const { endpoint } = store;
  const shared = {
    ...{ endpoint, region: 'us-east-1', allowPlaintextHttp: true },
    credentials: { accessKeyIdFile: 'id', secretAccessKeyFile: 'secret' },
    sts: { endpoint, roleArn: DEMO_ROLE_ARN, iamEscapes: true },
  };
  const config = {
    listen: { address: '127.0.0.1:1', allowPlaintextLoopback: true },
    issuers: { test: { issuer: issuer.url, audiences: ['sallyport'], allowHttp: true } },
    sessions: { deploymentId: 'here', keys: { current: { id: 'k', keyFile: 'session-key' } } },
    stores: Object.fromEntries(Object.entries(stores).map(([name, own]) => [name, { ...shared, ...own }])),
    buckets,
    keyring: { local: { versions: { '1': { seedFile: 'seed' } } } },
    policies: { directory: 'policies' },
    audit: { directory: 'audit', minFreeBytes: 0 },
    timeouts: { drainDelayMs: 0 },
  };
  await writeFile(join(folder, 'sallyport.yaml'), JSON.stringify(config));
  let logged = '';
  const logStream = new Writable({
    write: (chunk, _encoding, done) => {
      logged += String(chunk);
      done();
    },
  });
  const loaded = await loadConfig({ path: join(folder, 'sallyport.yaml'), env: {} });
  const gateway = await createGateway(loaded, {
    ...{ worker: 0, pid: process.pid, logStream },
  });
  await new Promise<void>((listening) => gateway.server.listen(0, '127.0.0.1', listening));
  return {
    origin: `http://127.0.0.1:${(gateway.server.address() as AddressInfo).port}`,
    token: (group) => {
      const exp = Math.floor(Date.now() / 1000) + 3600;
      return signToken(key, { iss: issuer.url, sub: group, aud: 'sallyport', groups: [group], exp });
    },
    atStore: (request) => send(Number(new URL(endpoint).port), { ...request, keys: ownerKeys }),
    audit: async () => {
      const accesses: AuditAccess[] = [];
      for await (const access of readAudit(await auditFiles(join(folder, 'audit')))) accesses.push(access);
      return accesses;
    },
    log: () => logged,
    stop: async () => {
      await gateway.drain();
      await store.stop();
      await issuer.stop();
      await replayAudit(loaded.audit.directory, loaded);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
