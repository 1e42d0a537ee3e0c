/** `sallyport migrate`: encrypts what is stored as plaintext, or by another gateway, in its place. */
import type { Command } from 'commander';
import { migrate, type MigrateReport } from '../../operate/migrate.ts';
import { locationName, type Location } from '../../operate/location.ts';
import { total } from '../../operate/version-counter.ts';
import { encryptionAt } from '../../s3/encryption.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { concurrency, finish, READING, openLocation, parsed, REWRITING, runOperator } from './operator-command.ts';
import { CONFIG_OPTION } from '../read-config.ts';
import { failuresText, versionsTable } from './report.ts';

interface MigrateFlags {
  readonly config?: string;
  readonly concurrency: number;
  readonly dryRun?: true;
  readonly force?: true;
  readonly json?: true;
}

/** Registers the command. */
export function registerMigrate(program: Command, io: CommandIo): void {
  program
    .command('migrate')
    .description(
      'Encrypts plaintext and legacy objects in place; each copy is verified before it replaces the original.',
    )
    .argument('<location>', 's3://bucket or s3://bucket/prefix', parsed)
    .option(...CONFIG_OPTION)
    .option('--concurrency <n>', 'objects at once', concurrency, 8)
    .option('--dry-run', 'dry run: only counts what would be done')
    .option('--force', 'runs even if the store cannot protect concurrent writes of clients')
    .option('--json', 'prints the report as one line of JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  sallyport migrate --config sallyport.yaml --dry-run s3://archive\n  sallyport migrate --config sallyport.yaml s3://archive/2024/\n\nThe bucket, or the prefix, must be `migrating` or `required`. A run that was stopped is begun again; what is done is\nskipped. Old versions in buckets that keep them are not touched.\n\nExit codes: 0 done, 1 failed in part or stopped, 2 usage or configuration.',
    )
    .action((where: Location, flags: MigrateFlags) => migrateLocation(io, where, flags));
}

async function migrateLocation(io: CommandIo, where: Location, flags: MigrateFlags): Promise<void> {
  const dryRun = flags.dryRun === true;
  const { config } = flags;
  await runOperator(io, { config, writes: !dryRun }, async (run) => {
    const { operator, signal, progress, countFirst } = run;
    const at = openLocation(run, where, dryRun ? READING : REWRITING);
    const isPartlyKept = at.rules.prefixes.some(
      ({ prefix, encryption }) => prefix.startsWith(where.prefix) && encryption !== 'off',
    );
    if (encryptionAt(at.rules, where.prefix) === 'off' && !isPartlyKept) {
      throw new CommandError(`${locationName(where)} is kept plain: set encryption to migrating or required first`, 2);
    }
    const report = await migrate(operator, at, {
      ...{ signal, progress, countFirst, dryRun },
      concurrency: flags.concurrency,
      force: flags.force === true,
    });
    finish(io, flags.json === true, report, migrateText(report), report.failed === 0 && report.complete);
  });
}

function migrateText(report: MigrateReport): string {
  const { location: where, dryRun, encrypted, encryptedBytes, keptPlain, locked, archived, versions } = report;
  const unsealed = [versions.plain, ...Object.values(versions.legacy)];
  const old = unsealed.reduce((sum, counts) => sum + total(counts) - counts.current, 0);
  return [
    `${where}: ${encrypted} objects (${encryptedBytes} bytes) ${dryRun ? 'would be ' : ''}encrypted\n`,
    keptPlain > 0 ? `${keptPlain} are kept plain by configuration\n` : '',
    locked > 0 ? `${locked} are locked and were left unchanged; migrate them after their retention ends\n` : '',
    archived > 0 ? `${archived} are archived and were left unchanged; migrate them after they are restored\n` : '',
    versionsTable(versions),
    old > 0 ? `${old} old or locked versions are still not of this format: they go when they expire\n` : '',
    failuresText(report),
  ].join('');
}
