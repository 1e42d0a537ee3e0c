/**
 * The one error type. What enters: a code, where it happened, and details for the log. What leaves to a client is
 * decided by the table of codes alone, never by `detail` or `cause`.
 */
import { ERRORS, type ErrorCode, type ErrorRow } from './codes.ts';

/** The stages of the pipeline, in the order of the table in `pipeline/stages.ts`. */
export type StageName =
  | 'receive'
  | 'authenticate'
  | 'read'
  | 'authorize'
  | 'record'
  | 'assume-role'
  | 'seal'
  | 'forward'
  | 'copy'
  | 'upload'
  | 'open'
  | 'respond';

export interface GatewayErrorOptions {
  /** For the log only. Must hold no token, secret or key. */
  readonly detail?: string;
  readonly cause?: unknown;
  /** Further elements of the client's XML document, such as the rule that denied. */
  readonly clientFields?: Readonly<Record<string, string>>;
  /** Further response headers, such as `Content-Range` of a 416. */
  readonly clientHeaders?: Readonly<Record<string, string>>;
}

export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly stage: StageName;
  readonly detail: string | undefined;
  readonly clientFields: Readonly<Record<string, string>>;
  readonly clientHeaders: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, stage: StageName, options: GatewayErrorOptions = {}) {
    super(`${code} at ${stage}${options.detail === undefined ? '' : `: ${options.detail}`}`, { cause: options.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.stage = stage;
    this.detail = options.detail;
    this.clientFields = options.clientFields ?? {};
    this.clientHeaders = options.clientHeaders ?? {};
  }

  get row(): ErrorRow {
    return ERRORS[this.code];
  }
}
