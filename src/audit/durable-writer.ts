/**
 * Group commit. What enters: complete lines. What leaves: promises that resolve when their line is on stable storage.
 * Lines that arrive while a write is in progress go together into the next one.
 * It never acknowledges what may not be on disk, never writes to a file after a failure in it (after a failed sync the
 * kernel may call the lost pages clean, and a torn line must stay a file's last), never queues without bound.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import type { AuditStatus } from '../contracts/audit-sink.ts';
import type { Clock } from '../contracts/clock.ts';
import type { Observer } from '../contracts/observer.ts';
import { createSingleFlight } from '../platform/single-flight.ts';
import { auditFileName, type Appended, type AuditFile, type AuditFiles } from './audit-files.ts';

export interface DurableWriterOptions {
  readonly directory: string;
  /** Begins the name of every file, such as `access`. */
  readonly prefix: string;
  readonly worker: number;
  readonly pid: number;
  readonly files: AuditFiles;
  readonly clock: Clock;
  readonly observer: Pick<Observer, 'event'>;
  /** A file that has grown over this, or over midnight UTC, is followed by a new one at the next sample. */
  readonly maxFileBytes: number;
  readonly maxQueuedEntries: number;
  readonly maxQueuedBytes: number;
  /** Below this much free space only lines that may use the reserve are taken. */
  readonly minFreeBytes: number;
  /** A write that is in progress for this many samples counts as stalled. */
  readonly stallSamples: number;
  /** Told how long a group waited and was written. */
  readonly committed?: (durationMs: number) => void;
}

interface Batch {
  text: string;
  entries: number;
  sizeBytes: number;
  /** By the clock of `performance`. */
  readonly sinceMs: number;
  readonly done: PromiseWithResolvers<void>;
}

interface OpenFile {
  readonly file: AuditFile;
  readonly day: number;
  sizeBytes: number;
}

type Cause = 'start' | 'rotation' | 'recovery';

const MS_PER_DAY = 86_400_000;
/** Free space must rise this far over the reserve before service resumes, so that it does not flap. */
const RESUME_FACTOR = 1.1;
const NAME_ATTEMPTS = 100;
const STALLED = 'the disk of the audit does not answer';

/** Appends lines durably to a sequence of files in one directory. */
export class DurableWriter {
  readonly #options: DurableWriterOptions;
  #open: OpenFile | undefined;
  #successor: OpenFile | undefined;
  readonly #replacing = createSingleFlight();
  #sequence = 0;
  #queued: Batch | undefined;
  #current: Batch | undefined;
  #isDraining = false;
  /** For who waits until nothing is queued any more. */
  #drained: PromiseWithResolvers<void> | undefined;
  #samplesWithoutProgress = 0;
  #sampling = false;
  #freeBytes = Number.POSITIVE_INFINITY;
  #low = false;
  #stalled = false;
  #closed = false;
  #failure: string | undefined;

  private constructor(options: DurableWriterOptions) {
    this.#options = options;
  }

  /** Prepares the directory and makes the first file durable. @throws GatewayError AuditUnavailable */
  static async open(options: DurableWriterOptions): Promise<DurableWriter> {
    const writer = new DurableWriter(options);
    try {
      await writer.#replace('start');
      await writer.#measure();
    } catch (error) {
      throw unavailable('the audit cannot be opened', error);
    }
    return writer;
  }

  /**
   * Resolves when the line is durable. `fromReserve` marks a line that completes an access already in progress: it may
   * use the disk's reserve and a second helping of the queue, so that what was begun can be concluded on record.
   * @throws GatewayError AuditUnavailable
   */
  append(line: string, fromReserve = false): Promise<void> {
    const sizeBytes = Buffer.byteLength(line);
    const refusal = this.refusal(fromReserve, sizeBytes);
    if (refusal !== undefined) return Promise.reject(unavailable(refusal));
    const batch = (this.#queued ??= {
      text: '',
      entries: 0,
      sizeBytes: 0,
      sinceMs: performance.now(),
      done: Promise.withResolvers(),
    });
    batch.text += line;
    batch.entries += 1;
    batch.sizeBytes += sizeBytes;
    if (!this.#isDraining) {
      this.#isDraining = true;
      // Everyone whom one group releases comes back in the same turn of the event loop: they form the next group.
      setImmediate(this.#writeNext);
    }
    return batch.done.promise;
  }

  /** Says why a line would not be taken now; `undefined`: it would. */
  refusal(fromReserve = false, sizeBytes = 0): string | undefined {
    const { maxQueuedEntries, maxQueuedBytes, minFreeBytes } = this.#options;
    if (this.#closed) return 'the audit is closed';
    if (this.#failure !== undefined) return this.#failure;
    if (this.#stalled) return STALLED;
    if (this.#low && !fromReserve) return `less than ${minFreeBytes} bytes are free on the disk of the audit`;
    const share = fromReserve ? 2 : 1;
    const queued = this.#queued;
    if (queued === undefined) return undefined;
    const full = queued.entries >= maxQueuedEntries * share || queued.sizeBytes + sizeBytes > maxQueuedBytes * share;
    return full ? 'the queue of the audit is full' : undefined;
  }

  /** Bytes free on the disk at the last sample. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  status(): AuditStatus {
    const oldest = this.#current ?? this.#queued;
    return {
      freeBytes: this.#freeBytes,
      minFreeBytes: this.#options.minFreeBytes,
      queuedEntries: this.#queued?.entries ?? 0,
      lagMs: oldest === undefined ? 0 : performance.now() - oldest.sinceMs,
    };
  }

  /** Looks at the disk once: stalls, free space, rotation, a deleted file, recovery. A timer calls it; never rejects. */
  async sample(): Promise<void> {
    this.#checkStall();
    if (this.#sampling || this.#closed) return;
    this.#sampling = true;
    try {
      await this.#measure();
    } catch (error) {
      this.#options.observer.event('audit_disk_unreadable', { error: messageOf(error) });
    }
    try {
      const cause = await this.#replacementCause();
      if (cause !== undefined) await this.#replace(cause);
    } catch (error) {
      this.#options.observer.event('audit_rotation_failed', { error: messageOf(error) });
    }
    this.#sampling = false;
    if (!this.#isDraining) this.#progress();
  }

  /** Takes no more lines, writes what is queued and closes the file. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#isDraining) await (this.#drained ??= Promise.withResolvers()).promise;
    await this.#replacing.inFlight()?.catch(() => undefined);
    this.#adopt();
    await this.#open?.file.close();
    this.#open = undefined;
  }

  /** Writes what is queued as one group. By callbacks: one promise serves all who wait for a group. */
  readonly #writeNext = (): void => {
    const batch = this.#queued;
    if (batch === undefined) {
      this.#isDraining = false;
      this.#drained?.resolve();
      return;
    }
    this.#queued = undefined;
    this.#adopt();
    this.#current = batch;
    if (this.#open === undefined) this.#failed(new Error('no file is open'));
    else writeAll(this.#open, batch.text, this.#written);
  };

  readonly #written = (error: Error | undefined): void => {
    if (error !== undefined) {
      this.#failed(error);
      return;
    }
    if (this.#current !== undefined) {
      this.#options.committed?.(performance.now() - this.#current.sinceMs);
      this.#current.done.resolve();
    }
    this.#current = undefined;
    this.#progress();
    this.#writeNext();
  };

  #failed(error: Error): void {
    this.#current?.done.reject(unavailable('the write failed', error));
    this.#current = undefined;
    void this.#recover(error).then(() => {
      this.#progress();
      this.#writeNext();
    });
  }

  /** Leaves the file in which a write failed and tries a new one; whoever waits is refused if that fails too. */
  async #recover(cause: unknown): Promise<void> {
    const broken = this.#open;
    this.#open = undefined;
    this.#failure = `the last write failed: ${messageOf(cause)}`;
    const fields = { error: messageOf(cause), file: broken?.file.name ?? '' };
    this.#options.observer.event('audit_write_failed', fields);
    await broken?.file.close().catch(() => undefined);
    try {
      await this.#replace('recovery');
    } catch (error) {
      this.#failure = `no new file can be opened: ${messageOf(error)}`;
      this.#rejectQueued(this.#failure);
    }
  }

  #rejectQueued(reason: string): void {
    this.#queued?.done.reject(unavailable(reason));
    this.#queued = undefined;
  }

  /** Opens a successor, one at a time, and takes it into use as soon as no write is in progress. */
  async #replace(cause: Cause): Promise<void> {
    if (this.#successor === undefined) await this.#replacing.join(() => this.#openSuccessor(cause));
    if (this.#current === undefined) this.#adopt();
  }

  async #openSuccessor(cause: Cause): Promise<void> {
    const { files, directory, clock, worker, pid } = this.#options;
    await files.prepare(directory);
    const nowMs = clock.now();
    const successor = { file: await this.#create(nowMs), day: Math.floor(nowMs / MS_PER_DAY), sizeBytes: 0 };
    // Proves that the disk writes. And where files are read as one stream, a torn last line runs into this line only.
    const time = new Date(nowMs).toISOString();
    const header = { v: 1, entry: 'file', time, worker, pid, sequence: this.#sequence, cause };
    try {
      await new Promise<void>((resolve, reject) => {
        writeAll(successor, `${JSON.stringify(header)}\n`, (error) => {
          if (error === undefined) resolve();
          else reject(error);
        });
      });
    } catch (error) {
      await successor.file.close().catch(() => undefined);
      // Nothing in it was acknowledged; while a disk stays full, empty files must not pile up.
      await files.remove(directory, successor.file.name).catch(() => undefined);
      throw error;
    }
    this.#successor = successor;
  }

  async #create(nowMs: number): Promise<AuditFile> {
    const { files, directory, prefix, worker, pid } = this.#options;
    for (let attempt = 1; ; attempt++) {
      this.#sequence += 1;
      try {
        return await files.create(directory, auditFileName(prefix, nowMs, worker, pid, this.#sequence), true);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt === NAME_ATTEMPTS) throw error;
      }
    }
  }

  /** Must not be called while a write is in progress: another file could be given the number of a closed descriptor. */
  #adopt(): void {
    const successor = this.#successor;
    if (successor === undefined) return;
    if (this.#failure !== undefined) {
      this.#options.observer.event('audit_write_recovered', { file: successor.file.name });
    }
    void this.#open?.file.close().catch(() => undefined);
    this.#open = successor;
    this.#successor = undefined;
    this.#failure = undefined;
  }

  async #replacementCause(): Promise<Cause | undefined> {
    const { observer, clock, maxFileBytes } = this.#options;
    const open = this.#open;
    if (open === undefined || this.#failure !== undefined) return 'recovery';
    if (!(await open.file.isLinked())) {
      this.#failure = 'the file of the audit was deleted';
      observer.event('audit_file_deleted', { file: open.file.name });
      this.#rejectQueued(this.#failure);
      return 'recovery';
    }
    const aged = Math.floor(clock.now() / MS_PER_DAY) !== open.day;
    return aged || open.sizeBytes > maxFileBytes ? 'rotation' : undefined;
  }

  async #measure(): Promise<void> {
    const { files, directory, minFreeBytes, observer } = this.#options;
    this.#freeBytes = await files.freeBytes(directory);
    const low = this.#freeBytes < (this.#low ? minFreeBytes * RESUME_FACTOR : minFreeBytes);
    const fields = { freeBytes: this.#freeBytes, minFreeBytes };
    if (low && !this.#low) observer.event('audit_disk_low', fields);
    if (!low && this.#low) observer.event('audit_disk_recovered', fields);
    this.#low = low;
  }

  /** A disk that neither fails nor answers must not hold requests forever. */
  #checkStall(): void {
    if (!this.#isDraining && !this.#sampling) return;
    this.#samplesWithoutProgress += 1;
    if (this.#samplesWithoutProgress <= this.#options.stallSamples) return;
    if (!this.#stalled) this.#options.observer.event('audit_disk_stalled');
    this.#stalled = true;
    this.#current?.done.reject(unavailable(STALLED));
    this.#rejectQueued(STALLED);
  }

  #progress(): void {
    if (this.#stalled) this.#options.observer.event('audit_disk_responding');
    this.#stalled = false;
    this.#samplesWithoutProgress = 0;
  }
}

function writeAll(open: OpenFile, text: string, done: (error: Error | undefined) => void): void {
  const bytes = Buffer.from(text);
  let offset = 0;
  const appended: Appended = (error, writtenBytes) => {
    if (error !== null || writtenBytes <= 0) {
      done(error ?? new Error('the disk took no bytes'));
      return;
    }
    offset += writtenBytes;
    open.sizeBytes += writtenBytes;
    if (offset < bytes.length) open.file.append(bytes.subarray(offset), appended);
    else done(undefined);
  };
  open.file.append(bytes, appended);
}

function unavailable(detail: string, cause?: unknown): GatewayError {
  const reason = cause === undefined ? detail : `${detail}: ${messageOf(cause)}`;
  return new GatewayError('AuditUnavailable', { detail: reason, cause });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown';
}
