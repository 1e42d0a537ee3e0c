/**
 * Multipart uploads whose parts are sealed. Enters: what a client asks of an upload, in its own part numbers. Leaves:
 * requests to the store, in the store's. Nothing of an upload is kept here, so that any process can take any of its
 * requests: what the store does not tell of an upload stands in its state, beside it.
 * @see docs/spec/object-format.md section 7
 */
import type { Clock } from '../contracts/clock.ts';
import type { ObjectAddress, ObjectCipher, SealedUpload, UploadTerms } from '../contracts/object-cipher.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import type { UploadAddress, Uploads } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { ChecksumAlgorithm } from '../s3/body/checksums.ts';
import { readUploadId } from '../s3/documents/multipart.ts';
import { readAnswer } from '../s3/response/read-answer.ts';
import { RESERVED_PREFIX } from '../s3/reserved-keys.ts';
import { ENVELOPE_HEADER } from '../s3/request/user-metadata.ts';
import { sendForUpload } from './send-for-upload.ts';
import { completeUpload } from './complete-upload.ts';
import { emptyFolder } from './empty-folder.ts';
import { listParts } from './list-parts.ts';
import { partsByRecord, partsBySize } from './shown-parts.ts';
import { demandConditions } from './write-conditions.ts';
import { readFolder, waitingKey } from './upload-folder.ts';
import { createUploadPromises, keepTerms, readTerms } from './upload-promises.ts';
import { createUploadStates } from './upload-states.ts';
import { applyTerms } from './write-terms.ts';

const NO_TERMS: NonNullable<Parameters<Uploads['create']>[3]> = { checksum: undefined, onlyIfNone: false };
const STORE_ID = /^[\x21-\x7e]{1,1024}$/;

/** Creates the uploads of a process. */
export function createUploads({ cipher, clock }: { readonly cipher: ObjectCipher; readonly clock: Clock }): Uploads {
  const recording = createUploadStates({ clock });

  const folderOf = (session: StoreSession, key: string, storeUploadId: string): string =>
    cipher.uploadFolder(addressOf(session, key), storeUploadId);

  const open = async (session: StoreSession, { key, uploadId }: UploadAddress): Promise<SealedUpload> => {
    const address = addressOf(session, key);
    if (cipher.isSealedId(uploadId)) return cipher.openSealedId(address, uploadId);
    if (session.states === undefined) throw noSuchUpload();
    const storeUploadId = checked(uploadId);
    const state = await recording.read(session.states, cipher.uploadFolder(address, storeUploadId));
    return cipher.openState(address, storeUploadId, state);
  };

  /** What needs no key works for uploads of which nothing is kept, too: their beginning broke off, or is of another time. */
  const storeIdOf = async (session: StoreSession, { key, uploadId }: UploadAddress): Promise<string> =>
    cipher.isSealedId(uploadId)
      ? (await cipher.openSealedId(addressOf(session, key), uploadId)).storeUploadId
      : checked(uploadId);

  /** `undefined`: nothing is kept of it, if there is one. */
  const openIfKept = (session: StoreSession, upload: UploadAddress): Promise<SealedUpload | undefined> =>
    open(session, upload).catch((error: unknown) => {
      const isUnknown = error instanceof GatewayError && error.code === 'NoSuchUpload';
      if (!isUnknown || cipher.isSealedId(upload.uploadId)) throw error;
      return undefined;
    });

  return {
    create: async (session, key, headers, { said, ...terms } = NO_TERMS) => {
      const kept = await session.states?.();
      if (terms.onlyIfNone) await demandConditions(session, key, { 'if-none-match': '*' });
      const { envelope, keyId, state, sealedId } = await cipher.newUpload(addressOf(session, key));
      const response = await session.send({
        method: 'POST',
        key,
        query: [['uploads', '']],
        headers: { ...headers, [ENVELOPE_HEADER]: envelope },
      });
      const storeUploadId = readUploadId(await readAnswer(response.body));
      if (kept === undefined) return { uploadId: sealedId(storeUploadId), keyId };
      try {
        // An id of the store's that looks like one of ours would be taken for it from now on.
        if (cipher.isSealedId(storeUploadId)) throw new GatewayError('InternalError');
        const folder = folderOf(session, key, storeUploadId);
        await keepTerms(kept, folder, said);
        await recording.begin(kept, folder, state(storeUploadId, terms));
      } catch (error) {
        await abort(session, key, storeUploadId);
        throw error;
      }
      return { uploadId: storeUploadId, keyId };
    },

    terms: async (session, upload) => (await open(session, upload)).state?.terms,

    sealPart: async (session, upload, { number, sizeBytes, checksum }) => {
      const { sealPart, storeUploadId, state } = await open(session, upload);
      refuseOther(state?.terms, checksum?.algorithm);
      const part = sealPart(number, sizeBytes, checksum);
      const ref = {
        ...{ session, key: upload.key, storeUploadId },
        query: [
          ['partNumber', String(part.slot)],
          ['uploadId', storeUploadId],
        ] as const,
      };
      const states = state && (await session.states?.());
      if (states === undefined) return { ...part, ...ref, onStored: () => Promise.resolve() };
      const folder = folderOf(session, upload.key, storeUploadId);
      const stateLocation = part.isDeferred ? { session: states, key: waitingKey(folder, number), query: [] } : {};
      return {
        ...{ ...part, ...ref, ...stateLocation },
        onStored: (etag) => recording.record(states, folder, part.record(unquoted(etag))),
      };
    },

    complete: async (session, upload, named, options) => {
      const opened = await open(session, upload);
      const { state, storeUploadId, keyId } = opened;
      const states = state && (await session.states?.());
      const kept = states && { states, folder: folderOf(session, upload.key, storeUploadId) };
      const { hasTerms, ...completed } = await completeUpload({ session, kept }, upload.key, opened, named, options);
      if (kept !== undefined && hasTerms) {
        const written = { key: upload.key, versionId: completed.versionId };
        await applyTerms(session, written, await readTerms(kept.states, kept.folder));
      }
      if (kept !== undefined) recording.end(kept.states, kept.folder, 'later');
      return { ...completed, keyId };
    },

    abort: async (session, upload) => {
      const { key } = upload;
      const storeUploadId = await storeIdOf(session, upload);
      const query = [['uploadId', storeUploadId]] as const;
      const response = await sendForUpload(session, { method: 'DELETE', key, query, headers: {} });
      await response.discard();
      if (storeUploadId !== upload.uploadId) return;
      const states = await session.states?.().catch(() => undefined);
      if (states !== undefined) recording.end(states, folderOf(session, key, storeUploadId), 'now');
    },

    parts: async (session, upload) => {
      const opened = await openIfKept(session, upload);
      const storeUploadId = opened?.storeUploadId ?? checked(upload.uploadId);
      const listed = await listParts(session, upload.key, storeUploadId);
      const { state } = opened ?? {};
      if (state === undefined || session.states === undefined) {
        return { parts: partsBySize(cipher, listed.parts), storageClass: listed.storageClass };
      }
      const folder = await readFolder(await session.states(), folderOf(session, upload.key, storeUploadId));
      return { ...partsByRecord(cipher, state, listed.parts, folder), storageClass: listed.storageClass };
    },

    promises: createUploadPromises({
      recording,
      folderOf: (session, { key, uploadId }) => folderOf(session, key, uploadId),
      abort: (session, { key, uploadId }) => abort(session, key, uploadId),
    }),

    forget: emptyFolder,

    forgetAll: (states) => emptyFolder(states, RESERVED_PREFIX),

    close: recording.close,
  };
}

function addressOf({ bucket }: StoreSession, key: string): ObjectAddress {
  return { bucketId: bucket.id, key };
}

function checked(uploadId: string): string {
  if (!STORE_ID.test(uploadId)) throw noSuchUpload();
  return uploadId;
}

/** An upload that nobody can go on with: what cannot be aborted is left to the bucket's lifecycle. */
async function abort({ send }: StoreSession, key: string, storeUploadId: string): Promise<void> {
  const query = [['uploadId', storeUploadId]] as const;
  try {
    const response = await send({ method: 'DELETE', key, query, headers: {}, outlivesClient: true });
    await response.discard();
  } catch {
    // The failure that led here is the one to tell.
  }
}

/** Told before the body is read: at the end it would be too late. */
function refuseOther(terms: UploadTerms | undefined, algorithm: ChecksumAlgorithm | undefined): void {
  const declared = terms?.checksum?.algorithm;
  if (declared === undefined || algorithm === undefined || algorithm === declared) return;
  throw new GatewayError('InvalidRequest', { detail: `the upload was begun with ${declared}` });
}

function unquoted(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1');
}

function noSuchUpload(): GatewayError {
  return new GatewayError('NoSuchUpload', { detail: 'no upload has this id' });
}
