/**
 * What a command may touch of the process that runs it. `main.ts` alone makes one from the real process; tests make
 * their own.
 */
export interface CommandIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly pid: number;
  /** The name of the user of the operating system who runs the command. */
  readonly user: () => string;
  /** The home folder of that user. */
  readonly home: string;
  /** As Node names it: `linux`, `darwin`, `win32` and others. */
  readonly platform: string;
  /** The absolute path of the package that this command is part of. */
  readonly packageRoot: string;
  /** Of the package. */
  readonly version: string;
  /** The Node binary and the arguments that start this command line again. */
  readonly self: { readonly node: string; readonly script: string };
  /** Asked for only by what reads it: to touch it can keep a process alive. */
  readonly stdin: () => AsyncIterable<Buffer>;
  /** `isTTY`: a person sees it, where it is no file or pipe. */
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream;
  /** Registers a handler for SIGINT and SIGTERM (and SIGHUP where named). */
  readonly onSignal: (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP', handler: () => void) => void;
  /** Calls back when the parent process that holds an IPC channel to this one goes away. */
  readonly onParentExit: (handler: () => void) => void;
  /** Takes what nobody caught, exceptions and rejections, instead of Node, which would end the process. */
  readonly onUncaught: (handler: (error: unknown) => void) => void;
  /** Sets the exit code; the process ends when nothing is left to do. */
  readonly setExitCode: (code: number) => void;
  /** Ends the process at once, after streams were flushed. */
  readonly exit: (code: number) => never;
}

/**
 * Prints a token. Into a file or a pipe without a final newline: SDKs send the content of a token file as it is, and those
 * of Go and Python refuse a newline in a header.
 */
export function writeToken({ stdout }: Pick<CommandIo, 'stdout'>, token: string): void {
  stdout.write(stdout.isTTY === true ? `${token}\n` : token);
}

/** A failure that a person should read as one line. Exit code 2: usage or configuration; 1: everything else. */
export class CommandError extends Error {
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}

/** A service that did not start. Parts of it may run already, so that the process does not end by itself. */
export class StartError extends CommandError {}
