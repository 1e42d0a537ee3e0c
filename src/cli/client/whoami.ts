/** `sallyport whoami`: who the gateway takes one for, until when, and what policy gives. */
import type { Command } from 'commander';
import { printable } from '../../client/failure.ts';
import { fetchWhoami, type Whoami } from '../../client/gateway.ts';
import { validToken } from '../../client/tokens.ts';
import type { CommandIo } from '../io.ts';
import { PEOPLE_EXIT_CODES, personCommand, visit, type ProfileFlag } from './person.ts';

/** Registers the command. */
export function registerWhoami(program: Command, io: CommandIo): void {
  personCommand(program, 'whoami', 'Shows your identity at the gateway, when it expires, and what you may do.')
    .option('--json', 'prints the answer of the gateway as JSON on one line')
    .addHelpText('after', `\nExamples:\n  sallyport whoami\n  sallyport whoami --json${PEOPLE_EXIT_CODES}`)
    .action((flags: ProfileFlag & { json?: true }) =>
      visit(io, flags, async ({ paths, settings, http }) => {
        const { token } = await validToken(paths, settings, http);
        const known = await fetchWhoami(http, settings.gateway, token);
        io.stdout.write(flags.json === true ? `${JSON.stringify(known)}\n` : whoamiText(known));
      }),
    );
}

/** Says it for a person. */
export function whoamiText({ subject, issuerName, actor, groups, expiresAt, roles, buckets }: Whoami): string {
  const who = `${actor === undefined ? '' : `${actor.subject} for `}${subject}, by ${issuerName}`;
  const rows: (readonly [string, string])[] = [
    ['you are', who],
    ['until', expiresAt],
    ['groups', groups.join(', ') || 'none'],
    ['roles', roles.join(', ')],
    ...(buckets.length === 0 ? ([['buckets', 'none']] as const) : []),
  ];
  for (const { name, grants } of buckets) {
    for (const { effect, verbs, key, prefix = '' } of grants) {
      rows.push([name, `${effect} ${verbs.join(', ')} on ${key ?? `${prefix}*`}`]);
    }
  }
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${printable(name).padEnd(width)}  ${printable(value, 4000)}\n`).join('');
}
