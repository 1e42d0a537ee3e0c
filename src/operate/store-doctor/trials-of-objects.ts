/** Trials of single objects: what is written is what is read, whole or not at all, under the name that it was given. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readPage } from '../../s3/documents/listing-document.ts';
import { storeListingQuery, type ListingQuery } from '../../s3/documents/listing.ts';
import { OPERATIONS } from '../../s3/operations/operations.ts';
import {
  crc32Of,
  get,
  good,
  head,
  isGood,
  lacks,
  META,
  put,
  said,
  TrialFailed,
  untried,
  works,
  type Outcome,
  type Trial,
  type TrialContext,
} from './trial.ts';

const RACERS = 8;
/** Until a store has seen that a connection is gone, and done what it does then. */
const SETTLE_MS = 700;

const cutBody = (how: 'FIN' | 'RST', needed: boolean): Trial => ({
  id: `short-body-${how.toLowerCase()}`,
  what: `a body that breaks off (${how}) is not stored`,
  lost: 'an upload whose client goes away replaces the old object by a piece of the new one: the old is lost, and the piece is served as whole, or cannot be opened where it is encrypted',
  needed,
  run: async (context) => {
    const key = context.key(`cut-${how}`);
    const old = Buffer.alloc(2000, 'o');
    good('PutObject', await put(context, key, old));
    await context.cut(key, Buffer.alloc(200_000, 'n'), 90_000, how);
    await sleep(SETTLE_MS);
    const { body } = good('GetObject', await get(context, key));
    if (body.equals(old)) return works('the old object is there');
    return lacks(`${body.length} of 200000 bytes were stored in place of the old object`);
  },
});

async function keysBelow({ send }: TrialContext, prefix: string, maxKeys: number): Promise<readonly string[]> {
  const keys: string[] = [];
  for (let pages = 0; pages < 100; pages += 1) {
    const query: ListingQuery = {
      ...{
        kind: OPERATIONS.ListObjectsV2.listing,
        prefix,
        delimiter: '',
        maxKeys,
        urlEncoded: true,
        startAfter: keys.at(-1),
      },
      ...{ idMarker: undefined, continuation: undefined, after: [] },
    };
    const answer = good(
      'ListObjectsV2',
      await send({ method: 'GET', key: '', query: storeListingQuery(query), headers: {} }),
    );
    const page = readPage(answer.body, 'ListBucketResult', query);
    const found = page.entries.map(({ key }) => key);
    keys.push(...found);
    if (!page.isTruncated || found.length === 0) return keys;
  }
  throw new TrialFailed('the listing does not end');
}

const ODD_KEYS = [
  'a b',
  'a+b',
  "it's",
  'ü',
  'x%41',
  'a//b',
  'a&b<c>',
  'a=b?c#d',
  '~-_.!()',
  '日本/😀',
  'a:b',
  'a*b',
  'tail/',
  'a\\b',
];
const SORTED_KEYS = ['a', 'a!', 'a-', 'a0', 'aa', 'ab/c', 'ab0', 'B', 'é', '\uffee', '😀'].toSorted((one, other) =>
  Buffer.compare(Buffer.from(one), Buffer.from(other)),
);

async function raced(context: TrialContext, key: string, headers: Readonly<Record<string, string>>): Promise<Outcome> {
  const replies = await Promise.all(
    Array.from({ length: RACERS }, (_, racer) => put(context, key, `racer ${racer}`, headers)),
  );
  const won = replies.filter(isGood).length;
  const others = [...new Set(replies.filter((reply) => !isGood(reply)).map(said))].join(', ');
  if (won > 1) return lacks(`${won} of ${RACERS} writers at once succeeded`);
  if (won === 0) return lacks(`none of ${RACERS} writers at once succeeded: ${others}`);
  const isReported = /^(412|409)[^,]*(, (412|409)[^,]*)*$/.test(others);
  return works(`one of ${RACERS} writers at once succeeded${isReported ? '' : `; others met ${others}`}`);
}

export const OBJECT_TRIALS: readonly Trial[] = [
  {
    id: 'objects',
    what: 'objects are written, read and deleted',
    lost: 'everything',
    needed: true,
    run: async (context) => {
      const key = context.key('object');
      good('PutObject', await put(context, key, 'content', { 'content-type': 'text/x-doctor', [META]: 'kept' }));
      const read = good('GetObject', await get(context, key));
      if (read.body.toString() !== 'content') return lacks('what was read is not what was written');
      const isKept = read.headers.get(META) === 'kept' && read.headers.get('content-type') === 'text/x-doctor';
      if (!isKept) return lacks('metadata or content type are not what was written');
      good('DeleteObject', await context.send({ method: 'DELETE', key, query: [], headers: {} }));
      const gone = await get(context, key);
      return gone.status === 404
        ? works('as they should be')
        : lacks(`a deleted object is answered with ${said(gone)}`);
    },
  },
  cutBody('RST', true),
  cutBody('FIN', false),
  {
    id: 'ranges',
    what: 'ranges of an object',
    lost: 'reading of encrypted objects in part: resumed downloads, video, Parquet and every other file that is read in pieces',
    needed: true,
    run: async (context) => {
      const key = context.key('ranges');
      good('PutObject', await put(context, key, '0123456789'));
      const middle = await get(context, key, { range: 'bytes=2-4' });
      const tail = await get(context, key, { range: 'bytes=-3' });
      const beyond = await get(context, key, { range: 'bytes=20-' });
      if (middle.status !== 206 || middle.body.toString() !== '234') return lacks(`bytes=2-4: ${said(middle)}`);
      if (tail.status !== 206 || tail.body.toString() !== '789') return lacks(`bytes=-3: ${said(tail)}`);
      return beyond.status === 416
        ? works('first, last, and beyond the end (416)')
        : lacks(`beyond the end: ${said(beyond)}`);
    },
  },
  {
    id: 'if-none-match',
    what: 'If-None-Match: * holds, raced by 8',
    lost: 'two writers with If-None-Match: * can both succeed: locks and commits of s3fs, deltalake, Iceberg, terraform and restic are not safe',
    needed: false,
    run: async (context) => {
      const result = await raced(context, context.key('lock'), { 'if-none-match': '*' });
      if (result.state !== 'works') return result;
      const later = await put(context, context.key('lock'), 'later', { 'if-none-match': '*' });
      return later.status === 412 ? result : lacks(`a later writer met ${said(later)}`);
    },
  },
  {
    id: 'if-match',
    what: 'If-Match of a write holds, raced by 8',
    lost: 'two writers that replace the same version can both succeed: one of the two changes is lost without a word',
    needed: false,
    run: async (context) => {
      const key = context.key('swap');
      const { headers } = good('PutObject', await put(context, key, 'first'));
      const other = await put(context, key, 'other', { 'if-match': `"${'0'.repeat(32)}"` });
      if (other.status !== 412) return lacks(`a write on condition of an ETag that nobody has: ${said(other)}`);
      // Without quotes, as the gateway sends it: Ceph RGW compares it letter by letter.
      return raced(context, key, { 'if-match': (headers.get('etag') ?? '').replaceAll('"', '') });
    },
  },
  {
    id: 'early-answer',
    what: 'a refusal of a large conditional write can be read',
    lost: 'who loses a lock with a large body is told 503, and repeats, instead of 412',
    needed: false,
    run: async (context) => {
      const key = context.key('early');
      good('PutObject', await put(context, key, 'there'));
      const large = Buffer.alloc(4 * 1024 * 1024);
      const met: string[] = [];
      for (let times = 0; times < 4; times += 1)
        met.push(said(await put(context, key, large, { 'if-none-match': '*' })));
      const bad = met.filter((one) => !one.startsWith('412'));
      return bad.length === 0 ? works('4 of 4 met 412') : lacks(`${bad.length} of 4 met ${bad[0]}`);
    },
  },
  {
    id: 'conditional-delete',
    what: 'If-Match of a delete holds',
    lost: 'deletes on condition are refused (501)',
    needed: false,
    run: async (context) => {
      const key = context.key('delete');
      good('PutObject', await put(context, key, 'stays'));
      const answer = await context.send({
        method: 'DELETE',
        key,
        query: [],
        headers: { 'if-match': `"${'0'.repeat(32)}"` },
      });
      const isThere = isGood(await head(context, key));
      const name = `stores.${context.storeName}.conditionalDeletes`;
      if (isThere && answer.status === 412)
        return works(context.conditionalDeletes ? '412' : `412; ${name}: true would serve it`);
      const found = isThere ? said(answer) : 'what was not meant was deleted';
      return lacks(found, context.conditionalDeletes ? `${name}: false` : undefined);
    },
  },
  {
    id: 'checksums',
    what: 'checksums of objects are verified, kept and told',
    lost: 'checksums that clients send with plain objects are verified by the gateway and told to the writer, and not kept for readers',
    needed: false,
    run: async (context) => {
      const key = context.key('checksum');
      const of = (text: string) => ({
        'x-amz-checksum-crc32': crc32Of(text),
        'x-amz-sdk-checksum-algorithm': 'CRC32',
      });
      const written = await put(context, key, 'summed', of('summed'));
      if (!isGood(written)) return lacks(`a write with a right one: ${said(written)}`);
      const response = await head(context, key, { 'x-amz-checksum-mode': 'ENABLED' });
      const isKept = response.headers.get('x-amz-checksum-crc32') === of('summed')['x-amz-checksum-crc32'];
      const wrong = await put(context, context.key('checksum-wrong'), 'summed', of('other'));
      if (isKept)
        return isGood(wrong)
          ? lacks('kept, and a wrong one is taken as well')
          : works('a wrong one is refused, a right one told');
      const set = context.checksums === 'all' ? `stores.${context.storeName}.checksums: headers` : undefined;
      return lacks(isGood(wrong) ? 'neither verified nor kept' : 'verified, and not kept', set);
    },
  },
  {
    id: 'tags',
    what: 'tags of objects',
    lost: 'tags: PutObjectTagging, x-amz-tagging, and policies and lifecycles that rest on them',
    needed: false,
    run: async (context) => {
      const key = context.key('tagged');
      const written = await put(context, key, 'tagged', { 'x-amz-tagging': 'team=doctor' });
      if (!isGood(written)) return lacks(`a write with x-amz-tagging: ${said(written)}`);
      const read = await context.send({ method: 'GET', key, query: [['tagging', '']], headers: {} });
      if (!isGood(read)) return lacks(`GetObjectTagging: ${said(read)}`);
      return /<Key>team<\/Key>\s*<Value>doctor<\/Value>/.test(read.body.toString())
        ? works('kept and told')
        : lacks('dropped without a word');
    },
  },
  {
    id: 'versions',
    what: 'versions are listed',
    lost: '`keys status`, `keys rewrap` and `migrate` see no versions: keys that old versions need cannot be told',
    needed: false,
    run: async (context) => {
      const key = context.key('versions');
      const first = good('PutObject', await put(context, key, 'one'));
      good('PutObject', await put(context, key, 'two'));
      const query = [
        ['versions', ''],
        ['prefix', key],
      ] as const;
      const listed = await context.send({ method: 'GET', key: '', query, headers: {} });
      if (!isGood(listed)) return lacks(`ListObjectVersions: ${said(listed)}`);
      const count = listed.body.toString().match(/<VersionId>/g)?.length ?? 0;
      const versionId = first.headers.get('x-amz-version-id');
      if (versionId === undefined || versionId === 'null') return works('listed; this bucket keeps none');
      if (count !== 2) return lacks(`${count} of 2 versions are listed`);
      const old = await context.send({ method: 'GET', key, query: [['versionId', versionId]], headers: {} });
      return old.body.toString() === 'one'
        ? works('listed, and an old one is read')
        : lacks(`an old one: ${said(old)}`);
    },
  },
  {
    id: 'object-lock',
    what: 'lock headers of a new object are kept or refused',
    lost: 'an object whose writer asked for a lock is not locked, and nobody says so',
    needed: false,
    run: async (context) => {
      const session = await context.narrow({
        verbs: ['GET', 'PUT', 'DELETE', 'GET_LOCK', 'PUT_LOCK'],
        prefix: context.key(''),
      });
      if (session === undefined) return untried('the store refuses a session policy with actions on locks');
      const key = context.key('locked');
      // A hold can be taken away again; a retention could not.
      const written = await put({ send: session }, key, 'locked', { 'x-amz-object-lock-legal-hold': 'ON' });
      if (!isGood(written)) return works(`refused in this bucket: ${said(written)}`);
      const query = [['legal-hold', '']] as const;
      const response = await session({ method: 'GET', key, query, headers: {} });
      const isHeld = response.body.toString().includes('<Status>ON</Status>');
      if (isHeld) {
        const content = Buffer.from(
          '<LegalHold xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>OFF</Status></LegalHold>',
        );
        good(
          'PutObjectLegalHold',
          await session({ method: 'PUT', key, query, headers: {}, body: { sizeBytes: content.length, content } }),
        );
      }
      return isHeld ? works('kept') : lacks(`taken, and then ${said(response)}`);
    },
  },
  {
    id: 'keys',
    what: 'keys are kept in the spelling that they were given',
    lost: 'objects with unusual characters in their names: some cannot be written, read or listed',
    needed: false,
    run: async (context) => {
      const bad: string[] = [];
      for (const name of ODD_KEYS) {
        const key = context.key(`odd/${name}`);
        const written = await put(context, key, name);
        const read = isGood(written) ? await get(context, key) : written;
        if (read.body.toString() !== name || !isGood(read)) bad.push(`${name}: ${said(read)}`);
      }
      const listed = new Set(await keysBelow(context, context.key('odd/'), 1000));
      for (const name of ODD_KEYS) {
        if (!listed.has(context.key(`odd/${name}`)) && !bad.some((one) => one.startsWith(`${name}: `)))
          bad.push(`${name}: not listed so`);
      }
      return bad.length === 0 ? works(`all ${ODD_KEYS.length} that were tried`) : lacks(bad.join('; '));
    },
  },
  {
    id: 'key-below-key',
    what: 'a key may be the beginning of another, up to a slash',
    lost: 'programs that write `a` beside `a/b` (Spark, Hadoop, rclone with folders as objects) fail at the second',
    needed: false,
    run: async (context) => {
      const [above, below] = [context.key('folder'), context.key('folder/object')];
      good('PutObject', await put(context, above, 'above'));
      const written = await put(context, below, 'below');
      if (!isGood(written)) return lacks(`the second: ${said(written)}`);
      const both = [await get(context, above), await get(context, below)].map(({ body }) => body.toString());
      return both.join() === 'above,below' ? works('both are read') : lacks('one of the two is lost');
    },
  },
  {
    id: 'listing',
    what: 'listings are in the order of UTF-8 and come page by page',
    lost: 'tools that compare two sides by merging (rclone, aws s3 sync, mc mirror) miss objects or copy them again',
    needed: false,
    run: async (context) => {
      const prefix = context.key('order/');
      for (const name of SORTED_KEYS) good('PutObject', await put(context, `${prefix}${name}`, name));
      const wanted = SORTED_KEYS.map((name) => `${prefix}${name}`);
      const whole = await keysBelow(context, prefix, 1000);
      const paged = await keysBelow(context, prefix, 2);
      if (JSON.stringify(whole.toSorted()) !== JSON.stringify(wanted.toSorted()))
        return lacks(`${whole.length} of ${wanted.length} keys are listed`);
      if (JSON.stringify(whole) !== JSON.stringify(wanted)) return lacks('in another order');
      return JSON.stringify(paged) === JSON.stringify(wanted)
        ? works('in pages of 2 and whole')
        : lacks(`pages of 2 give ${paged.length} of ${wanted.length} keys, or others`);
    },
  },
  {
    id: 'copy',
    what: 'copies keep metadata, or take new',
    lost: 'copies of encrypted objects: they lose what is needed to open them',
    needed: true,
    run: async (context) => {
      const [from, to] = [context.key('copy-from'), context.key('copy-to')];
      good('PutObject', await put(context, from, 'copied', { [META]: 'old', 'content-type': 'text/x-doctor' }));
      const source = { 'x-amz-copy-source': context.source(from) };
      const copied = await context.send({ method: 'PUT', key: to, query: [], headers: source });
      if (!isGood(copied)) return lacks(`CopyObject: ${said(copied)}`);
      const kept = await head(context, to);
      if (kept.headers.get(META) !== 'old' || kept.headers.get('content-type') !== 'text/x-doctor')
        return lacks('a copy loses its metadata');
      const replace = { ...source, 'x-amz-metadata-directive': 'REPLACE', [META]: 'new' };
      const replaced = await context.send({ method: 'PUT', key: to, query: [], headers: replace });
      if (!isGood(replaced)) return lacks(`with new metadata: ${said(replaced)}`);
      return (await head(context, to)).headers.get(META) === 'new'
        ? works('both')
        : lacks('a copy does not take new metadata');
    },
  },
];
