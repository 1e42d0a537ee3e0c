/**
 * What the keys of stored objects are wrapped by, counted from the head of every version in the locations that are named, and
 * which versions of the key nothing needs any more. It never says so of what it has not seen.
 */
import type { Clock } from '../contracts/clock.ts';
import { readPage } from '../s3/documents/listing-document.ts';
import { readAnswer } from '../s3/response/read-answer.ts';
import { storeListingQuery, type ListingQuery } from '../s3/documents/listing.ts';
import { OPERATIONS } from '../s3/operations/operations.ts';
import type { ExamineDependencies } from './examine.ts';
import type { OperatorSession } from './operator-session.ts';
import { locationName } from './location.ts';
import { visitVersions, type VisitOptions, type VisitReport } from './visit-versions.ts';
import { total } from './version-counter.ts';

/** The key versions that configuration knows. */
export interface KeyringState {
  /** What new data keys are wrapped by, such as `local:2`; `undefined` where the keyring does not answer. */
  readonly current: string | undefined;
  /** All that are configured, where configuration lists them; a remote keyring keeps its own list. */
  readonly configured: readonly string[];
}

export interface LocationStatus extends VisitReport {
  readonly location: string;
  /** Begun and not completed: their keys are not to be seen, and may be of any version. `undefined`: not asked for. */
  readonly uploadsInFlight: number | undefined;
}

export interface KeyStatus {
  readonly keyring: KeyringState;
  readonly locations: readonly LocationStatus[];
  /** Versions that no object in these locations needs; `undefined` where that cannot be said. */
  readonly unreferenced: readonly string[] | undefined;
  /** Whether the locations are all that the configuration knows, so that what is unreferenced may be retired. */
  readonly everywhere: boolean;
}

/** Counts one location. @throws GatewayError what the store says of a listing */
export async function locationStatus(
  dependencies: ExamineDependencies & { readonly clock: Clock },
  at: OperatorSession,
  options: VisitOptions,
): Promise<LocationStatus> {
  const report = await visitVersions(dependencies, at, options, (_, now) => Promise.resolve({ now }));
  // A store cannot hold the listing of uploads to a prefix: it is requested where the location is the whole bucket.
  const uploadsInFlight = at.location.prefix === '' ? await countUploads(at) : undefined;
  return { location: locationName(at.location), ...report, uploadsInFlight };
}

/** Combines the locations. */
export function keyStatus(keyring: KeyringState, status: readonly LocationStatus[], everywhere: boolean): KeyStatus {
  const certain = status.length > 0 && status.every(isCertain);
  const referenced = new Set(status.flatMap(({ versions }) => Object.keys(versions.sealed)));
  const unreferenced = keyring.configured.filter((id) => id !== keyring.current && !referenced.has(id));
  return { keyring, locations: status, everywhere, unreferenced: certain ? unreferenced : undefined };
}

function isCertain({ versions, complete, uploadsInFlight }: LocationStatus): boolean {
  return complete && total(versions.unknown) === 0 && (uploadsInFlight ?? 0) === 0;
}

/** Counts the first page: one is enough to know that nothing can be said. */
async function countUploads(at: OperatorSession): Promise<number> {
  const query: ListingQuery = {
    kind: OPERATIONS.ListMultipartUploads.listing,
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
  const answer = await session.send({ method: 'GET', key: '', query: storeListingQuery(query), headers: {} });
  const { entries } = readPage(await readAnswer(answer.body), 'ListMultipartUploadsResult', query);
  return entries.length;
}
