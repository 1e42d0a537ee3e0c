/** Enters: an upload of the store. Leaves: every part that the store lists of it, page by page, under a bound. */
import type { StoreSession } from '../contracts/store-session.ts';
import { MAX_LISTED_PARTS, readParts, type PartsPage, type UploadedPart } from '../s3/documents/multipart.ts';
import { unusable } from '../s3/documents/stored-document.ts';
import { readAnswer } from '../s3/response/read-answer.ts';
import { sendForUpload } from './send-for-upload.ts';

/** Ten full ones hold every part there can be; some stores give smaller ones. */
const MAX_PAGES = 100;

/** Asks which checksum an upload was begun with. @throws GatewayError InternalError; what the store says */
export async function checksumOfUpload(
  session: StoreSession,
  key: string,
  uploadId: string,
): Promise<PartsPage['checksum']> {
  const query = [['max-parts', '1'] as const, ['uploadId', uploadId] as const];
  const response = await sendForUpload(session, { method: 'GET', key, query, headers: {} });
  return readParts(await readAnswer(response.body)).checksum;
}

/** Lists the parts of an upload, by their numbers at the store. @throws GatewayError InternalError; what the store says */
export async function listParts(
  session: StoreSession,
  key: string,
  storeUploadId: string,
): Promise<Pick<PartsPage, 'parts' | 'storageClass'>> {
  const parts: UploadedPart[] = [];
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const marker = parts.at(-1)?.number ?? 0;
    const response = await sendForUpload(session, {
      method: 'GET',
      key,
      query: [
        ['max-parts', String(MAX_LISTED_PARTS)],
        ['part-number-marker', String(marker)],
        ['uploadId', storeUploadId],
      ],
      headers: {},
    });
    const page = readParts(await readAnswer(response.body));
    const [first] = page.parts;
    if (first === undefined ? page.isTruncated : first.number <= marker) throw unusable('a page that goes nowhere');
    parts.push(...page.parts);
    if (!page.isTruncated) return { parts, storageClass: page.storageClass };
  }
  throw unusable('too many pages of parts');
}
