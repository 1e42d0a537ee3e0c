import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { AuditEntry } from '../../../src/contracts/audit-sink.ts';
import type { Access, Authorizer } from '../../../src/contracts/authorizer.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { encodeQueryComponent } from '../../../src/s3/encode.ts';
import { readXml, textOf, type XmlElement } from '../../../src/s3/documents/xml-reader.ts';
import { wrapToken } from '../../../src/s3/request/listing-query.ts';
import { fixedSeed } from '../../support/chance.ts';
import { authorizerOf, principalWith, written, type WrittenRule } from '../policy/fixture.ts';
import {
  compareBytes,
  createListingStore,
  type ListingStore,
  type ListingStoreOptions,
  type Stored,
} from './listing-store.ts';
import { chunks, client, world } from './world.ts';

const KINDS = ['objects', 'objects2', 'versions', 'uploads'] as const;
type Kind = (typeof KINDS)[number];

const REQUEST: Readonly<
  Record<Kind, { readonly query: string; readonly max: string; readonly verb: 'LIST' | 'LIST_VERSIONS' }>
> = {
  objects: { query: '', max: 'max-keys', verb: 'LIST' },
  objects2: { query: 'list-type=2', max: 'max-keys', verb: 'LIST' },
  versions: { query: 'versions', max: 'max-keys', verb: 'LIST_VERSIONS' },
  uploads: { query: 'uploads', max: 'max-uploads', verb: 'LIST' },
};

interface Asked {
  readonly kind: Kind;
  readonly prefix: string;
  readonly delimiter: string;
  readonly max: number;
}

interface Page {
  readonly status: number | undefined;
  readonly body: string;
  readonly root: XmlElement;
  /** Keys and ids of entries, and common prefixes. */
  readonly shown: readonly string[];
  readonly isTruncated: boolean;
  readonly next: string;
  readonly entries: readonly AuditEntry[];
  readonly planned: readonly (readonly Access[])[];
}

const STAFF = principalWith();

async function page(authorizer: Authorizer, store: ListingStore, asked: Asked, marker = ''): Promise<Page> {
  const { kind, prefix, delimiter, max } = asked;
  const made = world({ principal: STAFF });
  const sessions = {
    open: ({
      bucket,
    }: {
      readonly bucket: typeof made.dependencies.buckets extends ReadonlyMap<string, infer B> ? B : never;
    }) => ({
      bucket,
      send: (request: Parameters<ListingStore['answer']>[0]) =>
        Promise.resolve({
          status: 200,
          headers: new Map<string, string>(),
          body: chunks(store.answer(request)),
          whole: () => Promise.reject(new Error('not here')),
          discard: () => Promise.resolve(),
        }),
    }),
  };
  const { query, max: maxName } = REQUEST[kind];
  const target = ['encoding-type=url', query, `prefix=${encodeQueryComponent(prefix)}`, `${maxName}=${max}`, marker]
    .concat(delimiter === '' ? [] : `delimiter=${encodeQueryComponent(delimiter)}`)
    .filter((part) => part !== '')
    .join('&');
  const exchange = client('GET', `/box?${target}`);
  await createPipeline({ ...made.dependencies, authorizer, sessions })(exchange);
  const body = exchange.sent.join('');
  const root = readXml(Buffer.from(body), 10_000_000);
  assert.ok(root, body);
  const text = (element: XmlElement, name: string) => decodeURIComponent(textOf(element, name) ?? '');
  const shown = root.children.flatMap((element) => {
    if (element.name === 'CommonPrefixes') return [text(element, 'Prefix')];
    if (!['Contents', 'Version', 'DeleteMarker', 'Upload'].includes(element.name)) return [];
    return [
      [text(element, 'Key'), textOf(element, 'VersionId') ?? textOf(element, 'UploadId') ?? ''].join('\n').trimEnd(),
    ];
  });
  return {
    ...{ status: exchange.status(), body, root, shown },
    isTruncated: textOf(root, 'IsTruncated') === 'true',
    next: nextOf(root, kind),
    entries: made.entries as AuditEntry[],
    planned: made.planned.map((scopes) => scopes.flatMap(({ accesses }) => accesses)),
  };
}

/** The parameters with which a client asks for the next page. */
function nextOf(root: XmlElement, kind: Kind): string {
  const parameter = (name: string, from: string): string => {
    const text = textOf(root, from);
    return text === undefined ? '' : `${name}=${text}`;
  };
  switch (kind) {
    case 'objects':
      return parameter('marker', 'NextMarker');
    case 'objects2':
      return parameter('continuation-token', 'NextContinuationToken');
    case 'versions':
      return [parameter('key-marker', 'NextKeyMarker'), parameter('version-id-marker', 'NextVersionIdMarker')]
        .filter(Boolean)
        .join('&');
    case 'uploads':
      return [parameter('key-marker', 'NextKeyMarker'), parameter('upload-id-marker', 'NextUploadIdMarker')]
        .filter(Boolean)
        .join('&');
  }
}

/** Every page, as a client asks for them one after the other. */
async function pages(authorizer: Authorizer, store: ListingStore, asked: Asked): Promise<readonly Page[]> {
  const all: Page[] = [];
  let marker = '';
  for (;;) {
    const before = store.asked.length;
    const one = await page(authorizer, store, asked, marker);
    all.push(one);
    assert.equal(one.status, 200, one.body);
    assert.ok(one.shown.length <= asked.max);
    assert.ok(store.asked.length - before <= 10, 'more than ten requests for one page');
    if (asked.kind === 'objects2') assert.equal(textOf(one.root, 'KeyCount'), String(one.shown.length));
    if (!one.isTruncated) return all;
    assert.notEqual(one.next, '');
    assert.ok(all.length < 500, 'it goes on for ever');
    marker = one.next;
  }
}

interface Rule {
  readonly effect: 'allow' | 'deny';
  readonly scope: { readonly prefix: string } | { readonly key: string };
}

const VERBS = ['LIST', 'LIST_VERSIONS'];

function authorizerFor(rules: readonly Rule[]): Authorizer {
  const rule = ({ effect, scope }: Rule): WrittenRule => ({
    [effect]: VERBS,
    bucket: 'box',
    ...('prefix' in scope && scope.prefix === '' ? { everything: true } : scope),
    ...(effect === 'allow' ? { listing: 'filtered' } : {}),
  });
  return authorizerOf(written('p', rules.map(rule)));
}

const holds = (scope: Rule['scope'], key: string) =>
  'key' in scope ? scope.key === key : key.startsWith(scope.prefix);

const isVisible = (rules: readonly Rule[], key: string): boolean =>
  rules.some(({ effect, scope }) => effect === 'allow' && holds(scope, key)) &&
  !rules.some(({ effect, scope }) => effect === 'deny' && holds(scope, key)) &&
  !key.startsWith('.sallyport/');

/** All that a listing of a bucket shows that has nothing but what may be seen. */
function naive(
  stored: readonly Stored[],
  rules: readonly Rule[],
  { kind, prefix, delimiter }: Asked,
): readonly string[] {
  const shown: string[] = [];
  const seen = new Set<string>();
  for (const { key, id, isMarker = false } of stored) {
    const isFirst = !seen.has(key);
    seen.add(key);
    if (!key.startsWith(prefix) || !isVisible(rules, key)) continue;
    if (kind.startsWith('objects') && (!isFirst || isMarker)) continue;
    const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    if (at >= 0) shown.push(key.slice(0, at + delimiter.length));
    else shown.push(kind.startsWith('objects') ? key : `${key}\n${id}`);
  }
  return [...new Set(shown)];
}

const asSet = (names: readonly string[]) => [...names].sort(compareBytes);

const segment = fc.constantFrom('a', 'b', 'aa', 'ab', '~', 'é', '\u{1F600}', '\uFFFD', '', '.sallyport');
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'));
const keyed = path.filter((key) => key !== '' && !key.startsWith('/'));
const folder = fc.oneof(
  { weight: 1, arbitrary: fc.constant('') },
  { weight: 5, arbitrary: keyed.map((key) => `${key.replace(/\/+$/, '')}/`) },
);
const rule: fc.Arbitrary<Rule> = fc.oneof(
  { weight: 4, arbitrary: folder.map((prefix): Rule => ({ effect: 'allow', scope: { prefix } })) },
  { weight: 2, arbitrary: folder.map((prefix): Rule => ({ effect: 'deny', scope: { prefix } })) },
  { weight: 2, arbitrary: keyed.map((key): Rule => ({ effect: 'deny', scope: { key } })) },
);
const rules = fc.array(rule, { minLength: 1, maxLength: 8 });
const entry = fc.record({ key: keyed, versions: fc.array(fc.boolean(), { minLength: 1, maxLength: 3 }) });
const bucketOf = (
  entries: readonly { readonly key: string; readonly versions: readonly boolean[] }[],
): readonly Stored[] =>
  entries
    .toSorted((one, other) => compareBytes(one.key, other.key))
    .flatMap(({ key, versions }) => versions.map((isMarker, index) => ({ key, id: `v${index}`, isMarker })));
const entries = fc.uniqueArray(entry, { maxLength: 30, selector: ({ key }) => key });
const asked: fc.Arbitrary<Asked> = fc.record({
  kind: fc.constantFrom(...KINDS),
  prefix: fc.oneof(fc.constant(''), folder, fc.constantFrom('a', 'a/', 'a/a', 'é')),
  delimiter: fc.constantFrom('', '/', '/', '/', 'a', '/a', '//', 'a/'),
  max: fc.integer({ min: 1, max: 5 }),
});
const store: fc.Arbitrary<ListingStoreOptions> = fc.record({
  marksWithin: fc.boolean(),
  pageSize: fc.constantFrom(1, 2, 1000, 1000, 1000),
});

const isFiltered = (authorizer: Authorizer, { kind, prefix }: Asked): boolean =>
  authorizer.decide(STAFF, { kind: 'listing', verb: REQUEST[kind].verb, bucket: 'box', prefix, after: [] }).parts !==
  undefined;

const RUNS = { numRuns: 2000, ...(fixedSeed === undefined ? {} : { seed: fixedSeed }) };

describe('a filtered listing', () => {
  it('shows in all of its pages what a naive filter shows, of any bucket by any rules', async () => {
    let filtered = 0;
    await fc.assert(
      fc.asyncProperty(rules, entries, asked, store, async (set, drawn, query, options) => {
        const authorizer = authorizerFor(set);
        if (!isFiltered(authorizer, query)) return;
        filtered += 1;
        const stored = bucketOf(drawn);
        const shown = (await pages(authorizer, createListingStore(stored, options), query)).flatMap((one) => one.shown);
        assert.deepEqual(asSet(shown), asSet(naive(stored, set, query)));
      }),
      RUNS,
    );
    assert.ok(filtered > RUNS.numRuns / 10, `only ${filtered} of them were filtered`);
  });

  it('is the same, byte for byte, of buckets that differ in hidden names alone', async () => {
    await fc.assert(
      fc.asyncProperty(rules, entries, entries, asked, async (set, drawn, others, query) => {
        const authorizer = authorizerFor(set);
        if (!isFiltered(authorizer, query)) return;
        const visible = drawn.filter(({ key }) => isVisible(set, key));
        const hidden = [...drawn, ...others].filter(({ key }) => !isVisible(set, key));
        const without = createListingStore(bucketOf(visible));
        const including = createListingStore(bucketOf([...visible, ...hidden]));
        const [one, other] = [await pages(authorizer, without, query), await pages(authorizer, including, query)];
        assert.deepEqual(
          other.map(({ body }) => body),
          one.map(({ body }) => body),
        );
        assert.deepEqual(including.asked, without.asked);
      }),
      RUNS,
    );
  });

  const HOMES = Array.from({ length: 25 }, (_, index) => `h/${String(index).padStart(2, '0')}/`);
  const homes: readonly Rule[] = HOMES.map((prefix) => ({ effect: 'allow', scope: { prefix } }));

  for (const kind of KINDS) {
    it(`of ${kind} asks the store ten times for a page at most, and says that there is more`, async () => {
      // Of the last home there is the folder itself: a name that a marker must not pass over.
      const stored = [{ key: 'h/24/', id: 'v0' }];
      for (const delimiter of ['', '/']) {
        const query = { kind, prefix: 'h/', delimiter, max: 5 };
        const all = await pages(authorizerFor(homes), createListingStore(stored), query);
        assert.deepEqual(
          all.map(({ shown }) => shown.length),
          [0, 0, 1],
        );
        assert.deepEqual(
          all.map(({ isTruncated }) => isTruncated),
          [true, true, false],
        );
      }
    });
  }

  it('shows 999 names of 1,000 at once, since the last one tells whether there is more', async () => {
    const stored = Array.from({ length: 1000 }, (_, index) => ({
      key: `h/01/${String(index).padStart(4, '0')}`,
      id: 'v',
    }));
    const store = createListingStore(stored);
    const all = await pages(authorizerFor(homes.slice(1, 2)), store, {
      kind: 'objects2',
      prefix: '',
      delimiter: '',
      max: 1000,
    });
    assert.deepEqual(
      all.map(({ shown }) => shown.length),
      [999, 1],
    );
    assert.equal(textOf(all[0]?.root ?? assert.fail(), 'MaxKeys'), '1000');
    assert.equal(store.asked.length, 2);
  });

  it('shows the way down to a prefix as bare folders, and nothing beside it', async () => {
    const authorizer = authorizerFor([{ effect: 'allow', scope: { prefix: 'home/alice/' } }]);
    const stored = ['home/alice/a', 'home/bob/b', 'top'].map((key) => ({ key, id: 'v' }));
    for (const [prefix, shown] of [
      ['', ['home/']],
      ['home/', ['home/alice/']],
      ['home/alice/', ['home/alice/a']],
      ['ho', ['home/']],
    ] as const) {
      const one = await page(authorizer, createListingStore(stored), {
        kind: 'objects',
        prefix,
        delimiter: '/',
        max: 9,
      });
      assert.deepEqual(one.shown, shown, prefix);
    }
    const beside = await page(authorizer, createListingStore(stored), {
      kind: 'objects',
      prefix: 'home/bob/',
      delimiter: '/',
      max: 9,
    });
    assert.equal(beside.status, 403);
  });

  it('shows nothing hidden that goes on with the last character of Unicode', async () => {
    const set: readonly Rule[] = [
      { effect: 'allow', scope: { prefix: '' } },
      { effect: 'deny', scope: { prefix: 'b/' } },
    ];
    const stored = bucketOf(['a', 'b/\u{10FFFF}', 'b/\u{10FFFF}x', 'c'].map((key) => ({ key, versions: [false] })));
    for (const kind of KINDS) {
      for (const max of [1, 2, 5]) {
        const all = await pages(authorizerFor(set), createListingStore(stored), {
          kind,
          prefix: '',
          delimiter: '',
          max,
        });
        assert.deepEqual(
          all.flatMap(({ shown }) => shown.map((name) => name.charAt(0))),
          ['a', 'c'],
        );
      }
    }
  });

  it('asks the store for the prefixes that are shown alone, and no session for more of them than a page takes', async () => {
    const { planned, entries: recorded } = await page(authorizerFor(homes), createListingStore([]), {
      kind: 'objects2',
      prefix: '',
      delimiter: '',
      max: 5,
    });
    assert.deepEqual(
      planned.flat(),
      HOMES.slice(0, 10).map((prefix) => ({
        kind: 'listing',
        verb: 'LIST',
        bucket: 'box',
        prefix,
        after: [],
        filtered: true,
      })),
    );
    const [intent] = recorded;
    assert.ok(intent?.entry === 'intent');
    assert.equal(intent.filtered, true);
    assert.match(intent.rule, /^p\/r0, p\/r1, /);
  });

  it('of no names at all asks nothing', async () => {
    const store = createListingStore([{ key: 'h/01/a', id: 'v' }]);
    const one = await page(authorizerFor(homes), store, { kind: 'objects2', prefix: '', delimiter: '', max: 0 });
    assert.deepEqual([one.status, one.shown, one.isTruncated, store.asked.length], [200, [], false, 0]);
  });

  it('gives tokens that hold names that were shown, and takes them for the same listing alone', async () => {
    const stored = ['h/01/a', 'h/01/b', 'h/0secret', 'h/02/c'].map((key) => ({ key, id: 'v' }));
    const query = { kind: 'objects2', prefix: 'h/', delimiter: '/', max: 1 } as const;
    const { next } = await page(authorizerFor(homes), createListingStore(stored), query);
    const token = decodeURIComponent(next.slice('continuation-token='.length));
    assert.deepEqual(JSON.parse(Buffer.from(token.slice(1), 'base64url').toString()), ['h/', '/', 'h/01/']);
    const status = async (asked: Asked, marker: string) =>
      (await page(authorizerFor(homes), createListingStore(stored), asked, marker)).status;
    assert.equal(await status(query, next), 200);
    assert.equal(await status({ ...query, prefix: '' }, next), 400);
    assert.equal(await status({ ...query, delimiter: '' }, next), 400);
    assert.equal(await status(query, `${next}x`), 400);
    // The store's own, of a time at which all was shown.
    assert.equal(await status(query, `continuation-token=${wrapToken('t', 'h/')}`), 400);
  });
});
