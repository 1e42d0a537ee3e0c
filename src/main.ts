/**
 * The only file that touches `process`: it hands arguments, environment, signals and streams to the command line. bin/sallyport.js
 * starts it.
 */
import { readFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from './cli/command-line.ts';
import type { Commands } from './cli/commands.ts';
import type { CommandIo } from './cli/io.ts';
import { ownEnvironment } from './cli/own-environment.ts';

// Whatever this process creates is its owner's alone, the unix socket included until it is opened to the edge's group.
process.umask(0o077);

const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)));
const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };

if (import.meta.main) await main();

/** Runs the command line of this process; `more`: commands that are no part of the gateway. */
export function main(more?: Commands): Promise<void> {
  return runCommandLine(process.argv.slice(2), io(), more);
}

function io(): CommandIo {
  return {
    env: ownEnvironment(process.env),
    cwd: process.cwd(),
    pid: process.pid,
    user: userName,
    home: home(),
    platform: process.platform,
    packageRoot,
    version,
    self: { node: process.execPath, script: join(packageRoot, 'bin', 'sallyport.js') },
    stdin: () => process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    onSignal: (signal, handler) => process.on(signal, handler),
    onParentExit: (handler) => process.on('disconnect', handler),
    onUncaught: (handler) => {
      process.on('uncaughtException', handler);
      process.on('unhandledRejection', handler);
    },
    setExitCode: (code) => {
      process.exitCode = code;
    },
    exit: (code) => process.exit(code),
  };
}

/** Containers often run as an id without a name, and an operator there must be able to revoke all the same. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** Such an id may have no home either, and no command that serves needs one. */
function home(): string {
  try {
    return homedir();
  } catch {
    return '/';
  }
}
