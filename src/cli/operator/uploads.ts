/** `sallyport uploads prune`: finds, and deletes, what killed gateways left in a bucket of uploads that are no more. */
import { InvalidArgumentError, type Command } from 'commander';
import type { Location } from '../../operate/location.ts';
import { pruneLeftovers, type LeftoverReport } from '../../operate/upload-leftovers.ts';
import type { Verb } from '../../s3/operations/verb.ts';
import { RESERVED_PREFIX } from '../../s3/reserved-keys.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { finish, openLocation, parsed, runOperator } from './operator-command.ts';
import { CONFIG_OPTION } from '../read-config.ts';

interface PruneFlags {
  readonly config?: string;
  readonly olderThan: number;
  readonly delete?: true;
  readonly json?: true;
}

const HOUR_MS = 3_600_000;
const READS: readonly Verb[] = ['LIST', 'LIST_VERSIONS'];
const DELETES: readonly Verb[] = [...READS, 'DELETE', 'DELETE_VERSION'];

/** Registers the command. */
export function registerUploads(program: Command, io: CommandIo): void {
  const uploads = program
    .command('uploads')
    .description('Manages the state that the gateway stores for multipart uploads.')
    .addHelpText('after', '\nExample:\n  sallyport uploads prune --config sallyport.yaml s3://reports');
  uploads
    .command('prune')
    .description(
      'Finds state left behind by multipart uploads that were completed, aborted or expired while a gateway was killed.',
    )
    .argument('<location>', 's3://bucket', parsed)
    .option(...CONFIG_OPTION)
    .option('--older-than <hours>', 'ignores uploads that changed within this time', hours, 24)
    .option('--delete', 'deletes what was found; without it, only counts')
    .option('--json', 'prints the report as one line of JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  sallyport uploads prune --config sallyport.yaml s3://reports\n  sallyport uploads prune --config sallyport.yaml --delete s3://reports\n\nWhat is left over opens nothing and no client sees it. What belongs to an upload in progress is never touched.\n\nExit codes: 0 done, 1 failed or stopped, 2 usage or configuration.',
    )
    .action((where: Location, flags: PruneFlags) => pruneUploads(io, where, flags));
}

async function pruneUploads(io: CommandIo, where: Location, flags: PruneFlags): Promise<void> {
  if (where.prefix !== '')
    throw new CommandError('name a bucket without a prefix: the state of uploads is stored per bucket', 2);
  const { config } = flags;
  await runOperator(io, { config, writes: false }, async (run) => {
    const { operator, signal } = run;
    const deletes = flags.delete === true;
    const listed = openLocation(run, where, READS);
    const kept = openLocation(run, { bucket: where.bucket, prefix: RESERVED_PREFIX }, deletes ? DELETES : READS);
    const bucketId = operator.buckets.find(({ name }) => name === where.bucket)?.id ?? where.bucket;
    const minAgeMs = flags.olderThan * HOUR_MS;
    const report = await pruneLeftovers(operator, { listed, kept, bucketId, minAgeMs, deletes, signal });
    finish(io, flags.json === true, report, textOf(report), report.complete);
  });
}

function textOf({ bucket, dryRun, inFlight, leftOver, leftOverObjects, deleted, complete }: LeftoverReport): string {
  return [
    `s3://${bucket}: ${leftOver} uploads left ${leftOverObjects} objects behind; ${inFlight} are in progress\n`,
    dryRun ? (leftOver > 0 ? 'Nothing was deleted; use --delete to delete.\n' : '') : `${deleted} were deleted\n`,
    complete ? '' : 'Interrupted before all objects were checked; run the command again to continue.\n',
  ].join('');
}

const MAX_HOURS = 24 * 366;

function hours(text: string): number {
  const value = Number(text);
  if (/^\d{1,4}$/.test(text) && value >= 1 && value <= MAX_HOURS) return value;
  throw new InvalidArgumentError(`It must be a whole number of hours from 1 to ${MAX_HOURS}.`);
}
