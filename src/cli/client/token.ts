/** `sallyport token`: a valid token for one's own HTTP calls, and nothing else on stdout. */
import type { Command } from 'commander';
import { validToken } from '../../client/tokens.ts';
import { writeToken, type CommandIo } from '../io.ts';
import { PEOPLE_EXIT_CODES, personCommand, visit, type ProfileFlag } from './person.ts';

/** Registers the command. */
export function registerToken(program: Command, io: CommandIo): void {
  personCommand(program, 'token', 'Prints a valid token; renews it when needed.')
    .option('--renew', 'renews the token even if it is still valid')
    .addHelpText(
      'after',
      `\nExample:\n  curl -H "Authorization: Bearer $(sallyport token)" https://s3.example.com/reports/q3.csv\n  sallyport token > token.jwt    # for AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: without a final newline\n\nIt is as good as your password until it ends: keep it out of logs and histories.${PEOPLE_EXIT_CODES}`,
    )
    .action((flags: ProfileFlag & { renew?: true }) =>
      visit(io, flags, async ({ paths, settings, http }) => {
        const { token } = await validToken(paths, settings, http, { force: flags.renew === true });
        writeToken(io, token);
      }),
    );
}
