/**
 * An allowed request in; what it is about to spend out, by what is known before its body is read. Whether a write replaces
 * something is not: each counts that does not say `If-None-Match: *`. Pure.
 */
import type { Spending } from '../contracts/guardrails.ts';
import type { OperationName } from '../s3/operations/operations.ts';
import type { Decided, DecidedTarget } from './contexts.ts';

const OVERWRITING: ReadonlySet<OperationName> = new Set<OperationName>([
  'PutObject',
  'CopyObject',
  'CompleteMultipartUpload',
]);

const DELETING: ReadonlySet<OperationName> = new Set<OperationName>(['DeleteObject', 'DeleteObjects']);

/** Gives what a request spends that touches these targets, the allowed ones of it. */
export function spendingOf(
  { request, facts }: Pick<Decided, 'request' | 'facts'>,
  targets: readonly DecidedTarget[],
): Spending {
  const { operation, payload, descriptor } = request;
  if (request.isDryRun === true) return { amounts: { requests: 1 }, touched: [] };
  const overwrites = OVERWRITING.has(operation) && facts.stored?.createsOnly !== true ? 1 : 0;
  const amounts = {
    requests: 1,
    deletes: DELETING.has(operation) ? targets.length : 0,
    overwrites,
    read: descriptor.operationClass === 'READ' && request.method === 'GET' ? 1 : 0,
    written: payload.sizeBytes ?? 0,
  };
  const touched = targets.flatMap(({ bucket, key, accesses }) =>
    accesses.some(({ kind }) => kind === 'object') ? `${bucket}/${key}` : [],
  );
  return { amounts, touched };
}
