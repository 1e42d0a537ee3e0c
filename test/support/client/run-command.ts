/** The command line within this process, with a machine of the test's own: what it wrote, and its exit code. */
import { Writable } from 'node:stream';
import { runCommandLine } from '../../../src/cli/command-line.ts';
import type { CommandIo } from '../../../src/cli/io.ts';

/** As bin/sallyport.js adds it in a checkout. */
const DEMO = new Map([['demo', async () => (await import('../../../demo/command.ts')).registerDemo]]);

export interface CommandRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `sallyport` with these arguments; `machine` replaces parts of a Linux machine without a home. */
export async function runCommand(args: readonly string[], machine: Partial<CommandIo> = {}): Promise<CommandRun> {
  const written = { stdout: '', stderr: '' };
  let code = 0;
  const into = (name: 'stdout' | 'stderr') =>
    new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        written[name] += chunk.toString();
        done();
      },
    });
  const io: CommandIo = {
    env: {},
    cwd: '/nowhere',
    pid: process.pid,
    user: () => 'tester',
    home: '/nowhere',
    platform: 'linux',
    packageRoot: '/nowhere',
    version: '0.0.0-test',
    self: { node: '/usr/bin/node', script: '/nowhere/bin/sallyport.js' },
    stdin: async function* () {},
    stdout: into('stdout'),
    stderr: into('stderr'),
    onSignal: () => undefined,
    onParentExit: () => undefined,
    onUncaught: () => undefined,
    setExitCode: (input) => {
      code = input;
    },
    exit: (input) => {
      throw new Error(`the command ended the process with ${input}`);
    },
    ...machine,
  };
  await runCommandLine(args, io, DEMO);
  return { code, ...written };
}
