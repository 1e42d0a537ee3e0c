/**
 * The audit of one call: at most one intent and exactly one end, whatever happened. A call whose caller is not known ends
 * as a refusal, apart from the audit. It never holds a token, a secret or a query.
 */
import type { AuditedOperation, AuditIntent, AuditSink, OutcomeResult } from '../contracts/audit-sink.ts';
import type { Decision } from '../contracts/authorizer.ts';
import type { Clock } from '../contracts/clock.ts';
import type { Exchange } from '../contracts/exchange.ts';
import type { Principal } from '../contracts/principal.ts';

interface Subject {
  readonly operation: AuditedOperation;
  readonly principal: Principal;
}

export class CallRecord {
  readonly startedMs: number;

  readonly #sink: AuditSink;
  readonly #clock: Clock;
  readonly #exchange: Exchange;
  #subject: Subject | undefined;
  #decision: Decision = { effect: 'deny', rule: 'undecided', reason: 'No decision was reached.', policyVersion: '' };
  #intended = false;
  #ended = false;

  constructor(sink: AuditSink, clock: Clock, exchange: Exchange) {
    this.#sink = sink;
    this.#clock = clock;
    this.#exchange = exchange;
    this.startedMs = clock.now();
  }

  get operation(): AuditedOperation | undefined {
    return this.#subject?.operation;
  }

  /** Says who calls; again, once the session that is being issued is known. */
  identified(operation: AuditedOperation, principal: Principal): void {
    this.#subject = { operation, principal };
  }

  decided(decision: Decision): void {
    this.#decision = decision;
  }

  /** Resolves when the intent is durable. @throws GatewayError AuditUnavailable */
  async intent(): Promise<void> {
    if (this.#subject === undefined) throw new Error('an intent needs an identity');
    await this.#sink.record({ entry: 'intent', ...this.#what(this.#subject) });
    this.#intended = true;
  }

  /** Resolves when the end of the call is durable. @throws GatewayError AuditUnavailable */
  async end(result: OutcomeResult, status: number, bytesOut: number, error?: string): Promise<void> {
    if (this.#ended) return;
    const nowMs = this.#clock.now();
    const time = new Date(nowMs).toISOString();
    const { requestId, clientAddress, raw } = this.#exchange;
    if (this.#subject === undefined) {
      this.#ended = true;
      const { method } = raw;
      this.#sink.refuse({ entry: 'refusal', time, requestId, clientAddress, method, status, error: error ?? result });
      return;
    }
    const how = {
      ...{ result, status, bytesIn: 0, bytesOut, durationMs: nowMs - this.startedMs },
      ...(error === undefined ? {} : { error }),
    };
    if (this.#intended) await this.#sink.record({ entry: 'outcome', time, requestId, ...how });
    else await this.#sink.record({ ...this.#what(this.#subject), ...how, entry: 'denial' });
    this.#ended = true;
  }

  #what({ operation, principal }: Subject): Omit<AuditIntent, 'entry'> {
    const { requestId, clientAddress } = this.#exchange;
    const { actor } = principal;
    const { effect: decision, rule, reason, policyVersion } = this.#decision;
    return {
      time: new Date(this.startedMs).toISOString(),
      requestId,
      issuer: principal.issuer,
      subject: principal.subject,
      groups: principal.groups,
      ...(actor === undefined ? {} : { actor: actor.subject }),
      ...(actor?.issuer === undefined ? {} : { actorIssuer: actor.issuer }),
      tokenIdHash: principal.tokenIdHash,
      ...(principal.accessKeyId === undefined ? {} : { accessKeyId: principal.accessKeyId }),
      ...(principal.binding === undefined ? {} : { binding: principal.binding }),
      clientAddress,
      operation,
      bucket: '',
      key: '',
      ...{ decision, rule, reason, policyVersion },
    };
  }
}
