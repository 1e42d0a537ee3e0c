/**
 * Conditions on what a write replaces, where no store decides them: when an upload begins, and beside a store that passes
 * over them. Enters: conditions in the store's ETags. Leaves: nothing, or a refusal. Between the lookup and the write somebody
 * else can still be first; a condition that nobody could look at is refused.
 */
import type { StoreSession } from '../contracts/store-session.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { readPage } from '../s3/documents/listing-document.ts';
import { required } from '../s3/documents/stored-document.ts';
import { storeListingQuery, type ListingQuery } from '../s3/documents/listing.ts';
import { OPERATIONS } from '../s3/operations/operations.ts';
import { readAnswer } from '../s3/response/read-answer.ts';

type Conditions = Readonly<Record<string, string>>;

/** @throws GatewayError PreconditionFailed, NoSuchKey; what the store says */
export async function demandConditions(session: StoreSession, key: string, conditions: Conditions): Promise<void> {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = conditions;
  if (ifMatch === undefined && ifNoneMatch === undefined) return;
  const etag = await currentEtag(session, key);
  if (ifNoneMatch !== undefined && etag !== undefined) throw failed('If-None-Match');
  if (ifMatch === undefined) return;
  if (etag === undefined) throw new GatewayError('NoSuchKey', { detail: 'if-match of what is not there' });
  if (unquoted(etag) !== unquoted(ifMatch)) throw failed('If-Match');
}

/** Whether a store decides conditions of every write in one step with it. */
export function decidesAll({ bucket }: Pick<StoreSession, 'bucket'>): boolean {
  return bucket.store.writes === 'all';
}

async function currentEtag(session: StoreSession, key: string): Promise<string | undefined> {
  try {
    const response = await session.send({ method: 'HEAD', key, query: [], headers: {} });
    await response.discard();
    return response.headers.get('etag') ?? '';
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    if (error.code === 'NoSuchKey') return undefined;
    if (error.code !== 'AccessDeniedByStore') throw error;
    // The store decides it at the end, and tells whoever may not list nothing of what is not there.
    if (decidesAll(session)) return undefined;
    if (session.openScoped === undefined) throw error;
    return listedEtag(session, session.openScoped, key);
  }
}

/** For whoever may write and not read: only a listing tells what is not there from what may not be seen. */
async function listedEtag(
  { bucket }: StoreSession,
  openScoped: NonNullable<StoreSession['openScoped']>,
  key: string,
): Promise<string | undefined> {
  const { send } = await openScoped([{ kind: 'listing', verb: 'LIST', bucket: bucket.name, prefix: key, after: [] }]);
  const query: ListingQuery = {
    ...{ kind: OPERATIONS.ListObjectsV2.listing, prefix: key, delimiter: '', maxKeys: 1, urlEncoded: true },
    ...{ startAfter: undefined, idMarker: undefined, continuation: undefined, after: [] },
  };
  const answer = await send({ method: 'GET', key: '', query: storeListingQuery(query), headers: {} });
  // Of all keys with this prefix it is the first.
  const [first] = readPage(await readAnswer(answer.body), 'ListBucketResult', query).entries;
  return first?.key === key ? required(first.element, 'ETag') : undefined;
}

function failed(condition: 'If-Match' | 'If-None-Match'): GatewayError {
  return new GatewayError('PreconditionFailed', { clientFields: { Condition: condition } });
}

function unquoted(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1');
}
