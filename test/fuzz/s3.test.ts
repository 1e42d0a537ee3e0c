/** Properties of the S3 vocabulary on generated input: what is read is what was sent, byte for byte. */
import assert from 'node:assert/strict';
import { Crc64Nvme } from '@aws-sdk/crc64-nvme';
import fc from 'fast-check';
import { XMLParser } from 'fast-xml-parser';
import { GatewayError } from '../../src/errors/gateway-error.ts';
import { copySourceHeader, parseCopySource } from '../../src/s3/request/copy-source.ts';
import { createCrc64Nvme } from '../../src/s3/body/crc64-nvme.ts';
import {
  readDeleteObjects,
  readDeleteResult,
  writeDeleteObjects,
  writeDeleteResult,
} from '../../src/s3/documents/delete-objects.ts';
import { encodePath, encodeQueryComponent } from '../../src/s3/encode.ts';
import { clientEtag, storeEtag } from '../../src/s3/response/etag.ts';
import { parseListing, storeListingQuery } from '../../src/s3/documents/listing.ts';
import { renderListing } from '../unit/s3/fixture.ts';
import { wrapToken } from '../../src/s3/request/listing-query.ts';
import { parseRequest } from '../../src/s3/request/parse-request.ts';
import { separateSignature } from '../../src/s3/request/presigned-query.ts';
import { parseRange, resolveRange } from '../../src/s3/request/range.ts';
import { parseTarget } from '../../src/s3/request/request-target.ts';
import { storeDocument } from '../../src/s3/documents/store-document.ts';
import { escapeXml, parseStoreError, textElement } from '../../src/s3/documents/xml.ts';
import { childrenOf, readXml, textOf } from '../../src/s3/documents/xml-reader.ts';

const ARRIVAL = { requestId: 'r', receivedAtMs: 0, clientAddress: '::1', publicHosts: ['s3.example.com'] };

/** Any Unicode text, the awkward parts of paths and of XML more often than chance has them. */
const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }),
      fc.constantFrom(
        '/',
        '//',
        '..',
        '.',
        '+',
        ' ',
        '%',
        '%2F',
        '?',
        '#',
        '&',
        '<',
        ']]>',
        '\r\n',
        '\u0001',
        '\uFFFE',
      ),
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join('').replaceAll('\0', ''));
const key = text.filter((candidate) => candidate !== '' && Buffer.byteLength(candidate) <= 1024);

/** Every spelling of a text that decodes to it: each byte escaped or, where the grammar has it bare, left alone. */
const spelled = (value: string, unquoted: RegExp, choices: readonly boolean[]): string =>
  [...Buffer.from(value)]
    .map((byte, index) => {
      const character = String.fromCharCode(byte);
      if (unquoted.test(character) && choices[index % choices.length] === true) return character;
      const hex = byte.toString(16).padStart(2, '0');
      return `%${index % 2 === 0 ? hex : hex.toUpperCase()}`;
    })
    .join('');

const choices = fc.array(fc.boolean(), { minLength: 1, maxLength: 16 });

describe('fuzz: s3', () => {
  it('reads the byte-exact key from every spelling of it', () => {
    fc.assert(
      fc.property(key, choices, (expected, spelling) => {
        const target = `/bucket/${spelled(expected, /[!"$&-;=@-~]/, spelling)}`;
        assert.deepEqual(Buffer.from(parseTarget(target).key), Buffer.from(expected));
      }),
    );
  });

  it('reads back what it encodes for the store', () => {
    fc.assert(
      fc.property(key, (expected) => {
        assert.equal(parseTarget(`/bucket/${encodePath(expected)}`).key, expected);
        const search = `${encodeQueryComponent('prefix')}=${encodeQueryComponent(expected)}`;
        assert.equal(parseTarget(`/bucket?${search}`).query.get('prefix'), expected);
      }),
    );
  });

  it('leaves nothing but unreserved characters and upper-case escapes', () => {
    fc.assert(
      fc.property(text, (value) => {
        assert.match(encodePath(value), /^(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})*$/);
        assert.match(encodeQueryComponent(value), /^(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})*$/);
      }),
    );
  });

  it('answers any request with a parsed one or a GatewayError', () => {
    const header = fc.oneof(
      fc.constantFrom(
        'host',
        'content-length',
        'range',
        'if-match',
        'x-amz-acl',
        'x-amz-meta-a',
        'x-amz-checksum-sha1',
      ),
      fc.string(),
    );
    const rawHeaders = fc.array(fc.tuple(header, fc.oneof(fc.string(), fc.constantFrom('0', '3', 'bytes=0-1', '"a"'))));
    const method = fc.oneof(fc.constantFrom('GET', 'PUT', 'HEAD', 'DELETE', 'POST'), fc.string());
    const target = fc.oneof(
      fc.webPath().map((path) => `/bucket${path}`),
      fc.string().map((tail) => `/bucket/${tail}`),
      fc.webQueryParameters().map((query) => `/bucket?${query}`),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(method, target, rawHeaders, (name, path, headers) => {
        try {
          const request = parseRequest({ method: name, target: path, rawHeaders: headers.flat() }, ARRIVAL);
          assert.equal(request.key === '', request.descriptor.level !== 'object');
          assert.equal(request.bucket === '', request.descriptor.level === 'service');
        } catch (error) {
          assert.ok(error instanceof GatewayError, String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('gives every range safe offsets in order, or none', () => {
    const digits = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 70n }).map(String), fc.constant(''), fc.string());
    fc.assert(
      fc.property(digits, digits, (first, last) => {
        const range = parseRange(`bytes=${first}-${last}`);
        if (range === undefined) return;
        const offsets =
          range.kind === 'suffix' ? [range.length] : [range.first, ...(range.kind === 'open' ? [] : [range.last])];
        assert.ok(offsets.every((offset) => Number.isSafeInteger(offset) && offset >= 0));
        assert.ok(range.kind !== 'closed' || range.first <= range.last);
      }),
      { numRuns: 1000 },
    );
  });

  it('reads back every text that it escapes', () => {
    fc.assert(
      fc.property(text, (value) => {
        const root = readXml(Buffer.from(`<r>${textElement('t', value)}</r>`), 1_000_000);
        assert.ok(root);
        assert.equal(textOf(root, 't'), value);
      }),
    );
  });

  it('escapes as an independent parser reads', () => {
    const parser = new XMLParser({ parseTagValue: false, trimValues: false, htmlEntities: true });
    fc.assert(
      fc.property(fc.stringMatching(/^[ -~]{1,40}$/), (value) => {
        assert.deepEqual(parser.parse(`<r>${escapeXml(value)}</r>`), { r: value });
      }),
    );
  });

  it('reads exactly the balanced documents of one root', () => {
    const piece = fc.constantFrom('<a>', '</a>', '<b>', '</b>', '<a/>', '<a b="c">', 'x', ' ');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
        const open: string[] = [];
        let roots = 0;
        const isBalanced = pieces.every((token) => {
          if (open.length === 0 && token.startsWith('<') && !token.startsWith('</')) roots += 1;
          if (token.startsWith('</')) return open.pop() === token.slice(2, 3);
          if (token.startsWith('<')) return token === '<a/>' || open.push(token.slice(1, 2)) > 0;
          return token === ' ' || open.length > 0;
        });
        const document = readXml(Buffer.from(pieces.join('')), 1000);
        assert.equal(document !== undefined, isBalanced && open.length === 0 && roots === 1);
      }),
      { numRuns: 3000 },
    );
  });

  it('never throws on what a store sends as an error', () => {
    const piece = fc.oneof(
      fc.constantFrom('<Error>', '<Code>', '</Code>', '</Error>', '&', '<', '>', '"'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(piece), fc.uint8Array(), (pieces, bytes) => {
        parseStoreError(Buffer.concat([Buffer.from(pieces.join('')), bytes]));
      }),
      { numRuns: 1000 },
    );
  });

  it('shows every key of a listing as it is, in both encodings', () => {
    fc.assert(
      fc.property(fc.array(key, { maxLength: 5 }), fc.boolean(), fc.boolean(), (keys, urlEncoded, isFormEncoded) => {
        const inStore = (value: string): string => {
          const encoded = encodeQueryComponent(value);
          return isFormEncoded ? encoded.replaceAll('%20', '+') : encoded;
        };
        const entries = keys.map(
          (value) =>
            `<Contents><Key>${inStore(value)}</Key><LastModified>d</LastModified><ETag>e</ETag><Size>1</Size></Contents>`,
        );
        const document = Buffer.from(
          `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>${entries.join('')}</ListBucketResult>`,
        );
        const query = new Map(urlEncoded ? [['encoding-type', 'url']] : []);
        const listing = parseListing({ operation: 'ListObjectsV2', query });
        const rendered = renderListing(document, listing, {
          bucket: 'b01',
          size: (size) => size,
          etag: (etag) => etag,
        });
        const root = readXml(Buffer.from(rendered), 10_000_000);
        assert.ok(root);
        const shown = childrenOf(root, 'Contents').map((entry) => textOf(entry, 'Key') ?? '');
        assert.deepEqual(urlEncoded ? shown.map(decodeURIComponent) : shown, keys);
      }),
    );
  });

  it('takes back its own continuation tokens, for their prefix only', () => {
    fc.assert(
      fc.property(key, key, key, (stored, prefix, other) => {
        const token = wrapToken(stored, prefix);
        const listing = (of: string): readonly (readonly [string, string])[] =>
          storeListingQuery(
            parseListing({
              operation: 'ListObjectsV2',
              query: new Map([
                ['prefix', of],
                ['continuation-token', token],
              ]),
            }),
          );
        assert.deepEqual(new Map(listing(prefix)).get('continuation-token'), stored);
        if (other !== prefix) assert.throws(() => listing(other), { code: 'InvalidArgument' });
      }),
    );
  });

  it('takes no altered continuation token', () => {
    fc.assert(
      fc.property(fc.string(), (token) => {
        const query = new Map([['continuation-token', token]]);
        let stored: string;
        try {
          stored = parseListing({ operation: 'ListObjectsV2', query }).continuation?.stored ?? '';
        } catch (error) {
          assert.ok(error instanceof GatewayError);
          return;
        }
        // An empty one is none: the listing begins at its start.
        assert.equal(token, stored === '' ? '' : wrapToken(stored, ''));
      }),
    );
  });

  it('maps ETags one to one', () => {
    const etag = fc.stringMatching(/^[0-9a-f-]{0,12}$/).map((inner) => `"${inner}"`);
    fc.assert(
      fc.property(etag, etag, (one, two) => {
        assert.equal(storeEtag(clientEtag(one)), one);
        assert.equal(clientEtag(one) === clientEtag(two), one === two);
        assert.doesNotMatch(clientEtag(one), /^"[0-9a-f]{32}"$/);
      }),
      { numRuns: 1000 },
    );
  });

  it('computes CRC-64/NVME as the maintained library does, over any chunks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 6 }), async (chunks) => {
        const ours = createCrc64Nvme();
        const theirs = new Crc64Nvme();
        for (const chunk of chunks) {
          ours.update(Buffer.from(chunk));
          theirs.update(chunk);
        }
        assert.deepEqual(ours.digest(), Buffer.from(await theirs.digest()));
      }),
    );
  });

  it('finds every copy source again under the name of the store', () => {
    fc.assert(
      fc.property(
        key,
        fc.option(fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/), { nil: undefined }),
        (name, versionId) => {
          const source = { bucket: 'b01', key: name, versionId };
          assert.deepEqual(parseCopySource(copySourceHeader(source, 'b01')), source);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('reads every list of deletions as it was written, and gives each key its own outcome', () => {
    const item = fc
      .tuple(key, fc.option(fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/), { nil: undefined }))
      .map(([name, versionId]) => ({ key: name, versionId }));
    fc.assert(
      fc.property(
        fc.uniqueArray(item, { minLength: 1, maxLength: 20, selector: (one) => JSON.stringify(one) }),
        (items) => {
          assert.deepEqual(readDeleteObjects(writeDeleteObjects(items)).items, items);
          const deleted = { deleted: true, deleteMarker: false, deleteMarkerVersionId: undefined } as const;
          const outcomes = items.map((_, index) =>
            index % 2 === 0 ? deleted : ({ deleted: false, code: 'AccessDeniedByStore' } as const),
          );
          const reported = Buffer.from(writeDeleteResult({ items, quiet: false }, outcomes));
          assert.deepEqual(readDeleteResult(reported, items), outcomes);
        },
      ),
    );
  });

  it('takes the signature out of a presigned query and leaves nothing of it, or refuses', () => {
    const name = fc.oneof(
      fc.constantFrom('X-Amz-Signature', 'x-amz-signature', 'X-Amz-Date', 'x-amz-acl', 'X-AMZ-Meta-a', 'versionId'),
      fc.string(),
    );
    fc.assert(
      fc.property(
        fc.dictionary(name, text),
        fc.dictionary(fc.constantFrom('authorization', 'x-amz-acl'), text),
        (query, headers) => {
          try {
            const separated = separateSignature(new Map(Object.entries(query)), new Map(Object.entries(headers)));
            assert.ok([...separated.query.keys()].every((parameter) => !/^x-amz-/i.test(parameter)));
            for (const [header, value] of Object.entries(headers)) assert.equal(separated.headers.get(header), value);
          } catch (error) {
            assert.ok(error instanceof GatewayError, String(error));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('refuses a document or writes one that holds to the rules, whatever a client sends', () => {
    const element = fc.constantFrom(
      'Tagging',
      'TagSet',
      'Tag',
      'Key',
      'Value',
      'Delete',
      'Object',
      'Quiet',
      'Retention',
    );
    const markup = fc.array(
      fc.oneof(
        element.map((name) => `<${name}>`),
        element.map((name) => `</${name}>`),
        fc.constantFrom('<!DOCTYPE a>', '<![CDATA[', '&#0;', '&a;', '<?x?>', ' '),
        fc.string(),
      ),
      { maxLength: 12 },
    );
    const context = { region: 'eu-1', keepsChecksums: true, etag: (etag: string) => etag };
    fc.assert(
      fc.property(
        markup,
        fc.constantFrom('PutObjectTagging', 'PutObjectRetention', 'CompleteMultipartUpload'),
        (parts, operation) => {
          const document = Buffer.from(parts.join(''));
          for (const attempt of [
            () => storeDocument({ operation }, document, context),
            () => readDeleteObjects(document),
          ]) {
            try {
              attempt();
            } catch (error) {
              assert.ok(error instanceof GatewayError, String(error));
              assert.notEqual(error.code, 'InternalError');
            }
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('resolves every range within the object, or says how large it is', () => {
    const sizes = fc.nat();
    const range = fc.oneof(
      fc.tuple(sizes, sizes).map(([first, length]) => ({ kind: 'closed' as const, first, last: first + length })),
      sizes.map((first) => ({ kind: 'open' as const, first })),
      sizes.map((length) => ({ kind: 'suffix' as const, length })),
    );
    fc.assert(
      fc.property(range, sizes, (requested, sizeBytes) => {
        try {
          const { first, last } = resolveRange(requested, sizeBytes);
          assert.ok(first >= 0 && first <= last && last < sizeBytes);
        } catch (error) {
          assert.ok(error instanceof GatewayError && error.code === 'InvalidRange');
          assert.equal(error.clientHeaders['content-range'], `bytes */${sizeBytes}`);
        }
      }),
    );
  });
});
