/**
 * What the operators' commands have in common: the configuration, the locations that they name, progress on stderr, a clean
 * stop on Ctrl-C, and failures as one line.
 */
import { InvalidArgumentError } from 'commander';
import { GatewayError } from '../../errors/gateway-error.ts';
import type { OperatorSession } from '../../operate/operator-session.ts';
import { parseLocation, locationName, type Location } from '../../operate/location.ts';
import type { Progress } from '../../operate/progress.ts';
import { UncheckedStore } from '../../operate/write-preconditions.ts';
import { createOperator, type Operator } from '../../compose/operator.ts';
import type { Verb } from '../../s3/operations/verb.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { createProgressLine } from './progress-line.ts';
import { readConfig } from '../read-config.ts';

/** What looking at objects needs below a prefix. */
export const READING: readonly Verb[] = ['GET', 'GET_VERSION', 'GET_LOCK', 'LIST', 'LIST_VERSIONS'];
/** What writing them anew needs beside. */
export const REWRITING: readonly Verb[] = [...READING, 'PUT', 'GET_TAGS', 'PUT_TAGS'];

export interface Run {
  readonly operator: Operator;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** Whether a count beforehand is worth its requests: somebody is looking. */
  readonly countFirst: boolean;
}

/** Runs a command on its composition, and takes that down again. @throws CommandError */
export async function runOperator(
  io: CommandIo,
  { config, writes }: { readonly config?: string | undefined; readonly writes: boolean },
  run: (run: Run) => Promise<void>,
): Promise<void> {
  const control = new AbortController();
  const stop = (): void => {
    // A second one does not wait for what is in progress.
    if (control.signal.aborted) io.exit(1);
    control.abort();
    io.stderr.write('\nstopping: what is in progress is finished first\n');
  };
  io.onSignal('SIGINT', stop);
  io.onSignal('SIGTERM', stop);
  const loaded = await readConfig(io, config);
  const line = createProgressLine(io.stderr);
  try {
    const operator = await createOperator(loaded, { user: io.user(), pid: io.pid, logStream: io.stderr, writes });
    try {
      await run({ operator, signal: control.signal, progress: line, countFirst: line.isLive });
    } finally {
      line.end();
      await operator.close();
    }
  } catch (error) {
    if (error instanceof UncheckedStore) throw new CommandError(error.message);
    if (error instanceof GatewayError) throw new CommandError(`${error.code}: ${error.detail ?? error.row.message}`);
    throw error;
  }
}

/** Opens a location that was named. @throws CommandError (2) */
export function openLocation({ operator }: Run, location: Location, verbs: readonly Verb[]): OperatorSession {
  const opened = operator.open(location, verbs);
  if (opened === undefined)
    throw new CommandError(`${locationName(location)}: no bucket ${location.bucket} is configured`, 2);
  return opened;
}

/** Reads `s3://bucket/prefix` of the command line. */
export function parsed(text: string): Location {
  const parsed = parseLocation(text);
  if (parsed === undefined) throw new InvalidArgumentError('It must be s3://bucket or s3://bucket/prefix.');
  return parsed;
}

/** Reads several. */
export function parsedList(text: string, before: readonly Location[] | undefined): readonly Location[] {
  return [...(before ?? []), parsed(text)];
}

const MAX_CONCURRENCY = 64;

export function concurrency(text: string): number {
  const value = Number(text);
  if (/^\d{1,2}$/.test(text) && value >= 1 && value <= MAX_CONCURRENCY) return value;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${MAX_CONCURRENCY}.`);
}

/** Writes a report and sets the exit code. */
export function finish(io: CommandIo, json: boolean, report: object, text: string, succeeded: boolean): void {
  io.stdout.write(json ? `${JSON.stringify(report)}\n` : text);
  io.setExitCode(succeeded ? 0 : 1);
}
