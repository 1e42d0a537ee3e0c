/**
 * What the keys of stored objects are wrapped by, counted from the head of every version in the places that are named, and
 * which versions of the key nothing needs any more. It never says so of what it has not seen.
 */
import type { Clock } from '../contracts/clock.ts';
import { readPage } from '../s3/documents/listing-document.ts';
import { readAnswer } from '../s3/read-answer.ts';
import { storeListingQuery, type ListingQuery } from '../s3/listing.ts';
import type { ExamineParts } from './examine.ts';
import type { OperatorSession } from './operator-session.ts';
import { placeName } from './place.ts';
import { sweep, type SweepOptions, type SweepReport } from './sweep.ts';
import { total } from './tally.ts';

/** The key versions that configuration knows. */
export interface KeyringState {
  /** What new data keys are wrapped by, such as `local:2`; `undefined` where the keyring does not answer. */
  readonly current: string | undefined;
  /** All that are configured, where configuration lists them; a remote keyring keeps its own list. */
  readonly configured: readonly string[];
}

export interface PlaceStatus extends SweepReport {
  readonly place: string;
  /** Begun and not completed: their keys are not to be seen, and may be of any version. `undefined`: not asked for. */
  readonly uploadsUnderWay: number | undefined;
}

export interface KeyStatus {
  readonly keyring: KeyringState;
  readonly places: readonly PlaceStatus[];
  /** Versions that no object in these places needs; `undefined` where that cannot be said. */
  readonly unreferenced: readonly string[] | undefined;
  /** Whether the places are all that the configuration knows, so that what is unreferenced may be retired. */
  readonly everywhere: boolean;
}

/** Counts one place. @throws GatewayError what the store says of a listing */
export async function placeStatus(
  parts: ExamineParts & { readonly clock: Clock },
  at: OperatorSession,
  options: SweepOptions,
): Promise<PlaceStatus> {
  const report = await sweep(parts, at, options, (_, now) => Promise.resolve({ now }));
  // A store cannot hold the listing of uploads to a prefix: it is asked for where the place is the whole bucket.
  const uploadsUnderWay = at.place.prefix === '' ? await countUploads(at) : undefined;
  return { place: placeName(at.place), ...report, uploadsUnderWay };
}

/** Puts the places together. */
export function keyStatus(keyring: KeyringState, places: readonly PlaceStatus[], everywhere: boolean): KeyStatus {
  const certain = places.length > 0 && places.every(isCertain);
  const referenced = new Set(places.flatMap(({ versions }) => Object.keys(versions.sealed)));
  const unreferenced = keyring.configured.filter((id) => id !== keyring.current && !referenced.has(id));
  return { keyring, places, everywhere, unreferenced: certain ? unreferenced : undefined };
}

function isCertain({ versions, complete, uploadsUnderWay }: PlaceStatus): boolean {
  return complete && total(versions.unknown) === 0 && (uploadsUnderWay ?? 0) === 0;
}

/** Counts the first page: one is enough to know that nothing can be said. */
async function countUploads(at: OperatorSession): Promise<number> {
  const query: ListingQuery = {
    kind: 'ListMultipartUploads',
    prefix: '',
    delimiter: '',
    maxKeys: 1000,
    urlEncoded: true,
    startAfter: undefined,
    idMarker: undefined,
    continuation: undefined,
    after: [],
  };
  const session = await at.session();
  const answer = await session.ask({ method: 'GET', key: '', query: storeListingQuery(query), headers: {} });
  const { root } = readPage(await readAnswer(answer.body), 'ListMultipartUploadsResult', query);
  return root.children.filter(({ name }) => name === 'Upload').length;
}
