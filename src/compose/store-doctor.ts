/**
 * The composition root of `sallyport doctor --store`: a configuration in; what trials of one store depend on out, through the
 * gateway's own upstream and with the credentials of configuration. It serves nobody, and reads or writes no object of a client.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Config } from '../config/config.ts';
import type { StoreConfig } from '../config/stores/assemble.ts';
import type { Access } from '../contracts/authorizer.ts';
import type { Bucket } from '../contracts/bucket.ts';
import type { AssumeRolePlan, PlannedSession } from '../contracts/credential-broker.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import { createSigner } from '../core/upstream/signer.ts';
import { createAssumeRoleWithWebIdentity } from '../credentials/assume-role-with-web-identity.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { createStoreAccess } from './store-access.ts';
import { replyOf, type StoreDoctorDependencies } from '../operate/store-doctor/store-doctor.ts';
import type { Narrow, TrialContext } from '../operate/store-doctor/trial.ts';
import { encodePath } from '../s3/encode.ts';
import type { Verb } from '../s3/operations/verb.ts';
import { UNOBSERVED } from './silent-observer.ts';

export interface StoreUnderTrial {
  readonly dependencies: Omit<StoreDoctorDependencies, 'signal' | 'onTrial'>;
  readonly close: () => Promise<void>;
}

/** Everything that trials do below the scratch prefix, but for locks, which not every store's IAM knows. */
const VERBS: readonly Verb[] = [
  'GET',
  'PUT',
  'DELETE',
  'LIST',
  'GET_VERSION',
  'DELETE_VERSION',
  'LIST_VERSIONS',
  'GET_TAGS',
  'PUT_TAGS',
];
const LIFE_MS = 3_600_000;
const CUT_LIMIT_MS = 10_000;

/** Makes it for one bucket of a store. */
export function storeUnderTrial(config: Config, store: StoreConfig, bucketName: string): StoreUnderTrial {
  const clock = { now: Date.now };
  const storeAccess = createStoreAccess(config, { clock, observer: UNOBSERVED, isOneCaller: true });
  const { broker, sessions, buckets } = storeAccess;
  const known = buckets.get(bucketName);
  if (known === undefined) throw new Error(`no bucket ${bucketName}`);
  // Objects are tried as the store has them.
  const bucket: Bucket = { ...known, encryption: 'off', prefixes: [] };
  const scratch = `.sallyport-doctor/${randomUUID()}/`;
  const planOf = ({ verbs, prefix }: Narrow): PlannedSession => {
    const principal = {
      ...{ issuerName: 'operator', issuer: 'urn:sallyport:operator', subject: 'doctor', groups: [], claims: {} },
      ...{ tokenIdHash: '', expiresAtMs: clock.now() + LIFE_MS },
    };
    const grants = [{ effect: 'allow' as const, verbs, scope: { prefix } }];
    return broker.plan(principal, [
      { bucket, grants, accesses: verbs.map((verb) => accessOf(verb, bucket.name, prefix)) },
    ]);
  };
  const openFor = async (narrow: Narrow): Promise<StoreSession> => sessions.open({ bucket, planned: planOf(narrow) });
  const all = { verbs: VERBS, prefix: scratch };

  const cut: TrialContext['cut'] = async (key, body, sentBytes, how) => {
    const credentials = await broker.credentials(planOf(all));
    const request = {
      method: 'PUT' as const,
      key,
      query: [],
      headers: {},
      body: { sizeBytes: body.length, content: body },
    };
    const { origin, target, headers } = createSigner().sign({ bucket, ...request }, credentials, clock.now());
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const socket = await connectTo(new URL(origin), store);
    socket.resume();
    socket.on('error', () => undefined);
    socket.setTimeout(CUT_LIMIT_MS, () => socket.destroy());
    socket.write(`PUT ${target} HTTP/1.1\r\n${lines.join('')}\r\n`);
    await new Promise((written) => socket.write(body.subarray(0, sentBytes), written));
    // Beyond this nothing is left to send, so that the store has seen the piece.
    await new Promise((waited) => setTimeout(waited, 100));
    if (socket.destroyed) return;
    const closed = once(socket, 'close');
    if (how === 'FIN') socket.end();
    else socket.resetAndDestroy();
    // One that waits for the rest of the body as long as it may is left waiting.
    await Promise.race([closed, new Promise((waited) => setTimeout(waited, 1000).unref())]);
    socket.destroy();
  };

  return {
    dependencies: {
      bucket: bucketName,
      scratch,
      method: store.method,
      checksums: store.checksums,
      conditionalDeletes: store.conditionalDeletes,
      storeName: store.name,
      source: (key) => `${bucket.storeBucket}/${encodePath(key)}`,
      session: () => openFor(all),
      narrow: async (narrow) => {
        try {
          const session = await openFor(narrow);
          return (request) => replyOf(session, request);
        } catch (error) {
          if (error instanceof GatewayError && error.refusal?.by === 'sts') return undefined;
          throw error;
        }
      },
      cut,
      webIdentity: () => assumeWithToken(store, planOf(all).plan),
    },
    close: () => storeAccess.close(0),
  };
}

async function assumeWithToken(
  { name, sts, tls }: StoreConfig,
  plan: AssumeRolePlan,
): ReturnType<TrialContext['webIdentity']> {
  const { call, close } = createAssumeRoleWithWebIdentity(
    { ...sts, name, tls },
    { clock: { now: Date.now }, observer: UNOBSERVED, timeoutMs: CUT_LIMIT_MS },
  );
  const token = [
    { alg: 'RS256', typ: 'JWT' },
    { iss: 'https://nobody.invalid', sub: 'nobody', aud: 'nobody' },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const storeToken = {
    digest: '',
    tokenIdHash: '',
    expiresAtMs: Infinity,
    reveal: () => `${token}.${'A'.repeat(342)}`,
  };
  try {
    await call({ ...plan, storeToken }, 900);
    return { status: 200, code: undefined };
  } catch (error) {
    if (!(error instanceof GatewayError) || error.refusal === undefined) throw error;
    return { status: error.refusal.status ?? 0, code: error.refusal.code };
  } finally {
    close();
  }
}

async function connectTo({ protocol, hostname, port }: URL, { tls }: StoreConfig): Promise<Socket> {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (protocol === 'http:') {
    const socket = connectTcp({ host, port: Number(port || 80) });
    await once(socket, 'connect');
    return socket;
  }
  const socket = connectTls({
    ...{ host, port: Number(port || 443), servername: tls.serverName ?? host, minVersion: tls.minVersion },
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
  });
  await once(socket, 'secureConnect');
  return socket;
}

function accessOf(verb: Verb, bucket: string, prefix: string): Access {
  if (verb === 'LIST' || verb === 'LIST_VERSIONS') return { kind: 'listing', verb, bucket, prefix, after: [] };
  return { kind: 'object', verb, bucket, key: prefix };
}
