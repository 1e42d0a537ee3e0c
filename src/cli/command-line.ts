/**
 * The command line as a whole: arguments in, an exit code and text out. Whatever goes wrong is told in one line on stderr
 * (a configuration: one more for each mistake in it), never as a stack.
 */
import { Command, CommanderError } from 'commander';
import { CommandError, StartError, type CommandIo } from './io.ts';
import { OPERATOR_DOCTORS, SERVER_COMMANDS, type Commands } from './commands.ts';

/** Runs what the arguments say; `more`: commands beside its own. Sets the exit code. */
export async function runCommandLine(
  args: readonly string[],
  io: CommandIo,
  more: Commands = new Map(),
): Promise<void> {
  // Who reads a part of it, as `head` does, has all that is wanted; who writes for long sees to it itself.
  io.stdout.on('error', () => {
    if (io.stdout.listenerCount('error') === 1) io.exit(1);
  });
  const program = commandLine(io);
  await register(program, io, args[0] ?? '', new Map([...SERVER_COMMANDS, ...more]));
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) io.setExitCode(error.exitCode === 0 ? 0 : 2);
    else {
      io.stderr.write(`sallyport: ${error instanceof Error ? error.message : String(error)}\n`);
      if (error instanceof StartError) io.exit(error.exitCode);
      io.setExitCode(error instanceof CommandError ? error.exitCode : 1);
    }
  }
}

/** Registers the command of that name, or all of them: loading takes a person's time, and memory where it serves. */
async function register(program: Command, io: CommandIo, name: string, commands: Commands): Promise<void> {
  const load = commands.get(name);
  if (load !== undefined) {
    (await load())(program, io);
    return;
  }
  (await import('./client/commands.ts')).registerPeopleCommands(program, io, OPERATOR_DOCTORS);
  if (program.commands.some((command) => command.name() === name)) return;
  for (const load of commands.values()) (await load())(program, io);
}

/** Makes the program without commands; those that come later have its manners as well. */
function commandLine(io: CommandIo): Command {
  return new Command('sallyport')
    .description(
      'Identity-aware access gateway for S3: OIDC in, STS roles and encrypted objects out, every access on record.',
    )
    .version(io.version)
    .addHelpText(
      'after',
      '\nExamples:\n  sallyport serve --config sallyport.yaml --check\n  sallyport login --gateway https://s3.example.com --issuer https://id.example.com --client-id sallyport\n\nExit codes: 0 done, 1 failed, 2 usage or configuration.',
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(`sallyport: ${inOneLine(text)} (--help shows the usage)\n`),
    });
}

function inOneLine(text: string): string {
  return text
    .replace(/^error: /, '')
    .trim()
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
}
