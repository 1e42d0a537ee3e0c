/**
 * Object lock: retention and legal hold, from headers and documents, and whether they let a version be removed.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
 */
import { isAllowed, objectArn, type S3Exchange } from './exchange.ts';
import { accessDenied, invalidArgument, invalidRequest } from './store-error.ts';
import type { Description, Retention, StoredVersion } from './stored-object.ts';

type Lock = Pick<Description, 'retention' | 'legalHold'>;

/** The object-lock headers of a write. @throws StoreError InvalidArgument, InvalidRequest */
export function lockOfHeaders(exchange: S3Exchange): Lock {
  const { headers, bucket } = exchange.request;
  const mode = headers.get('x-amz-object-lock-mode');
  const until = headers.get('x-amz-object-lock-retain-until-date');
  const hold = headers.get('x-amz-object-lock-legal-hold');
  if (mode === undefined && until === undefined && hold === undefined) return {};
  demandLocking(exchange, bucket);
  if ((mode === undefined) !== (until === undefined))
    throw invalidArgument('x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied');
  return {
    ...(mode === undefined ? {} : { retention: parseRetention(mode, until, exchange.nowMs) }),
    ...(hold === undefined ? {} : { legalHold: parseLegalHold(hold) }),
  };
}

/** @throws StoreError InvalidRequest */
export function demandLocking({ files }: S3Exchange, bucket: string): void {
  if (!files.settings(bucket).objectLock) throw invalidRequest('Bucket is missing Object Lock Configuration');
}

/** @throws StoreError InvalidArgument */
export function parseRetention(mode: string | undefined, until: string | undefined, nowMs: number): Retention {
  if (mode !== 'GOVERNANCE' && mode !== 'COMPLIANCE') throw invalidArgument('Unknown wormMode directive.');
  const untilMs = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/.test(until ?? '')
    ? Date.parse(until ?? '')
    : Number.NaN;
  if (Number.isNaN(untilMs)) throw invalidArgument('The retain until date must be provided in ISO 8601 format');
  if (untilMs <= nowMs) throw invalidArgument('The retain until date must be in the future!');
  return { mode, untilMs };
}

/** @throws StoreError InvalidArgument */
export function parseLegalHold(status: string | undefined): boolean {
  if (status !== 'ON' && status !== 'OFF') throw invalidArgument('Legal Hold must be either of ON or OFF');
  return status === 'ON';
}

/** Whether retention may give way to a request that asks to bypass it. */
export function mayBypass(exchange: S3Exchange, key: string): boolean {
  const { headers, bucket } = exchange.request;
  return (
    headers.get('x-amz-bypass-governance-retention')?.toLowerCase() === 'true' &&
    isAllowed(exchange, 's3:BypassGovernanceRetention', objectArn({ bucket, key }))
  );
}

/** @throws StoreError AccessDenied */
export function demandUnlocked(exchange: S3Exchange, key: string, version: StoredVersion | undefined): void {
  const { retention, legalHold = false } = version ?? {};
  const isRetained = retention !== undefined && retention.untilMs > exchange.nowMs;
  if (legalHold || (isRetained && !(retention.mode === 'GOVERNANCE' && mayBypass(exchange, key))))
    throw accessDenied('Access Denied because object protected by object lock.');
}
