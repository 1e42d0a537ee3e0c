/**
 * `sallyport revoke`: takes away what is still valid, in every gateway within seconds. See docs/revocation.md. A token that
 * is named is never printed, logged or kept; only its id is.
 */
import type { Command } from 'commander';
import type { Config } from '../../config/config.ts';
import { readBounded } from '../../platform/bounded-body.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { CONFIG_OPTION } from '../read-config.ts';
import { withEditor, end, entryJson, entryText, EXIT_CODES, reason, timeOrNow } from './revocation-command.ts';
import {
  addressToRevoke,
  issuedBeforeToRevoke,
  sessionToRevoke,
  subjectToRevoke,
  tokenToRevoke,
  type Named,
  type Wanted,
} from './revocation-targets.ts';

interface RevokeFlags extends Named {
  readonly config?: string;
  readonly reason?: string;
  readonly expires?: number;
  readonly json?: true;
}

/** Registers `revoke token`, `revoke session`, `revoke subject`, `revoke address` and `revoke issued-before`. */
export function registerRevoke(program: Command, io: CommandIo): void {
  const revoke = program
    .command('revoke')
    .description('Revokes a token, a session, a person, an address, or what was issued before a time.')
    .addHelpText(
      'after',
      '\nExamples:\n  sallyport revoke token --config sallyport.yaml - < leaked.jwt\n  sallyport revoke subject --config sallyport.yaml --issuer okta --subject alice@example.com',
    );
  const register = (name: string, description: string, examples: readonly string[]): Command =>
    revoke
      .command(name)
      .description(description)
      .option(...CONFIG_OPTION)
      .option('--issuer <issuer>', 'name of an issuer in the configuration, or its URL')
      .option('--reason <text>', 'why, for the list and the audit', reason)
      .option('--expires <time>', 'when it ends: a time, or a span such as 12h or 30d', end)
      .option('--json', 'prints the entry as one line of JSON')
      .addHelpText('after', `\n${exampleText(name, examples)}\n${EFFECT}${EXIT_CODES}`);

  register('token', 'Revokes one token, and the sessions that were issued for it.', [
    '- < leaked.jwt',
    '5d41402abc4b2a76b9719d911017c592 --reason "found in a build log"',
    '--jti 2f9c-77 --issuer okta',
  ])
    .argument('<token>', 'the JWT, `-` to read it from stdin, or its id of the audit')
    .option('--jti', 'the argument is the `jti` claim of the token')
    .action(async (argument: string, flags: RevokeFlags) => {
      const token = argument === '-' ? await readStdin(io) : argument;
      await order(io, flags, (config) => tokenToRevoke(config, token, flags, Date.now()));
    });
  register('session', 'Revokes credentials issued by the gateway, or everything issued for one login.', [
    'SPLYABCDEFGH2345672A',
    '08a5019c-17e1-4977 --issuer keycloak',
  ])
    .argument('<session>', 'access key id that the gateway issued (SPLY…), or the `sid` of a login')
    .action((argument: string, flags: RevokeFlags) =>
      order(io, flags, (config) => sessionToRevoke(config, argument, flags, Date.now())),
    );
  register('subject', 'Revokes a subject: its tokens and sessions, current and future.', [
    '--issuer okta --subject alice@example.com',
    '--issuer okta --subject alice@example.com --expires 12h',
  ])
    .argument('[subject]', 'the subject; or --subject')
    .option('--subject <subject>', 'the subject, exactly as in the token')
    .action((argument: string | undefined, flags: RevokeFlags) =>
      order(io, flags, (config) => subjectToRevoke(config, argument, flags)),
    );
  register('address', 'Revokes an address or a network: whoever comes from there, whatever they show.', [
    '198.51.100.7 --reason "stolen keys were used from there" --expires 7d',
    '2001:db8:5::/48',
  ])
    .argument('<address>', 'such as 198.51.100.7 or 2001:db8::/32, as the audit has it in `clientAddress`')
    .action((argument: string, flags: RevokeFlags) => order(io, flags, () => addressToRevoke(argument)));
  register('issued-before', 'Revokes everything issued before a time. Subjects can log in again.', [
    'now --issuer okta --subject alice@example.com',
    '2026-05-01T12:00:00Z --issuer okta',
    'now --reason "a signing key leaked"',
  ])
    .argument('<time>', 'such as 2026-05-01T12:00:00Z, or `now`', timeOrNow)
    .option('--subject <subject>', 'only for this subject of the issuer; without both, for everybody')
    .action((time: number | 'now', flags: RevokeFlags) =>
      order(io, flags, (config) => issuedBeforeToRevoke(config, time, flags, Date.now())),
    );
}

const EFFECT = 'Every gateway refuses it within 5 seconds; requests in progress are finished.';

function exampleText(name: string, examples: readonly string[]): string {
  return `Examples:\n${examples.map((line) => `  sallyport revoke ${name} --config sallyport.yaml ${line}\n`).join('')}`;
}

async function order(io: CommandIo, flags: RevokeFlags, wantedOf: (config: Config) => Wanted): Promise<void> {
  await withEditor(io, { config: flags.config, writes: true }, async (editor, config) => {
    const { revoked, endMs, leastMs } = wantedOf(config);
    if (flags.expires !== undefined && leastMs !== undefined && flags.expires < leastMs) {
      const until = new Date(leastMs).toISOString();
      throw new CommandError(`--expires is too early: what is revoked can live until ${until}, and would be back`, 2);
    }
    const entry = await editor.revoke(revoked, flags.expires ?? endMs, flags.reason);
    io.stdout.write(flags.json === true ? `${JSON.stringify(entryJson(entry))}\n` : `revoked ${entryText(entry)}\n`);
  });
}

const MAX_STDIN_BYTES = 65_536;

async function readStdin({ stdin }: CommandIo): Promise<string> {
  const refuse = (): CommandError => new CommandError('stdin holds more than any token', 2);
  return (await readBounded(stdin(), { maxBytes: MAX_STDIN_BYTES, refuse })).toString('utf8').trim();
}
