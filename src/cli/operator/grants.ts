/** `sallyport grants`: what is granted for a time, and the steps after it was requested. See docs/grants.md. */
import type { Command } from 'commander';
import { stateOf, type GrantEntry } from '../../grants/entry.ts';
import type { CommandIo } from '../io.ts';
import { grantJson, grantText, idStart, withGrants } from './grant-command.ts';
import { CONFIG_OPTION } from '../read-config.ts';
import { EXIT_CODES, reason } from './revocation-command.ts';

interface ListFlags {
  readonly config?: string;
  readonly all?: true;
  readonly json?: true;
}

interface StepFlags {
  readonly config?: string;
  readonly reason?: string;
  readonly json?: true;
}

/** Registers `grants` (a list) with `grants approve`, `grants refuse` and `grants end`. */
export function registerGrants(program: Command, io: CommandIo): void {
  const grants = program
    .command('grants')
    .description('Lists grants, and approves, refuses and ends them.')
    .addHelpText(
      'after',
      `
Examples:
  sallyport grants --config sallyport.yaml
  sallyport grants approve --config sallyport.yaml 3f9ad02c
  sallyport grants end --config sallyport.yaml 3f9ad02c7b1e4d55 --reason "INC-1 is closed"`,
    );
  grants
    .command('list', { isDefault: true })
    .description('Lists grants that are in force or wait for their approval, newest first.')
    .option(...CONFIG_OPTION)
    .option('--all', 'lists those too that were over within the last hour')
    .option('--json', 'prints each grant as one line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  sallyport grants list --config sallyport.yaml --all
  sallyport grants --config sallyport.yaml --json | jq 'select(.state == "pending").id'${EXIT_CODES}`,
    )
    .action((flags: ListFlags) =>
      withGrants(io, { config: flags.config, writes: false }, async (editor) => {
        const nowMs = Date.now();
        const isOpen = (entry: GrantEntry): boolean => ['active', 'pending'].includes(stateOf(entry, nowMs));
        const shown = (await editor.list()).filter((entry) => flags.all === true || isOpen(entry));
        for (const entry of shown.toSorted((one, other) => other.requested.atMs - one.requested.atMs)) {
          io.stdout.write(flags.json === true ? `${JSON.stringify(grantJson(entry, nowMs))}\n` : rowOf(entry, nowMs));
        }
        if (shown.length === 0 && flags.json !== true) io.stdout.write('nothing is granted\n');
      }),
    );
  const step = (name: 'approve' | 'refuse' | 'end', done: string, description: string, example: string): void => {
    grants
      .command(name)
      .description(description)
      .argument('<id>', 'the id of the grant, or a unique prefix of it')
      .option(...CONFIG_OPTION)
      .option('--reason <text>', 'why, for the audit', reason)
      .option('--json', 'prints the grant as one line of JSON')
      .addHelpText('after', `\nExamples:\n  sallyport grants ${name} --config sallyport.yaml ${example}${EXIT_CODES}`)
      .action((id: string, flags: StepFlags) => {
        const start = idStart(id);
        return withGrants(io, { config: flags.config, writes: true }, async (editor) => {
          const entry = await editor.take(name, start, flags.reason);
          const nowMs = Date.now();
          if (flags.json === true) io.stdout.write(`${JSON.stringify(grantJson(entry, nowMs))}\n`);
          else io.stdout.write(`${done} ${grantText(entry, nowMs)}\n`);
        });
      });
  };
  step('approve', 'approved', 'Approves a grant that somebody else requested: its time begins now.', '3f9ad02c');
  step('refuse', 'refused', 'Refuses a grant that somebody else requested.', '3f9ad02c --reason "not needed"');
  step('end', 'ended', 'Ends a grant before its time, or takes a request back.', '3f9ad02c --reason "INC-1 is closed"');
}

function rowOf(entry: GrantEntry, nowMs: number): string {
  const { requested, approved, reason: why } = entry;
  const whom = approved === undefined || approved.by === requested.by ? '' : `, approved by ${approved.by}`;
  return `${grantText(entry, nowMs)}\n                  requested by ${requested.by} at ${new Date(requested.atMs).toISOString()}${whom}: ${why}\n`;
}
