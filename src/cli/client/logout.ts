/** `sallyport logout`: ends the login, at the issuer where it can be told, and removes the tokens from this machine. */
import type { Command } from 'commander';
import { logOut } from '../../client/log-out.ts';
import type { CommandIo } from '../io.ts';
import { PEOPLE_EXIT_CODES, personCommand, visit, type ProfileFlag } from './person.ts';

/** Registers the command. */
export function registerLogout(program: Command, io: CommandIo): void {
  const nobody = (): void => void io.stdout.write('Nobody was logged in.\n');
  personCommand(program, 'logout', 'Ends the login and removes its tokens from this machine.')
    .addHelpText(
      'after',
      `\nExample:\n  sallyport logout\n\nCredentials that were handed out before end by themselves, within the life of their token.${PEOPLE_EXIT_CODES}`,
    )
    .action((flags: ProfileFlag) =>
      visit(
        io,
        flags,
        async ({ paths, settings, http }) => {
          const ended = await logOut(paths, settings, http);
          if (ended === undefined) nobody();
          else if (ended.revoked) io.stdout.write('Logged out, here and at the issuer.\n');
          else
            io.stdout.write(
              `Logged out on this machine only; the session at the issuer was not revoked: ${ended.reason}.\n`,
            );
        },
        nobody,
      ),
    );
}
