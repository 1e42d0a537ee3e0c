/**
 * The policy of a browser's form: what its signer allows whoever holds it. Enters: the policy as it was signed, and the
 * fields. Leaves: nothing, or a refusal. Every field must be covered by a condition, and every condition must hold.
 * @see Amazon S3 API Reference, "POST Policy"
 */
import { GatewayError } from '../../errors/gateway-error.ts';

/** A condition on a field; `file` is about the length of the file. */
type Condition =
  | { readonly kind: 'eq' | 'starts-with'; readonly field: string; readonly value: string }
  | { readonly kind: 'length'; readonly min: number; readonly max: number };

export interface PostPolicy {
  readonly expiresAtMs: number;
  readonly conditions: readonly Condition[];
}

const BASE64 = /^[A-Za-z0-9+/\r\n]*={0,2}[\r\n]*$/;
const EXPIRATION = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;

/** What is no field of the object, or signs the others. */
const UNCOVERED = new Set(['policy', 'x-amz-signature']);

/** Reads a policy. @throws GatewayError InvalidPolicyDocument */
export function parsePostPolicy(base64: string): PostPolicy {
  const bytes = Buffer.from(base64, 'base64');
  if (!BASE64.test(base64)) throw invalid('not base64');
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw invalid('not JSON');
  }
  if (typeof document !== 'object' || document === null) throw invalid('not an object');
  const members = new Map<string, unknown>(Object.entries(document));
  const expiration = members.get('expiration');
  const conditions = members.get('conditions');
  if (members.size !== 2 || typeof expiration !== 'string' || !Array.isArray(conditions)) {
    throw invalid('expiration and conditions, and nothing else');
  }
  const expiresAtMs = EXPIRATION.test(expiration) ? Date.parse(expiration) : Number.NaN;
  if (Number.isNaN(expiresAtMs)) throw invalid('expiration');
  return { expiresAtMs, conditions: conditions.flatMap(readCondition) };
}

function readCondition(condition: unknown): Condition[] {
  if (Array.isArray(condition)) return [readMatch(condition)];
  if (typeof condition !== 'object' || condition === null) throw invalid('a condition');
  const fields = Object.entries(condition);
  if (fields.length === 0) throw invalid('a condition');
  return fields.map(([name, value]) => ({
    kind: 'eq',
    field: name.toLowerCase(),
    value: textOf(value),
  }));
}

function readMatch(condition: readonly unknown[]): Condition {
  const [operator, first, second, ...more] = condition;
  if (more.length > 0 || typeof operator !== 'string') throw invalid('a condition');
  const kind = operator.toLowerCase();
  if (kind === 'content-length-range') return { kind: 'length', min: lengthOf(first), max: lengthOf(second) };
  if (kind !== 'eq' && kind !== 'starts-with') throw invalid('the operator of a condition');
  if (typeof first !== 'string' || !first.startsWith('$')) throw invalid('the field of a condition');
  return { kind, field: first.slice(1).toLowerCase(), value: textOf(second) };
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  throw invalid('the value of a condition');
}

function lengthOf(value: unknown): number {
  const text = textOf(value);
  if (!/^\d{1,15}$/.test(text)) throw invalid('content-length-range');
  return Number(text);
}

export interface PostedForm {
  readonly bucket: string;
  /** By lower-case name, the key with its file name put in. */
  readonly fields: ReadonlyMap<string, string>;
  readonly fileBytes: number;
}

/**
 * Holds a form to its policy.
 * @throws GatewayError RequestExpired, PolicyConditionFailed, EntityTooLarge, PostTooSmall
 */
export function holdToPolicy({ expiresAtMs, conditions }: PostPolicy, form: PostedForm, nowMs: number): void {
  if (nowMs >= expiresAtMs) {
    throw new GatewayError('RequestExpired', {
      clientFields: { Expires: new Date(expiresAtMs).toISOString(), ServerTime: new Date(nowMs).toISOString() },
    });
  }
  // A policy that names no bucket would be good for all of its signer's.
  const fields = new Map([...form.fields, ['bucket', form.bucket]]);
  const covered = new Set(conditions.map((condition) => (condition.kind === 'length' ? '' : condition.field)));
  for (const name of fields.keys()) {
    if (covered.has(name) || UNCOVERED.has(name) || name.startsWith('x-ignore-')) continue;
    throw failed(`a field that no condition covers: ${name}`);
  }
  for (const condition of conditions) {
    if (condition.kind === 'length') {
      if (form.fileBytes > condition.max) throw new GatewayError('EntityTooLarge');
      if (form.fileBytes < condition.min) throw new GatewayError('PostTooSmall');
    } else if (!holds(condition, fields.get(condition.field) ?? '')) {
      throw failed(`["${condition.kind}", "$${condition.field}", …]`);
    }
  }
}

function holds({ kind, field, value }: Exclude<Condition, { readonly kind: 'length' }>, actual: string): boolean {
  if (kind === 'eq') return actual === value;
  if (field !== 'content-type') return actual.startsWith(value);
  // Several types are a list, of which each must begin so.
  return actual.split(',').every((type) => type.trimStart().startsWith(value));
}

function failed(condition: string): GatewayError {
  return new GatewayError('PolicyConditionFailed', {
    detail: condition,
    clientFields: { Condition: condition },
  });
}

function invalid(detail: string): GatewayError {
  return new GatewayError('InvalidPolicyDocument', { detail, clientFields: { Reason: detail } });
}
