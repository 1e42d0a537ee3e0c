/** `sallyport can-i`: whether one may do something, as the gateway itself decides it, before one tries. */
import { InvalidArgumentError, type Command } from 'commander';
import { printable } from '../../client/failure.ts';
import { fetchCanI, type CanI } from '../../client/gateway.ts';
import { validToken } from '../../client/tokens.ts';
import type { Location } from '../../operate/location.ts';
import type { Verb } from '../../s3/operations/verb.ts';
import { placeOf, verbOf } from '../access-arguments.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { personCommand, visit, type ProfileFlag } from './person.ts';

interface CanIFlags extends ProfileFlag {
  readonly size?: number;
  readonly contentType?: string;
  readonly tag?: ReadonlyMap<string, string>;
  readonly createOnly?: true;
  readonly json?: true;
}

const EXIT = { allow: 0, deny: 3, unknown: 4 } as const;

const EXAMPLES = `
Examples:
  sallyport can-i PUT s3://reports/2026/q3.csv
  sallyport can-i PUT s3://uploads/inbox/a.png --size 20000 --content-type image/png --create-only
  sallyport can-i LIST s3://reports/2026/ --json

It is what policy decides of you, from here and now; what the store would say is not known. An option that is left out
is not known to policy either: it satisfies no rule that allows, and every rule that denies.

Exit codes: 0 allowed, 3 denied, 4 cannot tell without what is named, 1 failed, 2 usage.`;

/** Registers the command. */
export function registerCanI(program: Command, io: CommandIo): void {
  personCommand(program, 'can-i', 'Asks the gateway whether you may do something, and by which rule.')
    .argument('<verb>', 'such as GET, PUT, DELETE or LIST', verbOf)
    .argument('<place>', 's3://bucket/key; of LIST the prefix', placeOf)
    .option('--size <bytes>', 'of what a PUT would store', bytes)
    .option('--content-type <type>', 'of what a PUT would store')
    .option('--tag <key=value>', 'of what a PUT would store; as often as there are tags', tags)
    .option('--create-only', 'the PUT would say `If-None-Match: *`')
    .option('--json', 'prints the answer of the gateway as JSON on one line')
    .addHelpText('after', EXAMPLES)
    .action((verb: Verb, place: Location, flags: CanIFlags) =>
      visit(io, flags, async ({ paths, settings, http }) => {
        const question = questionOf(verb, place, flags);
        const { token } = await validToken(paths, settings, http);
        const answer = await fetchCanI(http, settings.gateway, token, question);
        io.stdout.write(flags.json === true ? `${JSON.stringify(answer)}\n` : answerText(answer));
        const isUnknown = answer.decision === 'deny' && (answer.unknown ?? []).length > 0;
        io.setExitCode(isUnknown ? EXIT.unknown : answer.decision === 'deny' ? EXIT.deny : EXIT.allow);
      }),
    );
}

/** @throws CommandError (2) */
function questionOf(verb: Verb, { bucket, prefix }: Location, flags: CanIFlags): ReadonlyMap<string, string> {
  const { size, contentType, tag, createOnly } = flags;
  const isListing = verb === 'LIST' || verb === 'LIST_VERSIONS';
  if (!isListing && (verb === 'ADMIN') !== (prefix === '')) {
    const wanted = verb === 'ADMIN' ? `the bucket alone: s3://${bucket}/` : `a key: s3://${bucket}/key`;
    throw new CommandError(`${verb} needs ${wanted}`, 2);
  }
  const stored = [
    ...(size === undefined ? [] : ([['size', String(size)]] as const)),
    ...(contentType === undefined ? [] : ([['contentType', contentType]] as const)),
    ...(tag === undefined
      ? []
      : ([['tags', [...tag].map((pair) => pair.map(encodeURIComponent).join('=')).join('&')]] as const)),
    ...(createOnly === undefined ? [] : ([['createOnly', 'true']] as const)),
  ];
  if (stored.length > 0 && verb !== 'PUT') {
    throw new CommandError('--size, --content-type, --tag and --create-only are of a PUT', 2);
  }
  return new Map([['verb', verb], ['resource', `s3://${bucket}/${prefix}`], ...stored]);
}

/** Says it for a person. */
function answerText({ decision, verb, bucket, key, rule, reason, instead, owner, unknown = [] }: CanI): string {
  const what = `${verb} s3://${bucket}/${key}`;
  const known = {
    allow: `yes: ${what}`,
    filtered: `yes, in parts: ${what}`,
    deny: unknown.length > 0 ? `cannot tell: ${what}` : `no: ${what}`,
  } as const;
  const lines = [
    known[decision],
    `rule: ${rule}`,
    reason,
    ...(unknown.length === 0 ? [] : [`It depends on ${unknown.join(', ')}: say so (sallyport can-i --help).`]),
    ...(instead === undefined ? [] : [instead]),
    ...(owner === undefined || decision !== 'deny' ? [] : [`Ask ${owner}`]),
  ];
  return lines.map((line) => `${printable(line, 4000)}\n`).join('');
}

function bytes(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a number of bytes.');
}

function tags(text: string, before: ReadonlyMap<string, string> = new Map()): ReadonlyMap<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be key=value.');
  return new Map([...before, [text.slice(0, at), text.slice(at + 1)]]);
}
