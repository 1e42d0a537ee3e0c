/** An error that ended an access in; what its record says of the end, out. Pure. */
import type { OutcomeResult } from '../contracts/audit-sink.ts';
import type { ErrorCode } from '../errors/codes.ts';
import type { GatewayError, StageName } from '../errors/gateway-error.ts';

/** What a record says of the end of an access that did not complete. */
export interface FailedEnd {
  readonly result: OutcomeResult;
  readonly status: number;
}

const REFUSING: ReadonlySet<StageName> = new Set(['authenticate', 'authorize']);

/**
 * How a failed access ended. Who hangs up while being refused was refused all the same: else a probe could choose what
 * is on record of it. `sentStatus` is the status that went out before, if one did.
 */
export function failedEnd(error: GatewayError, clientIsGone: boolean, sentStatus: number | undefined): FailedEnd {
  const { status } = error.row;
  if (clientIsGone && !isRefusal(error)) return { result: 'aborted', status: sentStatus ?? 0 };
  return { result: resultOf(error.code), status: sentStatus ?? status };
}

function isRefusal({ code, stage, row }: GatewayError): boolean {
  return code === 'AccessDenied' || (stage !== undefined && REFUSING.has(stage) && row.status < 500);
}

function resultOf(code: ErrorCode): OutcomeResult {
  if (code === 'AccessDenied') return 'denied';
  // A conditional read whose condition says that the caller has it already.
  return code === 'NotModified' ? 'completed' : 'failed';
}
