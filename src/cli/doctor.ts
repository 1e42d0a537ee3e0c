/** `sallyport doctor`: what stands between a person and the first object, and how to mend it. */
import type { Command } from 'commander';
import { examine } from '../client/doctor.ts';
import { printable } from '../client/failure.ts';
import type { Finding } from '../client/finding.ts';
import { AWS_PROFILE_OPTION, awsProfileOf } from './configure.ts';
import { role } from './credentials.ts';
import type { CommandIo } from './io.ts';
import { personCommand, visit, type ProfileFlag } from './person.ts';

interface DoctorFlags extends ProfileFlag {
  readonly awsProfile: string;
  readonly role?: string;
  readonly json?: true;
}

/** Registers the command. */
export function registerDoctor(program: Command, io: CommandIo): void {
  personCommand(program, 'doctor', 'Checks clock, TLS, issuer, gateway, login, audience, signature and AWS profile.')
    .option(...AWS_PROFILE_OPTION)
    .option('--role <policy>', 'the one that the AWS profile was configured with', role)
    .option('--json', 'prints the findings as one line of JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  sallyport doctor\n  sallyport doctor --json\n\nExit codes: 0 nothing is wrong, 1 something is, 2 usage.',
    )
    .action((flags: DoctorFlags) =>
      visit(io, flags, async ({ profile, places, settings, http }) => {
        const proxies = ['https_proxy', 'HTTPS_PROXY'].map((name) => io.env[name] ?? '');
        const findings = await examine({
          ...{ places, settings, http },
          hasProxy: proxies.some((proxy) => proxy !== ''),
          awsProfile: awsProfileOf(io, profile, settings, flags),
        });
        const isWell = findings.every(({ state }) => state !== 'wrong');
        io.stdout.write(flags.json === true ? `${JSON.stringify({ ok: isWell, findings })}\n` : textOf(findings));
        io.setExitCode(isWell ? 0 : 1);
      }),
    );
}

function textOf(findings: readonly Finding[]): string {
  return findings
    .map(({ check, state, found, mend }) => {
      const to = mend === undefined ? '' : `${' '.repeat(10)}to mend it: ${printable(mend)}\n`;
      return `${state.padEnd(9)} ${check}: ${printable(found, 1000)}\n${to}`;
    })
    .join('');
}
