/**
 * One entry -> one line of JSON. What enters: an entry whose texts came from tokens, requests and stores. What leaves:
 * a line with a fixed order of fields, `v` first, of bounded length. A text that had to be cut is named in `clipped`,
 * so that two long names can never be taken for the same one unnoticed.
 */
import type {
  AuditCaller,
  AuditEntry,
  AuditIntent,
  AuditItemDenial,
  AuditItemIntent,
  AuditOutcome,
  AuditRefusal,
} from '../contracts/audit-sink.ts';

/** Version of the schema; readers skip what they do not know. @see docs/audit.md */
export const AUDIT_SCHEMA_VERSION = 1;
/** Of entries that are whole only together with that of their request. */
export const BATCH_SCHEMA_VERSION = 2;

/** Longest texts, in bytes of UTF-8. The largest line is below 180 KiB, a usual one below 1 KiB. */
const MAX_BYTES = {
  requestId: 64,
  issuer: 512,
  subject: 512,
  groups: 256,
  actor: 512,
  actorIssuer: 512,
  tokenIdHash: 64,
  accessKeyId: 64,
  binding: 64,
  clientAddress: 64,
  edgeRequestId: 64,
  bucket: 255,
  key: 1024,
  rule: 256,
  reason: 512,
  policyVersion: 128,
  role: 2048,
  sessionName: 64,
  storeTokenIdHash: 64,
  method: 16,
  error: 64,
  upstreamRequestId: 256,
  versionId: 1024,
  versionIdAsked: 1024,
  keyId: 256,
} as const;
const MAX_GROUPS = 512;

type TextField = keyof typeof MAX_BYTES;

/** Serialises an entry of the audit, line feed included. */
export function auditLine(entry: AuditEntry): string {
  const clipped: TextField[] = [];
  const isOfBatch = entry.entry === 'request' || (entry.entry !== 'outcome' && entry.subject === undefined);
  const head = {
    v: isOfBatch ? BATCH_SCHEMA_VERSION : AUDIT_SCHEMA_VERSION,
    entry: entry.entry,
    time: entry.time,
    requestId: clip('requestId', entry.requestId, clipped),
  };
  switch (entry.entry) {
    case 'request':
      return line({ ...head, ...callerFields(entry, clipped), items: entry.items }, clipped);
    case 'intent':
      return line({ ...head, ...callerFields(entry, clipped), ...intentFields(entry, clipped) }, clipped);
    case 'outcome':
      return line({ ...head, ...outcomeFields(entry, clipped) }, clipped);
    case 'denial':
      return line(
        { ...head, ...callerFields(entry, clipped), ...intentFields(entry, clipped), ...outcomeFields(entry, clipped) },
        clipped,
      );
  }
}

/** Serialises an entry of the refusals, line feed included. */
export function refusalLine(refusal: AuditRefusal): string {
  const clipped: TextField[] = [];
  return line(
    {
      v: AUDIT_SCHEMA_VERSION,
      entry: refusal.entry,
      time: refusal.time,
      requestId: clip('requestId', refusal.requestId, clipped),
      clientAddress: clip('clientAddress', refusal.clientAddress, clipped),
      edgeRequestId: clip('edgeRequestId', refusal.edgeRequestId, clipped),
      method: clip('method', refusal.method, clipped),
      status: refusal.status,
      error: clip('error', refusal.error, clipped),
    },
    clipped,
  );
}

/** None of an entry that refers to the one of its request. */
function callerFields(entry: AuditCaller | AuditItemIntent | AuditItemDenial, clipped: TextField[]): object {
  if (entry.subject === undefined) return {};
  return {
    issuer: clip('issuer', entry.issuer, clipped),
    subject: clip('subject', entry.subject, clipped),
    groups: clipGroups(entry.groups, clipped),
    actor: clip('actor', entry.actor, clipped),
    actorIssuer: clip('actorIssuer', entry.actorIssuer, clipped),
    tokenIdHash: clip('tokenIdHash', entry.tokenIdHash, clipped),
    accessKeyId: clip('accessKeyId', entry.accessKeyId, clipped),
    binding: clip('binding', entry.binding, clipped),
    clientAddress: clip('clientAddress', entry.clientAddress, clipped),
    edgeRequestId: clip('edgeRequestId', entry.edgeRequestId, clipped),
    operation: entry.operation,
  };
}

function intentFields(entry: Omit<AuditIntent, 'entry' | keyof AuditCaller>, clipped: TextField[]): object {
  return {
    item: entry.item,
    versionIdAsked: clip('versionIdAsked', entry.versionIdAsked, clipped),
    bucket: clip('bucket', entry.bucket, clipped),
    key: clip('key', entry.key, clipped),
    decision: entry.decision,
    rule: clip('rule', entry.rule, clipped),
    reason: clip('reason', entry.reason, clipped),
    policyVersion: clip('policyVersion', entry.policyVersion, clipped),
    role: clip('role', entry.role, clipped),
    sessionName: clip('sessionName', entry.sessionName, clipped),
    storeTokenIdHash: clip('storeTokenIdHash', entry.storeTokenIdHash, clipped),
  };
}

function outcomeFields(entry: Omit<AuditOutcome, 'entry' | 'time' | 'requestId'>, clipped: TextField[]): object {
  return {
    item: entry.item,
    result: entry.result,
    status: entry.status,
    bytesIn: entry.bytesIn,
    bytesOut: entry.bytesOut,
    durationMs: entry.durationMs,
    error: clip('error', entry.error, clipped),
    upstreamRequestId: clip('upstreamRequestId', entry.upstreamRequestId, clipped),
    versionId: clip('versionId', entry.versionId, clipped),
    keyId: clip('keyId', entry.keyId, clipped),
  };
}

function line(fields: object, clipped: readonly TextField[]): string {
  return `${JSON.stringify(clipped.length === 0 ? fields : { ...fields, clipped })}\n`;
}

function clip(field: TextField, text: string | undefined, clipped: TextField[]): string | undefined {
  const maxBytes = MAX_BYTES[field];
  // A UTF-16 unit takes at most three bytes; only long texts have to be measured.
  if (text === undefined || text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes) return text;
  clipped.push(field);
  const bytes = Buffer.from(text);
  let end = maxBytes;
  while (isContinuation(bytes[end])) end -= 1;
  return bytes.toString('utf8', 0, end);
}

function clipGroups(groups: readonly string[], clipped: TextField[]): readonly string[] {
  const maxBytes = MAX_BYTES.groups;
  if (groups.length <= MAX_GROUPS && groups.every((group) => group.length * 3 <= maxBytes)) return groups;
  const before = clipped.length;
  const kept = groups.slice(0, MAX_GROUPS).map((group) => clip('groups', group, clipped) ?? '');
  clipped.length = before;
  if (kept.length < groups.length || kept.some((group, index) => group !== groups[index])) clipped.push('groups');
  return kept;
}

/** True inside a character of UTF-8, where a text must not be cut. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
