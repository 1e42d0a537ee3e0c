/**
 * `sallyport doctor`: what stands between a person and the first object, and how to fix it. With `--store` it is the
 * operator's, and tries a store of the configuration (doctor-store.ts).
 */
import type { Command } from 'commander';
import { examine } from '../../client/doctor.ts';
import { printable } from '../../client/failure.ts';
import type { Finding } from '../../client/finding.ts';
import { AWS_PROFILE_OPTION, awsProfileOf } from './configure.ts';
import { role } from './credentials.ts';
import type { DoctorStoreFlags } from '../operator/doctor-store.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { personCommand, visit, type ProfileFlag } from './person.ts';

interface DoctorFlags extends ProfileFlag {
  readonly awsProfile: string;
  readonly role?: string;
  readonly json?: true;
  readonly store?: string;
  readonly config?: string;
  readonly bucket?: string;
}

export type StoreDoctor = (io: CommandIo, flags: DoctorStoreFlags) => Promise<void>;

/** Registers the command. `loadStoreDoctor`: nothing of it is loaded on people's machines before it is requested. */
export function registerDoctor(program: Command, io: CommandIo, loadStoreDoctor: () => Promise<StoreDoctor>): void {
  personCommand(
    program,
    'doctor',
    'Checks clock, TLS, issuer, gateway, login, audience, signature and AWS profile; with --store, what a store supports.',
  )
    .option(...AWS_PROFILE_OPTION)
    .option('--role <policy>', 'the one that the AWS profile was configured with', role)
    .option('--json', 'prints the findings as JSON on one line')
    .option(
      '--store <name>',
      "for operators: tries what this store of the configuration can do, with the gateway's credentials",
    )
    .option('--config <file>', 'with --store: the configuration file (default: sallyport.yaml)')
    .option('--bucket <name>', 'with --store: the bucket to try it in (default: the first one there)')
    .addHelpText('after', HELP)
    .action(async (flags: DoctorFlags) => {
      const { store } = flags;
      if (store !== undefined) {
        await (
          await loadStoreDoctor()
        )(io, { ...flags, store });
        return;
      }
      for (const name of ['config', 'bucket'] as const) {
        if (flags[name] !== undefined) throw new CommandError(`--${name} goes with --store`, 2);
      }
      await visit(io, flags, async ({ profile, paths, settings, http }) => {
        const proxies = ['https_proxy', 'HTTPS_PROXY'].map((name) => io.env[name] ?? '');
        const findings = await examine({
          ...{ paths, settings, http },
          hasProxy: proxies.some((proxy) => proxy !== ''),
          awsProfile: awsProfileOf(io, profile, settings, flags),
        });
        const isWell = findings.every(({ state }) => state !== 'wrong');
        io.stdout.write(flags.json === true ? `${JSON.stringify({ ok: isWell, findings })}\n` : textOf(findings));
        io.setExitCode(isWell ? 0 : 1);
      });
    });
}

const HELP = `
With --store it writes, reads and deletes below .sallyport-doctor/ in one bucket, takes all of it away again (also on
Ctrl-C), touches nothing else, and says what the store cannot do in words of what users lose.

Examples:
  sallyport doctor
  sallyport doctor --json
  sallyport doctor --store ceph --config /etc/sallyport/sallyport.yaml
  sallyport doctor --store ceph --config sallyport.yaml --bucket scratch --json

Exit codes: 0 nothing is wrong, 1 something is (with --store: something that the gateway needs is missing there), 2 usage
or configuration.`;

function textOf(findings: readonly Finding[]): string {
  return findings
    .map(({ check, state, found, remedy }) => {
      const to = remedy === undefined ? '' : `${' '.repeat(10)}to fix it: ${printable(remedy)}\n`;
      return `${state.padEnd(9)} ${check}: ${printable(found, 1000)}\n${to}`;
    })
    .join('');
}
