/**
 * What was said when an upload began and is to hold at its end, at whatever process: not every store remembers it. Enters:
 * what a client said. Leaves: the same when the upload ends. Small objects in the upload's folder say it, and are written for
 * such uploads only. They are not sealed: a gateway without encrypted prefixes has no key, and the store decides over all of it
 * in any case. The folder names bucket, key and upload, so that they are of no other one.
 */
import { LRUCache } from 'lru-cache';
import type { StateSession, StoreSession } from '../contracts/store-session.ts';
import type { UploadAddress, UploadEnd, UploadPromise, UploadPromises } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { parseTerms, termsText, type WriteTerms } from '../s3/request/write-terms.ts';
import { sendForUpload } from './send-for-upload.ts';
import { contentLength } from './entity.ts';
import { listParts } from './list-parts.ts';
import { decidesAll, demandConditions } from './write-conditions.ts';
import { onlyIfNoneKey, readFolder, termsKey } from './upload-folder.ts';
import type { UploadStates } from './upload-states.ts';
import { applyTerms } from './write-terms.ts';

const MAX_REMEMBERED = 10_000;
const MAX_TERMS_BYTES = 8192;
const NOTHING = Buffer.alloc(0);

interface UploadPromiseDependencies {
  readonly recording: Pick<UploadStates, 'end'>;
  readonly folderOf: (session: StoreSession, upload: UploadAddress) => string;
  readonly abort: (session: StoreSession, upload: UploadAddress) => Promise<void>;
}

/** Creates what a process needs to hold them. */
export function createUploadPromises({ recording, folderOf, abort }: UploadPromiseDependencies): UploadPromises {
  // By folder: uploads that this process saw begin without any. A store gives no id twice.
  const free = new LRUCache<string, true>({ max: MAX_REMEMBERED });

  return {
    free: (session, upload) => void free.set(folderOf(session, upload), true),

    hold: async (session, upload, said) => {
      try {
        const states = await session.states?.();
        if (states === undefined) throw new Error('a session that keeps nothing holds no promise');
        const folder = folderOf(session, upload);
        const text = said.terms && termsText(said.terms);
        if (text !== undefined) await put(states, termsKey(folder), Buffer.from(text));
        if (said.onlyIfNone) await put(states, onlyIfNoneKey(folder), NOTHING);
        // A role that may write there and not read would lose it at the end, when it is too late to say so.
        const kept = await readFolder(states, folder);
        if (kept.onlyIfNone !== said.onlyIfNone || kept.hasTerms !== (text !== undefined)) throw unreadable();
      } catch (error) {
        await abort(session, upload);
        throw error;
      }
    },

    held: async (session, upload) => {
      const folder = folderOf(session, upload);
      if (free.has(folder) || session.states === undefined) return { onlyIfNone: false };
      const states = await session.states();
      // A listing, and no lookup: who may not list is told of what is not there as of what he may not see.
      const { onlyIfNone, hasTerms } = await readFolder(states, folder);
      return { onlyIfNone, ...(hasTerms ? { terms: await readTerms(states, folder) } : {}) } satisfies UploadPromise;
    },

    mayBegin: (session, key) => demandConditions(session, key, { 'if-none-match': '*' }),

    mayEnd: async (session, upload, { conditions, ...claims }) => {
      if (decidesAll(session)) return;
      try {
        await demandConditions(session, upload.key, conditions);
        await demandSize(session, upload, claims);
      } catch (error) {
        const isFailed = error instanceof GatewayError && MAYBE_OF_ITS_OWN.has(error.code);
        if (isFailed && (await isGone(session, upload))) return;
        throw error;
      }
    },

    applyTerms,

    end: async (session, upload, when) => {
      const folder = folderOf(session, upload);
      if (free.has(folder)) return;
      const states = await session.states?.().catch(() => undefined);
      if (states !== undefined) recording.end(states, folder, when);
    },
  };
}

/** Keeps what is said of an upload's object; `undefined`: nothing. */
export async function keepTerms(states: StateSession, folder: string, terms: WriteTerms | undefined): Promise<void> {
  const text = terms && termsText(terms);
  if (text !== undefined) await put(states, termsKey(folder), Buffer.from(text));
}

/** Reads what was kept. @throws GatewayError IntegrityFailure; what the store says */
export async function readTerms({ send }: StateSession, folder: string): Promise<WriteTerms> {
  const answer = await send({ method: 'GET', key: termsKey(folder), query: [], headers: {} });
  if ((contentLength(answer) ?? Infinity) <= MAX_TERMS_BYTES) return parseTerms((await answer.whole()).toString());
  await answer.discard();
  throw new GatewayError('IntegrityFailure', { detail: 'lock and tags of an upload' });
}

async function put({ send }: StateSession, key: string, content: Buffer): Promise<void> {
  const body = { sizeBytes: content.length, content };
  const answer = await send({ method: 'PUT', key, query: [], headers: {}, body, outlivesClient: true });
  await answer.discard();
}

function unreadable(): GatewayError {
  return new GatewayError('AccessDeniedByStore', { detail: 'what is kept of an upload cannot be read' });
}

/** Of an upload that has ended the object that is there may be its own. */
const MAYBE_OF_ITS_OWN: ReadonlySet<string> = new Set(['PreconditionFailed', 'NoSuchKey']);

/** A Complete that is repeated is the store's to answer. */
async function isGone(session: StoreSession, { key, uploadId }: UploadAddress): Promise<boolean> {
  const query = [
    ['max-parts', '1'],
    ['uploadId', uploadId],
  ] as const;
  try {
    const answer = await sendForUpload(session, { method: 'GET', key, query, headers: {} });
    await answer.discard();
    return false;
  } catch (error) {
    return error instanceof GatewayError && error.code === 'NoSuchUpload';
  }
}

async function demandSize(
  session: StoreSession,
  { key, uploadId }: UploadAddress,
  { sizeBytes, numbers }: Omit<UploadEnd, 'conditions'>,
): Promise<void> {
  if (sizeBytes === undefined) return;
  const { parts } = await listParts(session, key, uploadId);
  const named = new Set(numbers);
  const foundBytes = parts.reduce((sum, part) => sum + (named.has(part.number) ? part.sizeBytes : 0), 0);
  if (foundBytes === sizeBytes) return;
  const detail = 'x-amz-mp-object-size is not the size of the parts';
  throw new GatewayError('InvalidRequest', { detail });
}
