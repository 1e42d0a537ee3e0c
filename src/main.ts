/**
 * The command line. The only file that touches `process`: it hands environment, signals and streams in.
 */
import { readFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { CommandError, type CommandIo } from './cli/io.ts';
import { registerPeopleCommands } from './cli/people-commands.ts';

// Whatever this process creates is its owner's alone, the unix socket included until it is opened to the edge's group.
process.umask(0o077);

const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)));
const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };

const io: CommandIo = {
  env: process.env,
  cwd: process.cwd(),
  pid: process.pid,
  user: userName,
  home: homedir(),
  platform: process.platform,
  packageRoot,
  self: { node: process.execPath, script: join(packageRoot, 'bin', 'sallyport.js') },
  stdin: () => process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  onSignal: (signal, handler) => process.on(signal, handler),
  onParentExit: (handler) => process.on('disconnect', handler),
  setExitCode: (code) => {
    process.exitCode = code;
  },
  exit: (code) => process.exit(code),
};

const program = new Command('sallyport')
  .description(
    'Identity-aware access gateway for S3: OIDC in, STS roles and encrypted objects out, every access on record.',
  )
  .version(version)
  .showHelpAfterError('(run with --help for usage)')
  .exitOverride();
registerPeopleCommands(program, io);
const isOfPeople = program.commands.some((command) => command.name() === process.argv[2]);
// Half a second of modules that a person's command has no use for.
if (!isOfPeople) (await import('./cli/server-commands.ts')).registerServerCommands(program, io);

try {
  await program.parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof CommandError) {
    process.stderr.write(`sallyport: ${error.message}\n`);
    process.exitCode = error.exitCode;
  } else {
    process.stderr.write(`sallyport: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

/** Containers often run as an id without a name, and an operator there must be able to revoke all the same. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
