/** A Keycloak of its own: https on a port of loopback, a database in a folder, the realm of the examples, and its admin API. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import { waitUntil } from '../../../demo/child.ts';

const START_LIMIT_MS = 250_000;
const SHOWN = 400;
const ADMIN = { username: 'admin', password: 'of this run alone' };

export interface KeycloakOptions {
  /** Where the distribution was unpacked and built. */
  readonly folder: string;
  readonly realmFiles: readonly string[];
  readonly port: number;
  /** Certificate and key, PEM. */
  readonly serverFile: string;
  readonly logFile: string;
  /** What the placeholders of the realms stand for. */
  readonly secrets: Readonly<Record<string, string>>;
}

export interface Said {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Keycloak {
  readonly origin: string;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly kill: () => Promise<void>;
  /** Posts a form below `/realms/`. */
  readonly post: (path: string, form: Readonly<Record<string, string>>) => Promise<Said>;
  /** Calls the admin API below `/admin/realms/`. @throws Error unless it succeeds */
  readonly admin: (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object) => Promise<unknown>;
}

/** Lays out its folder anew; nothing runs yet. */
export async function layOutKeycloak(options: KeycloakOptions): Promise<Keycloak> {
  const { folder, port, serverFile } = options;
  const [name] = (await readdir(folder)).filter((entry) => entry.startsWith('keycloak-'));
  if (name === undefined) throw new Error(`${folder} has no Keycloak`);
  const home = join(folder, name);
  await rm(join(home, 'data'), { recursive: true, force: true });
  await mkdir(join(home, 'data', 'import'), { recursive: true });
  for (const [index, file] of options.realmFiles.entries())
    await cp(file, join(home, 'data', 'import', `${index}.json`));

  const origin = `https://localhost:${port}`;
  let child: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null) return;
    const ended = once(ending, 'exit');
    // The script that was started waits for the server, and ends with it.
    const children = await readFile(`/proc/${ending.pid}/task/${ending.pid}/children`, 'utf8');
    for (const pid of children.trim().split(' ').filter(Boolean)) process.kill(Number(pid), signal);
    await ended;
  };

  const call = async (method: string, path: string, headers: Record<string, string>, body?: string) => {
    const answer = await request(`${origin}${path}`, {
      ...{ headers, method: method as 'GET' },
      ...(body === undefined ? {} : { body }),
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, text };
  };
  const post: Keycloak['post'] = async (path, form) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const { status, text } = await call('POST', `/realms/${path}`, headers, new URLSearchParams(form).toString());
    return { status, body: text === '' ? {} : (JSON.parse(text) as Said['body']) };
  };
  const answers = async (): Promise<boolean> => {
    try {
      return (await call('GET', '/realms/corp', {})).status === 200;
    } catch {
      return false;
    }
  };

  return {
    origin,
    post,
    start: async () => {
      const log = await open(options.logFile, 'a');
      const parameters = [
        ...[join(home, 'bin', 'kc.sh'), 'start', '--optimized', '--import-realm', '--cache=local'],
        ...[`--hostname=${origin}`, '--http-host=127.0.0.1', `--https-port=${port}`],
        ...[`--https-certificate-file=${serverFile}`, `--https-certificate-key-file=${serverFile}`],
      ];
      // In this process's group, with which it ends.
      const started = spawn('bash', parameters, {
        env: {
          ...process.env,
          ...options.secrets,
          KC_BOOTSTRAP_ADMIN_USERNAME: ADMIN.username,
          KC_BOOTSTRAP_ADMIN_PASSWORD: ADMIN.password,
          // It runs for a minute: what makes long runs fast would cost more than it gives.
          JAVA_OPTS_APPEND: '-XX:TieredStopAtLevel=1',
        },
        stdio: ['ignore', log.fd, log.fd],
      });
      await log.close();
      child = started;
      const ended = () => started.exitCode !== null || started.signalCode !== null;
      await waitUntil(answers, ended, START_LIMIT_MS, 'Keycloak did not start').catch(async (error: unknown) => {
        const said = (await readFile(options.logFile, 'utf8')).slice(-SHOWN);
        throw new Error(`Keycloak did not start: ${said}`, { cause: error });
      });
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    admin: async (method, path, body) => {
      const { body: granted } = await post('master/protocol/openid-connect/token', {
        ...{ grant_type: 'password', client_id: 'admin-cli' },
        ...ADMIN,
      });
      const headers = {
        authorization: `Bearer ${String(granted['access_token'])}`,
        'content-type': 'application/json',
      };
      const { status, text } = await call(method, `/admin/realms/${path}`, headers, body && JSON.stringify(body));
      if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
      return text === '' ? undefined : (JSON.parse(text) as unknown);
    },
  };
}
