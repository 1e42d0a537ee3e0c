/** `sallyport doctor --edge`: what the HAProxy in front of the gateway lacks, and the lines that add it. */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { getCACertificates } from 'node:tls';
import { examineEdge, type EdgeFinding } from '../../client/edge-doctor/edge-doctor.ts';
import { problemsOf } from '../../client/edge-doctor/haproxy-log.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { printable } from './report.ts';

export interface DoctorEdgeFlags {
  readonly edge: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly region?: string;
  readonly address?: string;
  readonly gatewayDown?: true;
  readonly haproxyConfig?: readonly string[];
  readonly json?: true;
}

/** Runs it. Exit code 0: nothing is missing, 3: something is, 4: something could not be told. @throws CommandError */
export async function doctorEdge(io: CommandIo, flags: DoctorEdgeFlags): Promise<void> {
  const origin = originOf(flags.edge);
  const { address } = flags;
  if (address !== undefined && isIP(address) === 0) throw new CommandError('--address: not an IP address', 2);
  const read = (name: string, file: string): Promise<string> =>
    readFile(resolve(io.cwd, file), 'utf8').catch(() => {
      throw new CommandError(`${name} ${file}: cannot be read`, 2);
    });
  const token = flags.tokenFile === undefined ? undefined : (await read('--token-file', flags.tokenFile)).trim();
  if (token !== undefined && !/^[\x21-\x7e]{1,32768}$/.test(token)) {
    throw new CommandError('--token-file: holds no token', 2);
  }
  const ca =
    flags.caFile === undefined ? undefined : [...getCACertificates('default'), await read('--ca-file', flags.caFile)];
  const configs: [string, string][] = [];
  for (const file of flags.haproxyConfig ?? []) configs.push([file, await read('--haproxy-config', file)]);
  const { region = 'us-east-1' } = flags;
  const isDown = flags.gatewayDown === true;
  const tried = await examineEdge({ origin, ca, token, region, address, isDown });
  const findings = isDown && configs.length === 0 ? tried : [...tried, ...logFindings(configs)];
  const exitCode = findings.some(({ state }) => state === 'missing')
    ? 3
    : findings.every(({ state }) => state === 'ok')
      ? 0
      : 4;
  io.stdout.write(
    flags.json === true ? `${JSON.stringify({ edge: origin, ok: exitCode === 0, findings })}\n` : textOf(findings),
  );
  io.setExitCode(exitCode);
}

function originOf(edge: string): string {
  const url = URL.canParse(edge) ? new URL(edge) : undefined;
  if (url?.protocol !== 'https:' || url.href !== `${url.origin}/`) {
    throw new CommandError('--edge: an https URL without a path, such as https://s3.example.com', 2);
  }
  return url.origin;
}

function logFindings(configs: readonly (readonly [string, string])[]): readonly EdgeFinding[] {
  const check = 'configuration and log';
  if (configs.length === 0) {
    const found = 'whether a log holds queries of presigned URLs cannot be seen from outside: --haproxy-config';
    return [{ check, state: 'unknown', found }];
  }
  const findings = configs.flatMap(([file, text]) =>
    problemsOf(text).map(({ line, found, instead }): EdgeFinding => ({
      ...{ check, state: 'missing', found: `${file}:${line}: ${found}`, where: 'in its place', lines: [instead] },
    })),
  );
  if (findings.length > 0) return findings;
  return [{ check, state: 'ok', found: 'no log format holds a query or a credential, no option changes requests' }];
}

const WORDS = { ok: 'ok', missing: 'MISSING', unknown: 'not known' };

function textOf(findings: readonly EdgeFinding[]): string {
  const lines = findings.flatMap(({ check, state, found, where, lines = [] }) => [
    `${WORDS[state].padEnd(11)}${check}: ${printable(found)}`,
    ...lines.map((line) => `${' '.repeat(11)}${where ?? ''}: ${line}`),
  ]);
  const count = (wanted: EdgeFinding['state']) => findings.filter(({ state }) => state === wanted).length;
  const end = `${count('missing')} missing, ${count('unknown')} not known; docs/haproxy-existing.md says why each line is needed`;
  return [...lines, end, ''].join('\n');
}
