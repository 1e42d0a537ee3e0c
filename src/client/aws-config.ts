/**
 * One profile of ours in a person's AWS configuration file. Enters: the bytes of the file. Leaves: the same bytes, with the
 * lines between our marks replaced, or added at the end. Never: a change to anything else, nor a section that is there twice.
 */
import { realpath, stat } from 'node:fs/promises';
import { readFile } from 'node:fs/promises';
import { ClientFailure } from './failure.ts';
import { writeWhole } from './private-file.ts';
import type { Settings } from './settings.ts';

export interface AwsProfile {
  /** Of AWS: what AWS_PROFILE names. */
  readonly name: string;
  /** The command line that prints credentials, program first. */
  readonly credentialCommand: readonly string[];
  readonly settings: Pick<Settings, 'gateway' | 'region' | 'caFile'>;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** What no two shells and splitters read alike inside of double quotes. */
const UNQUOTABLE = /["$`%!\r\n\0]/;

/** Whether a profile of ours may have this name: it stands in a section and a command; `default` is everybody's. */
export function isAwsProfileName(name: string): boolean {
  return NAME.test(name) && name !== 'default';
}

/** Puts the profile into the text of a configuration file. @throws ClientFailure it is not ours to change */
export function withProfile(before: string, profile: AwsProfile): string {
  const eol = /\r?\n/.exec(before)?.[0] ?? (before.endsWith('\r') ? '\r\n' : '\n');
  const block = blockOf(profile).join(eol) + eol;
  const found = findBlock(before, profile.name);
  const rest = found === undefined ? before : before.slice(0, found.start) + before.slice(found.end);
  const sections = sectionsOf(rest);
  for (const section of [`profile ${profile.name}`, `services ${profile.name}`]) {
    if (sections.has(section)) {
      throw new ClientFailure(`[${section}] exists already and was not written by this command`, 'use --aws-profile');
    }
  }
  if (found !== undefined) return before.slice(0, found.start) + block + before.slice(found.end);
  if (before === '') return block;
  return `${before}${before.endsWith('\n') ? '' : eol}${eol}${block}`;
}

/** Whether the file holds this profile as it would be written now. */
export function hasProfile(text: string, profile: AwsProfile): boolean {
  const found = findBlock(text, profile.name);
  return found !== undefined && withProfile(text, profile) === text;
}

/** Writes the profile into the file at `path`, which may be a link or not be there. @returns the path of the file itself */
export async function writeProfile(path: string, profile: AwsProfile): Promise<string> {
  // A link stays a link: many people keep this file elsewhere.
  const target = await realpath(path).catch(() => path);
  // One character per byte, so that what is not UTF-8 comes through.
  const [before, mode] = await readAwsConfig(target);
  const after = withProfile(before, profile);
  if (after !== before) await writeWhole(target, Buffer.from(after, 'latin1'), mode);
  return target;
}

/** Reads a configuration file, one character per byte, and its mode; an empty one where there is none. */
export async function readAwsConfig(path: string): Promise<readonly [text: string, mode: number]> {
  try {
    const [content, { mode }] = [await readFile(path), await stat(path)];
    return [content.toString('latin1'), mode & 0o777];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ['', 0o600];
    throw error;
  }
}

const beginOf = (name: string) => `# >>> sallyport: profile ${name} (written by "sallyport configure") >>>`;
const endOf = (name: string) => `# <<< sallyport: profile ${name} <<<`;

function blockOf({ name, credentialCommand, settings }: AwsProfile): readonly string[] {
  if (!isAwsProfileName(name)) throw new ClientFailure('this can be no name of an AWS profile');
  const { gateway, region, caFile } = settings;
  return [
    beginOf(name),
    `[profile ${name}]`,
    `credential_process = ${credentialCommand.map(quoted).join(' ')}`,
    `region = ${region}`,
    `services = ${name}`,
    ...(caFile === undefined ? [] : [`ca_bundle = ${bytesOf(caFile)}`]),
    's3 =',
    '  addressing_style = path',
    '  signature_version = s3v4',
    `[services ${name}]`,
    's3 =',
    `  endpoint_url = ${gateway}`,
    'sts =',
    `  endpoint_url = ${gateway}`,
    endOf(name),
  ];
}

/** @throws ClientFailure a word that could mean something else where it is read */
function quoted(word: string): string {
  if (UNQUOTABLE.test(word)) {
    throw new ClientFailure(
      'the path of this program holds characters that no AWS profile can hold',
      'install it elsewhere',
    );
  }
  return /^[\w@+=:,./-]+$/.test(word) ? word : `"${bytesOf(word)}"`;
}

/** Text as it goes into a file that is held one character per byte. */
function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function findBlock(text: string, name: string): { readonly start: number; readonly end: number } | undefined {
  const lines = linesOf(text);
  const start = lines.findIndex(({ content }) => content === beginOf(name));
  if (start < 0) return undefined;
  const after = lines.slice(start + 1);
  const length = after.findIndex(({ content }) => content === endOf(name));
  // Without its end, everything to the end of the file would be ours.
  const foreign = after.slice(0, length).some(({ content }) => /^# (>>>|<<<) sallyport: /.test(content));
  if (length < 0 || foreign || lines.filter(({ content }) => content === beginOf(name)).length > 1) {
    throw new ClientFailure(
      'the marks of this profile in the AWS configuration are damaged',
      'remove its lines by hand',
    );
  }
  return { start: lines[start]?.start ?? 0, end: after[length]?.end ?? text.length };
}

function linesOf(text: string): readonly { readonly content: string; readonly start: number; readonly end: number }[] {
  return [...text.matchAll(/[^\n]*\n|[^\n]+$/g)].map((match) => ({
    content: match[0].replace(/\r?\n$/, ''),
    start: match.index,
    end: match.index + match[0].length,
  }));
}

function sectionsOf(text: string): ReadonlySet<string> {
  return new Set(
    [...text.matchAll(/^[ \t]*\[([^\]\n]*)\]/gm)].map(([, name = '']) => name.trim().replace(/[ \t]+/g, ' ')),
  );
}
