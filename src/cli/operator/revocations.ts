/** `sallyport revocations`: what is revoked, by whom and why; and the end of it. See docs/revocation.md. */
import type { Command } from 'commander';
import type { Entry } from '../../revocation/entry.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { CONFIG_OPTION } from '../read-config.ts';
import { withEditor, entryJson, entryText, EXIT_CODES, reason } from './revocation-command.ts';

interface ListFlags {
  readonly config?: string;
  readonly json?: true;
}

interface LiftFlags {
  readonly config?: string;
  readonly reason?: string;
  readonly json?: true;
}

/** Registers `revocations list` and `revocations lift`. */
export function registerRevocations(program: Command, io: CommandIo): void {
  const revocations = program
    .command('revocations')
    .description('Lists and removes revocations.')
    .addHelpText(
      'after',
      '\nExamples:\n  sallyport revocations list --config sallyport.yaml\n  sallyport revocations lift --config sallyport.yaml 3f9ad02c7b1e',
    );
  revocations
    .command('list')
    .description('Lists revocations, newest first.')
    .option(...CONFIG_OPTION)
    .option('--json', 'prints each entry as one line of JSON')
    .addHelpText(
      'after',
      `\nExamples:\n  sallyport revocations list --config sallyport.yaml\n  sallyport revocations list --config sallyport.yaml --json | jq 'select(.kind == "subject")'${EXIT_CODES}`,
    )
    .action((flags: ListFlags) =>
      withEditor(io, { config: flags.config, writes: false }, async (editor) => {
        const entries = (await editor.list()).toSorted((one, other) => other.atMs - one.atMs);
        for (const entry of entries) {
          io.stdout.write(flags.json === true ? `${JSON.stringify(entryJson(entry))}\n` : rowOf(entry));
        }
        if (entries.length === 0 && flags.json !== true) io.stdout.write('nothing is revoked\n');
      }),
    );
  revocations
    .command('lift')
    .description('Removes a revocation: tokens and sessions that are still valid are accepted again.')
    .argument('<id>', 'the id of the revocation, or a unique prefix of it')
    .option(...CONFIG_OPTION)
    .option('--reason <text>', 'why, for the list and the audit', reason)
    .option('--json', 'prints the entry as one line of JSON')
    .addHelpText(
      'after',
      `\nExamples:\n  sallyport revocations lift --config sallyport.yaml 3f9ad02c7b1e --reason "laptop was found"${EXIT_CODES}`,
    )
    .action((id: string, flags: LiftFlags) =>
      withEditor(io, { config: flags.config, writes: true }, async (editor) => {
        if (!ID_START.test(id)) throw new CommandError('an id is 32 hex digits; name at least the first 6', 2);
        const lifted = await editor.lift(id, flags.reason);
        if (lifted === undefined) throw new CommandError('no active revocation has this id, or more than one does');
        io.stdout.write(
          flags.json === true ? `${JSON.stringify(entryJson(lifted))}\n` : `lifted ${entryText(lifted)}\n`,
        );
      }),
    );
}

const ID_START = /^[0-9a-f]{6,32}$/;

function rowOf(entry: Entry): string {
  const why = entry.reason === undefined ? '' : `: ${entry.reason}`;
  return `${entryText(entry)}\n              by ${entry.by} at ${new Date(entry.atMs).toISOString()}${why}\n`;
}
