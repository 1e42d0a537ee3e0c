/**
 * The audit of one request, to S3 or to our STS, or of one thing that an operator does: one record for each object, listing
 * or bucket that it is about. Of each it writes at most one intent and exactly one end (outcome or denial), whatever happened,
 * and collects meanwhile what the end will say. Of many keys it names the caller once, and writes in slices. It never holds a
 * token, a secret or a query.
 */
import type { AuditedOperation, AuditSink, OutcomeResult } from '../contracts/audit-sink.ts';
import type { Decision, RequestFacts } from '../contracts/authorizer.ts';
import type { Clock } from '../contracts/clock.ts';
import type { AssumeRolePlan } from '../contracts/credential-broker.ts';
import type { Principal } from '../contracts/principal.ts';
import { inSlices } from '../platform/slices.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { ERRORS } from '../errors/codes.ts';
import {
  denialLine,
  intentLine,
  outcomeLine,
  requestLine,
  type AuditedAccess,
  type AuditedRequest,
  type AuditedResult,
  type AuditOrigin,
} from './audit-line.ts';
import { isoTime } from './iso-time.ts';

/** What one record is about. */
export type Audited = AuditedAccess['target'] & Pick<AuditedAccess, 'decision'>;

/** An operator's command has no method. */
type Origin = AuditOrigin & { readonly raw?: { readonly method: string } };

/** How all of it ended; `error`: a code, where it did not complete. */
export interface AuditEnd {
  readonly result: OutcomeResult;
  readonly status: number;
  readonly error?: string;
}

/** What an outcome says of the work itself, as far as it is known. */
export interface Effects {
  /** Plaintext bytes of the bodies of a request and its answer. */
  readonly bytesIn?: number;
  readonly bytesOut?: number;
  readonly upstreamRequestId?: string | undefined;
  /** Of the object that was read or written. */
  readonly versionId?: string | undefined;
  /** Of the keyring: the key under which the object's data key is wrapped. */
  readonly keyId?: string | undefined;
}

/** How one of several ended. */
export interface ItemEnd {
  readonly error: ErrorCode | undefined;
  readonly versionId: string | undefined;
  readonly upstreamRequestId: string | undefined;
}

interface Item extends AuditedAccess {
  intended: boolean;
  ended: boolean;
  /** Of a request that is answered as a whole, how this one of its items ended. */
  result: AuditedResult | undefined;
}

/** What a record says where no bucket is concerned, as of a call of our STS. */
export const NO_OBJECT = { bucket: '', key: '', versionId: undefined };

const UNDECIDED: Decision = Object.freeze({
  effect: 'deny',
  rule: 'undecided',
  reason: 'No decision was reached.',
  policyVersion: '',
});

const DENIED: AuditedResult = {
  result: 'denied',
  status: ERRORS.AccessDenied.status,
  error: 'AccessDenied',
  upstreamRequestId: undefined,
  versionId: undefined,
  keyId: undefined,
};

const NO_EFFECTS: Effects = {};

/** One request, call or command on record. */
export class AuditTrail {
  readonly #sink: AuditSink;
  readonly #clock: Clock;
  readonly #origin: Origin;
  readonly #startedMs: number;
  #operation: AuditedOperation | undefined;
  #isDryRun = false;
  /** Once the caller is known. */
  #request: AuditedRequest | undefined;
  #items: readonly Item[] = [];
  #introduced: Promise<void> | undefined;
  #refused = false;

  constructor(sink: AuditSink, clock: Clock, origin: Origin) {
    this.#sink = sink;
    this.#clock = clock;
    this.#origin = origin;
    this.#startedMs = clock.now();
  }

  get startedMs(): number {
    return this.#startedMs;
  }

  /** What the caller is after; `undefined` before it is understood. */
  get operation(): AuditedOperation | undefined {
    return this.#operation;
  }

  /** Whether the caller is known; a request without identity ends as a refusal. */
  get hasIdentity(): boolean {
    return this.#request !== undefined;
  }

  /** Says which operation was received, before its caller is known: a form becomes the write that it asks for. */
  received(operation: AuditedOperation, isDryRun = false): void {
    this.#operation = operation;
    this.#isDryRun = isDryRun;
  }

  /** Says who the caller is and what for; what fails before it is decided is on record as well. */
  identified(operation: AuditedOperation, principal: Principal, target: Item['target'] = NO_OBJECT): void {
    this.#operation ??= operation;
    this.issued(principal);
    this.#items = [this.#item(target, UNDECIDED, 0, 1)];
  }

  /** Names the session that is issued, once it is known. */
  issued(principal: Principal): void {
    const operation = this.#operation;
    if (operation === undefined) throw new Error('a record needs an operation');
    const isDryRun = this.#isDryRun;
    this.#request = { origin: this.#origin, startedMs: this.#startedMs, principal, operation, isDryRun };
  }

  /** Says what the request is about, one record each, in this order, and what the decisions looked at. */
  decided(targets: readonly Audited[], facts?: RequestFacts): void {
    if (this.#request !== undefined && facts !== undefined) this.#request = { ...this.#request, facts };
    this.#items = targets.map((target, index) => this.#item(target, target.decision, index, targets.length));
  }

  /** Says how the budgets of the caller stand. */
  budgeted(budgets: readonly string[]): void {
    if (this.#request !== undefined) this.#request = { ...this.#request, budgets };
  }

  /** Says how long it waited for its turn. */
  queued(queuedMs: number): void {
    if (this.#request !== undefined) this.#request = { ...this.#request, queuedMs };
  }

  #item(target: Item['target'], decision: Decision, index: number, count: number): Item {
    const item = count > 1 || this.#operation === 'DeleteObjects' ? index : undefined;
    return { item, target, decision, intended: false, ended: false, result: undefined };
  }

  /** Resolves when the intents of all that has not ended are durable. @throws GatewayError AuditUnavailable */
  intent(plan: AssumeRolePlan | undefined): Promise<void> {
    return this.#all((item) => this.#intend(item, plan));
  }

  /** Resolves when the intents of all batches are durable. @throws GatewayError AuditUnavailable */
  intentEach(
    batches: readonly { readonly plan: AssumeRolePlan | undefined; readonly indices: readonly number[] }[],
  ): Promise<void> {
    const plans = new Map(batches.flatMap(({ plan, indices }) => indices.map((index) => [index, plan] as const)));
    return this.#each([...plans.keys()], (item, index) => this.#intend(item, plans.get(index)));
  }

  /** Resolves when the denials of the given places are durable; the others go on. @throws GatewayError AuditUnavailable */
  deny(indices: readonly number[]): Promise<void> {
    return this.#each(indices, (item) => this.#end(item, DENIED, 0, 0));
  }

  /** Says how one of several ended; it is written with the end of all. */
  settle(index: number, { error, versionId, upstreamRequestId }: ItemEnd): void {
    const item = this.#items[index];
    if (item === undefined) return;
    item.result = {
      result: error === undefined ? 'completed' : 'failed',
      status: error === undefined ? 200 : ERRORS[error].status,
      error,
      upstreamRequestId,
      versionId,
      keyId: undefined,
    };
  }

  /**
   * Resolves when the end of everything that has not ended is durable (a refusal without identity is best effort).
   * @throws GatewayError AuditUnavailable
   */
  end({ result, status, error }: AuditEnd, effects: Effects = NO_EFFECTS): Promise<void> {
    if (this.#request === undefined) {
      this.#refuse(error ?? result, status);
      return Promise.resolve();
    }
    const { bytesIn = 0, bytesOut = 0, upstreamRequestId, versionId, keyId } = effects;
    const common = { result, status, error, upstreamRequestId, versionId, keyId };
    return this.#all((item, index) => {
      // Counted once, however many records one request has.
      const counts = index === 0;
      return this.#end(item, item.result ?? common, counts ? bytesIn : 0, counts ? bytesOut : 0);
    });
  }

  /** Writes of everything that has not ended; of one thing, as most requests are about, directly. */
  #all(write: (item: Item, index: number) => Promise<void>): Promise<void> {
    const [only] = this.#items;
    if (only === undefined || this.#items.length > 1) return this.#each([...this.#items.keys()], write);
    return only.ended ? Promise.resolve() : write(only, 0);
  }

  async #each(indices: readonly number[], write: (item: Item, index: number) => Promise<void>): Promise<void> {
    const open = indices.filter((index) => this.#items[index]?.ended === false);
    if (this.#isBatch && open.length > 0) await this.#introduce();
    const writes: Promise<void>[] = [];
    const failures: unknown[] = [];
    await inSlices(open, (index) => {
      const item = this.#items[index];
      if (item === undefined) return;
      // Caught at once, since the next slice has its turn later.
      writes.push(write(item, index).catch((reason: unknown) => void failures.push(reason)));
    });
    // All of them are attempted; one that cannot be written is the request's failure.
    await Promise.all(writes);
    if (failures.length > 0) throw failures[0];
  }

  /** Many keys in one request: their entries do not repeat the caller. */
  get #isBatch(): boolean {
    return this.#operation === 'DeleteObjects' && this.#items.length > 1;
  }

  /** Resolves when the caller is durable on record; before that no entry may refer to it. @throws GatewayError AuditUnavailable */
  async #introduce(): Promise<void> {
    this.#introduced ??= this.#sink.record(requestLine(this.#identity, this.#items.length), false);
    try {
      await this.#introduced;
    } catch (error) {
      this.#introduced = undefined;
      throw error;
    }
  }

  #intend(item: Item, plan: AssumeRolePlan | undefined): Promise<void> {
    return this.#sink.record(intentLine(this.#identity, item, plan, this.#isBatch), false).then(() => {
      item.intended = true;
    });
  }

  #end(item: Item, result: AuditedResult, bytesIn: number, bytesOut: number): Promise<void> {
    const end = { ...result, endedMs: this.#clock.now(), bytesIn, bytesOut };
    const { intended } = item;
    const line = intended
      ? outcomeLine(this.#identity, item, end)
      : denialLine(this.#identity, item, end, this.#isBatch);
    return this.#sink.record(line, intended).then(() => {
      item.ended = true;
    });
  }

  #refuse(error: string, status: number): void {
    if (this.#refused) return;
    this.#refused = true;
    const { requestId, trace, clientAddress, edgeRequestId, raw } = this.#origin;
    const ids = { requestId, ...trace, clientAddress, ...(edgeRequestId === undefined ? {} : { edgeRequestId }) };
    const time = isoTime(this.#clock.now());
    this.#sink.refuse({ entry: 'refusal', time, ...ids, method: raw?.method ?? '', status, error });
  }

  get #identity(): AuditedRequest {
    if (this.#request === undefined) throw new Error('a record needs an identity');
    return this.#request;
  }
}
