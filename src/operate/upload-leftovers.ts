/**
 * What is kept of uploads that are no more: a gateway that is killed leaves it behind. Enters: a bucket. Leaves: the folders
 * under the reserved prefix that belong to no upload of the store, counted, and deleted where that is requested. Never: one of
 * an upload in progress. The folders are listed before the uploads, so that of an upload that begins meanwhile no folder is
 * known here; and what is young is passed by, since the end of an upload may be requested again.
 */
import type { Clock } from '../contracts/clock.ts';
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import type { Uploads } from '../contracts/stored-objects.ts';
import { readPage } from '../s3/documents/listing-document.ts';
import { required } from '../s3/documents/stored-document.ts';
import { storeListingQuery, type ListingQuery } from '../s3/documents/listing.ts';
import { OPERATIONS } from '../s3/operations/operations.ts';
import { readAnswer } from '../s3/response/read-answer.ts';
import { RESERVED_PREFIX } from '../s3/reserved-keys.ts';
import type { XmlElement } from '../s3/documents/xml-reader.ts';
import type { OperatorSession } from './operator-session.ts';

export interface LeftoverDependencies {
  readonly cipher: Pick<ObjectCipher, 'uploadFolder'>;
  readonly uploads: Pick<Uploads, 'forget'>;
  readonly clock: Clock;
}

export interface LeftoverOptions {
  /** The bucket as uploads are listed there, and what is kept of them. */
  readonly listed: OperatorSession;
  readonly kept: OperatorSession;
  readonly bucketId: string;
  /** How long nothing was written to a folder that is taken for left over. */
  readonly minAgeMs: number;
  readonly deletes: boolean;
  readonly signal: AbortSignal;
}

export interface LeftoverReport {
  readonly bucket: string;
  readonly dryRun: boolean;
  /** Folders of uploads, those in progress among them. */
  readonly folders: number;
  readonly inFlight: number;
  /** Of no upload, and old enough. */
  readonly leftOver: number;
  readonly leftOverObjects: number;
  readonly deleted: number;
  /** Whether everything was seen, and done. */
  readonly complete: boolean;
}

const UPLOADS = `${RESERVED_PREFIX}uploads/`;
const FOLDER = /^\.sallyport\/uploads\/[\w-]{43}\//;

/** Looks, and deletes where asked to. @throws GatewayError what the store says */
export async function pruneLeftovers(
  { cipher, uploads, clock }: LeftoverDependencies,
  { listed, kept, bucketId, minAgeMs, deletes, signal }: LeftoverOptions,
): Promise<LeftoverReport> {
  const folders = new Map<string, { objects: number; newestMs: number }>();
  for await (const { entry, key } of pages(kept, 'ListObjectVersions', UPLOADS, signal)) {
    const name = FOLDER.exec(key)?.[0];
    if (name === undefined) continue;
    const folder = folders.get(name) ?? { objects: 0, newestMs: -Infinity };
    folder.objects += 1;
    // A date that is none keeps its folder.
    const modifiedMs = Date.parse(required(entry, 'LastModified'));
    folder.newestMs = Math.max(folder.newestMs, Number.isNaN(modifiedMs) ? Infinity : modifiedMs);
    folders.set(name, folder);
  }
  const live = new Set<string>();
  for await (const { entry, key } of pages(listed, 'ListMultipartUploads', '', signal)) {
    live.add(cipher.uploadFolder({ bucketId, key }, required(entry, 'UploadId')));
  }
  const before = clock.now() - minAgeMs;
  // Where not everything was seen, nothing is left over.
  const leftOver = signal.aborted
    ? []
    : [...folders].filter(([name, { newestMs }]) => !live.has(name) && newestMs < before);
  let deleted = 0;
  for (const [name] of deletes ? leftOver : []) {
    if (signal.aborted) break;
    await uploads.forget(await kept.session(), name);
    deleted += 1;
  }
  return {
    bucket: listed.location.bucket,
    dryRun: !deletes,
    folders: folders.size,
    inFlight: [...folders.keys()].filter((name) => live.has(name)).length,
    leftOver: leftOver.length,
    leftOverObjects: leftOver.reduce((sum, [, { objects }]) => sum + objects, 0),
    deleted,
    complete: !signal.aborted,
  };
}

const KINDS = {
  ListObjectVersions: { root: 'ListVersionsResult', entries: ['Version', 'DeleteMarker'], id: 'VersionId' },
  ListMultipartUploads: { root: 'ListMultipartUploadsResult', entries: ['Upload'], id: 'UploadId' },
} as const;

async function* pages(
  at: OperatorSession,
  kind: keyof typeof KINDS,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<{ readonly entry: XmlElement; readonly key: string }> {
  const { root, entries, id } = KINDS[kind];
  let marker: { readonly key: string; readonly id: string } | undefined;
  while (!signal.aborted) {
    const query: ListingQuery = {
      ...{
        kind: OPERATIONS[kind].listing,
        prefix,
        delimiter: '',
        maxKeys: 1000,
        urlEncoded: true,
        continuation: undefined,
        after: [],
      },
      ...{ startAfter: marker?.key, idMarker: marker?.id },
    };
    const session = await at.session();
    const answer = await session.send({ method: 'GET', key: '', query: storeListingQuery(query), headers: {} });
    const page = readPage(await readAnswer(answer.body), root, query);
    let last: typeof marker;
    for (const { key, element: entry } of page.entries) {
      if (!entries.some((name) => name === entry.name)) continue;
      last = { key, id: required(entry, id) };
      yield { entry, key };
    }
    if (!page.isTruncated || last === undefined) return;
    marker = last;
  }
}
