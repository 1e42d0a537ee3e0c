/**
 * What is put on record -> one line of JSON. What enters: who asks what, and how it ended, in texts that came from tokens,
 * requests and stores. What leaves: a line with a fixed order of fields, `v` first, of bounded length. A text that had to be
 * cut is named in `clipped`, so that two long names can never be taken for the same one unnoticed. It takes the fields of the
 * schema and nothing else: no token, secret or query. @see contracts/audit-sink.ts
 */
import type { AuditedOperation, AuditEntry, AuditRefusal, OutcomeResult } from '../contracts/audit-sink.ts';
import type { Access, Decision, RequestFacts, StoredFacts } from '../contracts/authorizer.ts';
import type { AssumeRolePlan } from '../contracts/credential-broker.ts';
import type { PreviewDecision } from '../contracts/policy-preview.ts';
import type { ClaimValue, Principal } from '../contracts/principal.ts';
import type { TraceIds } from '../contracts/tracing.ts';
import type { Verb } from '../s3/operations/verb.ts';
import { isoTime } from './iso-time.ts';

/** Version of the schema; readers skip what they do not know. @see docs/audit.md */
export const AUDIT_SCHEMA_VERSION = 1;
/** Of entries that are whole only together with that of their request. */
export const BATCH_SCHEMA_VERSION = 2;

/** Longest texts, in bytes of UTF-8. The largest line is below 200 KiB, a usual one below 1 KiB. */
const MAX_BYTES = {
  requestId: 64,
  issuer: 512,
  issuerName: 256,
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
  rule: 1024,
  reason: 512,
  policyVersion: 128,
  previewRule: 1024,
  previewVersion: 128,
  role: 2048,
  sessionName: 64,
  storeTokenIdHash: 64,
  method: 16,
  error: 64,
  upstreamRequestId: 256,
  versionId: 1024,
  versionIdAsked: 1024,
  keyId: 256,
  contentType: 256,
} as const;
const MAX_GROUPS = 512;
/** Of all claims together, as JSON. */
const MAX_CLAIMS_BYTES = 16_384;

type TextField = keyof typeof MAX_BYTES;
type ClippedField = TextField | 'claims' | 'after';

/** Where a request comes from, as far as that is known before its caller is. */
export interface AuditOrigin {
  readonly requestId: string;
  /** Checked already. */
  readonly trace?: TraceIds | undefined;
  readonly clientAddress: string;
  readonly edgeRequestId?: string | undefined;
}

/** Who asks for what, when (milliseconds since 1970) and from where. */
export interface AuditedRequest {
  readonly origin: AuditOrigin;
  readonly startedMs: number;
  readonly principal: Principal;
  readonly operation: AuditedOperation;
  /** What the decisions looked at, beside the caller; absent: nothing was decided. */
  readonly facts?: RequestFacts;
  /** It is decided, and not performed. */
  readonly isDryRun?: boolean;
  /** How the budgets of the caller stand; absent: it has none. */
  readonly budgets?: readonly string[];
  /** How long it waited for its turn; absent: not at all. */
  readonly queuedMs?: number;
}

/** What one record is about. */
export interface AuditedAccess {
  /** Which of several accesses of one request this is, from 0. */
  readonly item: number | undefined;
  readonly target: {
    readonly bucket: string;
    readonly key: string;
    readonly versionId: string | undefined;
    /** Where the operation does not say it. */
    readonly verb?: Verb;
    /** What was decided; absent where no rule was asked. */
    readonly accesses?: readonly Access[];
    /** What a set that is only previewed would have decided, where that is something else. */
    readonly preview?: PreviewDecision | undefined;
  };
  readonly decision: Decision;
}

/** How an access ended, and what came of it. */
export interface AuditedResult {
  readonly result: OutcomeResult;
  readonly status: number;
  readonly error: string | undefined;
  readonly upstreamRequestId: string | undefined;
  readonly versionId: string | undefined;
  readonly keyId: string | undefined;
}

/** The same with the plaintext bytes of its bodies, and when it was (milliseconds since 1970). */
export interface AuditedEnd extends AuditedResult {
  readonly endedMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** Writes who asks for several accesses at once, line feed included. */
export function requestLine(request: AuditedRequest, items: number): string {
  const line = begin('request', BATCH_SCHEMA_VERSION, request.startedMs, request.origin);
  return addCaller(line, request).value('items', items).end();
}

/** Writes what will be done, line feed included. `isOfBatch`: who asks stands in the line of the request. */
export function intentLine(
  request: AuditedRequest,
  access: AuditedAccess,
  plan: AssumeRolePlan | undefined,
  isOfBatch: boolean,
): string {
  const line = beginAccess('intent', request, access, isOfBatch);
  if (plan !== undefined) line.add(planFields(plan));
  return line.end();
}

/** Writes how what was meant ended, line feed included. */
export function outcomeLine(
  { origin, startedMs, isDryRun }: AuditedRequest,
  { item }: AuditedAccess,
  end: AuditedEnd,
): string {
  const line = begin('outcome', AUDIT_SCHEMA_VERSION, end.endedMs, origin);
  return addEnd(dryRun(line.value('item', item), isDryRun), end, startedMs).end();
}

/** Writes what was denied, line feed included: intent and outcome at once. `isOfBatch`: as of an intent. */
export function denialLine(
  request: AuditedRequest,
  access: AuditedAccess,
  end: AuditedEnd,
  isOfBatch: boolean,
): string {
  return addEnd(beginAccess('denial', request, access, isOfBatch), end, request.startedMs).end();
}

/** Writes an entry of the refusals, line feed included. */
export function refusalLine(refusal: AuditRefusal): string {
  return new Fields(`{"v":${AUDIT_SCHEMA_VERSION}`)
    .value('entry', refusal.entry)
    .value('time', refusal.time)
    .text('requestId', refusal.requestId)
    .value('traceId', refusal.traceId)
    .value('spanId', refusal.spanId)
    .text('clientAddress', refusal.clientAddress)
    .text('edgeRequestId', refusal.edgeRequestId)
    .text('method', refusal.method)
    .value('status', refusal.status)
    .text('error', refusal.error)
    .end();
}

/** Fields as JSON with a comma before each, and the names of those that had to be cut. */
class Fields {
  #json: string;
  #clipped: readonly ClippedField[] = NOTHING_CLIPPED;

  constructor(json = '') {
    this.#json = json;
  }

  /** Adds a text that others chose, cut where it is too long; nothing of `undefined`. */
  text(field: TextField, text: string | undefined): this {
    if (text === undefined) return this;
    const kept = clip(text, MAX_BYTES[field]);
    if (kept !== text) this.#clipped = [...this.#clipped, field];
    return this.value(field, kept);
  }

  /** Adds what is bounded already; nothing of `undefined`. */
  value(field: string, value: string | number | boolean | readonly string[] | undefined): this {
    if (value !== undefined) this.#json += keyOf(field) + JSON.stringify(value);
    return this;
  }

  groups(groups: readonly string[]): this {
    const kept = groups.slice(0, MAX_GROUPS).map((group) => clip(group, MAX_BYTES.groups));
    const isWhole = kept.length === groups.length && kept.every((group, index) => group === groups[index]);
    if (!isWhole) this.#clipped = [...this.#clipped, 'groups'];
    return this.value('groups', kept);
  }

  /** Adds claims as long as there is room; one is there whole or not at all. */
  claims(claims: Readonly<Record<string, ClaimValue>>): this {
    let json = '';
    let isWhole = true;
    for (const [name, value] of Object.entries(claims)) {
      const member = `${json === '' ? '' : ','}${JSON.stringify(name)}:${JSON.stringify(value)}`;
      if (Buffer.byteLength(json + member) <= MAX_CLAIMS_BYTES) json += member;
      else isWhole = false;
    }
    if (json !== '') this.#json += `${keyOf('claims')}{${json}}`;
    if (!isWhole) this.#clipped = [...this.#clipped, 'claims'];
    return this;
  }

  /** Adds the verbs, and the markers of a listing; where they lie was said before. */
  accesses(accesses: readonly Access[] | undefined): this {
    if (accesses === undefined) return this;
    const [sole] = accesses;
    if (accesses.length !== 1 || sole === undefined) return this.value('verbs', accesses.flatMap(verbOf));
    this.value('verbs', verbOf(sole));
    return sole.kind === 'listing' && sole.after.length > 0 ? this.markers(sole.after) : this;
  }

  preview(other: PreviewDecision | undefined): this {
    if (other === undefined) return this;
    return this.value('previewDecision', other.decision)
      .text('previewRule', other.rule)
      .text('previewVersion', other.policyVersion);
  }

  markers(after: readonly string[]): this {
    const kept = after.map((marker) => clip(marker, MAX_BYTES.key));
    if (kept.some((marker, index) => marker !== after[index])) this.#clipped = [...this.#clipped, 'after'];
    return this.value('after', kept);
  }

  add(others: Fields): this {
    this.#json += others.#json;
    if (others.#clipped.length > 0) this.#clipped = [...this.#clipped, ...others.#clipped];
    return this;
  }

  /** Gives the line whose first field was there from the beginning. */
  end(): string {
    if (this.#clipped.length > 0) this.value('clipped', this.#clipped);
    return `${this.#json}}\n`;
  }
}

const verbOf = (access: Access): readonly Verb[] => (access.kind === 'bucket' ? [] : [access.verb]);

const NOTHING_CLIPPED: readonly ClippedField[] = [];

const keys = new Map<string, string>();

/** Gives what stands before the value of a field; the names are those of the schema. */
function keyOf(field: string): string {
  let key = keys.get(field);
  if (key === undefined) {
    key = `,"${field}":`;
    keys.set(field, key);
  }
  return key;
}

function begin(entry: AuditEntry['entry'], version: number, timeMs: number, { requestId, trace }: AuditOrigin): Fields {
  const line = new Fields(`{"v":${version},"entry":"${entry}","time":"${isoTime(timeMs)}"`).text(
    'requestId',
    requestId,
  );
  return trace === undefined ? line : line.value('traceId', trace.traceId).value('spanId', trace.spanId);
}

function beginAccess(
  entry: 'intent' | 'denial',
  request: AuditedRequest,
  { item, target, decision }: AuditedAccess,
  isOfBatch: boolean,
): Fields {
  const line = begin(entry, isOfBatch ? BATCH_SCHEMA_VERSION : AUDIT_SCHEMA_VERSION, request.startedMs, request.origin);
  if (!isOfBatch) addCaller(line, request);
  return line
    .value('item', item)
    .value('verb', target.verb)
    .text('versionIdAsked', target.versionId)
    .text('bucket', target.bucket)
    .text('key', target.key)
    .accesses(target.accesses)
    .add(decisionFields(decision))
    .preview(target.preview);
}

function addCaller(line: Fields, request: AuditedRequest): Fields {
  const { principal, origin, startedMs, operation, facts, isDryRun, budgets, queuedMs } = request;
  line
    .add(principalFields(principal))
    .text('clientAddress', origin.clientAddress)
    .text('edgeRequestId', origin.edgeRequestId)
    .value('operation', operation);
  dryRun(line, isDryRun)
    .value('wayIn', facts?.wayIn)
    .value(
      'decidedAfterMs',
      facts?.nowMs === undefined || facts.nowMs === startedMs ? undefined : facts.nowMs - startedMs,
    )
    .value('budgets', budgets)
    .value('queuedMs', queuedMs);
  return facts?.stored === undefined ? line : addStored(line, facts.stored);
}

const dryRun = (line: Fields, isDryRun: boolean | undefined): Fields =>
  isDryRun === true ? line.value('dryRun', true) : line;

function addStored(line: Fields, { sizeBytes, contentType, tags, createsOnly }: StoredFacts): Fields {
  line.value('size', sizeBytes).text('contentType', contentType);
  // As many and as long as the header can be: at most ten.
  if (tags !== undefined)
    line.value(
      'tags',
      [...tags].map(([key, value]) => `${key.replaceAll('%', '%25').replaceAll('=', '%3D')}=${value}`),
    );
  return line.value('createOnly', createsOnly);
}

function addEnd(line: Fields, end: AuditedEnd, startedMs: number): Fields {
  return line
    .value('result', end.result)
    .value('status', end.status)
    .value('bytesIn', end.bytesIn)
    .value('bytesOut', end.bytesOut)
    .value('durationMs', end.endedMs - startedMs)
    .text('error', end.error)
    .text('upstreamRequestId', end.upstreamRequestId)
    .text('versionId', end.versionId)
    .text('keyId', end.keyId);
}

const principalFields = remembered(({ actor, ...principal }: Principal) =>
  new Fields()
    .text('issuer', principal.issuer)
    .text('issuerName', principal.issuerName)
    .text('subject', principal.subject)
    .groups(principal.groups)
    .claims(principal.claims)
    .text('actor', actor?.subject)
    .text('actorIssuer', actor?.issuer)
    .text('tokenIdHash', principal.tokenIdHash)
    .value('tokenKind', principal.tokenKind)
    .text('accessKeyId', principal.accessKeyId)
    .text('binding', principal.binding),
);

const decisionFields = remembered(({ effect, rule, reason, policyVersion, parts }: Decision) =>
  new Fields()
    .value('decision', effect)
    .text('rule', rule)
    .text('reason', reason)
    .text('policyVersion', policyVersion)
    .value('filtered', parts === undefined ? undefined : true),
);

const planFields = remembered(({ roleArn, sessionName, storeToken }: AssumeRolePlan) =>
  new Fields().text('role', roleArn).text('sessionName', sessionName).text('storeTokenIdHash', storeToken?.tokenIdHash),
);

/** Writes the fields of an object once as long as it lives. One that is not frozen is a request's own, or could change. */
function remembered<Source extends object>(write: (source: Source) => Fields): (source: Source) => Fields {
  const known = new WeakMap<Source, Fields>();
  return (source) => {
    let fields = known.get(source);
    if (fields === undefined) {
      fields = write(source);
      if (Object.isFrozen(source)) known.set(source, fields);
    }
    return fields;
  };
}

function clip(text: string, maxBytes: number): string {
  // A UTF-16 unit takes at most three bytes; only long texts have to be measured.
  if (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes) return text;
  const bytes = Buffer.from(text);
  let end = maxBytes;
  while (isContinuation(bytes[end])) end -= 1;
  return bytes.toString('utf8', 0, end);
}

/** True inside a character of UTF-8, where a text must not be cut. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
