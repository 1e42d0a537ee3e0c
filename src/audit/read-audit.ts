/**
 * Files of the audit -> accesses. What enters: files as a crash may have left them: torn last lines, blocks of zeros.
 * What leaves: one access per intent or denial, its outcome joined by request id and item; without one it is
 * `interrupted`.
 * It never takes half a line for a whole one, never fails on a damaged line: it counts it.
 */
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { AuditDenial, AuditIntent, AuditOutcome, OutcomeResult } from '../contracts/audit-sink.ts';
import { AUDIT_SCHEMA_VERSION } from './audit-line.ts';

/** An access as a whole. Absent are the fields of an outcome that was never recorded. */
export type AuditAccess = Omit<AuditIntent, 'entry'> &
  Partial<Omit<AuditOutcome, 'entry' | 'time' | 'requestId' | 'result'>> & {
    readonly entry: 'access';
    readonly result: OutcomeResult | 'interrupted';
    /** When the outcome was recorded. */
    readonly endTime?: string;
  };

export interface AuditReading extends AsyncIterable<AuditAccess> {
  /** Grows while reading. */
  readonly counts: {
    /** Lines that are no whole entry. */
    readonly damaged: number;
    /** Outcomes whose intent is in none of the files. */
    readonly unmatched: number;
    /** Entries of another kind or schema version. */
    readonly skipped: number;
  };
}

type Entry = AuditIntent | AuditOutcome | AuditDenial;

const KNOWN_ENTRIES: ReadonlySet<unknown> = new Set<Entry['entry']>(['intent', 'outcome', 'denial']);
const LINE_FEED = 0x0a;
/** Longer than any line that the audit writes. */
const MAX_LINE_BYTES = 1024 * 1024;

/** Lists the files of the audit in a directory, oldest first. */
export async function auditFiles(directory: string): Promise<readonly string[]> {
  const names = (await readdir(directory)).filter((name) => name.startsWith('access-') && name.endsWith('.jsonl'));
  return names.sort().map((name) => resolve(directory, name));
}

/**
 * Reads accesses in the order in which they ended; those that never did come last. The memory it takes grows with the
 * number of accesses under way at a time, not with the files.
 */
export function readAudit(files: Iterable<string>): AuditReading {
  const counts = { damaged: 0, unmatched: 0, skipped: 0 };
  return { counts, [Symbol.asyncIterator]: () => accesses(files, counts) };
}

type Counts = { -readonly [Name in keyof AuditReading['counts']]: number };

async function* accesses(files: Iterable<string>, counts: Counts): AsyncGenerator<AuditAccess, void, undefined> {
  const intents = new Map<string, AuditIntent>();
  const outcomes = new Map<string, AuditOutcome>();
  for (const file of files) {
    for await (const line of lines(file)) {
      const entry = parse(line, counts);
      if (entry === undefined) continue;
      const id = accessId(entry);
      if (entry.entry === 'denial') {
        // The intent of an access that failed because its intent was not acknowledged may be on disk all the same.
        intents.delete(id);
        yield { ...entry, entry: 'access', endTime: entry.time };
      } else if (entry.entry === 'intent') {
        const earlier = intents.get(id);
        if (earlier !== undefined) yield interrupted(earlier);
        const outcome = outcomes.get(id);
        if (outcome === undefined) intents.set(id, entry);
        else yield join(entry, outcome);
        outcomes.delete(id);
      } else {
        const intent = intents.get(id);
        if (intent === undefined) outcomes.set(id, entry);
        else yield join(intent, entry);
        intents.delete(id);
      }
    }
  }
  counts.unmatched = outcomes.size;
  for (const intent of intents.values()) yield interrupted(intent);
}

/** One request may be several accesses, each with its own number; without one it is one. */
function accessId({ requestId, item }: Entry): string {
  return JSON.stringify([requestId, item]);
}

function join(intent: AuditIntent, outcome: AuditOutcome): AuditAccess {
  return { ...intent, ...outcome, entry: 'access', time: intent.time, endTime: outcome.time };
}

function interrupted(intent: AuditIntent): AuditAccess {
  return { ...intent, entry: 'access', result: 'interrupted' };
}

function parse(line: Buffer, counts: Counts): Entry | undefined {
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
  if (value.v !== AUDIT_SCHEMA_VERSION || !KNOWN_ENTRIES.has(value.entry)) {
    counts.skipped += 1;
    return undefined;
  }
  return value as unknown as Entry;
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
