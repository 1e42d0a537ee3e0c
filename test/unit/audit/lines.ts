/** Entries of the schema <-> lines, by what writes them: who asks, what for and how it ended are taken out of an entry. */
import {
  denialLine,
  intentLine,
  outcomeLine,
  requestLine,
  type AuditedAccess,
  type AuditedEnd,
  type AuditedRequest,
} from '../../../src/audit/audit-line.ts';
import type { Access } from '../../../src/contracts/authorizer.ts';
import type { AuditDenial, AuditEntry, AuditIntent, AuditSink } from '../../../src/contracts/audit-sink.ts';
import type { AssumeRolePlan } from '../../../src/contracts/credential-broker.ts';
import type { PreviewDecision } from '../../../src/contracts/policy-preview.ts';
import type { Principal } from '../../../src/contracts/principal.ts';

type Fields = Partial<Omit<AuditIntent, 'entry'>> & Partial<Omit<AuditDenial, 'entry'>>;

/** Whatever an entry holds beyond what its principal, decision and plan have is in each of these as well. */
function principalOf({ actor, actorIssuer, ...fields }: Fields): Principal {
  return {
    ...{ issuer: '', issuerName: '', subject: '', groups: [], claims: {}, tokenIdHash: '', ...fields },
    ...{ expiresAtMs: 0, sessionId: 'hidden' },
    ...(actor === undefined
      ? {}
      : { actor: { subject: actor, ...(actorIssuer === undefined ? {} : { issuer: actorIssuer }) } }),
  };
}

function planOf({ role, sessionName = '', storeTokenIdHash, ...fields }: Fields): AssumeRolePlan | undefined {
  if (role === undefined) return undefined;
  const plan = { ...fields, storeName: '', sourceIdentity: undefined, sessionPolicy: 'hidden', sessionKey: 'hidden' };
  const storeToken = storeTokenIdHash === undefined ? {} : { storeToken: storeTokenOf(storeTokenIdHash) };
  return { ...plan, ...storeToken, roleArn: role, sessionName, notAfterMs: 0 };
}

const storeTokenOf = (tokenIdHash: string): NonNullable<AssumeRolePlan['storeToken']> => ({
  ...{ reveal: () => 'hidden', digest: 'hidden', expiresAtMs: 0 },
  tokenIdHash,
});

function accessOf(fields: Fields): AuditedAccess {
  const { item, bucket = '', key = '', versionIdAsked: versionId } = fields;
  const { decision: effect = 'allow', rule = '', reason = '', policyVersion = '' } = fields;
  return {
    item,
    target: { ...fields, bucket, key, versionId, ...accessesOf(fields, bucket, key), preview: previewOf(fields) },
    decision: {
      ...{ ...fields, ...{ effect, rule, reason, policyVersion } },
      ...(fields.filtered === true ? { parts: { prefixes: ['hidden'], hidden: [] } } : {}),
    },
  };
}

function previewOf({ previewDecision, previewRule = '', previewVersion = '' }: Fields): PreviewDecision | undefined {
  if (previewDecision === undefined) return undefined;
  return { decision: previewDecision, rule: previewRule, policyVersion: previewVersion };
}

function accessesOf(
  { verbs, after = [] }: Fields,
  bucket: string,
  key: string,
): Pick<AuditedAccess['target'], 'accesses'> {
  if (verbs === undefined) return {};
  const accesses = verbs.map((verb): Access => {
    if (verb === 'ADMIN') return { kind: 'admin', verb, bucket };
    const isListing = verb === 'LIST' || verb === 'LIST_VERSIONS';
    return isListing ? { kind: 'listing', verb, bucket, prefix: key, after } : { kind: 'object', verb, bucket, key };
  });
  return { accesses: verbs.length === 0 && bucket !== '' ? [{ kind: 'bucket', bucket }] : accesses };
}

function endOf(fields: Fields, endedMs: number): AuditedEnd {
  const { result = 'completed', status = 0, bytesIn = 0, bytesOut = 0 } = fields;
  const { error, upstreamRequestId, versionId, keyId } = fields;
  return { ...{ result, status, bytesIn, bytesOut, endedMs }, error, upstreamRequestId, versionId, keyId };
}

/** Gives the line of an entry, line feed included. */
export function auditLine(entry: AuditEntry): string {
  const timeMs = Date.parse(entry.time);
  const fields = entry as Fields & Pick<AuditEntry, 'requestId'>;
  const { requestId, clientAddress = '', edgeRequestId, operation = 'GetObject', durationMs = 0 } = fields;
  const { traceId, spanId } = fields;
  const trace = traceId === undefined ? undefined : { traceId, ...(spanId === undefined ? {} : { spanId }) };
  const origin = { requestId, trace, clientAddress, edgeRequestId };
  const { wayIn, decidedAfterMs } = fields;
  const facts = decidedAfterMs === undefined ? { wayIn } : { wayIn, nowMs: timeMs + decidedAfterMs };
  const request: AuditedRequest = { origin, startedMs: timeMs, principal: principalOf(fields), operation, facts };
  const isOfBatch = fields.subject === undefined;
  switch (entry.entry) {
    case 'request':
      return requestLine(request, entry.items);
    case 'intent':
      return intentLine(request, accessOf(fields), planOf(fields), isOfBatch);
    case 'outcome':
      return outcomeLine({ ...request, startedMs: timeMs - durationMs }, accessOf(fields), endOf(fields, timeMs));
    case 'denial': {
      // What is denied is asked of no store: the gateway has no plan by then.
      const end = endOf(fields, timeMs + durationMs);
      return denialLine(request, accessOf(fields), end, isOfBatch);
    }
  }
}

/** Records an entry as the trail of a request does. */
export const record = (sink: AuditSink, entry: AuditEntry): Promise<void> =>
  sink.record(auditLine(entry), entry.entry === 'outcome');

/** Gives the entry of a line. */
export function entryOf(line: string): AuditEntry {
  const entry = JSON.parse(line) as AuditEntry & { v?: number };
  delete entry.v;
  return entry;
}
