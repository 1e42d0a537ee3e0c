/** `sallyport inspect`: what a stored object says of itself, without any key. */
import { InvalidArgumentError, type Command } from 'commander';
import { inspect, type Inspection } from '../../operate/inspect.ts';
import { parseLocation, type Location } from '../../operate/location.ts';
import type { CommandIo } from '../io.ts';
import { finish, READING, openLocation, runOperator } from './operator-command.ts';
import { CONFIG_OPTION } from '../read-config.ts';
import { printable } from './report.ts';

interface InspectFlags {
  readonly config?: string;
  readonly versionId?: string;
  readonly json?: true;
}

/** Registers the command. */
export function registerInspect(program: Command, io: CommandIo): void {
  program
    .command('inspect')
    .description('Shows the format, the key version and the layout of a stored object. Needs no key.')
    .argument('<object>', 's3://bucket/key', object)
    .option(...CONFIG_OPTION)
    .option('--version-id <id>', 'a version of it (default: the current one)')
    .option('--json', 'prints one line of JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  sallyport inspect --config sallyport.yaml s3://reports/2026/q3.csv\n  sallyport inspect --config sallyport.yaml --json s3://reports/2026/q3.csv\n\nWhat it shows is what the store says: only reading the object proves it.\n\nExit codes: 0 shown, 1 failed, 2 usage or configuration.',
    )
    .action((where: Location, flags: InspectFlags) => inspectObject(io, where, flags));
}

async function inspectObject(io: CommandIo, where: Location, flags: InspectFlags): Promise<void> {
  const { config } = flags;
  await runOperator(io, { config, writes: false }, async (run) => {
    const at = openLocation(run, where, READING);
    const inspection = await inspect(run.operator, at, { key: where.prefix, versionId: flags.versionId });
    finish(io, flags.json === true, inspection, inspectionText(inspection), true);
  });
}

function object(text: string): Location {
  const parsed = parseLocation(text);
  if (parsed === undefined || parsed.prefix === '') throw new InvalidArgumentError('It must be s3://bucket/key.');
  return parsed;
}

function inspectionText(facts: Inspection): string {
  const { sealed, plainSizeBytes } = facts;
  const rows: (readonly [string, string | undefined])[] = [
    ['object', `s3://${facts.bucket}/${printable(facts.key)}`],
    ['version', facts.versionId],
    ['form', facts.legacyFormat === undefined ? facts.form : `legacy, ${facts.legacyFormat}`],
    ['format', sealed && `${sealed.format}, algorithm ${sealed.algorithm}`],
    ['kind', sealed?.kind],
    ['key', sealed && `${sealed.keyring}, version ${sealed.kekVersion}`],
    ['layout', sealed?.layout],
    ['stored size', `${facts.storedSizeBytes} bytes, ${facts.storedParts} part(s) in the store`],
    ['plaintext', plainSizeBytes === undefined ? 'its size is in a trailer' : `${plainSizeBytes} bytes`],
    ['ETag', printable(facts.etag)],
    ['modified', facts.lastModified],
    ['locked', facts.isLocked ? 'yes' : undefined],
    ['archived', facts.isArchived ? 'yes' : undefined],
  ];
  return rows.flatMap(([name, value]) => (value === undefined ? [] : `${name.padEnd(12)} ${value}\n`)).join('');
}
