/** PUTs by Python's own client, which sends all of a body before it reads, and on which urllib3 and requests stand. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findProgram, attributesOf } from '../../conformance/run/runner.ts';
import { needsProgram } from '../needs.ts';

export interface BlockingPuts {
  readonly port: number;
  readonly ca: string;
  readonly path: string;
  readonly count: number;
  readonly bytes: number;
  readonly headers: Readonly<Record<string, string>>;
}

const PROGRAM = fileURLToPath(new URL('blocking_put.py', import.meta.url));

/** Status and code of each answer, or what the client saw instead of one. */
export async function blockingPuts(context: Mocha.Context, puts: BlockingPuts): Promise<readonly string[]> {
  const python = await findProgram(
    attributesOf('python3').map((path) => [path, '--version'] as const),
    /Python (\d+\.\d+\.\d+)/,
  );
  needsProgram(context, 'python3', python);
  const { stdout } = await promisify(execFile)(python.path, [PROGRAM, JSON.stringify(puts)]);
  return JSON.parse(stdout) as readonly string[];
}
