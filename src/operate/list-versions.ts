/** Every version of every object under a prefix, or every object where the store lists no versions. */
import type { StoreSession } from '../contracts/store-session.ts';
import { everyVersion } from '../s3/documents/every-version.ts';
import { readAnswer } from '../s3/response/read-answer.ts';
import { isReservedKey } from '../s3/reserved-keys.ts';

export interface ListedVersion {
  readonly key: string;
  /** `undefined` of the only version in a bucket without versioning. */
  readonly versionId: string | undefined;
  readonly isCurrent: boolean;
  readonly sizeBytes: number;
  readonly lastModifiedMs: number;
}

/** What stores call the version that was written without versioning. */
export const NO_VERSION = 'null';

export type ListedEntry = ListedVersion | { readonly key: string; readonly deleteMarkerId: string };

/** Lists the versions in the store's order: by key, the newest first. `onNoVersions`: hears of a store that lists none. */
export async function* listVersions(
  session: () => Promise<StoreSession>,
  prefix: string,
  onNoVersions?: () => void,
): AsyncGenerator<ListedVersion> {
  for await (const entry of listEntries(session, prefix, onNoVersions)) if (!('deleteMarkerId' in entry)) yield entry;
}

/** The same with the delete markers among them. */
export async function* listEntries(
  session: () => Promise<StoreSession>,
  prefix: string,
  onNoVersions?: () => void,
): AsyncGenerator<ListedEntry> {
  const listPage: Parameters<typeof everyVersion>[0] = async (query) => {
    const { body } = await (await session()).send({ method: 'GET', key: '', query, headers: {} });
    return readAnswer(body);
  };
  for await (const page of everyVersion(listPage, prefix, onNoVersions)) {
    for (const { key, versionId, isMarker, isCurrent, sizeBytes, lastModifiedMs } of page) {
      // What is kept of uploads in progress is no object of anybody's.
      if (isReservedKey(key)) continue;
      if (isMarker) yield { key, deleteMarkerId: versionId ?? NO_VERSION };
      else {
        const isOnly = isCurrent && versionId === NO_VERSION;
        yield { key, versionId: isOnly ? undefined : versionId, isCurrent, sizeBytes, lastModifiedMs };
      }
    }
  }
}
