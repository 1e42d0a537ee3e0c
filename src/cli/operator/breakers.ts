/** `sallyport breakers`: whose budgets were spent where that stops them, and the step that lets them go on. See docs/guardrails.md. */
import type { Command } from 'commander';
import { openBreakerEditor, type BreakerEditor, type GuardedConfig } from '../../compose/breaker-editor.ts';
import type { Config } from '../../config/config.ts';
import { isOpen, type Breaker } from '../../guardrails/breaker.ts';
import { describeBreaker } from '../../guardrails/words.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { CONFIG_OPTION, readConfig } from '../read-config.ts';
import { asOneLine, EXIT_CODES, reason } from './revocation-command.ts';

interface ListFlags {
  readonly config?: string;
  readonly all?: true;
  readonly json?: true;
}

interface CloseFlags {
  readonly config?: string;
  readonly reason?: string;
  readonly json?: true;
}

/** Registers `breakers` (a list) with `breakers close`. */
export function registerBreakers(program: Command, io: CommandIo): void {
  const breakers = program
    .command('breakers')
    .description('Lists breakers of budgets, and closes them.')
    .addHelpText(
      'after',
      `
Examples:
  sallyport breakers --config sallyport.yaml
  sallyport breakers close --config sallyport.yaml 3f9ad02c --reason "the list was wrong, INC-9"`,
    );
  breakers
    .command('list', { isDefault: true })
    .description('Lists breakers that are open, the latest first.')
    .option(...CONFIG_OPTION)
    .option('--all', 'lists those too that were closed within a month')
    .option('--json', 'prints each breaker as one line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  sallyport breakers list --config sallyport.yaml --all
  sallyport breakers --config sallyport.yaml --json | jq .id${EXIT_CODES}`,
    )
    .action((flags: ListFlags) =>
      withBreakers(io, { config: flags.config, writes: false }, async (editor) => {
        const shown = (await editor.list()).filter((each) => flags.all === true || isOpen(each));
        for (const each of shown.toSorted((one, other) => other.openedAtMs - one.openedAtMs)) {
          io.stdout.write(flags.json === true ? `${JSON.stringify(breakerJson(each))}\n` : `${breakerText(each)}\n`);
        }
        if (shown.length === 0 && flags.json !== true) io.stdout.write('no breaker is open\n');
      }),
    );
  breakers
    .command('close')
    .description('Closes a breaker: its budget is whole again.')
    .argument('<id>', 'the id of the breaker, or a unique prefix of it')
    .option(...CONFIG_OPTION)
    .option('--reason <text>', 'why, for the audit', reason)
    .option('--json', 'prints the breaker as one line of JSON')
    .addHelpText(
      'after',
      `\nExamples:\n  sallyport breakers close --config sallyport.yaml 3f9ad02c --reason "INC-9"${EXIT_CODES}`,
    )
    .action((id: string, flags: CloseFlags) => {
      const start = idStart(id);
      return withBreakers(io, { config: flags.config, writes: true }, async (editor) => {
        const closed = await editor.closeOne(start, flags.reason);
        if (closed === undefined)
          throw new CommandError(`no open breaker, or more than one, has an id that begins with ${start}`);
        io.stdout.write(flags.json === true ? `${JSON.stringify(breakerJson(closed))}\n` : `${breakerText(closed)}\n`);
      });
    });
}

async function withBreakers(
  io: CommandIo,
  { config: path, writes }: { readonly config?: string | undefined; readonly writes: boolean },
  run: (editor: BreakerEditor) => Promise<void>,
): Promise<void> {
  const config = await readConfig(io, path);
  if (!isGuarded(config)) {
    throw new CommandError(`${path} has no \`policies.guardrails\`: there are no breakers; see docs/guardrails.md`, 2);
  }
  try {
    const editor = await openBreakerEditor(config, { user: io.user(), pid: io.pid, logStream: io.stderr, writes });
    try {
      await run(editor);
    } finally {
      await editor.close();
    }
  } catch (error) {
    throw asOneLine(error);
  }
}

function isGuarded(config: Config): config is GuardedConfig {
  return config.revocation !== undefined && config.policies.guardrails !== undefined;
}

const ID_START = /^(?:breaker\/)?([0-9a-f]{6,16})$/;

/** Reads an id, also as the audit has it: `breaker/<id>`. @throws CommandError (2) */
function idStart(text: string): string {
  const [, id] = ID_START.exec(text) ?? [];
  if (id === undefined) throw new CommandError('an id is 16 hex digits; name at least the first 6', 2);
  return id;
}

const iso = (timeMs: number): string => new Date(timeMs).toISOString();

function breakerText(breaker: Breaker): string {
  const { id, openedAtMs, closed } = breaker;
  const state =
    closed === undefined ? `open since ${iso(openedAtMs)}` : `closed at ${iso(closed.atMs)} by ${closed.by}`;
  return `${id}  ${describeBreaker(breaker)}, ${state}`;
}

function breakerJson({ id, guardrail, whose, openedAtMs, why, closed }: Breaker): object {
  return {
    ...{ id, state: closed === undefined ? 'open' : 'closed', guardrail, ...whose, why, opened: iso(openedAtMs) },
    closed: closed && { at: iso(closed.atMs), by: closed.by, reason: closed.reason },
  };
}
