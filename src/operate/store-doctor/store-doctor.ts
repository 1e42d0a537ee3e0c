/**
 * What a store can do, tried on it: each trial in turn, in a scratch prefix of its own that is taken away again, also when the
 * run is stopped. Enters: what trials depend on. Leaves: a finding for each, in words of what users lose.
 */
import type { StoreSession } from '../../contracts/store-session.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { listEntries } from '../list-versions.ts';
import { OBJECT_TRIALS } from './trials-of-objects.ts';
import { SESSION_TRIALS } from './trials-of-sessions.ts';
import { UPLOAD_TRIALS } from './trials-of-uploads.ts';
import {
  isGood,
  said,
  TrialFailed,
  untried,
  type Send,
  type Outcome,
  type Reply,
  type Trial,
  type TrialContext,
} from './trial.ts';

export interface Finding extends Outcome, Pick<Trial, 'id' | 'what' | 'lost' | 'needed'> {}

export interface StoreReport {
  readonly store: string;
  readonly bucket: string;
  readonly findings: readonly Finding[];
  /** What could not be taken away, with the reason. */
  readonly left: readonly string[];
  /** Whether every trial was made. */
  readonly complete: boolean;
}

export interface StoreDoctorDependencies extends Omit<TrialContext, 'send' | 'key' | 'began'> {
  readonly bucket: string;
  /** Ends with a slash; nothing is there. */
  readonly scratch: string;
  /** A session for everything below the scratch prefix. @throws GatewayError */
  readonly session: () => Promise<StoreSession>;
  readonly signal: AbortSignal;
  /** Told before each trial. */
  readonly onTrial: (what: string, index: number, count: number) => void;
}

export const TRIALS: readonly Trial[] = [...OBJECT_TRIALS, ...UPLOAD_TRIALS, ...SESSION_TRIALS];

/** Whether something is missing that the gateway needs there, or configuration says of the store what it cannot do. */
export function isLacking({ findings, complete }: StoreReport): boolean {
  return !complete || findings.some(({ state, needed, set }) => state === 'lacks' && (needed || set !== undefined));
}

/** Tries everything. @throws GatewayError where there is no session at all */
export async function examineStore(
  dependencies: StoreDoctorDependencies,
  trials: readonly Trial[] = TRIALS,
): Promise<StoreReport> {
  const { scratch, signal } = dependencies;
  await dependencies.session();
  const uploads: { readonly key: string; readonly uploadId: string }[] = [];
  /** All that may have been written: of a store that lists no versions it is taken away by name. */
  const keys = new Set<string>();
  const context: TrialContext = {
    ...dependencies,
    send: async (request) => replyOf(await dependencies.session(), request),
    key: (name) => {
      const key = `${scratch}${name}`;
      keys.add(key);
      return key;
    },
    began: (key, uploadId) => uploads.push({ key, uploadId }),
  };
  const findings: Finding[] = [];
  try {
    for (const [index, trial] of trials.entries()) {
      if (signal.aborted) break;
      const { id, what, lost, needed } = trial;
      dependencies.onTrial(what, index, trials.length);
      findings.push({ id, what, lost, needed, ...(await outcomeOf(trial, context)) });
    }
  } finally {
    for (const { key, uploadId } of uploads) {
      await context.send({ method: 'DELETE', key, query: [['uploadId', uploadId]], headers: {} });
    }
  }
  const left = await clear(dependencies, context.send, keys);
  return {
    store: dependencies.storeName,
    bucket: dependencies.bucket,
    findings,
    left,
    complete: findings.length === trials.length,
  };
}

async function outcomeOf(trial: Trial, context: TrialContext): Promise<Outcome> {
  try {
    return await trial.run(context);
  } catch (error) {
    if (error instanceof TrialFailed) return { state: 'lacks', found: error.message };
    if (error instanceof GatewayError) return { state: 'lacks', found: error.detail ?? error.code };
    return untried(error instanceof Error ? error.message : 'an unexpected failure');
  }
}

/** Asks in a session, and takes a refusal as an answer. */
export async function replyOf(session: StoreSession, request: Parameters<Send>[0]): Promise<Reply> {
  try {
    const response = await session.send(request);
    return { status: response.status, code: undefined, headers: response.headers, body: await response.whole() };
  } catch (error) {
    if (!(error instanceof GatewayError) || error.refusal?.by === 'sts') throw error;
    const { status = 0, code } = error.refusal ?? {};
    return { status, code, headers: new Map(), body: Buffer.alloc(0) };
  }
}

/** Takes away all that lies below the scratch prefix, every version of it; what stays is named. */
async function clear(
  { session, scratch }: StoreDoctorDependencies,
  send: Send,
  keys: ReadonlySet<string>,
): Promise<readonly string[]> {
  const left: string[] = [];
  const remove = async (key: string, versionId: string | undefined): Promise<void> => {
    const query = versionId === undefined ? [] : [['versionId', versionId] as const];
    const reply = await send({ method: 'DELETE', key, query, headers: {} });
    if (!isGood(reply) && reply.status !== 404) left.push(`${key}: ${said(reply)}`);
  };
  try {
    for await (const entry of listEntries(session, scratch)) {
      await remove(entry.key, 'deleteMarkerId' in entry ? entry.deleteMarkerId : entry.versionId);
    }
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    // What ends with a slash may be a folder of others to such a store: last.
    for (const key of [...keys].toSorted().reverse()) if (key !== scratch) await remove(key, undefined);
  }
  return left;
}
