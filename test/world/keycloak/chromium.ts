/** Chromium without a window, driven over its pipe: opens a page and does there what a person does at Keycloak's forms. */
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Page, Person } from '../../support/client/scripted-person.ts';

const LIMIT_MS = 90_000;
const FLAGS = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-proxy-server'];

export interface Chromium {
  /** Fills in what is requested, until a page says one of these. */
  readonly signIn: (start: URL, person: Person) => Promise<Page>;
  readonly stop: () => Promise<void>;
}

/** What comes for a command, or about none. */
interface Answered {
  readonly id?: number;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** Runs in the page, at each look: gives where it is and, once there is nothing to fill in, what it says. */
const FILL_IN = `((name, password) => {
  const find = (selector) => document.querySelector(selector);
  const button = find('[name=accept]') ?? find('[name=login]');
  if (document.readyState !== 'complete') return [location.href];
  if (button === null) return [location.href, document.body.innerText];
  if (button.disabled || button.dataset.pressed === 'yes') return [location.href];
  if (find('#username') !== null) find('#username').value = name;
  if (find('#password') !== null) find('#password').value = password;
  button.dataset.pressed = 'yes';
  button.click();
  return [location.href];
})`;

/** Starts it with a profile of its own, in which this CA is trusted. */
export async function startChromium(caFile: string): Promise<Chromium> {
  const home = await mkdtemp(join(tmpdir(), 'chromium-'));
  const database = join(home, '.pki', 'nssdb');
  await mkdir(database, { recursive: true });
  const certutil = (...parameters: readonly string[]) =>
    promisify(execFile)('certutil', ['-d', `sql:${database}`, ...parameters]);
  await certutil('-N', '--empty-password');
  await certutil('-A', '-t', 'C,,', '-n', 'world', '-i', caFile);
  const child = spawn(
    'chromium',
    [...FLAGS, '--no-first-run', `--user-data-dir=${home}/profile`, '--remote-debugging-pipe'],
    {
      env: { ...process.env, HOME: home },
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    },
  );
  const [to, from] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
  const waiting = new Map<number, (answer: Answered) => void>();
  let heard = '';
  from.setEncoding('utf8').on('data', (text: string) => {
    const messages = `${heard}${text}`.split('\0');
    heard = messages.pop() ?? '';
    for (const message of messages) {
      const answer = JSON.parse(message) as Answered;
      waiting.get(answer.id ?? -1)?.(answer);
    }
  });
  let requested = 0;
  const command = (method: string, params: object, sessionId?: unknown): Promise<Record<string, unknown>> =>
    new Promise((resolve, reject) => {
      const id = (requested += 1);
      waiting.set(id, ({ result, error }) => {
        waiting.delete(id);
        if (result === undefined) reject(new Error(error?.message ?? 'Chromium said nothing'));
        else resolve(result);
      });
      to.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });

  return {
    signIn: async (start, { name, password }) => {
      const { targetId } = await command('Target.createTarget', { url: start.href });
      const { sessionId } = await command('Target.attachToTarget', { targetId, flatten: true });
      const expression = `${FILL_IN}(${JSON.stringify(name)}, ${JSON.stringify(password)})`;
      let seen: readonly [url: string, text?: string] = [''];
      const endMs = Date.now() + LIMIT_MS;
      while (Date.now() < endMs) {
        await sleep(250);
        // A page that is being left has nothing to look at.
        const { result } = await command('Runtime.evaluate', { expression, returnByValue: true }, sessionId).catch(
          () => ({ result: undefined }),
        );
        const value = (result as { value?: typeof seen } | undefined)?.value;
        if (value === undefined) continue;
        seen = value;
        if (/signed in|device login successful/i.test(seen[1] ?? '')) {
          return { url: new URL(seen[0]), status: 200, text: seen[1] ?? '' };
        }
      }
      throw new Error(`the sign-in did not end; last seen: ${seen.join(' ')}`);
    },
    stop: async () => {
      child.kill('SIGKILL');
      await sleep(200);
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
