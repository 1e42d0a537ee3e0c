/**
 * Lock and tags of an object that is there by now. Enters: what its write said. Leaves: an object that has it, or a failure:
 * a store that takes a header and passes over it answers as if it had done what was asked. Asked in a session beside that of
 * the caller, who need not be one who may read.
 */
import type { Access } from '../contracts/authorizer.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { Verb } from '../s3/operations/verb.ts';
import { legalHoldForStore, retentionForStore } from '../s3/documents/object-lock.ts';
import { tagsDocument } from '../s3/documents/tagging.ts';
import { textElement } from '../s3/documents/xml.ts';
import { sentDocument } from '../s3/documents/sent-document.ts';
import { showsHold, showsRetention, type ObjectLock, type WriteTerms } from '../s3/request/write-terms.ts';
import { outliving } from './store-copy.ts';

interface Written {
  readonly key: string;
  /** As the store told it. */
  readonly versionId: string | undefined;
}

/** Stores show a lock to whoever may read it. */
const READ: readonly Verb[] = ['GET', 'GET_LOCK'];

type Head = ReadonlyMap<string, string>;

/** Proves that an object has its lock. @throws GatewayError LockNotKept; what the store says */
export async function proveLock(session: StoreSession, written: Written, lock: ObjectLock): Promise<void> {
  const head = await headOf(await scopedSession(session, written, READ), written);
  if (!isShown(head, lock)) throw notKept();
}

/** Gives an object what its upload said when it began, as far as the store has not. @throws GatewayError LockNotKept; what the store says */
export async function applyTerms(session: StoreSession, written: Written, { lock, tags }: WriteTerms): Promise<void> {
  const verbs: readonly Verb[] = [
    ...READ,
    ...(lock === undefined ? [] : (['PUT_LOCK'] as const)),
    ...(tags === '' ? [] : (['PUT_TAGS'] as const)),
  ];
  const scoped = await scopedSession(session, written, verbs);
  const head = await headOf(scoped, written);
  const { retention } = lock ?? {};
  if (lock !== undefined && retention !== undefined && !showsRetention(head, lock)) {
    const until = textElement('RetainUntilDate', new Date(retention.untilMs).toISOString());
    const document = `<Retention>${textElement('Mode', retention.mode)}${until}</Retention>`;
    await put(scoped, written, 'retention', retentionForStore(Buffer.from(document)));
  }
  if (lock !== undefined && !showsHold(head, lock)) {
    const document = '<LegalHold><Status>ON</Status></LegalHold>';
    await put(scoped, written, 'legal-hold', legalHoldForStore(Buffer.from(document)));
  }
  if (lock !== undefined && !isShown(head, lock) && !isShown(await headOf(scoped, written), lock)) throw notKept();
  const hasTags = Number(head.get('x-amz-tagging-count') ?? 0) > 0;
  if (tags !== '' && !hasTags) await put(scoped, written, 'tagging', tagsDocument(tags));
}

const isShown = (head: Head, lock: ObjectLock): boolean => showsRetention(head, lock) && showsHold(head, lock);

async function scopedSession(
  session: StoreSession,
  { key, versionId }: Written,
  verbs: readonly Verb[],
): Promise<StoreSession> {
  const bucket = session.bucket.name;
  const all: readonly Verb[] = versionId === undefined ? verbs : [...verbs, 'GET_VERSION'];
  const accesses = all.map((verb): Access => ({ kind: 'object', verb, bucket, key }));
  // The object is there: what belongs to it comes to its end, whoever is still waiting for it.
  return outliving((await session.openScoped?.(accesses)) ?? session);
}

async function headOf({ send }: StoreSession, written: Written): Promise<Head> {
  const { key } = written;
  const answer = await send({ method: 'HEAD', key, query: queryOf(written), headers: {} });
  await answer.discard();
  return answer.headers;
}

async function put({ send }: StoreSession, written: Written, subresource: string, document: string): Promise<void> {
  const answer = await send({
    method: 'PUT',
    key: written.key,
    query: [[subresource, ''], ...queryOf(written)],
    ...sentDocument(document),
  });
  await answer.discard();
}

const queryOf = ({ versionId }: Written): readonly (readonly [string, string])[] =>
  versionId === undefined ? [] : [['versionId', versionId]];

function notKept(): GatewayError {
  return new GatewayError('LockNotKept', { detail: 'the head of the object does not show its lock' });
}
