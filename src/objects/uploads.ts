/**
 * Multipart uploads whose parts are sealed. Enters: what a client asks of an upload, in its own part numbers and ids.
 * Leaves: requests to the store, in the store's. Nothing of an upload is kept here, so that any process can take any of
 * its requests: the id carries its wrapped key, and the store knows its parts.
 * @see docs/spec/object-format.md section 7
 */
import type { ObjectAddress, ObjectCipher } from '../contracts/object-cipher.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import type { Uploads } from '../contracts/stored-objects.ts';
import { readUploadId } from '../s3/documents/multipart.ts';
import { readAnswer } from '../s3/read-answer.ts';
import { ENVELOPE_HEADER } from '../s3/user-metadata.ts';
import { askUpload } from './ask-upload.ts';
import { completeUpload } from './complete-upload.ts';
import { listParts } from './list-parts.ts';

/** Creates the uploads of a process. */
export function createUploads({ cipher }: { readonly cipher: ObjectCipher }): Uploads {
  return {
    create: async (session, key, headers) => {
      const { envelope, keyId, clientId } = await cipher.newUpload(addressOf(session, key));
      const response = await session.ask({
        method: 'POST',
        key,
        query: [['uploads', '']],
        headers: { ...headers, [ENVELOPE_HEADER]: envelope },
      });
      return { uploadId: clientId(readUploadId(await readAnswer(response.body))), keyId };
    },

    sealPart: async (session, { key, uploadId }, { number, sizeBytes, checksum }) => {
      const upload = await cipher.openUpload(addressOf(session, key), uploadId);
      return { ...upload.sealPart(number, sizeBytes, checksum), storeUploadId: upload.storeUploadId };
    },

    complete: async (session, { key, uploadId }, named, options) => {
      const upload = await cipher.openUpload(addressOf(session, key), uploadId);
      return { ...(await completeUpload(session, key, upload, named, options)), keyId: upload.keyId };
    },

    abort: async (session, { key, uploadId }) => {
      const storeUploadId = await cipher.storeUploadId(addressOf(session, key), uploadId);
      const query = [['uploadId', storeUploadId]] as const;
      const response = await askUpload(session, { method: 'DELETE', key, query, headers: {} });
      await response.discard();
    },

    parts: async (session, { key, uploadId }) => {
      const storeUploadId = await cipher.storeUploadId(addressOf(session, key), uploadId);
      const { parts, storageClass } = await listParts(session, key, storeUploadId);
      const modified = new Map(parts.map(({ number, lastModified }) => [number, lastModified]));
      const stored = parts.map(({ number, etag, sizeBytes, lastModified }) => {
        const modifiedMs = Date.parse(lastModified);
        return { slot: number, etag, sizeBytes, ...(Number.isNaN(modifiedMs) ? {} : { modifiedMs }) };
      });
      const shown = cipher.clientParts(stored).map((part) => ({
        ...part,
        lastModified: modified.get(part.stored.slot) ?? '',
      }));
      return { parts: shown, storageClass };
    },
  };
}

function addressOf({ bucket }: StoreSession, key: string): ObjectAddress {
  return { bucketId: bucket.id, key };
}
