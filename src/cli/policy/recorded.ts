/**
 * The commands about policies that look back at the audit: a recorded request explained, a new set tried on what was done,
 * rules suggested for it. They read the audit and change nothing; of its files they hold little at a time.
 */
import { resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { recordedAudit, type RecordedAudit } from '../../compose/recorded.ts';
import type { Config } from '../../config/config.ts';
import type { Decision } from '../../contracts/authorizer.ts';
import { considered, consideredText, type Considered } from '../../policy/analysis/explain.ts';
import { recheckBy } from '../../policy/analysis/recheck.ts';
import { isDecidedByPolicies, type RecordedAccess } from '../../policy/analysis/replay.ts';
import { outcomeOf, simulate, type Change, type SimulationReport } from '../../policy/analysis/simulate.ts';
import { suggestFor, type Suggestion } from '../../policy/analysis/suggest.ts';
import type { PolicySet } from '../../policy/load-policies.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { printable } from '../operator/report.ts';
import { readConfig } from '../read-config.ts';
import { answer, EXIT, exitCodes, isDirectory, setAt, type SourceFlags } from './policy-command.ts';

type RecordedFlags = Pick<SourceFlags, 'config' | 'json'>;

/** An access of a request, decided anew; `problem`: why it cannot be told. */
interface Explained {
  readonly record: RecordedAccess & { readonly item?: number };
  readonly decision?: Decision;
  readonly rules?: readonly Considered[];
  readonly problem?: string;
}

/** `policy explain --request-id`: every access of a recorded request, decided anew by the set that was in force. */
export async function explainRecorded(
  io: CommandIo,
  requestId: string,
  flags: RecordedFlags & { readonly audit?: string },
): Promise<void> {
  const audit = await auditOf(io, flags);
  const explained = explainedBy(audit);
  const found: Explained[] = [];
  for await (const record of await audit.accesses(requestId)) found.push(await explained(record));
  if (found.length === 0) {
    const problem = 'no access of this request is in the audit';
    answer(io, flags, { requestId, accesses: [], unknown: problem }, `cannot tell: ${problem}\n`, EXIT.unknown);
    return;
  }
  const accesses = found.map(({ record, decision, rules, problem }) => ({
    ...{ time: record.time, item: record.item, operation: record.operation, issuer: record.issuerName },
    ...{ subject: record.subject, bucket: record.bucket, key: record.key, verbs: record.verbs },
    recorded: { effect: record.decision, rule: record.rule, policyVersion: record.policyVersion },
    ...{ decision: decision && decidedJson(decision), agrees: problem === undefined, unknown: problem, rules },
  }));
  const isUnknown = found.some(({ problem }) => problem !== undefined);
  const isDenied = found.some(({ record }) => record.decision === 'deny');
  const code = isUnknown ? EXIT.unknown : isDenied ? EXIT.found : EXIT.ok;
  answer(io, flags, { requestId, accesses }, found.map(explainedText).join('\n'), code);
}

function explainedBy(audit: RecordedAudit): (record: Explained['record']) => Promise<Explained> {
  const recheck = recheckBy(audit.setOf);
  return async (record) => {
    const found = await recheck(record);
    if (!('decision' in found)) return { record, ...found };
    const { replay, set, decision, problem } = found;
    const { principal, accesses, facts } = replay;
    const rules = accesses.flatMap((access) => considered(set, { principal, access, facts, open: [] }));
    return { record, decision, rules, ...(problem !== undefined && { problem }) };
  };
}

const decidedJson = ({ effect, rule, reason, policyVersion, parts }: Decision): object => ({
  ...{ effect, rule, reason, policyVersion },
  ...(parts !== undefined && { filtered: true }),
});

function explainedText({ record, decision, rules = [], problem }: Explained): string {
  const { time, operation, subject, issuerName = record.issuer, bucket, key, verbs = [] } = record;
  const asked = verbs.length === 0 ? operation : `${operation} (${verbs.join(', ')})`;
  const lines = [
    `${time} ${subject} of ${issuerName}: ${asked} s3://${bucket}/${key}`,
    `recorded: ${record.decision} by ${record.rule}, policies ${record.policyVersion}: ${record.reason}`,
    ...(decision === undefined ? [] : [`decided anew: ${outcomeOf(decision)} by ${decision.rule}: ${decision.reason}`]),
    problem === undefined ? 'the record agrees' : `cannot tell: ${problem}`,
    ...rules.map((rule) => `  ${consideredText(rule)}`),
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

interface SimulateFlags extends RecordedFlags {
  readonly from: string;
}

/** Registers `policy simulate`. */
export function registerSimulate(policy: Command, io: CommandIo): void {
  policy
    .command('simulate')
    .description(
      'Says which past accesses a new set would decide otherwise. What a record does not tell is never guessed.',
    )
    .argument('<new>', 'the directory of the new policies')
    .requiredOption('--from <directory>', 'the audit')
    .option('--config <file>', 'the configuration file: holds the policies against its issuers and buckets')
    .option('--json', 'prints one line of JSON')
    .addHelpText(
      'after',
      `\nExamples:\n  sallyport policy simulate --from /var/lib/sallyport/audit new/policies\n  sallyport policy simulate --from audit new/policies --config sallyport.yaml --json${exitCodes('nothing would change, 3 something would')}`,
    )
    .action(async (directory: string, flags: SimulateFlags) => {
      const config = await configAt(io, flags.config);
      const set = await setAt(io, directory, config);
      const audit = await auditAt(io, flags.from, config);
      const trial = simulate(set);
      for await (const record of await audit.accesses()) {
        if (isDecidedByPolicies(record)) trial.add(record, known(await audit.setOf(record.policyVersion)));
      }
      const report = trial.report();
      const code = report.changed > 0 ? EXIT.found : report.notReplayable > 0 ? EXIT.unknown : EXIT.ok;
      answer(io, flags, report, simulatedText(report), code);
    });
}

const known = (set: Awaited<ReturnType<RecordedAudit['setOf']>>): PolicySet | undefined =>
  'problem' in set ? undefined : set;

function simulatedText({
  accesses,
  unchanged,
  changed,
  changes,
  notReplayable,
  missing,
  isCut,
}: SimulationReport): string {
  const lines = [
    ...changes.map(changeText),
    ...missing.map(({ fact, count, requestId }) => `${count}: not replayable: ${fact} (such as ${requestId})`),
    ...(isCut ? ['and more kinds than are told apart'] : []),
    `${accesses} accesses: ${unchanged} unchanged, ${changed} changed, ${notReplayable} not replayable`,
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

function changeText({ issuer, subject, verbs, bucket, from, to, fromRule, toRule, count, example }: Change): string {
  const such = `such as ${example.requestId} at ${example.time}: ${example.key}`;
  return `${count}: ${subject} of ${issuer}: ${verbs} in ${bucket}: ${from} by ${fromRule}, now ${to} by ${toRule} (${such})`;
}

interface SuggestFlags extends Pick<SourceFlags, 'json'> {
  readonly from: string;
  readonly issuer?: string;
  readonly subject?: string;
  readonly group?: string;
  readonly depth: number;
}

/** How many folders deep a rule may begin. */
const MAX_DEPTH = 16;

/** Registers `policy suggest`. */
export function registerSuggest(policy: Command, io: CommandIo): void {
  policy
    .command('suggest')
    .description('Suggests the least rules for what was done, and says when each rule was used last.')
    .requiredOption('--from <directory>', 'the audit')
    .option('--subject <subject>', 'what one subject did')
    .option('--group <group>', 'what the members of a group did')
    .option('--issuer <name>', 'only callers of this issuer, by its name in the configuration')
    .option('--depth <folders>', 'how many folders deep rules begin; 0: whole buckets', depthOf, 1)
    .option('--json', 'prints one line of JSON')
    .addHelpText(
      'after',
      `\nExamples:\n  sallyport policy suggest --from /var/lib/sallyport/audit --issuer demo --subject alice\n  sallyport policy suggest --from audit --group analytics --depth 2 --json${exitCodes('something is suggested, 3 nothing was allowed')}`,
    )
    .action(async ({ from, json, depth, ...who }: SuggestFlags) => {
      if (who.subject !== undefined && who.group !== undefined) {
        throw new CommandError('name either --subject or --group', 2);
      }
      const audit = await auditAt(io, from);
      const gathered = suggestFor(who, depth);
      for await (const record of await audit.accesses()) {
        if (isDecidedByPolicies(record)) gathered.add(record);
      }
      const suggestion = gathered.finish();
      const isEmpty = suggestion.policies.length === 0;
      const code = !isEmpty ? EXIT.ok : suggestion.notCovered.length > 0 ? EXIT.unknown : EXIT.found;
      answer(io, { ...(json && { json }) }, suggestion, suggestedText(suggestion), code);
    });
}

function depthOf(text: string): number {
  const depth = Number(text);
  if (/^\d{1,2}$/.test(text) && depth <= MAX_DEPTH) return depth;
  throw new InvalidArgumentError(`It must be a number from 0 to ${MAX_DEPTH}.`);
}

function suggestedText({ generalisation, policies, covered, notCovered, uses, isCut }: Suggestion): string {
  const lines = [
    `# ${covered} accesses. ${generalisation}`,
    ...notCovered.map(({ why, count, requestId }) => `# not covered: ${count}: ${why} (such as ${requestId})`),
    ...(isCut ? ['# and more than are told apart'] : []),
    ...uses.map(({ rule, verb, binding, count, last }) => {
      const bound = binding === undefined ? '' : ` in sessions of role ${binding}`;
      return `# used: ${verb} by ${rule}${bound}: ${count} times, last ${last}`;
    }),
    ...policies.flatMap((text) => ['---', ...text.trimEnd().split('\n')]),
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

async function configAt(io: CommandIo, path: string | undefined): Promise<Config | undefined> {
  return path === undefined ? undefined : readConfig(io, resolve(io.cwd, path));
}

/** Opens the audit that is named, or that of the configuration. @throws CommandError (2) */
async function auditOf(io: CommandIo, flags: { readonly audit?: string; readonly config?: string }) {
  if (flags.audit !== undefined) return auditAt(io, flags.audit, await configAt(io, flags.config));
  const config = await readConfig(io, flags.config);
  return auditAt(io, config.audit.directory, config);
}

/** Opens an audit. @throws CommandError (2) */
async function auditAt(io: CommandIo, path: string, config?: Config): Promise<RecordedAudit> {
  const directory = resolve(io.cwd, path);
  if (!(await isDirectory(directory))) throw new CommandError(`${path} is no directory`, 2);
  return recordedAudit(directory, config);
}
