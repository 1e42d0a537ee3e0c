/**
 * The composition root of operators' commands: a configuration in; locations to work in, and the dependencies of the engines, out. It
 * listens nowhere, and may run while gateways serve.
 */
import type { Config } from '../config/config.ts';
import type { AuditSink } from '../contracts/audit-sink.ts';
import type { Bucket } from '../contracts/bucket.ts';
import type { Clock } from '../contracts/clock.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { createStoreAccess, openAudit, type StoreAccess } from './store-access.ts';
import type { KeyringState } from '../operate/key-status.ts';
import { openOperatorSession, type OperatorSession } from '../operate/operator-session.ts';
import type { Location } from '../operate/location.ts';
import type { Verb } from '../s3/operations/verb.ts';
import { createLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { createObserver } from '../telemetry/observer.ts';

export interface OperatorOptions {
  /** The user of the operating system, for the audit. */
  readonly user: string;
  readonly pid: number;
  readonly logStream: NodeJS.WritableStream;
  /** Whether the command writes: then the audit must work, or nothing is done. */
  readonly writes: boolean;
  readonly clock?: Clock;
}

export interface Operator extends Pick<StoreAccess, 'cipher' | 'legacy' | 'reader' | 'uploads' | 'copies'> {
  readonly clock: Clock;
  readonly buckets: readonly Bucket[];
  /** `undefined`: no such bucket is configured. @throws GatewayError AccessDenied (the prefix cannot be said to the store's IAM) */
  readonly open: (location: Location, verbs: readonly Verb[]) => OperatorSession | undefined;
  readonly keyring: () => Promise<KeyringState>;
  readonly close: () => Promise<void>;
}

/** Stands in the names of audit files where gateways have the number of their worker. */
const OPERATOR_SLOT = 900;

/** Makes what the commands depend on. @throws GatewayError AuditUnavailable */
export async function createOperator(config: Config, options: OperatorOptions): Promise<Operator> {
  const clock = options.clock ?? { now: Date.now };
  const log = createLog({ level: 'warn', stream: options.logStream, worker: OPERATOR_SLOT });
  const observer = createObserver({ metrics: createMetrics(), log, clock });
  const storeAccess = createStoreAccess(config, { clock, observer });
  const audit = options.writes
    ? await openAudit(config, { clock, observer, worker: OPERATOR_SLOT, pid: options.pid })
    : undefined;
  const { sessions, broker, buckets } = storeAccess;
  const dependencies = { sessions, broker, audit: audit ?? writesNothing, clock, user: options.user };
  return {
    ...storeAccess,
    clock,
    buckets: [...buckets.values()],
    open: (location, verbs) => {
      const bucket = buckets.get(location.bucket);
      return bucket && openOperatorSession(dependencies, bucket, location, verbs);
    },
    keyring: async () => ({
      current: await currentOf(storeAccess),
      configured: configuredVersions(config),
    }),
    close: async () => {
      await storeAccess.close();
      await audit?.close();
      await log.flush();
    },
  };
}

const writesNothing: AuditSink = {
  record: () => Promise.reject(new Error('a command that writes nothing has nothing to record')),
  refuse: () => undefined,
};

async function currentOf({ keyring }: StoreAccess): Promise<string | undefined> {
  try {
    const { keyringId, kekVersion } = await keyring.current();
    return `${keyringId ?? 'local'}:${kekVersion}`;
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}

/** Vault lists its versions itself; the others are as configuration says. */
function configuredVersions({ keyring }: Config): readonly string[] {
  const local = [...(keyring?.local?.versions.keys() ?? [])].map((version) => `local:${version}`);
  const { kms } = keyring ?? {};
  const remote = [...(kms?.versions.keys() ?? [])].map((version) => `${kms?.id}:${version}`);
  return [...local, ...remote];
}
