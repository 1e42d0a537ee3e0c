/**
 * What the commands that revoke have in common: configuration, reasons and ends of entries, the meaning of names, and
 * failures as one line.
 */
import { InvalidArgumentError } from 'commander';
import type { Config } from '../../config/config.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { openRevocationEditor, type RevocationEditor } from '../../compose/revocation-editor.ts';
import { describeRevoked } from '../../revocation/describe.ts';
import { isText } from '../../lists/line.ts';
import { ListStoreError } from '../../lists/list-store.ts';
import { MAX_TEXT, type Entry } from '../../revocation/entry.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { readConfig } from '../read-config.ts';

export const EXIT_CODES = '\n\nExit codes: 0 done, 1 failed, 2 usage or configuration.';

type RevocableConfig = Parameters<typeof openRevocationEditor>[0];

/** Runs a command with the editor. @throws CommandError */
export async function withEditor(
  io: CommandIo,
  { config: path, writes }: { readonly config?: string | undefined; readonly writes: boolean },
  run: (editor: RevocationEditor, config: Config) => Promise<void>,
): Promise<void> {
  const config = await readConfig(io, path);
  if (!isRevocable(config)) {
    throw new CommandError(`${path} has no \`revocation\` section: gateways would not hear of it`, 2);
  }
  try {
    const options = { user: io.user(), pid: io.pid, logStream: io.stderr, writes };
    const editor = await openRevocationEditor(config, options);
    try {
      await run(editor, config);
    } finally {
      await editor.close();
    }
  } catch (error) {
    throw asOneLine(error);
  }
}

/** Gives what went wrong with a list or its record as one line; anything else as it is. */
export function asOneLine(error: unknown): unknown {
  if (error instanceof ListStoreError) return new CommandError(withCode(error));
  if (error instanceof GatewayError) return new CommandError(`${error.code}: ${error.detail ?? error.row.message}`);
  return error;
}

function isRevocable(config: Config): config is RevocableConfig {
  return config.revocation !== undefined;
}

/** The code of the system where there is one; what another program said in words is not repeated. */
function withCode({ message, cause }: ListStoreError): string {
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? ` (${cause.code})` : '';
  return `${message}${code}`;
}

const SPAN = /^(\d{1,6})([smhd])$/;
const SPAN_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** A zone must be named, or one machine's noon is another one's. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/;

/** Reads a time such as `2026-05-01T12:00:00Z`. */
function time(text: string): number {
  const timeMs = TIME.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(timeMs)) throw new InvalidArgumentError('It must be a time with its zone: 2026-05-01T12:00:00Z.');
  return timeMs;
}

/** Reads a time, or `now`. */
export function timeOrNow(text: string): number | 'now' {
  return text === 'now' ? 'now' : time(text);
}

/** Reads a time, or a span from now such as `12h` or `30d`. */
export function end(text: string): number {
  const spanMs = spanOf(text);
  return spanMs === undefined ? time(text) : Date.now() + spanMs;
}

/** Gives the milliseconds of a span such as `12h` or `30d`; `undefined` where it is none. */
export function spanOf(text: string): number | undefined {
  const [, count, unit = ''] = SPAN.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * (SPAN_MS[unit] ?? 0);
}

/** Reads a reason. */
export function reason(text: string): string {
  if (isText(text, MAX_TEXT.reason)) return text;
  throw new InvalidArgumentError(`It must be one line of 1 to ${MAX_TEXT.reason} characters.`);
}

/** Says an entry in one line. */
export function entryText({ id, revoked, expiresAtMs }: Entry): string {
  const until = expiresAtMs === undefined ? 'for good' : `until ${new Date(expiresAtMs).toISOString()}`;
  return `${id.slice(0, 12)}  ${describeRevoked(revoked)}, ${until}`;
}

/** An entry as JSON for programs. */
export function entryJson({ id, revoked, atMs, by, reason: why, expiresAtMs }: Entry): object {
  const { kind, ...rest } = revoked;
  return {
    ...{ id, kind },
    ...('beforeMs' in rest ? { ...rest, beforeMs: undefined, before: new Date(rest.beforeMs).toISOString() } : rest),
    at: new Date(atMs).toISOString(),
    by,
    reason: why,
    expires: expiresAtMs === undefined ? undefined : new Date(expiresAtMs).toISOString(),
  };
}
