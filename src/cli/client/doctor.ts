/**
 * `sallyport doctor`: what stands between a person and the first object, and how to fix it. With `--store` it is the
 * operator's, and tries a store of the configuration (doctor-store.ts), with `--edge` the HAProxy in front (doctor-edge.ts).
 */
import type { Command } from 'commander';
import { examine } from '../../client/doctor.ts';
import { printable } from '../../client/failure.ts';
import type { Finding } from '../../client/finding.ts';
import { AWS_PROFILE_OPTION, awsProfileOf } from './configure.ts';
import { role } from './credentials.ts';
import type { DoctorEdgeFlags } from '../operator/doctor-edge.ts';
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
  readonly edge?: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly region?: string;
  readonly address?: string;
  readonly gatewayDown?: true;
  readonly haproxyConfig?: readonly string[];
}

/** What loads the doctors of operators: nothing of them is loaded on people's machines before it is requested. */
export interface OperatorDoctors {
  readonly store: () => Promise<(io: CommandIo, flags: DoctorStoreFlags) => Promise<void>>;
  readonly edge: () => Promise<(io: CommandIo, flags: DoctorEdgeFlags) => Promise<void>>;
}

const STORE_OPTIONS = ['config', 'bucket'] as const;
const EDGE_OPTIONS = ['tokenFile', 'caFile', 'region', 'address', 'gatewayDown', 'haproxyConfig'] as const;

/** Registers the command. */
export function registerDoctor(program: Command, io: CommandIo, operators: OperatorDoctors): void {
  personCommand(
    program,
    'doctor',
    'Checks clock, TLS, issuer, gateway, login, audience, signature and AWS profile; with --store, what a store supports; with --edge, what HAProxy lacks.',
  )
    .option(...AWS_PROFILE_OPTION)
    .option('--role <policy>', 'the one that the AWS profile was configured with', role)
    .option('--json', 'prints the findings as JSON on one line')
    .option(
      '--store <name>',
      "for operators: tries what this store of the configuration can do, with the gateway's credentials",
    )
    .option('--config <file>', 'with --store: the configuration file (default: the one that serve finds)')
    .option('--bucket <name>', 'with --store: the bucket to try it in (default: the first one there)')
    .option('--edge <url>', 'for operators: tries what the HAProxy at this https URL lacks in front of the gateway')
    .option('--token-file <file>', 'with --edge: a token of your own, to learn whether a forged address is on record')
    .option('--ca-file <file>', 'with --edge: CA certificates beside those of Node, as PEM')
    .option('--region <region>', 'with --edge: of the presigned URL (default: us-east-1)')
    .option('--address <address>', 'with --edge: by which this machine is known outside, where it is not by its own')
    .option('--gateway-down', 'with --edge: tries only what clients see while all gateways are stopped (you stop them)')
    .option('--haproxy-config <file...>', 'with --edge: files of HAProxy, for what nobody sees from outside: its log')
    .addHelpText('after', HELP)
    .action(async (flags: DoctorFlags) => {
      const { store, edge } = flags;
      if (store !== undefined && edge !== undefined) throw new CommandError('--store or --edge, not both', 2);
      const misplaced = [
        ...(store === undefined ? STORE_OPTIONS.map((name) => [name, '--store'] as const) : []),
        ...(edge === undefined ? EDGE_OPTIONS.map((name) => [name, '--edge'] as const) : []),
      ].find(([name]) => flags[name] !== undefined);
      if (misplaced !== undefined) {
        const [name, owner] = misplaced;
        const option = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
        throw new CommandError(`--${option} goes with ${owner}`, 2);
      }
      if (store !== undefined) {
        const doctor = await operators.store();
        await doctor(io, { ...flags, store });
        return;
      }
      if (edge !== undefined) {
        const doctor = await operators.edge();
        await doctor(io, { ...flags, edge });
        return;
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

With --edge it sends forged headers, a large token, many headers, an upload that waits, a slow form, a body that is too
large and a presigned URL. None of them changes anything; each refusal is recorded. It says what is
missing, and the line of haproxy/sallyport-backend.cfg that adds it.

Examples:
  sallyport doctor
  sallyport doctor --json
  sallyport doctor --store ceph --config /etc/sallyport/sallyport.yaml
  sallyport doctor --store ceph --config sallyport.yaml --bucket scratch --json
  sallyport token > token && sallyport doctor --edge https://s3.example.com --token-file token
  sallyport doctor --edge https://s3.example.com --haproxy-config /etc/haproxy/haproxy.cfg --json
  sallyport doctor --edge https://s3.example.com --gateway-down

Exit codes: 0 nothing is wrong, 1 something is (with --store: something that the gateway needs is missing there), 2 usage
or configuration. With --edge: 0 nothing is missing, 3 something is, 4 something could not be told, 1 failed, 2 usage.`;

function textOf(findings: readonly Finding[]): string {
  return findings
    .map(({ check, state, found, remedy }) => {
      const to = remedy === undefined ? '' : `${' '.repeat(10)}to fix it: ${printable(remedy)}\n`;
      return `${state.padEnd(9)} ${check}: ${printable(found, 1000)}\n${to}`;
    })
    .join('');
}
