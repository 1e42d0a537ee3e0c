import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { freePort } from '../../demo/free-port.ts';
import {
  converse,
  head,
  presignedTarget,
  sendRaw,
  signed,
  signedChunks,
  signedHead,
  unsignedChunks,
  type Signed,
  type WireAnswer,
} from '../support/http/raw-wire.ts';
import { sessionOf } from '../support/identity/session.ts';
import { sharedKind, startStack, type Stack } from '../support/stack/stack.ts';
import type { TestKeys, TestRequest } from '../support/store/store-client.ts';

const GRANTED = ['GET', 'PUT', 'DELETE', 'LIST', 'LIST_VERSIONS'];
const policy = (group: string, where: Record<string, unknown>) => ({
  id: group,
  description: 'One group, one prefix.',
  subjects: [{ issuer: 'demo', group }],
  rules: ['reports', 'artifacts'].map((bucket) => ({ id: bucket, allow: GRANTED, bucket, ...where })),
});
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
    for (const written of [policy('clerks', { prefix: '2026/' }), policy('archivists', { everything: true })]) {
      await writeFile(join(policies, `${written.id}.yaml`), JSON.stringify(written));
    }
    port = await freePort();
    stack = await startStack(sharedKind(), {
      listen: { address: `127.0.0.1:${port}`, allowPlaintextLoopback: true },
      buckets: { reports: {}, artifacts: { encryption: 'off' } },
      policies: { directory: policies },
      timeouts: { drainDelayMs: 0, requestBodyIdleMs: BODY_IDLE_MS },
    });
    token = await stack.forge({ sub: 'clerk', groups: ['clerks'] });
    keys = await sessionOf(`http://127.0.0.1:${port}`, token);
    assert.equal((await put('2026/alive', 'x')).status, 200);
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
  const requiredAccesses = async ({ text }: WireAnswer) => {
    const requestId = /x-amz-request-id: (\S+)/i.exec(text)?.[1];
    return (await stack.audit()).filter((access) => access.requestId === requestId);
  };
  const assertNothingStored = async (key: string, bucket = 'reports'): Promise<void> => {
    assert.equal((await stack.raw.get(bucket, key)).status, 404);
  };
  const assertRefused = (answer: WireAnswer, ...codes: readonly string[]): void => {
    assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status} ${answer.text.slice(0, 400)}`);
    if (codes.length > 0) assert.ok(codes.includes(answer.code ?? ''), `${answer.code}: ${answer.text.slice(0, 600)}`);
  };

  describe('heads of requests', () => {
    const content = 'x';
    const host = () => `127.0.0.1:${port}`;
    const described = {
      'content-length': String(content.length),
      'content-type': 'text/plain',
      'content-md5': createHash('md5').update(content).digest('base64'),
      'x-amz-acl': 'private',
      'x-amz-checksum-crc32': crc(content),
      'x-amz-storage-class': 'STANDARD',
    };
    const authMethods: Readonly<Record<string, (key: string, more?: Record<string, string>) => Signed>> = {
      'a signature': (key, more = {}) =>
        signedHead({
          method: 'PUT',
          target: `/reports/${key}`,
          headers: { host: host(), ...described, ...more },
          keys,
        }),
      'a token': (key, more = {}) => {
        const all = { host: host(), authorization: `Bearer ${token}`, ...described, ...more };
        return { method: 'PUT', target: `/reports/${key}`, lines: Object.entries(all), date: new Date() };
      },
    };

    for (const [auth, received] of Object.entries(authMethods)) {
      describe(`with ${auth}`, () => {
        it('are good as they are', async () => {
          assert.equal((await sendRaw(port, received('2026/good'), [content])).status, 200);
        });

        for (const [name, value] of [
          ['host', 'elsewhere.example'],
          ['authorization', 'Bearer x'],
          ['content-length', '2'],
          ['content-type', 'text/html'],
          ['content-md5', createHash('md5').update('y').digest('base64')],
          ['x-amz-acl', 'public-read'],
          ['x-amz-checksum-crc32', crc('y')],
          ['x-amz-storage-class', 'GLACIER'],
          ...(auth === 'a token'
            ? []
            : ([
                ['x-amz-content-sha256', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'],
                ['x-amz-date', '20200101T000000Z'],
                ['x-amz-security-token', 'x'],
              ] as const)),
        ] as const) {
          it(`do not have a second ${name}, the same or another, before or after the first`, async () => {
            const key = `2026/twice-${name}`;
            const request = received(key);
            const same = request.lines.find(([first]) => first === name)?.[1];
            assert.ok(same !== undefined);
            for (const second of [value, same]) {
              for (const spelled of [name, name.toUpperCase()]) {
                const after = withLines(request, [spelled, second]);
                const before = { ...request, lines: [[spelled, second] as const, ...request.lines] };
                for (const attack of [after, before]) {
                  assertRefused(await sendRaw(port, attack, [content]), 'InvalidRequest', 'BadRequest');
                }
              }
            }
            await assertNothingStored(key);
          });
        }

        it('are not folded over two lines, whatever the header', async () => {
          for (const [name, value] of [
            ['x-amz-meta-folded', 'one two'],
            ['x-amz-tagging', 'a=b '],
          ] as const) {
            const request = received('2026/folded', { [name]: value });
            for (const folded of ['\r\n ', '\r\n\t', '\n ', ' \r\n  ']) {
              const lines = request.lines.map(
                ([key, text]) => [key, key === name ? text.replace(' ', folded) : text] as const,
              );
              assertRefused(await sendRaw(port, { ...request, lines }, [content]));
            }
          }
          await assertNothingStored('2026/folded');
        });

        it('have no space before a colon and none before the first name', async () => {
          for (const name of ['x-amz-meta-spaced ', ' x-amz-meta-spaced', 'x-amz-meta-spa ced', 'x-amz-meta\0']) {
            const request = received('2026/spaced');
            for (const lines of [
              [[name, 'x'] as const, ...request.lines],
              [...request.lines, [name, 'x'] as const],
            ]) {
              assertRefused(await sendRaw(port, { ...request, lines }, [content]));
            }
          }
          await assertNothingStored('2026/spaced');
        });

        it('have no target in absolute, authority or asterisk form', async () => {
          const request = received('2026/absolute');
          const { target } = request;
          for (const other of [
            `http://elsewhere.example${target}`,
            `http://${host()}${target}`,
            `HTTP://${host()}${target}`,
            `https://reports.${host()}/2026/absolute`,
            target.slice(1),
            `\\${target}`,
            `${target}#fragment`,
            '*',
            host(),
          ]) {
            assertRefused(await sendRaw(port, { ...request, target: other }, [content]), 'InvalidURI', 'BadRequest');
          }
          await assertNothingStored('2026/absolute');
        });

        it('do not hide a second request behind a length that two servers read in two ways', async () => {
          const stolen = received('2026/smuggled');
          const hidden = head({ ...stolen, lines: [...stolen.lines] }) + content;
          const chunked = `0\r\n\r\n${hidden}`;
          const length = ['content-length', String(chunked.length)] as const;
          for (const framing of [
            [length, ['transfer-encoding', 'chunked']],
            [['transfer-encoding', 'chunked'], length],
            [length, ['transfer-encoding', 'identity']],
            [length, ['transfer-encoding', 'xchunked']],
            [length, ['transfer-encoding', 'chunked, identity']],
            [length, ['transfer-encoding ', 'chunked']],
            [length, ['transfer-encoding', '\x0bchunked']],
            [
              ['transfer-encoding', 'chunked'],
              ['transfer-encoding', 'identity'],
            ],
            [['content-length', `+${chunked.length}`]],
            [['content-length', `0x${chunked.length.toString(16)}`]],
            [['content-length', `${chunked.length}, ${chunked.length}`]],
            [['content-length', `-1`]],
            [['content-length', '']],
          ] as const) {
            const request = received('2026/carrier');
            const lines = request.lines.filter(([name]) => name !== 'content-length');
            const text = await converse(port, [head({ ...request, lines: [...lines, ...framing] }), chunked]);
            const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
            assert.equal(statuses.length, 1, `${JSON.stringify(framing)}: ${text}`);
            assert.ok(statuses[0]! >= 400 && statuses[0]! < 500, text);
          }
          await assertNothingStored('2026/carrier');
          await assertNothingStored('2026/smuggled');
        });
      });
    }

    it('have one range', async () => {
      await put('2026/ranged', 'range');
      const request = withLines(await signedGet({ key: '2026/ranged' }), ['range', 'bytes=0-0']);
      assert.equal((await sendRaw(port, request)).status, 206);
      for (const second of ['bytes=0-0', 'bytes=1-2']) {
        assertRefused(await sendRaw(port, withLines(request, ['range', second])), 'InvalidRequest');
      }
    });

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

    it('have one kind of credentials, however good each is', async () => {
      const target = presignedTarget(host(), { method: 'GET', target: '/reports/2026/alive', keys });
      const alone: Signed = { method: 'GET', target, lines: [['host', host()]], date: new Date() };
      assert.equal((await sendRaw(port, alone)).status, 200);
      // A header signature over the presigned target too, so that each of the two would be accepted by itself.
      const { lines } = signedHead({ method: 'GET', target, headers: { host: host() }, keys });
      const codes = ['InvalidArgument', 'InvalidRequest'] as const;
      assertRefused(await sendRaw(port, { ...alone, lines }), ...codes);
      for (const line of [
        ['authorization', `Bearer ${token}`],
        ['authorization', 'Basic eDp5'],
        ['x-amz-security-token', keys.sessionToken],
      ] as const) {
        assertRefused(await sendRaw(port, withLines(alone, line)), ...codes);
      }
      const [name, signature] = target.split('&').at(-1)?.split('=') ?? [];
      for (const more of [
        `&${name}=${signature}`,
        `&x-amz-signature=${signature}`,
        '&X-Amz-Expires=604800',
        '&X-Amz-Expire%73=604800',
        `&AWSAccessKeyId=${keys.accessKeyId}`,
      ]) {
        assertRefused(await sendRaw(port, { ...alone, target: target + more }));
      }
    });

    it('of a presigned URL are those that were signed', async () => {
      const target = presignedTarget(host(), { method: 'GET', target: '/reports/2026/alive', keys });
      const request = (changes: Partial<Signed>): Signed => ({
        method: 'GET',
        target,
        lines: [['host', host()]],
        date: new Date(),
        ...changes,
      });
      assert.equal((await sendRaw(port, request({}))).status, 200);
      for (const changed of [
        request({ method: 'HEAD' }),
        request({ method: 'DELETE' }),
        request({ target: target.replace('alive', 'other') }),
        request({ target: target.replace('Expires=60', 'Expires=61') }),
        request({ target: `${target}&versionId=null` }),
        request({ target: `${target}&response-content-type=text%2Fhtml` }),
        request({ lines: [['host', 'elsewhere.example']] }),
        request({ lines: [...request({}).lines, ['x-amz-checksum-mode', 'ENABLED']] }),
      ]) {
        const answer = await sendRaw(port, changed);
        assertRefused(
          answer,
          ...(changed.method === 'HEAD' ? [] : ['SignatureDoesNotMatch', 'AccessDenied', 'InvalidRequest']),
        );
      }
      const date = new Date(Date.now() - 120_000);
      const late = presignedTarget(host(), { method: 'GET', target: '/reports/2026/alive', keys, date });
      assertRefused(await sendRaw(port, request({ target: late })), 'AccessDenied');
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

    // What clients and proxies spell in many ways, sent as it stands here.
    for (const [path, key] of [
      ['2026/%2e%2e/%2E/x', '2026/.././x'],
      ['2026//..//x', '2026//..//x'],
      ['2026%2Fescaped', '2026/escaped'],
      ['%32%30%32%36/all', '2026/all'],
      ['2026/%252e%252e%252Fx', '2026/%2e%2e%2Fx'],
      ['2026/back\\slash', '2026/back\\slash'],
      ['2026/;a=b:@,&=+$!*()', '2026/;a=b:@,&=+$!*()'],
      ['2026/e%CC%81', '2026/e\u0301'],
      ['2026/%C3%A9', '2026/\u00e9'],
    ] as const) {
      it(`${path} is ${JSON.stringify(key)} to policy, audit and store, for signatures and tokens`, async () => {
        const host = `127.0.0.1:${port}`;
        for (const auth of ['signature', 'token'] as const) {
          const headers = { host, 'content-length': '1' };
          const request = {
            ...signedHead({ method: 'PUT', target: `/reports/${path}`, headers, keys }),
            ...(auth === 'token' && { lines: Object.entries({ ...headers, authorization: `Bearer ${token}` }) }),
          };
          const answer = await sendRaw(port, request, ['x']);
          assert.equal(answer.status, 200, answer.text);
          const stored = (await stack.raw.list('reports')).filter((name) => name.endsWith(key.slice(-2)));
          assert.ok(stored.includes(key), JSON.stringify(stored));
          assert.equal((await requiredAccesses(answer))[0]?.key, key);
          await stack.raw.remove('reports', key);
        }
      });
    }

    for (const path of ['2025/%2e%2e/2026/x', '2026%252Fx', '%2F2026/x', '2026%5Cx', './2026/x', '2026;/x', '2026']) {
      it(`${path} is outside of the grant, whoever would normalise it`, async () => {
        const host = `127.0.0.1:${port}`;
        const target = `/reports/${path}`;
        const headers = { host, 'content-length': '1' };
        assertRefused(await sendRaw(port, signedHead({ method: 'PUT', target, headers, keys }), ['x']), 'AccessDenied');
        const bearer = Object.entries({ ...headers, authorization: `Bearer ${token}` });
        assertRefused(await sendRaw(port, { method: 'PUT', target, lines: bearer }, ['x']), 'AccessDenied');
      });
    }

    for (const path of [
      '2026/%',
      '2026/%zz',
      '2026/%ff',
      '2026/%c0%ae',
      '2026/%ed%a0%80',
      '2026/a%00b',
      '2026/\u00e9',
    ]) {
      it(`${path} is no key`, async () => {
        const target = `/reports/${path}`;
        const lines = Object.entries({
          host: `127.0.0.1:${port}`,
          'content-length': '1',
          authorization: `Bearer ${token}`,
        });
        assertRefused(await sendRaw(port, { method: 'PUT', target, lines }, ['x']), 'InvalidURI', 'BadRequest');
      });
    }

    it('a query that names one thing twice is refused, however it is spelled and signed', async () => {
      const host = `127.0.0.1:${port}`;
      const good = { method: 'GET', target: '/reports?list-type=2&prefix=2026/', headers: { host }, keys };
      assert.equal((await sendRaw(port, signedHead(good))).status, 200);
      for (const more of ['&prefix=2026/', '&prefix=2025/', '&pre%66ix=2025/', '&list-type=1', '&', '&&x=', '&=']) {
        assertRefused(await sendRaw(port, signedHead({ ...good, target: good.target + more })));
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
          name === 'authorization'
            ? value.replace(/Signature=(.)/, (_, digit: string) => `Signature=${digit === '0' ? '1' : '0'}`)
            : value,
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

      it('chunks that were signed for another request are refused', async () => {
        const other = await signedPut('2026/signed-other', {
          'x-amz-content-sha256': SIGNED_CHUNKS,
          'x-amz-decoded-content-length': String(size),
          'content-encoding': 'aws-chunked',
        });
        const key = '2026/signed-replayed';
        assertRefused(await sendSigned(key, () => signedChunks(keys, other, chunks)), 'SignatureDoesNotMatch');
        await assertNothingStored(key);
      });

      it('a chunk that is missing is an incomplete body', async () => {
        assertRefused(await sendSigned('2026/signed-cut', (pieces) => pieces.slice(0, 2)), 'IncompleteBody');
        await assertNothingStored('2026/signed-cut');
      });
    });

    describe('with signed chunks and a signed trailer', () => {
      const chunks = [randomBytes(8192), randomBytes(100)] as const;
      const whole = Buffer.concat(chunks);
      const sendTrailed = async (
        key: string,
        forge: (pieces: Buffer[]) => Buffer[],
        trailer = `x-amz-checksum-crc32:${crc(whole)}`,
      ): Promise<WireAnswer> => {
        const request = await signedPut(key, {
          'x-amz-content-sha256': `${SIGNED_CHUNKS}-TRAILER`,
          'x-amz-decoded-content-length': String(whole.length),
          'x-amz-trailer': 'x-amz-checksum-crc32',
          'content-encoding': 'aws-chunked',
        });
        const sent = Buffer.concat(forge(signedChunks(keys, request, chunks, trailer)));
        return sendRaw(port, withLines(request, ['content-length', String(sent.length)]), [sent]);
      };
      const withoutLast = (pieces: readonly Buffer[]): Buffer[] => pieces.slice(0, -1);
      const unsignedTrailer = `x-amz-checksum-crc32:${crc(whole)}\r\n\r\n`;

      it('they are stored when every signature fits', async () => {
        assert.equal((await sendTrailed('2026/trailed', (pieces) => pieces)).status, 200);
      });

      const forgeries: readonly [string, (pieces: Buffer[]) => Buffer[], readonly string[]][] = [
        ['a trailer that never comes', withoutLast, ['MalformedTrailerError', 'IncompleteBody']],
        [
          'a trailer without its signature',
          (pieces) => [...withoutLast(pieces), Buffer.from(unsignedTrailer)],
          ['MalformedTrailerError'],
        ],
        [
          'a trailer with the signature of a chunk',
          (pieces) => {
            const signature = /chunk-signature=([0-9a-f]{64})/.exec(pieces.at(-2)?.toString('latin1') ?? '')?.[1];
            const forged = unsignedTrailer.replace(/\r\n$/, `x-amz-trailer-signature:${signature}\r\n\r\n`);
            return [...withoutLast(pieces), Buffer.from(forged)];
          },
          ['SignatureDoesNotMatch'],
        ],
        [
          'a trailer that was changed',
          (pieces) => [
            ...withoutLast(pieces),
            Buffer.from(pieces.at(-1)?.toString('latin1').replace(crc(whole), crc('other')) ?? ''),
          ],
          ['SignatureDoesNotMatch'],
        ],
      ];
      for (const [title, forge, codes] of forgeries) {
        it(`${title}: refused, and nothing is stored`, async () => {
          const key = `2026/trailed-${title.replaceAll(' ', '-')}`;
          assertRefused(await sendTrailed(key, forge), ...codes);
          await assertNothingStored(key);
        });
      }

      it('a well signed trailer of other data: refused, and nothing is stored', async () => {
        const trailer = `x-amz-checksum-crc32:${crc('other')}`;
        assertRefused(await sendTrailed('2026/trailed-other', (pieces) => pieces, trailer), 'BadDigest');
        await assertNothingStored('2026/trailed-other');
      });
    });

    // Of a large body the store has most before the gateway knows that it is bad.
    for (const bucket of ['reports', 'artifacts']) {
      describe(`of a size that is streamed to ${bucket}`, () => {
        const large = randomBytes(3_000_000);
        const chunks = [large.subarray(0, 1_000_000), large.subarray(1_000_000)];
        const trailer = `x-amz-checksum-crc32:${crc(large)}\r\n`;
        const whole = unsignedChunks(chunks, trailer);
        const sendLarge = async (key: string, sent: Buffer, length = large.length): Promise<WireAnswer> => {
          const request = await signedPut(key, framing(length), { bucket });
          return sendRaw(port, withLines(request, ['content-length', String(sent.length)]), [sent]);
        };
        const bad: readonly [string, Buffer, number, readonly string[]][] = [
          ['a trailer that never comes', unsignedChunks(chunks), large.length, ['MalformedTrailerError']],
          [
            'a trailer of other data',
            unsignedChunks(chunks, `x-amz-checksum-crc32:${crc('other')}\r\n`),
            large.length,
            ['BadDigest'],
          ],
          ['a decoded length that says more', whole, large.length + 1, ['IncompleteBody']],
          ['a decoded length that says less', whole, large.length - 1, ['IncompleteBody']],
          ['a second chunk that is larger than what is left', whole, 1_500_000, ['IncompleteBody']],
          ['an end in the middle', whole.subarray(0, 2_000_000), large.length, ['InvalidArgument', 'IncompleteBody']],
        ];
        for (const [title, sent, length, codes] of bad) {
          it(`${title}: what was stored before stays`, async () => {
            const key = `2026/large-${title.replaceAll(' ', '-')}`;
            assertRefused(await sendLarge(key, sent, length), ...codes);
            await assertNothingStored(key, bucket);
            assert.equal((await sendLarge(key, whole)).status, 200);
            const before = (await stack.raw.get(bucket, key)).body;
            assertRefused(await sendLarge(key, sent, length), ...codes);
            assert.ok((await stack.raw.get(bucket, key)).body.equals(before));
          });
        }

        it('a signed chunk that is changed: what was stored before stays', async () => {
          const key = '2026/large-signed';
          const sendSigned = async (forge: (pieces: Buffer[]) => Buffer[]): Promise<WireAnswer> => {
            const headers = {
              'x-amz-content-sha256': SIGNED_CHUNKS,
              'x-amz-decoded-content-length': String(large.length),
              'content-encoding': 'aws-chunked',
            };
            const request = await signedPut(key, headers, { bucket });
            const sent = Buffer.concat(forge(signedChunks(keys, request, chunks)));
            return sendRaw(port, withLines(request, ['content-length', String(sent.length)]), [sent]);
          };
          assert.equal((await sendSigned((pieces) => pieces)).status, 200);
          const before = (await stack.raw.get(bucket, key)).body;
          for (const forge of [
            ([first, second, end]: Buffer[]) => [first!, flipped(second!), end!],
            ([first, second]: Buffer[]) => [first!, second!, Buffer.from('0\r\n\r\n')],
            ([first, second, end]: Buffer[]) => [first!, second!, Buffer.from(end!.toString().replace(/=./, '=x'))],
          ]) {
            assertRefused(await sendSigned(forge), 'SignatureDoesNotMatch', 'InvalidRequest');
          }
          assert.ok((await stack.raw.get(bucket, key)).body.equals(before));
        });

        it('a connection that is broken off before its end: what was stored before stays', async () => {
          const key = '2026/large-broken';
          assert.equal((await sendLarge(key, whole)).status, 200);
          const before = (await stack.raw.get(bucket, key)).body;
          const request = withLines(await signedPut(key, framing(large.length), { bucket }), [
            'content-length',
            String(whole.length),
          ]);
          await breakOff(port, Buffer.concat([Buffer.from(head(request)), whole.subarray(0, -10)]));
          assert.equal((await put('2026/after', 'x')).status, 200);
          assert.ok((await stack.raw.get(bucket, key)).body.equals(before));
        });
      });
    }
  });

  describe('bodies', () => {
    // Never ended by the client: what ends them is the gateway, and soon.
    const created = unsignedChunks(['twelve bytes']).toString('latin1').slice(0, -2);
    const framed = {
      'x-amz-content-sha256': UNSIGNED_TRAILER,
      'x-amz-decoded-content-length': '12',
      'x-amz-trailer': 'x-amz-checksum-crc32',
    };
    const slow: readonly [string, Partial<TestRequest>, number, string][] = [
      ['an object', {}, 100, 'x'],
      ['an object of which nothing comes', {}, 100, ''],
      ['an object that is streamed', {}, 10_000_000, 'x'.repeat(1_000_000)],
      ['a trailer', { headers: framed }, 100, created],
      ['a list of deletions', { method: 'POST', key: '', query: { delete: '' } }, 100, '<Delete>'],
    ];
    for (const [title, more, length, first] of slow) {
      it(`that come too slowly are aborted, and nothing is stored: ${title}`, async () => {
        const key = `2026/slow-${title.replaceAll(' ', '-')}`;
        const request = withLines(await signedPut(key, {}, more), ['content-length', String(length)]);
        const startMs = performance.now();
        const answer = await sendRaw(port, request, [first]);
        const tookMs = performance.now() - startMs;
        assert.equal(answer.text, '');
        assert.ok(tookMs < BODY_IDLE_MS * 5, `${tookMs} ms`);
        await assertNothingStored(key);
        // Begun, and on record as not done. Of a list that never came, there is no key to record.
        const results = async () =>
          (await stack.audit()).filter((access) => access.key === key).map(({ result }) => result);
        let found = await results();
        // The connection ends first, and then its record.
        for (let tries = 0; found.includes('interrupted') && tries < 20; tries += 1) {
          await new Promise((resolve) => setTimeout(resolve, 100));
          found = await results();
        }
        assert.equal(found.length, more.method === 'POST' ? 0 : 1);
        for (const result of found) assert.ok(result === 'failed' || result === 'aborted', result);
      });
    }

    it('that come too slowly are aborted, without an identity too', async () => {
      const lines = Object.entries({
        host: 'localhost',
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': '1000',
      });
      const startMs = performance.now();
      const answer = await sendRaw(port, { method: 'POST', target: '/', lines }, ['Action=']);
      assert.equal(answer.text, '');
      assert.ok(performance.now() - startMs < BODY_IDLE_MS * 5);
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
      it(`a DeleteObjects document ${title} is refused, and soon`, async () => {
        const startMs = performance.now();
        assertRefused(await deleteObjects(document), 'MalformedXML', 'EntityTooLarge', 'InvalidRequest');
        assert.ok(performance.now() - startMs < 5000);
      });
    }

    it('a list of parts of a million tags is refused, and soon', async () => {
      for (const document of [
        `<CompleteMultipartUpload>${'<a/>'.repeat(500_000)}</CompleteMultipartUpload>`,
        `<CompleteMultipartUpload>${'<Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>'.repeat(35_000)}</CompleteMultipartUpload>`,
        '<Part>'.repeat(300_000),
      ]) {
        const more = { method: 'POST', bucket: 'artifacts', query: { uploadId: 'x' } };
        const request = await signedPut('2026/parts', {}, more);
        const startMs = performance.now();
        const answer = await sendRaw(port, withLines(request, ['content-length', String(document.length)]), [document]);
        assertRefused(answer, 'MalformedXML');
        assert.ok(performance.now() - startMs < 5000);
      }
    });

    it('a DeleteObjects document of 1,000 keys is not', async () => {
      const answer = await deleteObjects(`<Delete>${'<Object><Key>2026/k</Key></Object>'.repeat(1000)}</Delete>`);
      assert.equal(answer.status, 200, answer.text.slice(0, 400));
    });
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
      const version = '<Object><Key>2026/alive</Key><VersionId>null</VersionId></Object>';
      const objects = keysOf.map((key) => `<Object><Key>${key}</Key></Object>`);
      const document = `<Delete>${objects.join('')}${version}</Delete>`;
      const answer = await deleteObjects(document);
      assert.equal(answer.status, 200);
      assert.match(answer.text, /<Deleted><Key>2026\/doomed<\/Key>/);
      for (const key of ['2025/kept', '/2026/doomed', '2026/alive']) {
        assert.match(
          answer.text,
          new RegExp(`<Error>(?:(?!</Error>).)*<Key>${key}</Key>(?:(?!</Error>).)*AccessDenied`, 's'),
        );
      }
      for (const key of ['2025/kept', '2026/alive']) assert.equal((await stack.raw.get('reports', key)).status, 200);
      await assertNothingStored('2026/doomed');
      const accesses = await requiredAccesses(answer);
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

    it('is not among what ?uploads and ?versions list of the inside', async () => {
      const other = await stack.forge({ sub: 'archivist', groups: ['archivists'] });
      const archivist = await sessionOf(`http://127.0.0.1:${port}`, other);
      const call = async (method: string, input: Partial<TestRequest>) =>
        sendRaw(
          port,
          withLines(await signed(port, { method, bucket: 'artifacts', keys: archivist, ...input }), [
            'content-length',
            '0',
          ]),
        );
      for (const key of ['2025/hidden', '2026/shown', '2027/hidden']) {
        assert.equal((await call('POST', { key, query: { uploads: '' } })).status, 200);
        assert.equal((await call('PUT', { key })).status, 200);
      }
      for (const subresource of ['uploads', 'versions']) {
        // All of it is there to be seen by who may see it.
        const whole = await call('GET', { query: { [subresource]: '', prefix: '20' } });
        assert.match(whole.text, /2025\/hidden.*2026\/shown.*2027\/hidden/s);
        for (const more of [
          {},
          { delimiter: '/' },
          { 'encoding-type': 'url' },
          { [subresource === 'uploads' ? 'max-uploads' : 'max-keys']: '1' },
          { 'key-marker': '2026/a' },
        ] as Record<string, string>[]) {
          const query = { [subresource]: '', prefix: '2026/', ...more };
          const answer = await call('GET', { keys, query });
          assert.equal(answer.status, 200, answer.text);
          assert.match(
            answer.text,
            Object.keys(more).some((name) => name.startsWith('max-')) ? /<Key>2026\// : /shown/,
          );
          assert.doesNotMatch(answer.text, /hidden/);
        }
      }
    });

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
      const granted = await signedPut(
        '2026/copy',
        { 'x-amz-copy-source': '/artifacts/2026/mine' },
        { bucket: 'artifacts' },
      );
      assert.equal((await sendRaw(port, withLines(granted, ['content-length', '0']))).status, 200);
    });

    it('is not reached through uploads, by their ids or by copied parts', async () => {
      const other = await stack.forge({ sub: 'archivist', groups: ['archivists'] });
      const archivist = await sessionOf(`http://127.0.0.1:${port}`, other);
      const call = async (
        method: string,
        key: string,
        query: Record<string, string>,
        more: Partial<TestRequest> = {},
        body = '',
      ): Promise<WireAnswer> => {
        const request = await signed(port, { method, bucket: 'artifacts', key, query, keys, ...more });
        return sendRaw(port, withLines(request, ['content-length', String(body.length)]), [body]);
      };
      const begin = async (key: string, by: Required<TestKeys>): Promise<string> => {
        const { text } = await call('POST', key, { uploads: '' }, { keys: by });
        const uploadId = /<UploadId>([^<]+)</.exec(text)?.[1];
        assert.ok(uploadId !== undefined, text);
        return uploadId;
      };
      const outside = await begin('2025/upload', archivist);
      const inside = await begin('2026/upload', keys);
      const parts =
        '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"x"</ETag></Part></CompleteMultipartUpload>';
      for (const key of ['2025/upload', '2026/upload']) {
        const query = { uploadId: outside };
        for (const answer of [
          await call('PUT', key, { partNumber: '1', ...query }, {}, 'planted'),
          await call('POST', key, query, {}, parts),
          await call('GET', key, query),
          await call('DELETE', key, query),
        ]) {
          // By its own key the policy refuses it; by a key of the grant no store has such an upload.
          if (key.startsWith('2025/')) assertRefused(answer, 'AccessDenied');
          else assert.ok(answer.status >= 400, answer.text);
        }
      }
      const still = await call('GET', '2025/upload', { uploadId: outside }, { keys: archivist });
      assert.equal(still.status, 200);
      assert.doesNotMatch(still.text, /<Part>/);

      await stack.raw.put('artifacts', '2025/source', Buffer.from('secret'), undefined);
      assert.equal((await put('2026/mine', 'mine', 'artifacts')).status, 200);
      const part = { partNumber: '1', uploadId: inside };
      for (const headers of [
        { 'x-amz-copy-source': '/artifacts/2025/source' },
        { 'x-amz-copy-source': '/artifacts/2025/source', 'x-amz-copy-source-range': 'bytes=0-1' },
        { 'x-amz-copy-source': '/artifacts/2026/mine?versionId=null' },
      ]) {
        assertRefused(await call('PUT', '2026/upload', part, { headers }), 'AccessDenied');
      }
      const granted = { headers: { 'x-amz-copy-source': '/artifacts/2026/mine' } };
      assert.equal((await call('PUT', '2026/upload', part, granted)).status, 200);
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
      const received = { method: 'GET', target: '/reports/2026/alive', headers: { host: `127.0.0.1:${port}` }, keys };
      assert.equal((await sendRaw(port, signedHead(received))).status, 200);
      for (const scope of [{ service: 'sts' }, { service: 's3express' }, { region: 'eu-west-9' }]) {
        const answer = await sendRaw(port, signedHead({ ...received, ...scope }));
        assertRefused(answer, 'AuthorizationHeaderMalformed');
      }
      for (const minutes of [-16, 16, -24 * 60]) {
        const date = new Date(Date.now() + minutes * 60_000);
        assertRefused(await sendRaw(port, signedHead({ ...received, date })), 'RequestTimeTooSkewed');
      }
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

function crc(text: string | Buffer): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(text));
  return bytes.toString('base64');
}

/** Sends bytes, and then leaves. */
async function breakOff(port: number, bytes: Buffer): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.write(bytes, resolve));
  await new Promise((resolve) => setTimeout(resolve, 300));
  socket.resetAndDestroy();
}

function flipped(piece: Buffer): Buffer {
  const copy = Buffer.from(piece);
  copy[copy.length - 10]! ^= 1;
  return copy;
}
