/**
 * What a write says that is to hold for its object beside the body: object lock and tags. Enters: its headers. Leaves: the
 * same as values, as the headers of an object's head that show it, and as text that stands in the store between the beginning
 * of an upload and its end.
 * @see Amazon S3 User Guide, "Locking objects with Object Lock"
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import { checkTaggingHeader } from '../documents/tagging.ts';

export interface ObjectLock {
  readonly retention: { readonly mode: 'GOVERNANCE' | 'COMPLIANCE'; readonly untilMs: number } | undefined;
  readonly isHeld: boolean;
}

export interface WriteTerms {
  readonly lock: ObjectLock | undefined;
  /** In the form of `x-amz-tagging`; empty: none. */
  readonly tags: string;
}

const MODE = 'x-amz-object-lock-mode';
const UNTIL = 'x-amz-object-lock-retain-until-date';
const HOLD = 'x-amz-object-lock-legal-hold';
const TAGS = 'x-amz-tagging';
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)$/;
const MAX_TEXT = 8192;

type Headers = ReadonlyMap<string, string>;

/** Gives the lock that headers ask for. @throws GatewayError InvalidArgument (a mode without a date, or no date) */
export function lockOf(headers: Headers): ObjectLock | undefined {
  const mode = headers.get(MODE);
  const until = headers.get(UNTIL);
  const isHeld = headers.get(HOLD) === 'ON';
  if (mode === undefined && until === undefined) return isHeld ? { retention: undefined, isHeld } : undefined;
  const untilMs = until !== undefined && TIMESTAMP.test(until) ? Date.parse(until) : Number.NaN;
  if (Number.isNaN(untilMs)) throw invalid(UNTIL);
  if (mode !== 'GOVERNANCE' && mode !== 'COMPLIANCE') throw invalid(MODE);
  return { retention: { mode, untilMs }, isHeld };
}

/** Gives what a write says of its object. @throws as `lockOf` */
export function writeTerms(headers: Headers): WriteTerms {
  return { lock: lockOf(headers), tags: headers.get(TAGS) ?? '' };
}

/** Tells whether the head of an object shows a lock that is at least the one that was requested. */
export function showsRetention(head: Headers, { retention }: ObjectLock): boolean {
  if (retention === undefined) return true;
  const untilMs = Date.parse(head.get(UNTIL) ?? '');
  // Stores show whole seconds.
  return head.get(MODE) === retention.mode && untilMs >= Math.floor(retention.untilMs / 1000) * 1000;
}

export function showsHold(head: Headers, { isHeld }: ObjectLock): boolean {
  return !isHeld || head.get(HOLD) === 'ON';
}

/** What stores may heed of a PutObject only: locks, and encryption of their own. */
const OF_PUTS = /^x-amz-(?:object-lock-|server-side-encryption)/;

/** Tells whether a copy asks for what a store may pass over. */
export function requestsMore(headers: Readonly<Record<string, string>>): boolean {
  return Object.keys(headers).some((name) => OF_PUTS.test(name));
}

/** Writes them down; `undefined`: nothing is said. */
export function termsText({ lock, tags }: WriteTerms): string | undefined {
  if (lock === undefined && tags === '') return undefined;
  const { mode, untilMs } = lock?.retention ?? {};
  return JSON.stringify({
    ...(mode === undefined || untilMs === undefined ? {} : { [MODE]: mode, [UNTIL]: new Date(untilMs).toISOString() }),
    ...(lock?.isHeld === true ? { [HOLD]: 'ON' } : {}),
    ...(tags === '' ? {} : { [TAGS]: tags }),
  });
}

/** Reads what `termsText` wrote and a store may have changed. @throws GatewayError IntegrityFailure */
export function parseTerms(text: string): WriteTerms {
  try {
    if (text.length > MAX_TEXT) throw invalid('the length');
    const found: unknown = JSON.parse(text);
    if (typeof found !== 'object' || found === null || Array.isArray(found)) throw invalid('the form');
    const headers = new Map(Object.entries(found).filter((entry): entry is [string, string] => isText(entry[1])));
    const terms = writeTerms(headers);
    checkTaggingHeader(terms.tags);
    return terms;
  } catch (error) {
    throw new GatewayError('IntegrityFailure', { detail: 'lock and tags of an upload', cause: error });
  }
}

const isText = (value: unknown): value is string => typeof value === 'string';

function invalid(argument: string): GatewayError {
  return new GatewayError('InvalidArgument', { clientFields: { ArgumentName: argument } });
}
