/** A person's machine: a home of its own, an environment of its own, and the commands that a person runs there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { COMPILE_CACHE } from '../compile-cache.ts';
import { runCommand } from './run-command.ts';
import { signInAt, type Page, type Person } from './scripted-person.ts';

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Commands {
  readonly sallyport: (...parameters: readonly string[]) => Promise<Ran>;
  /** Runs `sallyport login` and does in a browser what it says; `page` is where the browser ended. */
  readonly logIn: (person: Person, ...parameters: readonly string[]) => Promise<Ran & { readonly page: Page }>;
}

/** Its own commands are processes. */
export interface PersonMachine extends Commands {
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs another program. */
  readonly run: (program: string, parameters: readonly string[], env?: Record<string, string>) => Promise<Ran>;
  /** The same commands within this process: they take a tenth of the time. */
  readonly within: Commands;
  readonly stop: () => Promise<void>;
}

const packageRoot = join(import.meta.dirname, '../../..');
const program = join(packageRoot, 'bin/sallyport.js');

/** What `sallyport login` says on stderr, and the address it names as soon as it does. */
function hearing(): {
  readonly said: Promise<URL>;
  readonly hear: (chunk: Buffer) => void;
  readonly heard: () => string;
} {
  const { promise: said, resolve } = Promise.withResolvers<URL>();
  let heard = '';
  const hear = (chunk: Buffer): void => {
    heard += chunk.toString();
    const [, url] = /Sign in at\s+(\S+)\s/.exec(heard) ?? [];
    if (url !== undefined) resolve(new URL(url));
  };
  return { said, hear, heard: () => heard };
}

/** `signIn` is what the person does in a browser. */
export async function startPersonMachine(signIn: typeof signInAt = signInAt): Promise<PersonMachine> {
  const home = await mkdtemp(join(tmpdir(), 'sallyport home '));
  const env = {
    ...COMPILE_CACHE,
    HOME: home,
    PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter),
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const start = (name: string, parameters: readonly string[], more: Record<string, string> = {}) =>
    spawn(name, parameters, { cwd: home, env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'pipe'] });
  const finished = async (child: ReturnType<typeof start>): Promise<Ran> => {
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    return { code, stdout, stderr };
  };
  const run = (name: string, parameters: readonly string[], more?: Record<string, string>) =>
    finished(start(name, parameters, more));
  /** Signs in where a login that runs says. */
  const signedIn = async (person: Person, login: Promise<Ran>, said: Promise<URL>) => {
    const early = login.then(({ stderr }) => Promise.reject(new Error(`login ended early: ${stderr}`)));
    const page = Promise.race([said, early]).then((url) => signIn(url, person));
    const [ran, last] = await Promise.all([login, page]);
    return { ...ran, page: last };
  };
  const self = { node: process.execPath, script: program };
  const onThisMachine = { env, cwd: home, home, packageRoot, self };
  return {
    home,
    env,
    run,
    sallyport: (...parameters) => run(process.execPath, [program, ...parameters]),
    logIn: (person, ...parameters) => {
      const child = start(process.execPath, [program, 'login', '--no-open', ...parameters]);
      const { said, hear } = hearing();
      child.stderr.on('data', hear);
      return signedIn(person, finished(child), said);
    },
    within: {
      sallyport: (...parameters) => runCommand(parameters, onThisMachine),
      logIn: (person, ...parameters) => {
        const { said, hear, heard } = hearing();
        const stderr = new Writable({
          write: (chunk: Buffer, _encoding, done) => {
            hear(chunk);
            done();
          },
        });
        const ran = runCommand(['login', '--no-open', ...parameters], { ...onThisMachine, stderr });
        return signedIn(
          person,
          ran.then((run) => ({ ...run, stderr: heard() })),
          said,
        );
      },
    },
    stop: () => rm(home, { recursive: true, force: true }),
  };
}
