/** What the commands about grants have in common: configuration, ids, how a grant is said, and failures as one line. */
import { openGrantEditor, type GrantEditor, type GrantingConfig } from '../../compose/grant-editor.ts';
import type { Config } from '../../config/config.ts';
import { GrantRefused } from '../../grants/changes.ts';
import { describeGrant } from '../../grants/describe.ts';
import { endOf, stateOf, type GrantEntry } from '../../grants/entry.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { readConfig } from '../read-config.ts';
import { asOneLine } from './revocation-command.ts';

/** Runs a command with the editor. @throws CommandError */
export async function withGrants(
  io: CommandIo,
  { config: path, writes }: { readonly config?: string | undefined; readonly writes: boolean },
  run: (editor: GrantEditor, config: GrantingConfig) => Promise<void>,
): Promise<void> {
  const config = await readConfig(io, path);
  if (!isGranting(config)) {
    throw new CommandError(`${path} has no \`policies.grants\`: gateways would obey no grant; see docs/grants.md`, 2);
  }
  try {
    const editor = await openGrantEditor(config, { user: io.user(), pid: io.pid, logStream: io.stderr, writes });
    try {
      await run(editor, config);
    } finally {
      await editor.close();
    }
  } catch (error) {
    if (error instanceof GrantRefused) throw new CommandError(error.message);
    throw asOneLine(error);
  }
}

function isGranting(config: Config): config is GrantingConfig {
  return config.revocation !== undefined && config.policies.grants !== undefined;
}

const ID_START = /^(?:grant\/)?([0-9a-f]{6,16})$/;

/** Reads an id, also as the audit has it: `grant/<id>`. @throws CommandError (2) */
export function idStart(text: string): string {
  const [, id] = ID_START.exec(text) ?? [];
  if (id === undefined) throw new CommandError('an id is 16 hex digits; name at least the first 6', 2);
  return id;
}

const iso = (timeMs: number): string => new Date(timeMs).toISOString();

/** Says a grant in one line, and what has become of it. */
export function grantText(entry: GrantEntry, nowMs: number): string {
  return `${entry.id}  ${describeGrant(entry)}, ${stateText(entry, nowMs)}`;
}

function stateText(entry: GrantEntry, nowMs: number): string {
  const { approvers, requested, closed } = entry;
  const state = stateOf(entry, nowMs);
  if (state === 'active') return `until ${iso(endOf(entry))}`;
  if (state === 'lapsed') return `lapsed at ${iso(endOf(entry))}`;
  if (closed !== undefined) return `${state} at ${iso(closed.atMs)} by ${closed.by}`;
  const others = approvers.filter((name) => name !== requested.by).join(' or ');
  return `pending until ${iso(endOf(entry))}: ${others} has to approve it`;
}

/** A grant as JSON for programs. */
export function grantJson(entry: GrantEntry, nowMs: number): object {
  const { id, issuer, subject, verbs, bucket, scope, seconds, reason, approvers, requested, approved, closed } = entry;
  return {
    ...{ id, state: stateOf(entry, nowMs), issuer, subject, verbs, bucket, ...scope, seconds, reason, approvers },
    ends: iso(endOf(entry)),
    requested: { at: iso(requested.atMs), by: requested.by },
    approved: approved && { at: iso(approved.atMs), by: approved.by },
    closed: closed && { at: iso(closed.atMs), by: closed.by, how: closed.how, reason: closed.reason },
  };
}
