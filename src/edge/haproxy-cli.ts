/**
 * Commands for a running HAProxy, over the socket of its master process. Enters: a command. Leaves: what it answers, bounded in
 * time and size. HAProxy ends a conversation when this side has closed its own.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { readBounded } from '../platform/bounded-body.ts';

/** HAProxy does not do what it was told; one clause, safe for an operator. */
export class HaproxyFault extends Error {}

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const RELOAD_LIMIT_MS = 60_000;
const POLL_MS = 100;
const TRIES = 10;
/** A command line is no longer than a buffer of HAProxy. */
const LINES_AT_ONCE = 50;

export interface Haproxy {
  /** Which process serves; it changes with each reload. @throws HaproxyFault */
  readonly worker: () => Promise<string>;
  /** Has the files read anew; resolves when another process serves. @throws HaproxyFault */
  readonly reload: () => Promise<void>;
  /** Whether keys can be given to it while it runs: from 3.3 on. @throws HaproxyFault */
  readonly takesKeys: () => Promise<boolean>;
  /** Files of the keys that it verifies by. @throws HaproxyFault */
  readonly keys: () => Promise<ReadonlySet<string>>;
  /** Has it verify by this key too. @throws HaproxyFault */
  readonly addKey: (path: string, pem: string) => Promise<void>;
  /** Has it forget a key that no map names any more; what stays goes with the next reload. @throws HaproxyFault */
  readonly removeKey: (path: string) => Promise<void>;
  /** Puts these lines in force in place of all of a map, in one step. @throws HaproxyFault */
  readonly setMap: (path: string, lines: readonly string[]) => Promise<void>;
}

/** Speaks with the HAProxy whose master has this socket (`haproxy -W -S <socket>`). */
export function haproxyAt(socketPath: string): Haproxy {
  const tell = async (command: string): Promise<string> => {
    const socket = connect(socketPath);
    socket.setTimeout(TIMEOUT_MS, () => {
      socket.destroy(new HaproxyFault(`${socketPath}: no answer`));
    });
    try {
      socket.end(`${command}\n`);
      const answer = await readBounded(socket, {
        maxBytes: MAX_ANSWER_BYTES,
        refuse: () => new HaproxyFault(`${socketPath}: too long an answer`),
      });
      return answer.toString('utf8').trim();
    } catch (error) {
      if (error instanceof HaproxyFault) throw error;
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
      throw new HaproxyFault(`${socketPath}: no connection (${code})`);
    } finally {
      socket.destroy();
    }
  };

  const toWorker = async (command: string): Promise<void> => {
    const answer = await tell(`@1 ${command}`);
    if (answer !== '') throw new HaproxyFault(`${command.split(' ', 2).join(' ')}: ${answer.split('\n', 1)[0] ?? ''}`);
  };

  const worker = async (): Promise<string> => {
    const processes = (await tell('show proc')).split('\n');
    const at = processes.findIndex((line) => line.startsWith('# workers'));
    const [pid = '', type] = (processes[at + 1] ?? '').trim().split(/\s+/);
    if (at === -1 || type !== 'worker')
      throw new HaproxyFault(`${socketPath}: no master of HAProxy that has a worker (haproxy -W -S)`);
    return pid;
  };

  const keys = async (): Promise<ReadonlySet<string>> => {
    const lines = (await tell('@1 show ssl jwt')).split('\n');
    return new Set(lines.filter((line) => line.startsWith('/')));
  };

  return {
    worker,
    reload: async () => {
      const before = await worker();
      await tell('reload').catch((error: unknown) => {
        // A master ends its conversations when it starts itself anew.
        if (!(error instanceof HaproxyFault)) throw error;
      });
      for (const endMs = Date.now() + RELOAD_LIMIT_MS; Date.now() < endMs;) {
        if ((await worker().catch(() => before)) !== before) return;
        await sleep(POLL_MS);
      }
      throw new HaproxyFault('the reload failed: HAProxy says why in its log, and goes on with what it has');
    },
    takesKeys: async () => {
      const [, major = '', minor = ''] = /^Version: (\d+)\.(\d+)/m.exec(await tell('@1 show info')) ?? [];
      return Number(major) > 3 || (Number(major) === 3 && Number(minor) >= 3);
    },
    keys,
    addKey: async (path, pem) => {
      let answer = '';
      // The answers are texts for people, a step may have been done before, and each is refused while a request looks for a
      // certificate: what counts is the end.
      for (let count = 0; count < TRIES; count += 1) {
        await tell(`@1 new ssl cert ${path}`);
        await tell(`@1 set ssl cert ${path} <<\n${pem}\n`);
        answer = await tell(`@1 commit ssl cert ${path}`);
        await tell(`@1 add ssl jwt ${path}`);
        if ((await keys()).has(path)) return;
        await sleep(POLL_MS);
      }
      throw new HaproxyFault(`${path}: not taken: ${answer.replaceAll(/\s+/g, ' ')}`);
    },
    removeKey: async (path) => {
      await tell(`@1 del ssl jwt ${path}`);
      await tell(`@1 del ssl cert ${path}`);
    },
    setMap: async (path, lines) => {
      const prepared = await tell(`@1 prepare map ${path}`);
      const [, version] = /^New version created: (\d+)$/.exec(prepared) ?? [];
      if (version === undefined) throw new HaproxyFault(`${path}: ${prepared.split('\n', 1)[0] ?? ''}`);
      for (let at = 0; at < lines.length; at += LINES_AT_ONCE) {
        const chunk = lines.slice(at, at + LINES_AT_ONCE).join('\n');
        await toWorker(`add map @${version} ${path} <<\n${chunk}\n`);
      }
      await toWorker(`commit map @${version} ${path}`);
    },
  };
}
