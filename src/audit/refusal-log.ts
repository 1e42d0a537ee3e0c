/**
 * Refusals before an identity was known, beside the audit. What enters: anything an anonymous flood can cause.
 * What leaves: a capped number of lines per second into a ring of files of capped total size, and counts of the rest.
 * It never blocks, never throws, never takes the last space from the audit.
 */
import type { AuditRefusal } from '../contracts/audit-sink.ts';
import type { Clock } from '../contracts/clock.ts';
import { createSingleFlight } from '../platform/single-flight.ts';
import { auditFileName, type AuditFile, type AuditFiles } from './audit-files.ts';
import { AUDIT_SCHEMA_VERSION, refusalLine } from './audit-line.ts';

export interface RefusalLogOptions {
  readonly directory: string;
  readonly worker: number;
  readonly pid: number;
  readonly files: AuditFiles;
  readonly clock: Clock;
  /** Tells whether the disk has space to spare beyond what the audit needs. */
  readonly hasSpace: () => boolean;
  readonly refusalsPerSecond: number;
  readonly refusalBurst: number;
  /** All files of one worker together. */
  readonly maxRefusalBytes: number;
  /** How many ticks lie between two lines that count what was dropped, and after a failure until the next attempt. */
  readonly summaryTicks: number;
}

const PREFIX = 'refusals';
/** One file is this part of the whole: the ring drops its oldest eighth at a time. */
const FILES_IN_RING = 8;
const MAX_BUFFERED_LINES = 1000;

/** Writes refusals without promising anything. */
export class RefusalLog {
  readonly #options: RefusalLogOptions;
  #tokens: number;
  #refilledAtMs: number;
  #lines: string[] = [];
  #dropped = 0;
  #ticks = 0;
  #pausedUntilTick = 0;
  #file: AuditFile | undefined;
  #fileBytes = 0;
  #sequence = 0;
  readonly #writing = createSingleFlight();

  constructor(options: RefusalLogOptions) {
    this.#options = options;
    this.#tokens = options.refusalBurst;
    this.#refilledAtMs = options.clock.now();
  }

  /** Keeps the refusal for the next tick, or counts it as dropped. */
  refuse(refusal: AuditRefusal): void {
    if (!this.#takeToken() || this.#lines.length >= MAX_BUFFERED_LINES || !this.#options.hasSpace()) this.#dropped += 1;
    else this.#lines.push(refusalLine(refusal));
  }

  /** Writes what has come in since the last tick; a timer calls it. */
  async tick(): Promise<void> {
    this.#ticks += 1;
    if (this.#ticks % this.#options.summaryTicks === 0) this.#summarise();
    await this.#writing.join(() => this.#write());
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    await this.#writing.inFlight();
    this.#summarise();
    await this.tick();
    await this.#file?.close().catch(() => undefined);
    this.#file = undefined;
  }

  #takeToken(): boolean {
    const { clock, refusalsPerSecond, refusalBurst } = this.#options;
    const nowMs = clock.now();
    const gained = (Math.max(0, nowMs - this.#refilledAtMs) * refusalsPerSecond) / 1000;
    this.#refilledAtMs = nowMs;
    this.#tokens = Math.min(refusalBurst, this.#tokens + gained);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  #summarise(): void {
    if (this.#dropped === 0 || !this.#options.hasSpace()) return;
    const time = new Date(this.#options.clock.now()).toISOString();
    const fields = { v: AUDIT_SCHEMA_VERSION, entry: 'refusals-dropped', time, count: this.#dropped };
    this.#lines.push(`${JSON.stringify(fields)}\n`);
    this.#dropped = 0;
  }

  async #write(): Promise<void> {
    if (this.#lines.length === 0 || this.#ticks < this.#pausedUntilTick) return;
    const lines = this.#lines;
    this.#lines = [];
    try {
      const bytes = Buffer.from(lines.join(''));
      const file = await this.#fileFor(bytes.length);
      const written = await append(file, bytes);
      if (written !== bytes.length) throw new Error('the disk is full');
      this.#fileBytes += written;
    } catch {
      // A torn line stays the last of its file.
      this.#dropped += lines.length;
      this.#pausedUntilTick = this.#ticks + this.#options.summaryTicks;
      await this.#file?.close().catch(() => undefined);
      this.#file = undefined;
    }
  }

  async #fileFor(sizeBytes: number): Promise<AuditFile> {
    const { files, directory, clock, worker, pid, maxRefusalBytes } = this.#options;
    if (this.#file !== undefined && this.#fileBytes + sizeBytes <= maxRefusalBytes / FILES_IN_RING) return this.#file;
    await this.#file?.close();
    this.#file = undefined;
    await this.#evictOldest();
    this.#sequence += 1;
    const name = auditFileName(PREFIX, clock.now(), worker, pid, this.#sequence);
    this.#file = await files.create(directory, name, false);
    this.#fileBytes = 0;
    return this.#file;
  }

  /** Deletes this worker's oldest files, those of its earlier lives included, until one more file fits. */
  async #evictOldest(): Promise<void> {
    const { files, directory, worker, maxRefusalBytes } = this.#options;
    const own = (await files.list(directory, `${PREFIX}-`)).filter(({ name }) => name.includes(`-w${worker}-`));
    let totalBytes = own.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    let count = own.length;
    for (const { name, sizeBytes } of own) {
      // The count is bounded as well: a disk that stays full leaves files of no size behind.
      if (totalBytes <= maxRefusalBytes * (1 - 1 / FILES_IN_RING) && count < 2 * FILES_IN_RING) return;
      await files.remove(directory, name);
      totalBytes -= sizeBytes;
      count -= 1;
    }
  }
}

function append(file: AuditFile, bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    file.append(bytes, (error, written) => {
      if (error === null) resolve(written);
      else reject(error);
    });
  });
}
