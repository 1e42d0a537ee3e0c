/** The command line of a script: what it is asked, or its help. What cannot be understood ends the process with code 2. */
import { parseArgs, type ParseArgsConfig } from 'node:util';

/** Reads the options, and beside them `--help`, which ends the process. */
export function readOptions<const Options extends NonNullable<ParseArgsConfig['options']>>(
  help: string,
  options: Options,
) {
  if (process.argv.includes('--help')) {
    console.log(help);
    process.exit(0);
  }
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    return usage(help, error instanceof Error ? error.message : String(error));
  }
}

/** Says what is wrong with the command line, and ends the process. */
export function usage(help: string, problem: string): never {
  console.error(`${problem}\n\n${help}`);
  process.exit(2);
}
