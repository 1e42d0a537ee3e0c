/**
 * The service's own log: JSON, one line each, through winston. What enters: messages with fields that hold no secret, and
 * errors. What leaves: redacted lines on one stream. It never blocks a request, never queues without bound, and never
 * fails the service when nobody reads it.
 */
import { Writable } from 'node:stream';
import { createLogger, format, transports } from 'winston';
import { LOG_EVENTS, type LogEvent, type RequestLogEvent } from '../contracts/log-events.ts';
import type { TraceIds } from '../contracts/tracing.ts';
import { describeError } from './describe-error.ts';
import { redactField, redactText } from './redact.ts';

/** The more, the later. */
const LEVELS = ['error', 'warn', 'info', 'debug'] as const;

export type LogLevel = (typeof LEVELS)[number];
export type LogFields = Readonly<Record<string, unknown>>;

export interface LogOptions {
  readonly stream: NodeJS.WritableStream;
  readonly level: LogLevel;
  /** Which of several workers this is; absent: the primary of them. */
  readonly worker?: number;
  /** Where what is being worked on stands in a trace. */
  readonly trace?: () => TraceIds | undefined;
}

/** No line is without the name of what it tells. */
export interface Log {
  readonly enabled: (level: LogLevel) => boolean;
  readonly write: (level: LogLevel, event: LogEvent | RequestLogEvent, message: string, fields?: LogFields) => void;
  readonly event: (event: LogEvent, fields?: LogFields) => void;
  /** Resolves when the stream has taken every line so far; without it an exit loses them. */
  readonly flush: () => Promise<void>;
}

/** Of a reader slower than the log, this many lines are kept waiting; the rest is counted. */
const MAX_PENDING_LINES = 10_000;

interface Line {
  readonly level: LogLevel;
  readonly event: string;
  readonly message: string;
  readonly trace: TraceIds | undefined;
  readonly fields: LogFields;
}

/** Makes a log onto a stream. An `error` field is described with its causes, its stack only at level debug. */
export function createLog({ stream, level, worker, trace }: LogOptions): Log {
  let pending = 0;
  let dropped = 0;
  let flushed: PromiseWithResolvers<void> | undefined;

  const drained = (): void => {
    pending -= 1;
    if (pending > 0) return;
    flushed?.resolve();
    flushed = undefined;
  };
  const counted = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      stream.write(chunk, () => {
        drained();
        done();
      });
    },
  });
  // A reader that has gone away (EPIPE) must not take the service with it.
  if (stream.listenerCount('error') === 0) stream.on('error', () => undefined);

  const render = (line: Line): string => {
    const time = new Date().toISOString();
    const message = redactText(line.message);
    const own = {
      ...{ time, level: line.level, event: line.event, message, ...line.trace },
      ...(worker === undefined ? {} : { worker }),
    };
    return JSON.stringify({ ...own, ...fieldsOf(line.fields, level === 'debug'), ...own });
  };
  const logger = createLogger({
    level,
    format: format.printf((info) => render(info as unknown as Line)),
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- typed as an interface by winston
    transports: [new transports.Stream({ stream: counted, eol: '\n' })],
  });

  const most = LEVELS.indexOf(level);
  const enabled = (wanted: LogLevel): boolean => LEVELS.indexOf(wanted) <= most;
  const write: Log['write'] = (wanted, event, message, fields = {}) => {
    if (!enabled(wanted)) return;
    if (pending >= MAX_PENDING_LINES) {
      dropped += 1;
      return;
    }
    pending += 1;
    const told = dropped === 0 ? fields : { ...fields, droppedBefore: dropped };
    const line: Line = { level: wanted, event, message, trace: trace?.(), fields: told };
    dropped = 0;
    logger.log(line);
  };

  return {
    enabled,
    write,
    event: (event, fields) => write(LOG_EVENTS[event].level, event, LOG_EVENTS[event].message, fields),
    flush: () => (pending === 0 ? Promise.resolve() : (flushed ??= Promise.withResolvers()).promise),
  };
}

function fieldsOf(fields: LogFields, withStack: boolean): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      redactField(name, value instanceof Error ? describeError(value, withStack) : value),
    ]),
  );
}
