import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { freeLoopbackPort } from '../support/free-loopback-port.ts';
import { sendRaw, signed, signedChunks, unsignedChunks, type Signed, type WireAnswer } from '../support/raw-wire.ts';
import { sessionOf } from '../support/session.ts';
import { sharedKind, startStack, type Stack } from '../support/stack.ts';
import type { TestKeys, TestRequest } from '../support/store-client.ts';

const GRANTED = ['GET', 'PUT', 'DELETE', 'LIST', 'LIST_VERSIONS'];
const POLICY = {
  id: 'clerks',
  description: 'Clerks work on 2026 alone.',
  subjects: [{ issuer: 'demo', group: 'clerks' }],
  rules: ['reports', 'artifacts'].map((bucket) => ({ id: bucket, allow: GRANTED, bucket, prefix: '2026/' })),
};
const UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
const SIGNED_CHUNKS = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
const BODY_IDLE_MS = 1000;

describe('attacks of a caller whose session is valid', function () {
  this.timeout(60_000);
  let stack: Stack;
  let keys: Required<TestKeys>;
  let token: string;
  let port: number;
  let policies: string;

  before(async () => {
    policies = await mkdtemp(join(tmpdir(), 'sallyport-policies-'));
    await writeFile(join(policies, 'clerks.yaml'), JSON.stringify(POLICY));
    port = await freeLoopbackPort();
    stack = await startStack(sharedKind(), {
      listen: { address: `127.0.0.1:${port}`, allowPlaintextLoopback: true },
      buckets: { reports: {}, artifacts: { encryption: 'off' } },
      policies: { directory: policies },
      timeouts: { drainDelayMs: 0, requestBodyIdleMs: BODY_IDLE_MS },
    });
    token = await stack.forge({ sub: 'clerk', groups: ['clerks'] });
    keys = await sessionOf(`http://127.0.0.1:${port}`, token);
  });

  after(async () => {
    await stack.stop();
    await rm(policies, { recursive: true, force: true });
  });

  // Whatever was attacked: the gateway still serves.
  afterEach(async () => {
    const body = randomBytes(20);
    assert.equal((await put('2026/alive', body)).status, 200);
    const read = await sendRaw(port, await signed(port, { method: 'GET', bucket: 'reports', key: '2026/alive', keys }));
    assert.equal(read.status, 200);
    assert.ok(read.text.endsWith(body.toString('latin1')));
  });

  const signedPut = (key: string, headers: Record<string, string> = {}, more: Partial<TestRequest> = {}) =>
    signed(port, { method: 'PUT', bucket: 'reports', key, headers, keys, ...more });
  const withLines = (request: Signed, ...lines: (readonly [string, string])[]): Signed => ({
    ...request,
    lines: [...request.lines, ...lines],
  });
  const put = async (key: string, body: Buffer | string, bucket = 'reports'): Promise<WireAnswer> =>
    sendRaw(
      port,
      withLines(await signedPut(key, {}, { bucket }), ['content-length', String(Buffer.byteLength(body))]),
      [body],
    );
  const assertNothingStored = async (key: string): Promise<void> => {
    assert.equal((await stack.raw.get('reports', key)).status, 404);
  };
  const assertRefused = (answer: WireAnswer, ...codes: readonly string[]): void => {
    assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status} ${answer.text.slice(0, 400)}`);
    if (codes.length > 0) assert.ok(codes.includes(answer.code ?? ''), `${answer.code}: ${answer.text.slice(0, 600)}`);
  };

  describe('heads of requests', () => {
    for (const [name, value] of [
      ['host', 'elsewhere.example'],
      ['authorization', 'Bearer x'],
      ['content-length', '2'],
      ['x-amz-content-sha256', 'UNSIGNED-PAYLOAD'],
      ['x-amz-date', '20200101T000000Z'],
      ['x-amz-security-token', 'x'],
      ['range', 'bytes=0-1'],
    ] as const) {
      it(`a second ${name} is refused, before or after the first`, async () => {
        const key = `2026/twice-${name}`;
        const request = withLines(await signedPut(key), ['content-length', '1'], ['range', 'bytes=0-0']);
        assertRefused(await sendRaw(port, withLines(request, [name, value]), ['x']));
        assertRefused(await sendRaw(port, { ...request, lines: [[name, value], ...request.lines] }, ['x']));
        await assertNothingStored(key);
      });
    }

    it('a header that was not signed, but changes what is done, is refused', async () => {
      for (const line of [
        ['x-amz-acl', 'public-read'],
        ['x-amz-copy-source', '/reports/2026/alive'],
        ['x-amz-meta-forged', 'x'],
      ] as const) {
        const request = withLines(await signedPut('2026/unsigned-header'), ['content-length', '1'], line);
        assertRefused(await sendRaw(port, request, ['x']));
      }
      await assertNothingStored('2026/unsigned-header');
    });

    it('a folded header is refused', async () => {
      const request = withLines(await signedPut('2026/folded'), ['content-length', '1']);
      const folded = withLines(request, ['x-amz-meta-folded', 'one\r\n two']);
      assertRefused(await sendRaw(port, folded, ['x']));
      await assertNothingStored('2026/folded');
    });

    it('an absolute-form target is refused', async () => {
      const request = withLines(await signedPut('2026/absolute'), ['content-length', '1']);
      for (const origin of ['http://elsewhere.example', `http://127.0.0.1:${port}`]) {
        assertRefused(await sendRaw(port, { ...request, target: origin + request.target }, ['x']));
      }
      await assertNothingStored('2026/absolute');
    });

    it('a Content-Length together with chunks is refused', async () => {
      const request = withLines(
        await signedPut('2026/cl-te'),
        ['content-length', '11'],
        ['transfer-encoding', 'chunked'],
      );
      assertRefused(await sendRaw(port, request, ['1\r\nx\r\n0\r\n\r\n']));
      await assertNothingStored('2026/cl-te');
    });

    it('a transfer-encoding among the signed headers is what clients do, and counts as it came', async () => {
      const body = 'signed framing';
      const trailer = `x-amz-checksum-crc32:${crc(body)}\r\n`;
      const headers = {
        'x-amz-content-sha256': UNSIGNED_TRAILER,
        'x-amz-decoded-content-length': String(body.length),
        'x-amz-trailer': 'x-amz-checksum-crc32',
        'content-encoding': 'aws-chunked',
      };
      const framed = unsignedChunks([body], trailer).toString('latin1');
      const outer = [`${framed.length.toString(16)}\r\n${framed}\r\n0\r\n\r\n`];
      // The signer leaves the header out unless asked: it is hop by hop.
      const request = await signedPut('2026/te', headers, { transferEncoding: 'chunked' });
      assert.match(request.lines.find(([name]) => name === 'authorization')?.[1] ?? '', /transfer-encoding/);
      assert.equal((await sendRaw(port, request, outer)).status, 200);
      // The same signature without the header, or over another value.
      const without = request.lines.filter(([name]) => name !== 'transfer-encoding');
      await stack.raw.remove('reports', '2026/te');
      assertRefused(
        await sendRaw(port, { ...request, lines: [...without, ['content-length', String(framed.length)]] }, [framed]),
      );
      await assertNothingStored('2026/te');
    });

    it('credentials in the header and in the query together are refused', async () => {
      const { 'X-Amz-Signature': signature, ...query } = {
        'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
        'X-Amz-Credential': `${keys.accessKeyId}/20260101/us-east-1/s3/aws4_request`,
        'X-Amz-Date': '20260101T000000Z',
        'X-Amz-Expires': '60',
        'X-Amz-SignedHeaders': 'host',
        'X-Amz-Signature': 'a'.repeat(64),
      };
      const all = { ...query, 'X-Amz-Signature': signature };
      const request = await signed(port, { method: 'GET', bucket: 'reports', key: '2026/alive', query: all, keys });
      assertRefused(await sendRaw(port, request), 'InvalidRequest', 'InvalidArgument');
      const bearer = { ...request, lines: request.lines.filter(([name]) => name !== 'authorization') };
      assertRefused(await sendRaw(port, withLines(bearer, ['authorization', `Bearer ${token}`])));
    });
  });

  describe('keys', () => {
    const names = ['a//b', '/lead', '../up', 'x/./y', 'x/../y', '..', '%2e%2e', '%2F', 'a b+c', '日本/é'];
    for (const name of names) {
      it(`${JSON.stringify(name)} is one key to policy, signature and store`, async () => {
        const key = `2026/${name}`;
        assert.equal((await put(key, name)).status, 200);
        assert.ok((await stack.raw.list('reports')).includes(key));
        const read = await sendRaw(port, await signed(port, { method: 'GET', bucket: 'reports', key, keys }));
        assert.ok(read.text.endsWith(Buffer.from(name).toString('latin1')));
        await stack.raw.remove('reports', key);
      });
    }

    it('a target that means the same elsewhere does not have the same signature', async () => {
      const request = await signed(port, { method: 'GET', bucket: 'reports', key: '2026/x/y', keys });
      for (const target of [
        '/reports/2026/x%2Fy',
        '/reports/2026/./x/y',
        '/reports/2026//x/y',
        '/reports/2026/z/../x/y',
        '/reports/2026/%78/y',
      ]) {
        const answer = await sendRaw(port, { ...request, target });
        // Encoded otherwise, it is the same key: then only the store can answer.
        if (answer.status !== 404) assertRefused(answer, 'SignatureDoesNotMatch', 'AccessDenied');
        else assert.equal(decodeURIComponent(target), '/reports/2026/x/y');
      }
    });

    it('a key outside of the grant is denied however it is spelled', async () => {
      for (const target of [
        '/reports/secret',
        '/reports/%32025/x',
        '/reports//2026/x',
        '/reports/2026',
        '/reports/./2026/x',
      ]) {
        const path = target.slice('/reports/'.length);
        const request = await signed(port, { method: 'GET', bucket: 'reports', key: decodeURIComponent(path), keys });
        assertRefused(await sendRaw(port, request), 'AccessDenied');
      }
    });
  });

  describe('framed bodies', () => {
    const body = 'twelve bytes';
    const framing = (length: number | string = body.length, more: Record<string, string> = {}) => ({
      'x-amz-content-sha256': UNSIGNED_TRAILER,
      'x-amz-decoded-content-length': String(length),
      'x-amz-trailer': 'x-amz-checksum-crc32',
      'content-encoding': 'aws-chunked',
      ...more,
    });
    const good = unsignedChunks([body], `x-amz-checksum-crc32:${crc(body)}\r\n`);
    const sendFramed = async (
      key: string,
      sent: Buffer,
      headers: Record<string, string> = framing(),
      change: (request: Signed) => Signed = (request) => request,
    ): Promise<WireAnswer> =>
      sendRaw(port, change(withLines(await signedPut(key, headers), ['content-length', String(sent.length)])), [sent]);

    it('one that is as it should be is stored without its framing', async () => {
      assert.equal((await sendFramed('2026/framed', good)).status, 200);
      const read = await sendRaw(
        port,
        await signed(port, { method: 'GET', bucket: 'reports', key: '2026/framed', keys }),
      );
      assert.ok(read.text.endsWith(`\r\n\r\n${body}`));
      assert.doesNotMatch(read.text, /aws-chunked/i);
    });

    const attacks: readonly [string, Buffer, Record<string, string>, readonly string[]][] = [
      ['a chunk larger than the decoded length', good, framing(5), ['IncompleteBody', 'InvalidRequest']],
      ['a decoded length that says more', good, framing(13), ['IncompleteBody']],
      ['a decoded length that says less by one', good, framing(11), ['IncompleteBody', 'InvalidRequest']],
      ['a decoded length of nothing', good, framing(0), ['IncompleteBody', 'InvalidRequest']],
      [
        'a decoded length below nothing',
        good,
        framing(-1),
        ['InvalidArgument', 'InvalidRequest', 'MissingContentLength'],
      ],
      [
        'a decoded length that is no number',
        good,
        framing('12abc'),
        ['InvalidArgument', 'InvalidRequest', 'MissingContentLength'],
      ],
      ['a trailer that never comes', unsignedChunks([body]), framing(), ['MalformedTrailerError', 'IncompleteBody']],
      [
        'an end before the last chunk',
        good.subarray(0, good.indexOf('0\r\nx-amz')),
        framing(),
        ['IncompleteBody', 'MalformedTrailerError'],
      ],
      [
        'a trailer of other data',
        unsignedChunks([body], `x-amz-checksum-crc32:${crc('other')}\r\n`),
        framing(),
        ['BadDigest'],
      ],
      [
        'a trailer that was not announced',
        unsignedChunks([body], `x-amz-checksum-sha1:${createHash('sha1').update(body).digest('base64')}\r\n`),
        framing(),
        ['MalformedTrailerError', 'InvalidRequest'],
      ],
      [
        'two trailers',
        unsignedChunks([body], `x-amz-checksum-crc32:${crc(body)}\r\nx-amz-meta-late: x\r\n`),
        framing(),
        ['MalformedTrailerError', 'InvalidRequest'],
      ],
      ['a checksum in the header too', good, framing(12, { 'x-amz-checksum-crc32': crc(body) }), ['InvalidRequest']],
      ['a trailer of an unknown name', good, framing(12, { 'x-amz-trailer': 'x-amz-meta-a' }), ['InvalidRequest']],
      [
        'a chunk size that no number holds',
        Buffer.from(`ffffffffffffffff\r\n${body}\r\n0\r\n\r\n`),
        framing(),
        ['InvalidRequest', 'IncompleteBody', 'InvalidChunkSizeError'],
      ],
      [
        'a chunk line without an end',
        Buffer.from('0'.repeat(100_000)),
        framing(),
        ['InvalidRequest', 'IncompleteBody', 'InvalidChunkSizeError'],
      ],
      [
        'bytes after the trailer',
        Buffer.concat([good, Buffer.from('PUT /reports/2026/smuggled HTTP/1.1\r\n\r\n')]),
        framing(),
        ['InvalidRequest', 'IncompleteBody', 'MalformedTrailerError'],
      ],
    ];
    for (const [title, sent, headers, codes] of attacks) {
      it(`${title}: refused, and nothing is stored`, async () => {
        const key = `2026/framed-${title.replaceAll(' ', '-')}`;
        assertRefused(await sendFramed(key, sent, headers), ...codes);
        await assertNothingStored(key);
      });
    }

    it('a bad seed signature is refused though no chunk is signed', async () => {
      const broken = (request: Signed): Signed => ({
        ...request,
        lines: request.lines.map(([name, value]) => [
          name,
          name === 'authorization' ? value.replace(/Signature=../, 'Signature=00') : value,
        ]),
      });
      assertRefused(await sendFramed('2026/seed', good, framing(), broken), 'SignatureDoesNotMatch');
      await assertNothingStored('2026/seed');
    });

    describe('with signed chunks', () => {
      const chunks = [randomBytes(8192), randomBytes(8192), randomBytes(100)] as const;
      const size = chunks.reduce((sum, { length }) => sum + length, 0);
      const sendSigned = async (key: string, forge: (pieces: Buffer[]) => Buffer[]): Promise<WireAnswer> => {
        const request = await signedPut(key, {
          'x-amz-content-sha256': SIGNED_CHUNKS,
          'x-amz-decoded-content-length': String(size),
          'content-encoding': 'aws-chunked',
        });
        const sent = Buffer.concat(forge(signedChunks(keys, request, chunks)));
        return sendRaw(port, withLines(request, ['content-length', String(sent.length)]), [sent]);
      };

      it('they are stored when every signature fits', async () => {
        assert.equal((await sendSigned('2026/signed', (pieces) => pieces)).status, 200);
      });

      const forgeries: readonly [string, (pieces: Buffer[]) => Buffer[]][] = [
        ['a chunk replayed in the place of the next', ([first, , third, end]) => [first!, first!, third!, end!]],
        ['two chunks swapped', ([first, second, third, end]) => [second!, first!, third!, end!]],
        ['a flipped bit in the last chunk', ([first, second, third, end]) => [first!, second!, flipped(third!), end!]],
        ['an end that is not signed', ([first, second, third]) => [first!, second!, third!, Buffer.from('0\r\n\r\n')]],
        [
          'an end with the signature of another chunk',
          ([first, second, third]) => {
            const line = third!.toString('latin1').replace(/^[0-9a-f]+/, '0');
            return [first!, second!, third!, Buffer.from(`${line.slice(0, line.indexOf('\r\n'))}\r\n\r\n`)];
          },
        ],
      ];
      for (const [title, forge] of forgeries) {
        it(`${title}: refused, and nothing is stored`, async () => {
          const key = `2026/signed-${title.replaceAll(' ', '-')}`;
          assertRefused(
            await sendSigned(key, forge),
            'SignatureDoesNotMatch',
            'InvalidRequest',
            'InvalidChunkSizeError',
          );
          await assertNothingStored(key);
        });
      }

      it('a chunk that is missing is an incomplete body', async () => {
        assertRefused(await sendSigned('2026/signed-cut', (pieces) => pieces.slice(0, 2)), 'IncompleteBody');
        await assertNothingStored('2026/signed-cut');
      });
    });
  });

  describe('bodies', () => {
    it('that come too slowly are given up, and nothing is stored', async () => {
      const request = withLines(await signedPut('2026/slow'), ['content-length', '100']);
      const answer = await sendRaw(port, request, ['x', 'x', 'x'], BODY_IDLE_MS * 2);
      assert.ok(answer.code === 'RequestTimeout' || answer.status === 0, answer.text);
      await assertNothingStored('2026/slow');
    });

    const documents: readonly [string, string][] = [
      ['of a hundred thousand tags', '<a>'.repeat(100_000)],
      ['of a million tags', '<a>'.repeat(1_000_000)],
      ['of a million closed tags', `<Delete>${'<a/>'.repeat(400_000)}</Delete>`],
      [
        'with an entity that grows',
        `<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><Delete>&b;</Delete>`,
      ],
      [
        'with an external entity',
        '<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&a;</Key></Object></Delete>',
      ],
      ['with a million attributes', `<Delete ${'a="b" '.repeat(300_000)}/>`],
      ['of 1,001 keys', `<Delete>${'<Object><Key>2026/k</Key></Object>'.repeat(1001)}</Delete>`],
    ];
    for (const [title, document] of documents) {
      it(`a DeleteObjects document ${title} is refused`, async () => {
        assertRefused(await deleteObjects(document), 'MalformedXML', 'EntityTooLarge', 'InvalidRequest');
      });
    }
  });

  const deleteObjects = async (document: string): Promise<WireAnswer> => {
    const md5 = createHash('md5').update(document).digest('base64');
    const request = await signed(port, {
      method: 'POST',
      bucket: 'reports',
      query: { delete: '' },
      headers: { 'content-md5': md5 },
      keys,
    });
    return sendRaw(port, withLines(request, ['content-length', String(Buffer.byteLength(document))]), [document]);
  };

  describe('what lies outside of the grant', () => {
    it('stays when a DeleteObjects mixes it with what is granted', async () => {
      await stack.raw.put('reports', '2025/kept', Buffer.from('kept'), undefined);
      await put('2026/doomed', 'x');
      const keysOf = ['2026/doomed', '2025/kept', '2026/../2025/kept', '/2026/doomed'];
      const document = `<Delete>${keysOf.map((key) => `<Object><Key>${key}</Key></Object>`).join('')}</Delete>`;
      const answer = await deleteObjects(document);
      assert.equal(answer.status, 200);
      assert.match(answer.text, /<Deleted><Key>2026\/doomed<\/Key>/);
      for (const key of ['2025/kept', '/2026/doomed']) {
        assert.match(
          answer.text,
          new RegExp(`<Error>(?:(?!</Error>).)*<Key>${key}</Key>(?:(?!</Error>).)*AccessDenied`, 's'),
        );
      }
      assert.equal((await stack.raw.get('reports', '2025/kept')).status, 200);
      await assertNothingStored('2026/doomed');
      const requestId = /x-amz-request-id: (\S+)/i.exec(answer.text)?.[1];
      const accesses = (await stack.audit()).filter((access) => access.requestId === requestId);
      assert.equal(accesses.filter(({ key }) => key === '2025/kept').length, 1);
      assert.equal(accesses.filter(({ key }) => key === '2026/doomed').length, 1);
    });

    for (const subresource of ['uploads', 'versions']) {
      for (const prefix of [undefined, '', '2025/', '2026', '2026/../2025/'] as const) {
        const inside = prefix?.startsWith('2026/') ?? false;
        if (inside) continue;
        it(`is not listed by ?${subresource} with ${prefix === undefined ? 'no prefix' : `prefix=${prefix}`}`, async () => {
          const query = { [subresource]: '', ...(prefix === undefined ? {} : { prefix }) };
          const request = await signed(port, { method: 'GET', bucket: 'artifacts', query, keys });
          assertRefused(await sendRaw(port, request), 'AccessDenied');
        });
      }

      it(`is not reached by ?${subresource} with a marker`, async () => {
        const marker =
          subresource === 'uploads' ? { 'key-marker': '1999/', 'upload-id-marker': 'x' } : { 'key-marker': '1999/' };
        const query = { [subresource]: '', prefix: '2026/', ...marker };
        const request = await signed(port, { method: 'GET', bucket: 'artifacts', query, keys });
        assertRefused(await sendRaw(port, request), 'AccessDenied', 'InvalidArgument');
      });
    }

    it('is not copied, in neither direction', async () => {
      await stack.raw.put('artifacts', '2025/source', Buffer.from('secret'), undefined);
      await put('2026/mine', 'mine', 'artifacts');
      for (const [source, destination] of [
        ['/artifacts/2025/source', '2026/stolen'],
        ['/artifacts/2026/../2025/source', '2026/stolen'],
        ['artifacts%2F2025%2Fsource', '2026/stolen'],
        ['/artifacts/2025/source?versionId=null', '2026/stolen'],
        ['/artifacts/2026/mine', '2025/planted'],
      ] as const) {
        const request = await signedPut(destination, { 'x-amz-copy-source': source }, { bucket: 'artifacts' });
        const answer = await sendRaw(port, withLines(request, ['content-length', '0']));
        assert.ok([403, 404, 400].includes(answer.status), `${source}: ${answer.text.slice(0, 500)}`);
        assert.equal((await stack.raw.get('artifacts', destination)).status, 404);
      }
    });

    it('is not reached through the versions of what is granted', async () => {
      await put('2026/versioned', 'x');
      const query = { versionId: 'null' };
      const request = await signed(port, { method: 'GET', bucket: 'reports', key: '2026/versioned', query, keys });
      assertRefused(await sendRaw(port, request), 'AccessDenied');
    });
  });

  describe('signatures', () => {
    it('of another service, region, day or hour are refused', async () => {
      const old = new Date(Date.now() - 16 * 60_000);
      assertRefused(await sendRaw(port, await signedGet({ date: old })), 'RequestTimeTooSkewed');
      const soon = new Date(Date.now() + 16 * 60_000);
      assertRefused(await sendRaw(port, await signedGet({ date: soon })), 'RequestTimeTooSkewed');
    });

    it('say what was canonicalised, and never the session token', async () => {
      const request = await signedGet({});
      const answer = await sendRaw(port, { ...request, target: '/reports/2026/other' });
      assertRefused(answer, 'SignatureDoesNotMatch');
      assert.match(answer.text, /<StringToSign>AWS4-HMAC-SHA256/);
      assert.match(answer.text, /<CanonicalRequest>GET/);
      assert.match(answer.text, /<LikelyCause>/);
      assert.equal(answer.text.includes(keys.sessionToken), false);
      assert.equal(answer.text.includes(keys.secretAccessKey), false);
    });

    it('with a session token of somebody else, flipped, cut or absent are refused', async () => {
      const other = await sessionOf(
        `http://127.0.0.1:${port}`,
        await stack.forge({ sub: 'clerk-2', groups: ['clerks'] }),
      );
      for (const sessionToken of [
        other.sessionToken,
        keys.sessionToken.slice(0, -4),
        `${keys.sessionToken.slice(0, 40)}AAAA${keys.sessionToken.slice(44)}`,
        'x',
      ]) {
        assertRefused(await sendRaw(port, await signedGet({ keys: { ...keys, sessionToken } })));
      }
      const { accessKeyId, secretAccessKey } = keys;
      assertRefused(await sendRaw(port, await signedGet({ keys: { accessKeyId, secretAccessKey } })));
      assertRefused(await sendRaw(port, await signedGet({ keys: { ...keys, accessKeyId: other.accessKeyId } })));
    });
  });

  const signedGet = (more: Partial<TestRequest>): Promise<Signed> =>
    signed(port, { method: 'GET', bucket: 'reports', key: '2026/alive', keys, ...more });
});

function crc(text: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(text));
  return bytes.toString('base64');
}

function flipped(piece: Buffer): Buffer {
  const copy = Buffer.from(piece);
  copy[copy.length - 10]! ^= 1;
  return copy;
}
