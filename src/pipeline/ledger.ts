/**
 * The audit of one access. It writes at most one intent and exactly one end (outcome, denial or refusal), whatever
 * happened, and collects meanwhile what the end will say. It never holds a token, a secret or a query.
 */
import type { AuditIntent, AuditSink, OutcomeResult } from '../contracts/audit-sink.ts';
import type { Access, Decision } from '../contracts/authorizer.ts';
import type { Clock } from '../contracts/clock.ts';
import type { AssumeRolePlan } from '../contracts/credential-broker.ts';
import type { Exchange } from '../contracts/exchange.ts';
import type { Principal } from '../contracts/principal.ts';
import type { OperationName } from '../s3/operations.ts';
import type { S3Request } from '../s3/request.ts';

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
  #access: Access | undefined;
  #decision: Decision = UNDECIDED;
  #intended = false;
  #ended = false;

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
  }

  decided(access: Access | undefined, decision: Decision): void {
    this.#access = access;
    this.#decision = decision;
  }

  /** Resolves when the intent is durable. @throws GatewayError AuditUnavailable */
  async intent(plan: AssumeRolePlan | undefined): Promise<void> {
    if (this.#subject === undefined) throw new Error('an intent needs an identity');
    await this.#sink.record({ entry: 'intent', ...this.#what(this.#subject, plan) });
    this.#intended = true;
  }

  /**
   * Resolves when the end of this access is durable (a refusal without identity is best effort).
   * @throws GatewayError AuditUnavailable
   */
  async end(result: OutcomeResult, status: number, error?: string): Promise<void> {
    if (this.#ended) return;
    const nowMs = this.#clock.now();
    const { requestId, clientAddress, raw } = this.#exchange;
    if (this.#subject === undefined) {
      this.#ended = true;
      const time = new Date(nowMs).toISOString();
      this.#sink.refuse({
        entry: 'refusal',
        time,
        requestId,
        clientAddress,
        method: raw.method,
        status,
        error: error ?? result,
      });
      return;
    }
    const how = {
      result,
      status,
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      durationMs: nowMs - this.#startedMs,
      ...(error === undefined ? {} : { error }),
      ...(this.upstreamRequestId === undefined ? {} : { upstreamRequestId: this.upstreamRequestId }),
      ...(this.versionId === undefined ? {} : { versionId: this.versionId }),
      ...(this.keyId === undefined ? {} : { keyId: this.keyId }),
    };
    if (this.#intended) {
      await this.#sink.record({ entry: 'outcome', time: new Date(nowMs).toISOString(), requestId, ...how });
    } else {
      await this.#sink.record({ ...this.#what(this.#subject, undefined), ...how, entry: 'denial' });
    }
    this.#ended = true;
  }

  #what(
    { request, principal }: { readonly request: S3Request; readonly principal: Principal },
    plan: AssumeRolePlan | undefined,
  ): Omit<AuditIntent, 'entry'> {
    return {
      time: new Date(this.#startedMs).toISOString(),
      requestId: request.requestId,
      issuer: principal.issuer,
      subject: principal.subject,
      groups: principal.groups,
      tokenIdHash: principal.tokenIdHash,
      clientAddress: request.clientAddress,
      operation: request.operation,
      bucket: request.bucket,
      key: this.#access?.kind === 'listing' ? this.#access.prefix : request.key,
      decision: this.#decision.effect,
      rule: this.#decision.rule,
      reason: this.#decision.reason,
      policyVersion: this.#decision.policyVersion,
      ...(plan === undefined ? {} : { role: plan.roleArn, sessionName: plan.sessionName }),
    };
  }
}
