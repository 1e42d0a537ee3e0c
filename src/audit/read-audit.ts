/**
 * Files of the audit -> accesses. What enters: files as a crash may have left them: torn last lines, blocks of zeros.
 * What leaves: one access per intent or denial, its outcome joined by request id and item; without one it is
 * `interrupted`. Who asked stands in each entry, or once for all items of a request.
 * It never takes half a line for a whole one, never fails on a damaged line: it counts it.
 */
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type {
  AuditCaller,
  AuditEntry,
  AuditIntent,
  AuditOutcome,
  AuditRequest,
  OutcomeResult,
} from '../contracts/audit-sink.ts';
import { AUDIT_SCHEMA_VERSION, BATCH_SCHEMA_VERSION } from './audit-line.ts';

/** An access as a whole. Absent are the fields of an outcome that was never recorded. */
export type AuditAccess = Omit<AuditIntent, 'entry'> &
  Partial<Omit<AuditOutcome, 'entry' | 'time' | 'requestId' | 'result'>> & {
    readonly entry: 'access';
    readonly result: OutcomeResult | 'interrupted';
    /** When the outcome was recorded. */
    readonly endTime?: string;
    /** Of how many accesses of one request this is one; the entries of these do not repeat who asked. */
    readonly items?: number;
    /** Names of fields whose text was cut. */
    readonly clipped?: readonly string[];
  };

export interface AuditReading extends AsyncIterable<AuditAccess> {
  /** Grows while reading. */
  readonly counts: {
    /** Lines that are no whole entry. */
    readonly damaged: number;
    /** Outcomes whose intent, and entries of items whose request is in none of the files. */
    readonly unmatched: number;
    /** Entries of another kind or schema version. */
    readonly skipped: number;
  };
}

type ItemEntry = Exclude<AuditEntry, AuditRequest>;
/** What an access is about, without the caller. */
type Intent = Extract<ItemEntry, { readonly entry: 'intent' }>;

const KNOWN_ENTRIES: ReadonlySet<unknown> = new Set<AuditEntry['entry']>(['request', 'intent', 'outcome', 'denial']);
const KNOWN_VERSIONS: ReadonlySet<unknown> = new Set([AUDIT_SCHEMA_VERSION, BATCH_SCHEMA_VERSION]);
const LINE_FEED = 0x0a;
/** Longer than any line that the audit writes. */
const MAX_LINE_BYTES = 1024 * 1024;

/** Lists the files of the audit in a directory, oldest first. */
export async function auditFiles(directory: string): Promise<readonly string[]> {
  const names = (await readdir(directory)).filter((name) => name.startsWith('access-') && name.endsWith('.jsonl'));
  return names.sort().map((name) => resolve(directory, name));
}

/**
 * Reads accesses in the order in which they ended, those of one request alone where it is named; those that never did come
 * last. The memory it takes grows with the number of accesses in progress at a time, not with the files.
 */
export function readAudit(files: Iterable<string>, requestId?: string): AuditReading {
  const counts = { damaged: 0, unmatched: 0, skipped: 0 };
  return { counts, [Symbol.asyncIterator]: () => accesses(files, counts, requestId) };
}

type Counts = { -readonly [Name in keyof AuditReading['counts']]: number };

async function* accesses(
  files: Iterable<string>,
  counts: Counts,
  requestId: string | undefined,
): AsyncGenerator<AuditAccess, void, undefined> {
  // Of most lines nothing else has to be read.
  const wanted = requestId === undefined ? undefined : `"requestId":${JSON.stringify(requestId)}`;
  const callers = new Callers();
  const intents = new Map<string, Intent>();
  const outcomes = new Map<string, AuditOutcome>();

  function* joined(entry: ItemEntry): Generator<AuditAccess, void, undefined> {
    const id = accessId(entry);
    const intent = intents.get(id);
    if (entry.entry === 'denial') {
      // The intent of an access that failed because its intent was not acknowledged may be on disk all the same.
      intents.delete(id);
      yield* callers.complete({ ...entry, entry: 'access', endTime: entry.time });
    } else if (entry.entry === 'intent') {
      if (intent !== undefined) yield* callers.complete(interrupted(intent));
      const outcome = outcomes.get(id);
      if (outcome === undefined) intents.set(id, entry);
      else yield* callers.complete(join(entry, outcome));
      outcomes.delete(id);
    } else {
      if (intent === undefined) outcomes.set(id, entry);
      else yield* callers.complete(join(intent, entry));
      intents.delete(id);
    }
  }

  for (const file of files) {
    for await (const line of lines(file)) {
      if (wanted !== undefined && !line.includes(wanted)) continue;
      const entry = parse(line, counts);
      if (requestId !== undefined && entry?.requestId !== requestId) continue;
      if (entry?.entry === 'request') yield* callers.meet(entry);
      else if (entry !== undefined) yield* joined(entry);
    }
  }
  for (const intent of intents.values()) yield* callers.complete(interrupted(intent));
  counts.unmatched = outcomes.size + callers.waiting();
}

/** As it was read. */
type Request = AuditRequest & Pick<AuditAccess, 'clipped'>;

/** An access of which it may not be known yet who asked. */
type Uncalled = Omit<AuditAccess, keyof AuditCaller> & Partial<AuditCaller>;

/** Who asked for the items of requests. Each is forgotten when all its items have been told. */
class Callers {
  readonly #known = new Map<string, { readonly request: Request; left: number }>();
  readonly #waiting = new Map<string, Uncalled[]>();

  /** Takes what a request says of its caller; gives the items that were there before. */
  *meet(request: Request): Generator<AuditAccess, void, undefined> {
    const { requestId, items } = request;
    this.#known.set(requestId, { request, left: items });
    const waiting = this.#waiting.get(requestId) ?? [];
    this.#waiting.delete(requestId);
    for (const access of waiting) yield* this.complete(access);
  }

  /** Gives an access with its caller, now or when the request has been met. */
  *complete(access: Uncalled): Generator<AuditAccess, void, undefined> {
    if (isCalled(access)) {
      yield access;
      return;
    }
    const { requestId } = access;
    const known = this.#known.get(requestId);
    if (known === undefined) {
      const waiting = this.#waiting.get(requestId);
      if (waiting === undefined) this.#waiting.set(requestId, [access]);
      else waiting.push(access);
      return;
    }
    known.left -= 1;
    if (known.left <= 0) this.#known.delete(requestId);
    const clipped = [...(known.request.clipped ?? []), ...(access.clipped ?? [])];
    yield { ...known.request, ...access, ...(clipped.length === 0 ? {} : { clipped }) };
  }

  waiting(): number {
    return [...this.#waiting.values()].flat().length;
  }
}

const isCalled = (access: Uncalled): access is AuditAccess => access.subject !== undefined;

/** One request may be several accesses, each with its own number; without one it is one. */
function accessId({ requestId, item }: ItemEntry): string {
  return JSON.stringify([requestId, item]);
}

function join(intent: Intent, outcome: AuditOutcome): Uncalled {
  return { ...intent, ...outcome, entry: 'access', time: intent.time, endTime: outcome.time };
}

function interrupted(intent: Intent): Uncalled {
  return { ...intent, entry: 'access', result: 'interrupted' };
}

function parse(line: Buffer, counts: Counts): AuditEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8'));
  } catch {
    counts.damaged += 1;
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('v' in value) || !('entry' in value)) {
    counts.damaged += 1;
    return undefined;
  }
  if (value.entry === 'file') return undefined;
  if (!KNOWN_VERSIONS.has(value.v) || !KNOWN_ENTRIES.has(value.entry)) {
    counts.skipped += 1;
    return undefined;
  }
  return value as unknown as AuditEntry;
}

/** Splits at line feeds only: `node:readline` would also split at U+2028, which a key may hold. */
async function* lines(file: string): AsyncGenerator<Buffer, void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    let start = 0;
    let end = chunk.indexOf(LINE_FEED);
    while (end !== -1) {
      yield Buffer.concat([rest, chunk.subarray(start, end)]);
      rest = Buffer.alloc(0);
      start = end + 1;
      end = chunk.indexOf(LINE_FEED, start);
    }
    // Of a line that is too long its beginning is enough to be counted as damaged.
    if (rest.length < MAX_LINE_BYTES) rest = Buffer.concat([rest, chunk.subarray(start)]);
  }
  if (rest.length > 0) yield rest;
}
