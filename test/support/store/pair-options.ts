/** The command lines of what runs on a pair: `--pair`, `--help`, and what a command has beside them. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { isPair, usePair, type Pair } from './pair.ts';

const PAIR_HELP = `
  --pair NAME   stable: this machine's own HAProxy and Ceph (the default); current: those of Debian sid, which root has
                put into $XDG_CACHE_HOME/sallyport-world, or ~/.cache/sallyport-world, at the first time
  --help        prints this`;

/** Reads the options, and makes this process and those it starts use the pair. Ends the process on `--help` and misuse. */
export async function pairOptions<const T extends ParseArgsOptionsConfig>(help: string, own: T) {
  const { args } = await takePair(help);
  try {
    return parseArgs({ args: [...args], options: own }).values;
  } catch (error) {
    return misused(help, error);
  }
}

/** Takes `--pair` and `--help` out of the command line and gives the pair and the rest. */
export async function takePair(help: string): Promise<{ readonly pair: Pair; readonly args: readonly string[] }> {
  const all = process.argv.slice(2);
  if (all.includes('--help')) {
    console.log(`${help}${PAIR_HELP}`);
    process.exit(0);
  }
  const at = all.indexOf('--pair');
  const [, name = 'stable'] = at === -1 ? [] : all.splice(at, 2);
  if (!isPair(name)) return misused(help, new Error(`--pair is stable or current, not ${name}`));
  try {
    await usePair(name);
  } catch (error) {
    console.error(`the pair ${name} is not to be had: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
  return { pair: name, args: all };
}

function misused(help: string, error: unknown): never {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${help}${PAIR_HELP}`);
  process.exit(2);
}
