/** `sallyport configure`: the AWS CLI and SDKs find gateway and credentials by a profile, or a shell by its variables. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { isAwsProfileName, writeProfile, type AwsProfile } from '../../client/aws-config.ts';
import type { Settings } from '../../client/settings.ts';
import { shellExports, SHELLS, type Shell } from '../../client/shell-exports.ts';
import { role } from './credentials.ts';
import type { CommandIo } from '../io.ts';
import { PEOPLE_EXIT_CODES, personCommand, visit, type ProfileFlag } from './person.ts';

interface ConfigureFlags extends ProfileFlag {
  readonly awsProfile: string;
  readonly role?: string;
  readonly shell?: Shell;
}

export const AWS_PROFILE_OPTION = [
  '--aws-profile <name>',
  'the name of the AWS profile',
  (text: string): string => {
    if (isAwsProfileName(text)) return text;
    throw new InvalidArgumentError('It must be letters, digits, dots, dashes and underscores, and not `default`.');
  },
  'sallyport',
] as const;

/** Registers the command. */
export function registerConfigure(program: Command, io: CommandIo): void {
  personCommand(program, 'configure', 'Writes a profile for the AWS CLI and SDKs into ~/.aws/config.')
    .option(...AWS_PROFILE_OPTION)
    .option('--role <policy>', 'limits the credentials to this policy (default: all policies that name you)', role)
    .addOption(new Option('--shell <shell>', 'also prints the variables, for this shell to run').choices(SHELLS))
    .addHelpText(
      'after',
      `\nExamples:\n  sallyport configure\n  eval "$(sallyport configure --shell bash)"\n  sallyport configure --shell fish | source\n  sallyport configure --shell powershell | Invoke-Expression\n\nOnly its own lines are written, and written again the next time; the rest of the file stays as it is.${PEOPLE_EXIT_CODES}`,
    )
    .action((flags: ConfigureFlags) =>
      visit(io, flags, async ({ profile, paths, settings }) => {
        const awsProfile = awsProfileOf(io, profile, settings, flags);
        const path = await writeProfile(paths.awsConfigFile, awsProfile);
        io.stderr.write(`Profile ${awsProfile.name} is in ${path}. Use it by AWS_PROFILE=${awsProfile.name}.\n`);
        if (flags.shell !== undefined) io.stdout.write(shellExports(flags.shell, variablesOf(awsProfile)));
      }),
    );
}

/** The AWS profile of a profile of ours: it runs this very program. */
export function awsProfileOf(
  io: CommandIo,
  profile: string,
  settings: Settings,
  flags: { readonly awsProfile: string; readonly role?: string },
): AwsProfile {
  return {
    name: flags.awsProfile,
    credentialCommand: [
      ...[io.self.node, io.self.script, 'credentials', '--profile', profile],
      ...(flags.role === undefined ? [] : ['--role', flags.role]),
    ],
    settings,
  };
}

function variablesOf({ name, settings: { gateway, region, caFile } }: AwsProfile): Record<string, string> {
  return {
    AWS_PROFILE: name,
    AWS_REGION: region,
    // For those that know the variable, but not `services` in a profile.
    AWS_ENDPOINT_URL_S3: gateway,
    // Without it `aws sts get-caller-identity` would send the session's token to AWS.
    AWS_ENDPOINT_URL_STS: gateway,
    ...(caFile === undefined ? {} : { AWS_CA_BUNDLE: caFile, NODE_EXTRA_CA_CERTS: caFile }),
  };
}
