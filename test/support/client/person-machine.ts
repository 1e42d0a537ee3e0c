/** A person's machine: a home of its own, an environment of its own, and the commands that a person runs there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { COMPILE_CACHE } from '../compile-cache.ts';
import { signInAt, type Page, type Person } from './scripted-person.ts';

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface PersonMachine {
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  readonly sallyport: (...parameters: readonly string[]) => Promise<Ran>;
  /** Runs another program. */
  readonly run: (program: string, parameters: readonly string[], env?: Record<string, string>) => Promise<Ran>;
  /** Runs `sallyport login` and does in a browser what it says; `page` is where the browser ended. */
  readonly logIn: (person: Person, ...parameters: readonly string[]) => Promise<Ran & { readonly page: Page }>;
  readonly stop: () => Promise<void>;
}

const program = join(import.meta.dirname, '../../../bin/sallyport.js');

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
  return {
    home,
    env,
    run,
    sallyport: (...parameters) => run(process.execPath, [program, ...parameters]),
    logIn: async (person, ...parameters) => {
      const child = start(process.execPath, [program, 'login', '--no-open', ...parameters]);
      const said = new Promise<URL>((resolve, reject) => {
        let heard = '';
        child.stderr.on('data', (chunk: Buffer) => {
          heard += chunk.toString();
          const [, url] = /Sign in at\s+(\S+)\s/.exec(heard) ?? [];
          if (url !== undefined) resolve(new URL(url));
        });
        child.once('close', () => reject(new Error(`login ended early: ${heard}`)));
      });
      const [ran, page] = await Promise.all([finished(child), said.then((url) => signIn(url, person))]);
      return { ...ran, page };
    },
    stop: () => rm(home, { recursive: true, force: true }),
  };
}
