/** `sallyport keys`: what wraps the keys of stored objects, and how that is changed. See docs/operating-keys.md. */
import type { Command } from 'commander';
import { keyStatus, locationStatus, type KeyStatus, type LocationStatus } from '../../operate/key-status.ts';
import type { Location } from '../../operate/location.ts';
import { rewrap, type RewrapReport } from '../../operate/rewrap.ts';
import { total } from '../../operate/version-counter.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { rotateKeys, type RotateFlags } from './keys-rotate.ts';
import {
  concurrency,
  finish,
  READING,
  openLocation,
  parsed,
  parsedList,
  REWRITING,
  runOperator,
} from './operator-command.ts';
import { CONFIG_OPTION } from '../read-config.ts';
import { failuresText, versionsTable } from './report.ts';

interface StatusFlags {
  readonly config?: string;
  readonly all?: true;
  readonly concurrency: number;
  readonly json?: true;
}

interface RewrapFlags {
  readonly config?: string;
  readonly concurrency: number;
  readonly dryRun?: true;
  readonly force?: true;
  readonly json?: true;
}

const CONCURRENCY = ['--concurrency <n>', 'objects at once', concurrency, 8] as const;
const JSON_OPTION = ['--json', 'prints the report as one line of JSON'] as const;
const EXIT_CODES = '\n\nExit codes: 0 done, 1 failed in part or stopped, 2 usage or configuration.';

/** Registers `keys status`, `keys rotate` and `keys rewrap`. */
export function registerKeys(program: Command, io: CommandIo): void {
  const keys = program
    .command('keys')
    .description('Shows, rotates and re-wraps the keys of stored objects.')
    .addHelpText(
      'after',
      '\nExamples:\n  sallyport keys status --config sallyport.yaml --all\n  sallyport keys rotate --config sallyport.yaml\n  sallyport keys rewrap --config sallyport.yaml s3://reports',
    );
  keys
    .command('status')
    .description('Shows the keyring and how many objects in the named places use each version.')
    .argument('[location...]', 's3://bucket or s3://bucket/prefix', parsedList)
    .option(...CONFIG_OPTION)
    .option('--all', 'checks every configured bucket')
    .option(...CONCURRENCY)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      `\nExamples:\n  sallyport keys status --config sallyport.yaml\n  sallyport keys status --config sallyport.yaml --all\n  sallyport keys status --config sallyport.yaml s3://reports/2026/\n\nOne request per stored version.${EXIT_CODES}`,
    )
    .action((named: readonly Location[], flags: StatusFlags) => showStatus(io, named, flags));
  keys
    .command('rotate')
    .description('Adds a new version of the key to the keyring; a second step makes it the current one.')
    .option(...CONFIG_OPTION)
    .option('--activate', 'makes the added version current: it wraps the keys of new objects')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      `\nExamples:\n  sallyport keys rotate --config sallyport.yaml\n  sallyport keys rotate --config sallyport.yaml --activate\n\nBetween the two, every replica must be restarted with the new configuration.${EXIT_CODES}`,
    )
    .action((flags: RotateFlags) => rotateKeys(io, flags));
  keys
    .command('rewrap')
    .description('Re-wraps the keys of current objects with the current version. Bodies are not rewritten.')
    .argument('<location>', 's3://bucket or s3://bucket/prefix', parsed)
    .option(...CONFIG_OPTION)
    .option(...CONCURRENCY)
    .option('--dry-run', 'dry run: only counts what would be done')
    .option('--force', 'runs even if the store cannot protect concurrent writes of clients')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      `\nExamples:\n  sallyport keys rewrap --config sallyport.yaml --dry-run s3://reports\n  sallyport keys rewrap --config sallyport.yaml s3://reports/2026/\n\nA run that was stopped is begun again; what is done is skipped.${EXIT_CODES}`,
    )
    .action((where: Location, flags: RewrapFlags) => rewrapLocation(io, where, flags));
}

async function showStatus(io: CommandIo, named: readonly Location[] | undefined, flags: StatusFlags): Promise<void> {
  if (flags.all === true && (named ?? []).length > 0)
    throw new CommandError('use either s3:// locations or --all, not both', 2);
  const { config } = flags;
  await runOperator(io, { config, writes: false }, async (run) => {
    const { operator, signal, progress, countFirst } = run;
    const everywhere = operator.buckets.map(({ name }): Location => ({ bucket: name, prefix: '' }));
    const wanted = flags.all === true ? everywhere : (named ?? []);
    const opened = wanted.map((where) => openLocation(run, where, READING));
    const seen: LocationStatus[] = [];
    for (const at of opened) {
      const options = { concurrency: flags.concurrency, signal, progress, countFirst };
      seen.push(await locationStatus(operator, at, options));
    }
    const isEverywhere = everywhere.every(({ bucket }) =>
      wanted.some((where) => where.bucket === bucket && where.prefix === ''),
    );
    const status = keyStatus(await operator.keyring(), seen, isEverywhere);
    const succeeded = seen.every(({ failed, complete }) => failed === 0 && complete);
    finish(io, flags.json === true, status, statusText(status), succeeded);
  });
}

function statusText({ keyring, locations: seen, unreferenced, everywhere }: KeyStatus): string {
  const items = [
    `Current: ${keyring.current ?? 'unknown: the keyring does not respond'}\n`,
    `Configured: ${keyring.configured.length === 0 ? 'none by number' : keyring.configured.join(', ')}\n`,
  ];
  for (const status of seen) {
    items.push(`\n${status.location}\n`, versionsTable(status.versions));
    const uploads = status.uploadsInFlight ?? 0;
    if (uploads > 0) items.push(`  ${uploads} multipart uploads in progress, whose keys may have any version\n`);
    items.push(failuresText(status));
  }
  if (seen.length === 0) items.push('Name s3:// locations, or use --all, to see which versions stored objects use.\n');
  else items.push(`\n${retirement(unreferenced, everywhere)}\n`);
  return items.join('');
}

function retirement(unreferenced: readonly string[] | undefined, everywhere: boolean): string {
  if (unreferenced === undefined) return 'Cannot tell which versions may be retired: some objects could not be read.';
  if (unreferenced.length === 0) return 'No version may be retired.';
  const names = unreferenced.join(', ');
  if (!everywhere) return `Not used in these places: ${names}. Check all buckets (--all) before you retire a version.`;
  return `May be retired: ${names}. No object in the configured buckets uses them.`;
}

async function rewrapLocation(io: CommandIo, where: Location, flags: RewrapFlags): Promise<void> {
  const dryRun = flags.dryRun === true;
  const { config } = flags;
  await runOperator(io, { config, writes: !dryRun }, async (run) => {
    const { operator, signal, progress, countFirst } = run;
    const { current } = await operator.keyring();
    if (current === undefined) throw new CommandError('the keyring does not respond');
    const report = await rewrap(operator, openLocation(run, where, dryRun ? READING : REWRITING), {
      ...{ signal, progress, countFirst, dryRun },
      concurrency: flags.concurrency,
      target: current,
      force: flags.force === true,
    });
    finish(io, flags.json === true, report, rewrapText(report), report.failed === 0 && report.complete);
  });
}

function rewrapText(report: RewrapReport): string {
  const { location: where, target, dryRun, rewrapped, locked, archived, versions } = report;
  const left = Object.entries(versions.sealed).filter(([keyId]) => keyId !== target);
  const needed = left.filter(([, counts]) => total(counts) > 0).map(([keyId]) => keyId);
  return [
    `${where}: ${rewrapped} ${dryRun ? 'would be ' : ''}re-wrapped with ${target}\n`,
    locked > 0 ? `${locked} are locked and were left unchanged; re-wrap them after their retention ends\n` : '',
    archived > 0 ? `${archived} are archived and were left unchanged; re-wrap them after they are restored\n` : '',
    versionsTable(versions),
    needed.length > 0 ? `Still used in these places: ${needed.join(', ')}\n` : '',
    failuresText(report),
  ].join('');
}
