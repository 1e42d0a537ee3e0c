/** The commands that run on people's machines. AWS tools start one of them at every start of theirs: nothing heavy is loaded. */
import type { Command } from 'commander';
import { registerCanI } from './can-i.ts';
import { registerConfigure } from './configure.ts';
import { registerCredentials } from './credentials.ts';
import { registerDoctor, type OperatorDoctors } from './doctor.ts';
import type { CommandIo } from '../io.ts';
import { registerLogin } from './login.ts';
import { registerLogout } from './logout.ts';
import { registerToken } from './token.ts';
import { registerWhoami } from './whoami.ts';

/** Registers them in the order in which they are needed. `doctors`: what is of operators in `doctor`. */
export function registerPeopleCommands(program: Command, io: CommandIo, doctors: OperatorDoctors): void {
  registerLogin(program, io);
  registerConfigure(program, io);
  registerWhoami(program, io);
  registerCanI(program, io);
  registerDoctor(program, io, doctors);
  registerToken(program, io);
  registerCredentials(program, io);
  registerLogout(program, io);
}
