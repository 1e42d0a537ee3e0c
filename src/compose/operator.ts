/**
 * The composition root of operators' commands: a configuration in; places to work in, and what the engines stand on, out. It
 * listens nowhere, and may run while gateways serve.
 */
import type { Config } from '../config/config.ts';
import type { AuditSink } from '../contracts/audit-sink.ts';
import type { Bucket } from '../contracts/bucket.ts';
import type { Clock } from '../contracts/clock.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { createFoundation, openAudit, type Foundation } from './stores-and-keys.ts';
import type { KeyringState } from '../operate/key-status.ts';
import { openOperatorSession, type OperatorSession } from '../operate/operator-session.ts';
import type { Place } from '../operate/place.ts';
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

export interface Operator extends Pick<Foundation, 'cipher' | 'legacy' | 'reader' | 'uploads' | 'copies'> {
  readonly clock: Clock;
  readonly buckets: readonly Bucket[];
  /** `undefined`: no such bucket is configured. @throws GatewayError AccessDenied (the prefix cannot be said to the store's IAM) */
  readonly open: (place: Place, verbs: readonly Verb[]) => OperatorSession | undefined;
  readonly keyring: () => Promise<KeyringState>;
  readonly close: () => Promise<void>;
}

/** Stands in the names of audit files where gateways have the number of their worker. */
const OPERATOR_SLOT = 900;

/** Makes what the commands stand on. @throws GatewayError AuditUnavailable */
export async function createOperator(config: Config, options: OperatorOptions): Promise<Operator> {
  const clock = options.clock ?? { now: Date.now };
  const log = createLog({ level: 'warn', stream: options.logStream, worker: OPERATOR_SLOT });
  const observer = createObserver({ metrics: createMetrics(), log, clock });
  const foundation = createFoundation(config, { clock, observer });
  const audit = options.writes
    ? await openAudit(config, { clock, observer, worker: OPERATOR_SLOT, pid: options.pid })
    : undefined;
  const { sessions, broker, buckets } = foundation;
  const parts = { sessions, broker, audit: audit ?? writesNothing, clock, user: options.user };
  return {
    ...foundation,
    clock,
    buckets: [...buckets.values()],
    open: (place, verbs) => {
      const bucket = buckets.get(place.bucket);
      return bucket && openOperatorSession(parts, bucket, place, verbs);
    },
    keyring: async () => ({
      current: await currentOf(foundation),
      configured: configuredVersions(config),
    }),
    close: async () => {
      await foundation.close();
      await audit?.close();
      await log.flush();
    },
  };
}

const writesNothing: AuditSink = {
  record: () => Promise.reject(new Error('a command that writes nothing has nothing to record')),
  refuse: () => undefined,
};

async function currentOf({ keyring }: Foundation): Promise<string | undefined> {
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
  const local = [...(keyring?.local?.seeds.keys() ?? [])].map((version) => `local:${version}`);
  const { kms } = keyring ?? {};
  const remote = [...(kms?.keyIds.keys() ?? [])].map((version) => `${kms?.id}:${version}`);
  return [...local, ...remote];
}
