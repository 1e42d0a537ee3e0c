/**
 * The one error type. What enters: a code, and details for the log. What leaves to a client is
 * decided by the table of codes and the options named after the client, never by `detail` or `cause`.
 */
import { ERRORS, type ErrorCode, type ErrorRow } from './codes.ts';

/** The stages of the pipeline, in the order of the table in `pipeline/routes.ts`. */
export type StageName =
  | 'receive'
  | 'authenticate'
  | 'admit'
  | 'read'
  | 'authorize'
  | 'enforce'
  | 'plan'
  | 'record'
  | 'assume-role'
  | 'lock'
  | 'seal'
  | 'forward'
  | 'copy'
  | 'upload'
  | 'open'
  | 'respond';

/** What a store or its STS said itself, as far as it is known. For the log and for operators, never for clients. */
export interface StoreRefusal {
  readonly by: 'store' | 'sts';
  /** Undefined: no answer. */
  readonly status: number | undefined;
  /** The code of its error document; where no answer came, that of the connection, such as ECONNREFUSED. */
  readonly code: string | undefined;
  /** Where it says that the bucket is. */
  readonly region?: string;
  /** Whether the gateway's own keys are taken there; absent: it is not known, or they were not used. */
  readonly keys?: 'taken' | 'refused';
}

export interface GatewayErrorOptions {
  /** For the log only. Must hold no token, secret or key. */
  readonly detail?: string;
  readonly cause?: unknown;
  readonly refusal?: StoreRefusal;
  /** The service that is unavailable, where clients tell it apart: STS has a code of its own for the issuer of a token. */
  readonly unavailable?: 'issuer';
  /** Shown in place of the code's own message, such as the rule that denied. */
  readonly clientMessage?: string;
  /** Further elements of the client's XML document, such as the name of the argument that is not valid. */
  readonly clientFields?: Readonly<Record<string, string>>;
  /** Further response headers, such as `Content-Range` of a 416. */
  readonly clientHeaders?: Readonly<Record<string, string>>;
  /** When a retry can succeed, where it is known better than by the code: a queue's length, a budget's refill. */
  readonly retryAfterMs?: number;
}

export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly refusal: StoreRefusal | undefined;
  readonly unavailable: 'issuer' | undefined;
  readonly clientMessage: string;
  readonly clientFields: Readonly<Record<string, string>>;
  readonly clientHeaders: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;
  #stage: StageName | undefined;

  constructor(code: ErrorCode, options: GatewayErrorOptions = {}) {
    super(options.detail === undefined ? code : `${code}: ${options.detail}`, { cause: options.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.detail = options.detail;
    this.refusal = options.refusal;
    this.unavailable = options.unavailable;
    this.clientMessage = options.clientMessage ?? ERRORS[code].message;
    this.clientFields = options.clientFields ?? {};
    this.clientHeaders = options.clientHeaders ?? {};
    this.retryAfterMs = options.retryAfterMs;
  }

  /** Where the request failed; undefined outside of the stages. Who throws does not say: `inStage` does. */
  get stage(): StageName | undefined {
    return this.#stage;
  }

  /** Gives the same failure as one of this stage. A copy, since several requests may wait for what failed; the innermost stage counts. */
  at(stage: StageName): GatewayError {
    if (this.#stage !== undefined) return this;
    const copy = this.tellingMore({});
    copy.#stage = stage;
    return copy;
  }

  /** Gives the same failure, of which the client is told more. */
  tellingMore({
    clientMessage = this.clientMessage,
    clientFields,
    clientHeaders,
  }: Pick<GatewayErrorOptions, 'clientMessage' | 'clientFields' | 'clientHeaders'>): GatewayError {
    const copy = new GatewayError(this.code, {
      ...(this.detail === undefined ? {} : { detail: this.detail }),
      ...(this.refusal === undefined ? {} : { refusal: this.refusal }),
      ...(this.unavailable === undefined ? {} : { unavailable: this.unavailable }),
      ...(this.retryAfterMs === undefined ? {} : { retryAfterMs: this.retryAfterMs }),
      cause: this.cause,
      clientMessage,
      clientFields: { ...this.clientFields, ...clientFields },
      clientHeaders: { ...this.clientHeaders, ...clientHeaders },
    });
    copy.#stage = this.#stage;
    // Where it was thrown, and not where it was told on; formatted only where somebody reads it.
    Object.defineProperty(copy, 'stack', { get: () => this.stack, configurable: true });
    return copy;
  }

  get row(): ErrorRow {
    return ERRORS[this.code];
  }
}

/** Does the work of a stage, at once or later: what it throws says in which stage the request failed. @throws what `work` throws */
export function inStage<Result>(stage: StageName, work: () => Result): Result {
  const stamped = (error: unknown): unknown => (error instanceof GatewayError ? error.at(stage) : error);
  try {
    const result = work();
    if (!(result instanceof Promise)) return result;
    return result.catch((error: unknown) => {
      throw stamped(error);
    }) as Result;
  } catch (error) {
    throw stamped(error);
  }
}
