/** `sallyport grant`: gives one identity an access that ends by itself. See docs/grants.md. */
import { InvalidArgumentError, type Command } from 'commander';
import type { GrantingConfig } from '../../compose/grant-editor.ts';
import { readerOf } from '../../compose/policies.ts';
import { MAX_SECONDS, problemOf, type GrantTerms } from '../../grants/entry.ts';
import { operatorName } from '../../lists/line.ts';
import type { Location } from '../../operate/location.ts';
import { InvalidPolicies } from '../../policy/invalid-policies.ts';
import { loadPolicies } from '../../policy/load-policies.ts';
import { VERB_GROUP_NAMES, verbsOf, type VerbGroup } from '../../policy/verb-groups.ts';
import { VERBS, type Verb } from '../../s3/operations/verb.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { grantJson, grantText, withGrants } from './grant-command.ts';
import { parsed } from './operator-command.ts';
import { CONFIG_OPTION } from '../read-config.ts';
import { EXIT_CODES, reason, spanOf } from './revocation-command.ts';
import { issuerOrOnly } from './revocation-targets.ts';

const KNOWN_VERBS: readonly string[] = [...VERB_GROUP_NAMES, ...VERBS];

interface GrantFlags {
  readonly config?: string;
  readonly subject: string;
  readonly issuer?: string;
  readonly verbs: readonly Verb[];
  readonly for: number;
  readonly reason: string;
  readonly approveBy?: readonly string[];
  readonly everything?: true;
  readonly json?: true;
}

/** Registers `grant`. */
export function registerGrant(program: Command, io: CommandIo): void {
  program
    .command('grant')
    .description('Grants one subject access to a prefix or a key for a time, in every gateway within a second.')
    .argument('<where>', 's3://bucket/prefix/ or s3://bucket/key', parsed)
    .option(...CONFIG_OPTION)
    .requiredOption('--subject <subject>', 'the subject, exactly as in the token')
    .option('--issuer <issuer>', 'name of an issuer in the configuration, or its URL; needed where there are several')
    .requiredOption('--verbs <verbs>', `separated by commas: ${KNOWN_VERBS.join(', ')}`, verbs)
    .requiredOption(
      '--for <span>',
      'how long, from its approval: 30m, 4h; policies.grants.maxDurationSeconds bounds it',
      span,
    )
    .requiredOption(
      '--reason <text>',
      'why, such as the number of an incident: it stands in the record of each access',
      reason,
    )
    .option(
      '--approve-by <users>',
      'users of the operating system, separated by commas: it waits until one of them approves it',
      users,
    )
    .option('--everything', 'the whole bucket is meant, where neither prefix nor key is named')
    .option('--json', 'prints the grant as one line of JSON')
    .addHelpText(
      'after',
      `
Examples:
  sallyport grant --config sallyport.yaml --issuer okta --subject alice@example.com --verbs GET,LIST --for 4h --reason INC-1 s3://reports/2026/
  sallyport grant --config sallyport.yaml --subject alice@example.com --verbs GET,PUT --for 30m --reason INC-1 --approve-by bob,carol s3://reports/2026/q3.csv

Without --approve-by it is in force at once, unless policies.grants.approvers says who has to approve. Policies that deny
and revocations hold all the same. It ends by itself, or by \`sallyport grants end\`.${EXIT_CODES}`,
    )
    .action((where: Location, flags: GrantFlags) =>
      withGrants(io, { config: flags.config, writes: true }, async (editor, config) => {
        const terms = termsOf(config, where, flags, operatorName(io.user()));
        await warnOfUnknown(io, config, terms);
        const entry = await editor.request(terms);
        const nowMs = Date.now();
        if (flags.json === true) io.stdout.write(`${JSON.stringify(grantJson(entry, nowMs))}\n`);
        else io.stdout.write(`${entry.approved === undefined ? 'requested' : 'granted'} ${grantText(entry, nowMs)}\n`);
      }),
    );
}

/** What is asked for, as the configuration lets it be. @throws CommandError (2) */
function termsOf(config: GrantingConfig, where: Location, flags: GrantFlags, by: string): GrantTerms {
  const { maxDurationSeconds, approvers: required } = config.policies.grants;
  const { bucket, prefix: text } = where;
  if (!config.buckets.some(({ name }) => name === bucket)) {
    const known = config.buckets.map(({ name }) => name).join(', ');
    throw new CommandError(`no bucket ${bucket} is configured; known here: ${known}`, 2);
  }
  if ((text === '') !== (flags.everything === true)) {
    const message =
      text === ''
        ? `s3://${bucket} is the whole bucket: name a prefix that ends in \`/\` or a key, or say --everything`
        : '--everything is the whole bucket, and goes with no prefix or key';
    throw new CommandError(message, 2);
  }
  if (flags.for > maxDurationSeconds) {
    throw new CommandError(`--for is longer than the ${maxDurationSeconds} s of policies.grants.maxDurationSeconds`, 2);
  }
  const approvers = flags.approveBy ?? required;
  const strangers = required.length === 0 ? [] : approvers.filter((name) => !required.includes(name));
  if (strangers.length > 0) {
    throw new CommandError(
      `${strangers.join(', ')} cannot approve; policies.grants.approvers: ${required.join(', ')}`,
      2,
    );
  }
  if (approvers.length > 0 && approvers.every((name) => name === by)) {
    throw new CommandError(`you (${by}) request it and cannot approve it: somebody else has to`, 2);
  }
  const terms: GrantTerms = {
    issuer: issuerOrOnly(config, flags.issuer),
    ...{ subject: flags.subject, verbs: flags.verbs, bucket },
    scope: text === '' || text.endsWith('/') ? { prefix: text } : { key: text },
    ...{ seconds: flags.for, reason: flags.reason, approvers },
  };
  const problem = problemOf(terms);
  if (problem !== undefined) throw new CommandError(problem, 2);
  return terms;
}

/** Nobody here knows the subjects of an issuer; those that policies name are the only ones to hold it against. */
async function warnOfUnknown(io: CommandIo, config: GrantingConfig, { issuer, subject }: GrantTerms): Promise<void> {
  const name = config.issuers.find((each) => each.issuer === issuer)?.name ?? issuer;
  try {
    const { policies } = await loadPolicies(config.policies.directory, undefined, readerOf(config.policies));
    const subjects = policies.flatMap((policy) => policy.subjects);
    if (subjects.some((each) => each.issuer === name && each.subject === subject)) return;
  } catch (error) {
    if (!(error instanceof InvalidPolicies)) throw error;
  }
  io.stderr.write(
    `warning: no policy names the subject ${JSON.stringify(subject)} of ${name}: check that it is exactly the \`sub\` of the token\n`,
  );
}

function verbs(text: string): readonly Verb[] {
  const named = text.split(',').map((each) => each.trim());
  const meant = named.flatMap((name) => (isVerbOrGroup(name) ? verbsOf(name) : []));
  const unknown = named.find((name) => !isVerbOrGroup(name));
  if (unknown === undefined) return VERBS.filter((verb) => meant.includes(verb));
  throw new InvalidArgumentError(`${JSON.stringify(unknown)} is none; known: ${KNOWN_VERBS.join(', ')}.`);
}

function isVerbOrGroup(name: string): name is Verb | VerbGroup {
  return KNOWN_VERBS.includes(name);
}

function span(text: string): number {
  const seconds = (spanOf(text) ?? 0) / 1000;
  if (seconds >= 1 && seconds <= MAX_SECONDS) return seconds;
  throw new InvalidArgumentError('It must be a span such as 30m or 4h, and at most 7d.');
}

function users(text: string): readonly string[] {
  return [...new Set(text.split(',').map((name) => operatorName(name.trim())))];
}
