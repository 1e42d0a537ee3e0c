/**
 * The audit of one request, to S3 or to our STS, or of one thing that an operator does: one record for each object, listing
 * or bucket that it is about. Of each it writes at most one intent and exactly one end (outcome or denial), whatever happened,
 * and collects meanwhile what the end will say. Of many keys it names the caller once, and writes in slices. It never holds a
 * token, a secret or a query.
 */
import type {
  AuditCaller,
  AuditDenial,
  AuditedOperation,
  AuditIntent,
  AuditSink,
  OutcomeResult,
} from '../contracts/audit-sink.ts';
import type { Decision } from '../contracts/authorizer.ts';
import type { Clock } from '../contracts/clock.ts';
import type { AssumeRolePlan } from '../contracts/credential-broker.ts';
import type { Principal } from '../contracts/principal.ts';
import { inSlices } from '../platform/slices.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { ERRORS } from '../errors/codes.ts';

/** What one record is about. */
export interface Audited {
  readonly bucket: string;
  readonly key: string;
  readonly versionId: string | undefined;
  readonly decision: Decision;
}

/** Where a request comes from, as far as that is known before its caller is. */
export interface AuditOrigin {
  readonly requestId: string;
  readonly clientAddress: string;
  readonly edgeRequestId?: string | undefined;
  /** An operator's command has none. */
  readonly raw?: { readonly method: string };
}

/** How all of it ended; `error`: a code, where it did not complete. */
export interface AuditEnd {
  readonly result: OutcomeResult;
  readonly status: number;
  readonly error?: string;
}

/** Plaintext bytes of the bodies of a request and its answer. */
type Counted = Pick<AuditDenial, 'bytesIn' | 'bytesOut'>;

const NO_BYTES: Counted = { bytesIn: 0, bytesOut: 0 };

/** What an outcome says of the work itself, as far as it is known. */
export interface Effects extends Partial<Counted> {
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

interface Item extends Audited {
  intended: boolean;
  ended: boolean;
  /** Of a request that is answered as a whole, how this one of its items ended. */
  end: { readonly result: OutcomeResult; readonly status: number; readonly own: Partial<AuditDenial> } | undefined;
}

/** An entry as far as it is not about the caller. */
type Own<Entry> = Omit<Entry, keyof AuditCaller>;

/** What a record says where no bucket is concerned, as of a call of our STS. */
export const NO_OBJECT = { bucket: '', key: '', versionId: undefined };

const UNDECIDED: Decision = {
  effect: 'deny',
  rule: 'undecided',
  reason: 'No decision was reached.',
  policyVersion: '',
};

/** One request, call or command on record. */
export class AuditTrail {
  readonly #sink: AuditSink;
  readonly #clock: Clock;
  readonly #origin: AuditOrigin;
  readonly #startedMs: number;
  #operation: AuditedOperation | undefined;
  #principal: Principal | undefined;
  #items: readonly Item[] = [];
  #introduced: Promise<void> | undefined;
  #refused = false;

  constructor(sink: AuditSink, clock: Clock, origin: AuditOrigin) {
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
    return this.#principal !== undefined;
  }

  /** Says which operation was received, whatever it turns out to be: a form becomes the write that it asks for. */
  received(operation: AuditedOperation): void {
    this.#operation = operation;
  }

  /** Says who the caller is and what for; what fails before it is decided is on record as well. */
  identified(operation: AuditedOperation, principal: Principal, about: Omit<Audited, 'decision'> = NO_OBJECT): void {
    this.#operation ??= operation;
    this.#principal = principal;
    const { bucket, key, versionId } = about;
    this.decided([{ bucket, key, versionId, decision: UNDECIDED }]);
  }

  /** Names the session that is issued, once it is known. */
  issued(principal: Principal): void {
    this.#principal = principal;
  }

  /** Says what the request is about, one record each, in this order. */
  decided(targets: readonly Audited[]): void {
    this.#items = targets.map(({ bucket, key, versionId, decision }) => ({
      bucket,
      key,
      versionId,
      decision,
      intended: false,
      ended: false,
      end: undefined,
    }));
  }

  /**
   * Resolves when the intents of the given indices (default: of all that have not ended) are durable.
   * @throws GatewayError AuditUnavailable
   */
  async intent(plan: AssumeRolePlan | undefined, indices: readonly number[] = [...this.#items.keys()]): Promise<void> {
    await this.intentEach([{ plan, indices }]);
  }

  /** Resolves when the intents of all batches are durable. @throws GatewayError AuditUnavailable */
  async intentEach(
    batches: readonly { readonly plan: AssumeRolePlan | undefined; readonly indices: readonly number[] }[],
  ): Promise<void> {
    const plans = new Map(batches.flatMap(({ plan, indices }) => indices.map((index) => [index, plan] as const)));
    await this.#each([...plans.keys()], async (item, index) => {
      await this.#record(index, { entry: 'intent', ...this.#what(item, index, plans.get(index)) });
      item.intended = true;
    });
  }

  /** Resolves when the denials of the given places are durable; the others go on. @throws GatewayError AuditUnavailable */
  async deny(indices: readonly number[]): Promise<void> {
    const { status } = ERRORS.AccessDenied;
    const own = { ...NO_BYTES, error: 'AccessDenied' };
    await this.#each(indices, (item, index) => this.#end(item, index, { result: 'denied', status }, own));
  }

  /** Says how one of several ended; it is written with the end of all. */
  settle(index: number, { error, versionId, upstreamRequestId }: ItemEnd): void {
    const item = this.#items[index];
    if (item === undefined) return;
    const own = {
      ...(error === undefined ? {} : { error }),
      ...(upstreamRequestId === undefined ? {} : { upstreamRequestId }),
      ...(versionId === undefined ? {} : { versionId }),
    };
    item.end = {
      result: error === undefined ? 'completed' : 'failed',
      status: error === undefined ? 200 : ERRORS[error].status,
      own,
    };
  }

  /**
   * Resolves when the end of everything that has not ended is durable (a refusal without identity is best effort).
   * @throws GatewayError AuditUnavailable
   */
  async end({ result, status, error }: AuditEnd, effects: Effects = {}): Promise<void> {
    if (this.#principal === undefined) {
      this.#refuse(error ?? result, status);
      return;
    }
    const { bytesIn = 0, bytesOut = 0, upstreamRequestId, versionId, keyId } = effects;
    const common = {
      ...(error === undefined ? {} : { error }),
      ...(upstreamRequestId === undefined ? {} : { upstreamRequestId }),
      ...(versionId === undefined ? {} : { versionId }),
      ...(keyId === undefined ? {} : { keyId }),
    };
    // Counted once, however many records one request has.
    const bytesOf = (index: number) => (index === 0 ? { bytesIn, bytesOut } : NO_BYTES);
    await this.#each([...this.#items.keys()], (item, index) => {
      const { own, ...how } = item.end ?? { result, status, own: common };
      return this.#end(item, index, how, { ...bytesOf(index), ...own });
    });
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
    this.#introduced ??= this.#sink.record({
      ...{ entry: 'request', time: this.#startedAt(), requestId: this.#origin.requestId },
      ...this.#callerFields(),
      items: this.#items.length,
    });
    try {
      await this.#introduced;
    } catch (error) {
      this.#introduced = undefined;
      throw error;
    }
  }

  async #end(
    item: Item,
    index: number,
    { result, status }: AuditEnd,
    own: Partial<AuditDenial> & Counted,
  ): Promise<void> {
    const nowMs = this.#clock.now();
    const how = { result, status, durationMs: nowMs - this.#startedMs, ...own };
    if (item.intended) {
      const time = new Date(nowMs).toISOString();
      await this.#sink.record({
        ...how,
        ...this.#index(index),
        entry: 'outcome',
        time,
        requestId: this.#origin.requestId,
      });
    } else {
      await this.#record(index, { ...this.#what(item, index, undefined), ...how, entry: 'denial' });
    }
    item.ended = true;
  }

  #refuse(error: string, status: number): void {
    if (this.#refused) return;
    this.#refused = true;
    const { requestId, clientAddress, edgeRequestId, raw } = this.#origin;
    const time = new Date(this.#clock.now()).toISOString();
    const ids = { requestId, clientAddress, ...(edgeRequestId === undefined ? {} : { edgeRequestId }) };
    this.#sink.refuse({ entry: 'refusal', time, ...ids, method: raw?.method ?? '', status, error });
  }

  #index(index: number): { readonly item?: number } {
    return this.#items.length > 1 || this.#operation === 'DeleteObjects' ? { item: index } : {};
  }

  /** An entry names the caller, but not one of a batch: the entry of its request has. */
  #record(index: number, entry: Own<AuditIntent> | Own<AuditDenial>): Promise<void> {
    return this.#sink.record(this.#isBatch ? { ...entry, item: index } : { ...entry, ...this.#callerFields() });
  }

  #callerFields(): AuditCaller {
    const principal = this.#principal;
    if (principal === undefined || this.#operation === undefined) throw new Error('a record needs an identity');
    const { accessKeyId, actor, binding } = principal;
    const { clientAddress, edgeRequestId } = this.#origin;
    return {
      issuer: principal.issuer,
      subject: principal.subject,
      groups: principal.groups,
      ...(actor === undefined ? {} : { actor: actor.subject }),
      ...(actor?.issuer === undefined ? {} : { actorIssuer: actor.issuer }),
      tokenIdHash: principal.tokenIdHash,
      ...(accessKeyId === undefined ? {} : { accessKeyId }),
      ...(binding === undefined ? {} : { binding }),
      clientAddress,
      ...(edgeRequestId === undefined ? {} : { edgeRequestId }),
      operation: this.#operation,
    };
  }

  #what(item: Item, index: number, plan: AssumeRolePlan | undefined): Omit<Own<AuditIntent>, 'entry'> {
    return {
      time: this.#startedAt(),
      requestId: this.#origin.requestId,
      ...this.#index(index),
      ...(item.versionId === undefined ? {} : { versionIdAsked: item.versionId }),
      bucket: item.bucket,
      key: item.key,
      decision: item.decision.effect,
      rule: item.decision.rule,
      reason: item.decision.reason,
      policyVersion: item.decision.policyVersion,
      ...(plan === undefined ? {} : { role: plan.roleArn, sessionName: plan.sessionName }),
      ...(plan?.storeToken === undefined ? {} : { storeTokenIdHash: plan.storeToken.tokenIdHash }),
    };
  }

  #startedAt(): string {
    return new Date(this.#startedMs).toISOString();
  }
}
