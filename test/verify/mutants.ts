/**
 * Mutation smoke: makes each fault of a fixed list in a copy of the sources, and runs the unit tests that must notice it.
 * A mutant that no test fails on, or whose text is no longer in its file, fails the run. Two at once, in a copy each.
 * Usage: npm run verify:mutants
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MUTANTS, type Mutant } from './mutants/list.ts';

const ROOT = join(import.meta.dirname, '../..');
const COPIES = 2;
const LIMIT_MS = 120_000;

const testFile = (name: string): string => `test/unit/${name}.test.ts`;

async function copyOfSources(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-mutants-'));
  for (const name of ['src', 'demo', 'bin', 'test', 'policies', 'docs', 'package.json', 'tsconfig.json']) {
    await cp(join(ROOT, name), join(folder, name), { recursive: true });
  }
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** Runs test files until one test fails. Without the house's own settings: they load the end-to-end stack. */
function mocha(folder: string, tests: readonly string[]): Promise<string> {
  const options = ['--no-config', '--extension', 'ts', '--exit', '--bail', '--reporter', 'dot', '--timeout', '30000'];
  const args = [join(ROOT, 'node_modules/mocha/bin/mocha.js'), ...options, ...tests.map(testFile)];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder, timeout: LIMIT_MS }, (_, stdout) => resolve(stdout));
  });
}

const hasFailed = (output: string): boolean => /^ +[1-9]\d* failing/m.test(output);
const hasPassed = (output: string): boolean => /^ +[1-9]\d* passing/m.test(output) && !hasFailed(output);

/** Gives what is wrong with the list or with the tests; `undefined`: the mutant was found out. */
async function survival(folder: string, { file, text, replacement, tests }: Mutant): Promise<string | undefined> {
  const path = join(folder, 'src', file);
  const source = await readFile(path, 'utf8').catch(() => '');
  if (source.split(text).length !== 2) return `its text does not stand in src/${file} exactly once`;
  await writeFile(
    path,
    source.replace(text, () => replacement),
  );
  try {
    // A program that does not start fails no test: that is a mistake of the list.
    const output = await mocha(folder, tests);
    if (hasFailed(output)) return undefined;
    return `${hasPassed(output) ? 'no test fails' : 'the tests do not run'}: ${tests.map(testFile).join(', ')}`;
  } finally {
    await writeFile(path, source);
  }
}

const failures: string[] = [];
const folders = await Promise.all(Array.from({ length: COPIES }, copyOfSources));
try {
  const tests = [...new Set(MUTANTS.flatMap((mutant) => mutant.tests))];
  const untouched = await mocha(folders[0] ?? '', tests);
  if (!hasPassed(untouched)) failures.push(`without a mutant the tests fail already:\n${untouched.slice(-2000)}`);
  const waiting = failures.length === 0 ? MUTANTS.values() : [].values();
  const work = async (folder: string): Promise<void> => {
    for (const mutant of waiting) {
      const why = await survival(folder, mutant);
      console.log(why === undefined ? `killed: ${mutant.fault}` : `SURVIVED: ${mutant.fault}: ${why}`);
      if (why !== undefined) failures.push(`${mutant.fault}: ${why}`);
    }
  };
  await Promise.all(folders.map(work));
} finally {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
}
for (const failure of failures) console.log(`FAILED ${failure}`);
console.log(`${MUTANTS.length - failures.length} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;
