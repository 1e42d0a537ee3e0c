/** `sallyport credentials`: what the AWS CLI and SDKs run as `credential_process`. */
import { InvalidArgumentError, type Command } from 'commander';
import { fetchCredentials } from '../../client/gateway.ts';
import { validToken } from '../../client/tokens.ts';
import type { CommandIo } from '../io.ts';
import { PEOPLE_EXIT_CODES, personCommand, visit, type ProfileFlag } from './person.ts';

/** SDKs renew up to 15 minutes before the end: what ends sooner, they would ask for at every call. */
const MARGIN_MS = 16 * 60_000;

/** Registers the command. */
export function registerCredentials(program: Command, io: CommandIo): void {
  personCommand(program, 'credentials', 'Prints temporary credentials in the format of an AWS credential_process.')
    .option('--role <policy>', 'limits the credentials to this policy (default: all policies that name you)', role)
    .addHelpText(
      'after',
      `\nExample, in ~/.aws/config (sallyport configure writes it):\n  credential_process = sallyport credentials\n\nWhat it prints is secret until it ends.${PEOPLE_EXIT_CODES}`,
    )
    .action((flags: ProfileFlag & { role?: string }) =>
      visit(io, flags, async ({ paths, settings, http }) => {
        const { token } = await validToken(paths, settings, http, { marginMs: MARGIN_MS });
        const issued = await fetchCredentials(http, settings.gateway, token, flags.role);
        const { AccessKeyId, SecretAccessKey, Token: SessionToken, Expiration } = issued;
        io.stdout.write(`${JSON.stringify({ Version: 1, AccessKeyId, SecretAccessKey, SessionToken, Expiration })}\n`);
      }),
    );
}

/** Reads the name of a role. */
export function role(text: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,63}$/.test(text)) return text;
  throw new InvalidArgumentError('It must be the id of a policy.');
}
