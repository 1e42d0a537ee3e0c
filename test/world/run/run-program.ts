/**
 * Runs one program in one bucket and reads what it prints. It gets nothing of this machine but `PATH`; its home is empty;
 * every host but this one leads to a proxy that does not exist, so that no client can fall back to the real AWS.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { minimalEnvironment } from '../../conformance/run/runner.ts';
import type { BucketKind, Program, Site } from './lane.ts';
import { loginVariables, shownInDocuments } from './logins.ts';
import { systemTrust } from './system-trust.ts';

const LIMIT_SECONDS = 300;
const SHOWN = 500;

export interface Step {
  readonly name: string;
  readonly ok: boolean;
  /** What came back, where it is not ok. */
  readonly said: string;
}

export interface ProgramRun {
  readonly lane: string;
  readonly program: string;
  readonly bucket: BucketKind;
  readonly seconds: number;
  readonly steps: readonly Step[];
}

export interface ClientRun extends ProgramRun {
  /** As the program said; empty where it did not. */
  readonly version: string;
  /** What it was given to log in and to trust the CA, each value as documents show it. */
  readonly given: Readonly<Record<string, string>>;
}

/** Process groups that run now. */
const running = new Set<number>();

/** Ends every program that runs, and all that it started. */
export function endPrograms(): void {
  for (const group of running) endGroup(group);
}

function endGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // none of them is left
  }
}

/** Never rejects: a program that cannot be run has a step that says so. */
export async function runProgram(
  site: Site,
  lane: string,
  folder: string,
  program: Program,
  bucket: BucketKind,
): Promise<ClientRun> {
  const started = performance.now();
  const steps: Step[] = [];
  let version = '';
  let given: Readonly<Record<string, string>> = {};
  const home = await mkdtemp(join(tmpdir(), `world-${program.name}-`));
  try {
    const { variables = [], machine = false } = program.trust ?? {};
    const login = {
      ...(await loginVariables(program.login, site)),
      ...Object.fromEntries(variables.map((variable) => [variable, site.caFile])),
    };
    given = shownInDocuments(login, site);
    const environment = {
      ...minimalEnvironment(home),
      ...login,
      WORLD_ENDPOINT: site.endpoint,
      WORLD_CA_FILE: site.caFile,
      WORLD_TOKEN_FILE: site.tokenFile,
      WORLD_BUCKET: site.buckets[bucket],
      // Two lanes may have a program of one name.
      WORLD_PREFIX: `${lane}-${program.name}/`,
      ...program.environment?.(site, folder),
    };
    const { limitSeconds = LIMIT_SECONDS } = program;
    const command = machine ? systemTrust(program.command(folder)) : program.command(folder);
    const { ending, errors } = await listen(command, home, environment, limitSeconds, (line) => {
      version = /^version +(.+)$/.exec(line)?.[1]?.trim() ?? version;
      const step = readStep(line);
      if (step !== undefined) steps.push(step);
    });
    if (ending !== 'exit 0') steps.push({ name: 'end', ok: false, said: `${ending}: ${errors}` });
    else if (steps.length === 0) steps.push({ name: 'end', ok: false, said: `no step was run: ${errors}` });
    if (version === '' && program.client !== undefined)
      steps.push({ name: 'version', ok: false, said: 'the program does not say its version' });
  } catch (error) {
    steps.push({ name: 'start', ok: false, said: error instanceof Error ? error.message : String(error) });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
  return {
    ...{ lane, program: program.name, bucket, version, given },
    seconds: Math.round((performance.now() - started) / 100) / 10,
    steps: steps.map((step) => ({ ...step, said: step.said.replaceAll(site.token, '<token>') })),
  };
}

/** Reads `ok NAME` or `FAIL NAME: what came back`; `undefined` for a line that is neither. */
export function readStep(line: string): Step | undefined {
  const ok = /^ok +(.+)$/.exec(line)?.[1];
  if (ok !== undefined) return { name: ok.trim(), ok: true, said: '' };
  const [, name, said] = /^FAIL +(.+?): (.*)$/.exec(line) ?? [];
  return name === undefined ? undefined : { name, ok: false, said: (said ?? '').slice(0, SHOWN) };
}

function listen(
  [command, ...parameters]: readonly [string, ...string[]],
  home: string,
  environment: Readonly<Record<string, string>>,
  limitSeconds: number,
  onLine: (line: string) => void,
): Promise<{ ending: string; errors: string }> {
  return new Promise((resolve, reject) => {
    // A group of its own: what it started ends with it.
    const child = spawn(command, parameters, {
      ...{ cwd: home, env: environment, detached: true },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const group = child.pid;
    if (group !== undefined) running.add(group);
    const endAll = (): void => {
      clearTimeout(limit);
      if (group === undefined) return;
      endGroup(group);
      running.delete(group);
    };
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      endAll();
    }, limitSeconds * 1000);
    let errors = '';
    createInterface({ input: child.stdout }).on('line', onLine);
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = `${errors}${text}`.slice(-SHOWN)));
    child.on('error', (error) => {
      endAll();
      reject(error);
    });
    child.on('exit', endAll);
    child.on('close', (code, signal) => {
      const ending = late ? `not done after ${limitSeconds} s` : `exit ${code ?? signal ?? ''}`;
      resolve({ ending, errors: errors.trim().replaceAll('\n', ' ') });
    });
  });
}
