/**
 * What the gateway keeps of uploads in progress, in the store and nowhere else: objects in a folder of the upload's own under
 * a prefix that no client can name. Enters: sealed bytes and names. Leaves: the same, which only the cipher can judge. A
 * folder is emptied a while after its upload has ended, since a client whose answer was lost completes again; what a
 * process that is killed leaves there is hidden, and opens nothing.
 * @see docs/spec/object-format.md, "State of an upload"
 */
import { setTimeout as schedule } from 'node:timers';
import { setTimeout } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../contracts/clock.ts';
import type { StateSession, StoreSession } from '../contracts/store-session.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { contentLength } from './entity.ts';
import { emptyFolder } from './empty-folder.ts';
import { recordKey } from './upload-folder.ts';

export interface UploadStates {
  /** Keeps the state of an upload that has begun. */
  readonly begin: (session: StateSession, folder: string, state: Buffer) => Promise<void>;
  /** @throws GatewayError NoSuchUpload */
  readonly read: (session: () => Promise<StateSession>, folder: string) => Promise<Buffer>;
  /** Keeps the record of a part that the store has. */
  readonly record: (session: StateSession, folder: string, record: string) => Promise<void>;
  /** Empties the folder of an upload that has ended; `later`: after a while, so that its end can be requested again. */
  readonly end: (session: StateSession, folder: string, when: 'now' | 'later') => void;
  /** Empties at once what was to be emptied later. */
  readonly close: () => Promise<void>;
}

const STATE = 'state';
const MAX_STATE_BYTES = 4096;
const MAX_REMEMBERED = 10_000;
/** As long as clients ask again for an answer that was lost: those that wait a minute for it ask after that. */
const KEPT_MS = 5 * 60_000;
/** Credentials are not used at the very end of their time. */
const MARGIN_MS = 5_000;
const MAX_WAITING = 10_000;
/** A process that ends does not wait longer for a store. */
const CLOSE_MS = 3_000;

interface Waiting {
  readonly empty: () => Promise<void>;
  readonly timer: NodeJS.Timeout;
}

/** Creates what a process needs to keep uploads in the store. */
export function createUploadStates({ clock }: { readonly clock: Clock }): UploadStates {
  // A state is never written anew: what was read once is true until the upload ends, and then the store knows no upload.
  const remembered = new LRUCache<string, Buffer>({ max: MAX_REMEMBERED });
  const waiting = new Map<string, Waiting>();
  const running = new Set<Promise<void>>();

  const run = (folder: string): void => {
    const found = waiting.get(folder);
    if (found === undefined) return;
    clearTimeout(found.timer);
    waiting.delete(folder);
    const emptied = found.empty().finally(() => running.delete(emptied));
    running.add(emptied);
  };

  return {
    begin: async (session, folder, state) => {
      await put(session, folder + STATE, state);
      remembered.set(folder, state);
    },

    read: async (session, folder) => {
      const known = remembered.get(folder);
      if (known !== undefined) return known;
      const state = await readState(await session(), folder);
      remembered.set(folder, state);
      return state;
    },

    record: (session, folder, record) => put(session, recordKey(folder, record), NOTHING),

    end: (session, folder, when) => {
      remembered.delete(folder);
      if (waiting.has(folder)) return;
      const [oldest] = waiting.size >= MAX_WAITING ? waiting.keys() : [];
      if (oldest !== undefined) run(oldest);
      // The answer does not wait for it, and does not fail by it: what stays is of no use to anybody.
      const empty = () => emptyFolder(session, folder).catch(() => undefined);
      const untilMs = session.notAfterMs - clock.now() - MARGIN_MS;
      const delayMs = when === 'now' ? 0 : Math.max(0, Math.min(KEPT_MS, untilMs));
      const timer = schedule(() => run(folder), delayMs);
      timer.unref();
      waiting.set(folder, { empty, timer });
    },

    close: async () => {
      for (const folder of [...waiting.keys()]) run(folder);
      await Promise.race([Promise.all(running), setTimeout(CLOSE_MS, undefined, { ref: false })]);
    },
  };
}

const NOTHING = Buffer.alloc(0);

/** For a client that is gone, too: what it stands for has taken effect. */
async function put({ send }: StateSession, key: string, content: Buffer): Promise<void> {
  const body = { sizeBytes: content.length, content };
  const answer = await send({ method: 'PUT', key, query: [], headers: {}, body, outlivesClient: true });
  await answer.discard();
}

async function readState(session: StoreSession, folder: string): Promise<Buffer> {
  try {
    const answer = await session.send({ method: 'GET', key: folder + STATE, query: [], headers: {} });
    if ((contentLength(answer) ?? Infinity) <= MAX_STATE_BYTES) return await answer.whole();
    await answer.discard();
  } catch (error) {
    if (!(error instanceof GatewayError) || !NOT_THERE.has(error.code)) throw error;
  }
  throw new GatewayError('NoSuchUpload', { detail: 'nothing is kept of an upload with this id' });
}

/** AWS tells whoever may not list everything that he may not read what is not there. */
const NOT_THERE: ReadonlySet<string> = new Set(['NoSuchKey', 'AccessDeniedByStore']);
