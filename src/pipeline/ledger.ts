/**
 * The audit of one request: one record for each object, listing or bucket that it is about. Of each it writes at most one
 * intent and exactly one end (outcome or denial), whatever happened, and collects meanwhile what the end will say. It
 * never holds a token, a secret or a query.
 */
import type { AuditDenial, AuditIntent, AuditSink, OutcomeResult } from '../contracts/audit-sink.ts';
import type { Decision } from '../contracts/authorizer.ts';
import type { Clock } from '../contracts/clock.ts';
import type { AssumeRolePlan } from '../contracts/credential-broker.ts';
import type { Exchange } from '../contracts/exchange.ts';
import type { Principal } from '../contracts/principal.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { ERRORS } from '../errors/codes.ts';
import type { OperationName } from '../s3/operations.ts';
import type { S3Request } from '../s3/request.ts';

/** What one record is about. */
export interface Audited {
  readonly bucket: string;
  readonly key: string;
  readonly versionId: string | undefined;
  readonly decision: Decision;
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

const UNDECIDED: Decision = {
  effect: 'deny',
  rule: 'undecided',
  reason: 'No decision was reached.',
  policyVersion: '',
};

export class Ledger {
  bytesIn = 0;
  bytesOut = 0;
  upstreamRequestId: string | undefined;
  versionId: string | undefined;
  keyId: string | undefined;
  operation: OperationName | undefined;

  readonly #sink: AuditSink;
  readonly #clock: Clock;
  readonly #exchange: Exchange;
  readonly #startedMs: number;
  #subject: { readonly request: S3Request; readonly principal: Principal } | undefined;
  #items: readonly Item[] = [];
  #refused = false;

  constructor(sink: AuditSink, clock: Clock, exchange: Exchange) {
    this.#sink = sink;
    this.#clock = clock;
    this.#exchange = exchange;
    this.#startedMs = clock.now();
  }

  get startedMs(): number {
    return this.#startedMs;
  }

  /** Whether the caller is known; a request without identity ends as a refusal. */
  get hasIdentity(): boolean {
    return this.#subject !== undefined;
  }

  identified(request: S3Request, principal: Principal): void {
    this.#subject = { request, principal };
    // What fails before it is decided is on record as well.
    const { bucket, key, versionId } = request;
    this.decided([{ bucket, key, versionId, decision: UNDECIDED }]);
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
   * Resolves when the intents of the given places (default: of all that have not ended) are durable.
   * @throws GatewayError AuditUnavailable
   */
  async intent(plan: AssumeRolePlan | undefined, places: readonly number[] = [...this.#items.keys()]): Promise<void> {
    await this.#each(places, async (item, place) => {
      await this.#sink.record({ entry: 'intent', ...this.#what(item, place, plan) });
      item.intended = true;
    });
  }

  /** Resolves when the denials of the given places are durable; the others go on. @throws GatewayError AuditUnavailable */
  async deny(places: readonly number[]): Promise<void> {
    const { status } = ERRORS.AccessDenied;
    await this.#each(places, (item, place) => this.#end(item, place, 'denied', status, { error: 'AccessDenied' }));
  }

  /** Says how one of several ended; it is written with the end of all. */
  settle(place: number, { error, versionId, upstreamRequestId }: ItemEnd): void {
    const item = this.#items[place];
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
  async end(result: OutcomeResult, status: number, error?: string): Promise<void> {
    if (this.#subject === undefined) {
      this.#refuse(error ?? result, status);
      return;
    }
    const common = {
      ...(error === undefined ? {} : { error }),
      ...(this.upstreamRequestId === undefined ? {} : { upstreamRequestId: this.upstreamRequestId }),
      ...(this.versionId === undefined ? {} : { versionId: this.versionId }),
      ...(this.keyId === undefined ? {} : { keyId: this.keyId }),
    };
    await this.#each([...this.#items.keys()], (item, place) =>
      item.end === undefined
        ? this.#end(item, place, result, status, common)
        : this.#end(item, place, item.end.result, item.end.status, item.end.own),
    );
  }

  async #each(places: readonly number[], write: (item: Item, place: number) => Promise<void>): Promise<void> {
    const entries = places.flatMap((place) => {
      const item = this.#items[place];
      return item === undefined || item.ended ? [] : [write(item, place)];
    });
    // All of them are attempted; one that cannot be written is the request's failure.
    for (const settled of await Promise.allSettled(entries)) if (settled.status === 'rejected') throw settled.reason;
  }

  async #end(
    item: Item,
    place: number,
    result: OutcomeResult,
    status: number,
    own: Partial<AuditDenial>,
  ): Promise<void> {
    const nowMs = this.#clock.now();
    const how = {
      result,
      status,
      // Counted once, however many records one request has.
      bytesIn: place === 0 ? this.bytesIn : 0,
      bytesOut: place === 0 ? this.bytesOut : 0,
      durationMs: nowMs - this.#startedMs,
      ...own,
    };
    if (item.intended) {
      const time = new Date(nowMs).toISOString();
      await this.#sink.record({
        ...how,
        ...this.#place(place),
        entry: 'outcome',
        time,
        requestId: this.#exchange.requestId,
      });
    } else {
      await this.#sink.record({ ...this.#what(item, place, undefined), ...how, entry: 'denial' });
    }
    item.ended = true;
  }

  #refuse(error: string, status: number): void {
    if (this.#refused) return;
    this.#refused = true;
    const { requestId, clientAddress, raw } = this.#exchange;
    const time = new Date(this.#clock.now()).toISOString();
    this.#sink.refuse({ entry: 'refusal', time, requestId, clientAddress, method: raw.method, status, error });
  }

  #place(place: number): { readonly item?: number } {
    return this.#items.length > 1 || this.operation === 'DeleteObjects' ? { item: place } : {};
  }

  #what(item: Item, place: number, plan: AssumeRolePlan | undefined): Omit<AuditIntent, 'entry'> {
    if (this.#subject === undefined) throw new Error('a record needs an identity');
    const { request, principal } = this.#subject;
    const { accessKeyId, actor, binding } = principal;
    return {
      time: new Date(this.#startedMs).toISOString(),
      requestId: request.requestId,
      issuer: principal.issuer,
      subject: principal.subject,
      groups: principal.groups,
      ...(actor === undefined ? {} : { actor: actor.subject }),
      ...(actor?.issuer === undefined ? {} : { actorIssuer: actor.issuer }),
      tokenIdHash: principal.tokenIdHash,
      ...(accessKeyId === undefined ? {} : { accessKeyId }),
      ...(binding === undefined ? {} : { binding }),
      clientAddress: request.clientAddress,
      operation: request.operation,
      ...this.#place(place),
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
}
