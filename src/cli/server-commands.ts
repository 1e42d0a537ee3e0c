/** The commands of those who run the gateway, and with them the gateway itself. */
import type { Command } from 'commander';
import { registerDemo } from './demo.ts';
import { registerInspect } from './inspect.ts';
import type { CommandIo } from './io.ts';
import { registerKeys } from './keys.ts';
import { registerMigrate } from './migrate.ts';
import { registerRevocations } from './revocations.ts';
import { registerRevoke } from './revoke.ts';
import { registerServe } from './serve.ts';
import { registerSidecar } from './sidecar.ts';

/** Registers them. */
export function registerServerCommands(program: Command, io: CommandIo): void {
  registerServe(program, io);
  registerSidecar(program, io);
  registerDemo(program, io);
  registerKeys(program, io);
  registerMigrate(program, io);
  registerInspect(program, io);
  registerRevoke(program, io);
  registerRevocations(program, io);
}
