/** `sallyport policy`: tests, lints, explains and compares sets of policies. It asks no gateway. See docs/policy-commands.md. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { Location } from '../../operate/location.ts';
import { differencesOf, inOrder, type Difference } from '../../policy/analysis/differences.ts';
import { guardrailChanges } from '../../policy/analysis/guardrails.ts';
import { consideredText, explain } from '../../policy/analysis/explain.ts';
import { lint } from '../../policy/analysis/lint.ts';
import { tryMutants } from '../../policy/analysis/mutants.ts';
import { whoMay } from '../../policy/analysis/who.ts';
import {
  accessText,
  casesText,
  conditionsText,
  factsText,
  identityOf,
  principalText,
  whoText,
} from '../../policy/analysis/words.ts';
import type { Conditions } from '../../policy/condition-schema.ts';
import { accessAt, checkPolicyTests, loadPolicyTests, readFacts, readIdentity } from '../../policy/policy-tests.ts';
import type { Verb } from '../../s3/operations/verb.ts';
import { placeOf, verbOf } from '../access-arguments.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { readConfig } from '../read-config.ts';
import {
  answer,
  EXIT,
  exitCodes,
  isDirectory,
  orUnknown,
  policyCommand,
  readSet,
  setAt,
  valid,
  type SourceFlags,
} from './policy-command.ts';
import { explainRecorded, registerSimulate, registerSuggest } from './recorded.ts';

/** Registers the commands. */
export function registerPolicy(program: Command, io: CommandIo): void {
  const policy = program
    .command('policy')
    .description('Tests, lints, explains and compares policies.')
    .addHelpText(
      'after',
      '\nExamples:\n  sallyport policy test --policies policies\n  sallyport policy diff old/policies policies --no-new-access',
    );
  registerTest(policy, io);
  registerLint(policy, io);
  registerExplain(policy, io);
  registerWho(policy, io);
  registerDiff(policy, io);
  registerSimulate(policy, io);
  registerSuggest(policy, io);
}

interface TestFlags extends SourceFlags {
  readonly cases?: string;
  readonly mutants?: true;
}

function registerTest(policy: Command, io: CommandIo): void {
  policyCommand(policy, 'test', 'Runs the cases beside policies, and names rules that no case decides.')
    .option('--cases <directory>', 'the cases (default: tests/ in the directory of the policies)')
    .option('--mutants', 'also changes each rule and names each change that no case notices, with a case that would')
    .addHelpText(
      'after',
      `\nExamples:\n  sallyport policy test --policies policies\n  sallyport policy test --config sallyport.yaml --mutants --json${exitCodes('all is well, 3 a case fails, a rule decides none or a mutant survives')}`,
    )
    .action(async (flags: TestFlags) => {
      const { set, directory } = await readSet(io, flags);
      const cases = flags.cases === undefined ? join(directory, 'tests') : resolve(io.cwd, flags.cases);
      const tests = await valid(() => loadPolicyTests(cases));
      const { passed, failures, unproven } = checkPolicyTests(set, tests);
      const mutants = flags.mutants === true && failures.length === 0 ? tryMutants(set, tests) : undefined;
      const survivors = mutants?.survivors ?? [];
      const isWell = failures.length + unproven.length + survivors.length === 0;
      const pasted = survivors.flatMap((each) => each.case ?? []);
      const text = [
        ...failures,
        ...unproven.map((rule) => `${rule}: decides no case`),
        ...survivors.map(({ rule, change }) => `${rule}: no case notices it ${change}`),
        `${passed} of ${tests.length} cases pass`,
        ...(mutants === undefined
          ? []
          : [`${mutants.tried} mutants, ${survivors.length} survive, ${mutants.equivalent} change nothing`]),
        ...(pasted.length === 0 ? [] : ['', '# cases that would notice', casesText(pasted)]),
      ].join('\n');
      const report = {
        ...{ ok: isWell, passed, failures, unproven },
        ...(mutants !== undefined && {
          mutants: {
            ...{ tried: mutants.tried, equivalent: mutants.equivalent },
            survivors: survivors.map(({ rule, change, case: each }) => ({
              ...{ rule, change },
              ...(each !== undefined && { case: casesText([each]) }),
            })),
          },
        }),
      };
      answer(io, flags, report, `${text}\n`, isWell ? EXIT.ok : EXIT.found);
    });
}

function registerLint(policy: Command, io: CommandIo): void {
  policyCommand(policy, 'lint', 'Finds rules that decide nothing, and rules that give too much.')
    .addHelpText(
      'after',
      `\nExamples:\n  sallyport policy lint --policies policies\n  sallyport policy lint --config sallyport.yaml --json${exitCodes('nothing found, 3 something is')}`,
    )
    .action(async (flags: SourceFlags) => {
      const { set, directory } = await readSet(io, flags);
      const cases = join(directory, 'tests');
      const tests = (await isDirectory(cases)) ? await valid(() => loadPolicyTests(cases)) : [];
      const findings = lint(
        set,
        Date.now(),
        tests.map(({ principal }) => principal),
      );
      const found = findings.filter(({ kind }) => kind !== 'cannot-tell').length;
      const text = findings.map(({ kind, rule, message }) => `${rule}: ${message} (${kind})\n`).join('');
      const code = found > 0 ? EXIT.found : findings.length > 0 ? EXIT.unknown : EXIT.ok;
      answer(io, flags, { ok: code === EXIT.ok, findings }, text === '' ? 'nothing found\n' : text, code);
    });
}

interface ExplainFlags extends SourceFlags {
  readonly as?: string;
  readonly facts?: string;
  readonly requestId?: string;
  readonly audit?: string;
}

function registerExplain(policy: Command, io: CommandIo): void {
  policyCommand(policy, 'explain', 'Says how a request is decided, and of every rule why it applies or not.')
    .argument('[verb]', 'such as GET or PUT', verbOf)
    .argument('[place]', 's3://bucket/key; of LIST the prefix', placeOf)
    .option(
      '--as <identity>',
      'JSON as in files of cases (issuer, subject, groups, client, claims, actor, role): itself, a file, or - for stdin',
    )
    .option(
      '--facts <facts>',
      'JSON or YAML as in files of cases (time, clientAddress, wayIn, size, contentType, tags, createOnly); without a time it is now',
    )
    .option('--request-id <id>', 'a recorded request instead: decided anew by the set that was in force')
    .option('--audit <directory>', 'with --request-id: the audit (default: that of --config)')
    .addHelpText(
      'after',
      `\nExamples:\n  sallyport policy explain --policies policies --as '{"issuer":"demo","subject":"alice","groups":["analytics"]}' PUT s3://reports/2026/q3.csv\n  sallyport policy explain --config sallyport.yaml --as alice.json --json LIST s3://reports/2026/\n  sallyport policy explain --policies policies --as alice.json --facts '{ time: 2026-12-31T09:00:00Z, clientAddress: 10.0.0.7, wayIn: session, size: 2 MiB }' PUT s3://reports/2026/q3.csv\n  sallyport policy explain --request-id 5b1f6d0c-… --audit /var/lib/sallyport/audit${exitCodes('allow, 3 deny')}`,
    )
    .action(async (verb: Verb | undefined, place: Location | undefined, { requestId, ...flags }: ExplainFlags) => {
      if (requestId !== undefined) {
        if (verb !== undefined || flags.as !== undefined || flags.policies !== undefined) {
          throw new CommandError('--request-id goes with --config and --audit alone', 2);
        }
        await explainRecorded(io, requestId, flags);
        return;
      }
      if (verb === undefined || place === undefined || flags.as === undefined || flags.audit !== undefined) {
        throw new CommandError('name a verb, a place and --as, or --request-id', 2);
      }
      const { set } = await readSet(io, flags);
      const identity = await identityText(io, flags.as);
      const principal = await valid(() => readIdentity(identity));
      const facts = await valid(() => readFacts(flags.facts ?? '{}'));
      const { decision, rules, undecided } = explain(set, principal, accessOf(verb, place), facts);
      const { effect, rule, reason } = decision;
      const lines = rules.map(consideredText);
      const text = [`${effect} by ${rule}: ${reason}`, ...lines].map((line) => `${line}\n`).join('');
      const code = undecided.length > 0 ? EXIT.unknown : effect === 'allow' ? EXIT.ok : EXIT.found;
      const unknown =
        undecided.length === 0
          ? ''
          : `cannot tell: what is not known here matters to ${undecided.join(', ')}; say it with --facts (which clients are agents: --config). Without it:\n`;
      answer(io, flags, { decision, rules, undecided }, `${unknown}${text}`, code);
    });
}

function accessOf(verb: Verb, { bucket, prefix }: Location) {
  const access = accessAt(verb, bucket, prefix);
  if (access.kind === 'object' && prefix === '') throw new CommandError(`${verb} needs a key: s3://${bucket}/key`, 2);
  return access;
}

async function identityText(io: CommandIo, as: string): Promise<string> {
  if (as.trimStart().startsWith('{')) return as;
  if (as === '-') return readText(io.stdin());
  try {
    return await readFile(resolve(io.cwd, as), 'utf8');
  } catch (error) {
    throw new CommandError(`${as} cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, 2);
  }
}

function registerWho(policy: Command, io: CommandIo): void {
  policyCommand(policy, 'who', 'Says who may do something.')
    .argument('<place>', 's3://bucket/key; of LIST the prefix', placeOf)
    .argument('<verb>', 'such as GET or PUT', verbOf)
    .addHelpText(
      'after',
      `\nExamples:\n  sallyport policy who --policies policies s3://reports/2026/q3.csv GET\n  sallyport policy who --config sallyport.yaml --json s3://reports/ LIST${exitCodes('somebody may, 3 nobody')}`,
    )
    .action(async (place: Location, verb: Verb, flags: SourceFlags) => {
      const { set } = await readSet(io, flags);
      orUnknown(io, flags, () => {
        const found = whoMay(set, accessOf(verb, place));
        const text = found.map(({ rule, who, when, example, hasVariables, except }) => {
          const such = hasVariables ? `, such as ${principalText(example.principal)}` : '';
          const but = except.map((each) => `  not ${whoText(each.who)} as well${whenText(each.when)}: ${each.rule}\n`);
          return `${whoText(who)}${such}${whenText(when)}: ${rule}\n${but.join('')}`;
        });
        const allowed = found.map(({ rule, who, when, example, except }) => ({
          ...{ rule, who, ...(when && { when: conditionsText(when) }), example: identityOf(example.principal) },
          except: except.map((each) => ({ ...each, when: each.when && conditionsText(each.when) })),
        }));
        answer(io, flags, { allowed }, text.join('') || 'nobody\n', found.length > 0 ? EXIT.ok : EXIT.found);
      });
    });
}

const whenText = (when: Conditions | undefined): string => (when === undefined ? '' : `, ${conditionsText(when)}`);

interface DiffFlags extends Pick<SourceFlags, 'json'> {
  readonly config?: string;
  readonly newAccess: boolean;
}

function registerDiff(policy: Command, io: CommandIo): void {
  policy
    .command('diff')
    .description('Says what one set of policies allows or denies that another does not.')
    .argument('<old>', 'the directory of the old policies')
    .argument('<new>', 'that of the new ones')
    .option('--config <file>', 'the configuration: its issuers, buckets and agentClients hold for both')
    .option('--no-new-access', 'fails with 3 where something is newly allowed')
    .option('--json', 'prints one line of JSON')
    .addHelpText(
      'after',
      `\nExamples:\n  sallyport policy diff old/policies policies\n  sallyport policy diff old/policies policies --config sallyport.yaml --no-new-access --json${exitCodes('compared, 3 with --no-new-access: something is newly allowed')}`,
    )
    .action(async (before: string, after: string, flags: DiffFlags) => {
      const config = flags.config === undefined ? undefined : await readConfig(io, resolve(io.cwd, flags.config));
      const [old, now] = [await setAt(io, before, config), await setAt(io, after, config)];
      orUnknown(io, flags, () => {
        const differences = differencesOf(old, now);
        const guardrails = guardrailChanges(old, now);
        const isNew = differences.some(({ change }) => change === 'allowed');
        const unread = guardrails.map(
          ({ policy: id, changes }) =>
            `cannot tell what this comes to: the guardrails of ${id} differ\n${changes.map((each) => `  ${each}\n`).join('')}`,
        );
        const text = [...differences.map(differenceText), ...unread].join('\n');
        const report = { newAccess: isNew, differences: differences.map(differenceJson), guardrails };
        const code = guardrails.length > 0 ? EXIT.unknown : EXIT.ok;
        answer(io, flags, report, text || 'no difference\n', isNew && !flags.newAccess ? EXIT.found : code);
      });
    });
}

function differenceText(difference: Difference): string {
  const { change, allowedBy, deniedBy, who, where, onlyInRole, witness } = difference;
  const byBuckets = new Map<string, Verb[]>();
  for (const verb of inOrder(where.keys())) {
    const buckets = [...(where.get(verb) ?? [])].join(', ');
    byBuckets.set(buckets, [...(byBuckets.get(buckets) ?? []), verb]);
  }
  const verbs = [...byBuckets].map(([buckets, list]) => `${list.join(', ')} in ${buckets}`).join('; ');
  const session = onlyInRole ? ', in sessions of one policy only' : '';
  const facts = factsText(witness.facts);
  const name = witness.name === undefined ? '' : `, which then shows ${witness.name}`;
  return `newly ${change} to ${who.map(whoText).join(' or ')}: ${verbs}${session}
  ${change === 'allowed' ? `before: ${deniedBy}; now: ${allowedBy}` : `before: ${allowedBy}; now: ${deniedBy}`}
  for example ${accessText(witness.access)}${name} by ${principalText(witness.principal)}${facts === '' ? '' : `, ${facts}`}
${casesText([caseAfter(difference)])}`;
}

const caseAfter = ({ witness }: Difference) => ({ ...witness, decision: witness.after });

function differenceJson(difference: Difference): object {
  const { change, allowedBy, deniedBy, who, where, onlyInRole } = difference;
  return {
    ...{ change, allowedBy, deniedBy, who, onlyInRole },
    where: inOrder(where.keys()).map((verb) => ({ verb, buckets: [...(where.get(verb) ?? [])] })),
    case: casesText([caseAfter(difference)]),
  };
}
