import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ChunkSignatures } from '../../../src/contracts/chunk-signatures.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { incomplete, WholeBody } from '../../../src/pipeline/plain-body.ts';
import { withholdLast } from '../../../src/s3/body/withhold-last.ts';
import { chunks, client, world, type Behaviour, type Client, type World } from './world.ts';

const TEXT = '0123456789'.repeat(3);

function crc(text: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(text));
  return bytes.toString('base64');
}

const framed = (text: string, trailer: string): string =>
  `${text.length.toString(16)}\r\n${text}\r\n0\r\n${trailer}\r\n`;

const UNSIGNED = [
  ['transfer-encoding', 'chunked'],
  ['content-encoding', 'aws-chunked'],
  ['x-amz-content-sha256', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'],
  ['x-amz-trailer', 'x-amz-checksum-crc32'],
  ['x-amz-decoded-content-length', String(TEXT.length)],
].flat();

const SIGNED = [
  ['content-length', '1000'],
  ['content-encoding', 'aws-chunked'],
  ['x-amz-content-sha256', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'],
  ['x-amz-decoded-content-length', String(TEXT.length)],
].flat();

async function run(
  behaviour: Behaviour,
  method: string,
  target: string,
  headers: readonly string[],
  ...body: readonly string[]
): Promise<World & { readonly exchange: Client; readonly sentBytes: number }> {
  const made = world(behaviour);
  const exchange = client(method, target, headers, made.steps, chunks(...body));
  await createPipeline(made.dependencies)(exchange);
  const sizes = made.steps.flatMap((step) => /^sent (\d+)$/.exec(step)?.[1] ?? []);
  return { ...made, exchange, sentBytes: sizes.reduce((sum, size) => sum + Number(size), 0) };
}

describe('bodies', () => {
  const trailer = `x-amz-checksum-crc32:${crc(TEXT)}\r\n`;

  for (const bucket of ['box', 'safe']) {
    it(`takes the framing off a body, and stores what was in it: ${bucket}`, async () => {
      const { exchange, sentBytes, sent } = await run(
        {},
        'PUT',
        `/${bucket}/k`,
        UNSIGNED,
        ...(framed(TEXT, trailer).match(/[^]{1,7}/g) ?? []),
      );
      assert.equal(exchange.status(), 200);
      assert.equal(sentBytes, TEXT.length);
      assert.equal(sent[0]?.headers['content-encoding'], undefined);
    });
  }

  for (const bucket of ['box', 'safe']) {
    it(`does not say that a store has kept what it answers to be empty: ${bucket}`, async () => {
      const answer = () => ({ status: 200, headers: new Map([['etag', '"d41d8cd98f00b204e9800998ecf8427e"']]) });
      const { exchange } = await run({ answer }, 'PUT', `/${bucket}/folder/`, ['content-length', '3'], 'abc');
      assert.equal(exchange.status(), 501);
    });
  }

  const attacks: Readonly<Record<string, string>> = {
    'whose trailer is of another body': framed(TEXT, `x-amz-checksum-crc32:${crc('another')}\r\n`),
    'whose trailer never comes': framed(TEXT, ''),
    'whose trailer is another one': framed(TEXT, `x-amz-checksum-sha1:${Buffer.alloc(20).toString('base64')}\r\n`),
    'that is shorter than it says': framed(TEXT.slice(1), trailer),
    'that is longer than it says': framed(`${TEXT}x`, trailer),
    'that breaks off before its end': framed(TEXT, trailer).slice(0, TEXT.length + 6),
    'that has no framing': TEXT,
  };
  for (const [what, body] of Object.entries(attacks)) {
    it(`never completes the upload of a framed body ${what}`, async () => {
      for (const small of [10, 1000]) {
        const made = world();
        const parts = { ...made.dependencies, limits: { ...made.dependencies.limits, smallBodyBytes: small } };
        const exchange = client('PUT', '/box/k', UNSIGNED, made.steps, chunks(...(body.match(/[^]{1,16}/g) ?? [])));
        await createPipeline(parts)(exchange);
        assert.equal(exchange.status(), 400);
        const sizes = made.steps.flatMap((step) => /^sent (\d+)$/.exec(step)?.[1] ?? []);
        assert.ok(sizes.reduce((sum, size) => sum + Number(size), 0) < TEXT.length);
      }
    });
  }

  it('refuses chunks that are signed where nothing can verify them, before the body is read', async () => {
    const { exchange, steps } = await run({}, 'PUT', '/box/k', SIGNED, 'body');
    assert.equal(exchange.status(), 400);
    for (const step of ['body read', 'assume-role', 'forward']) assert.equal(steps.includes(step), false);
  });

  it('never completes the upload of a body one chunk of which is not signed right', async () => {
    const chunkSignatures: ChunkSignatures = {
      chunk: () => {
        throw new GatewayError('SignatureDoesNotMatch');
      },
      trailer: () => undefined,
    };
    const signature = `;chunk-signature=${'0'.repeat(64)}\r\n`;
    const body = `${TEXT.length.toString(16)}${signature}${TEXT}\r\n0${signature}\r\n`;
    const { exchange, sentBytes } = await run({ chunkSignatures }, 'PUT', '/box/k', SIGNED, body);
    assert.equal(exchange.status(), 403);
    assert.ok(sentBytes < TEXT.length);
  });

  it('never completes a part that does not match its checksum, nor an object that is not what was signed', async () => {
    const length = ['content-length', String(TEXT.length)];
    const part = await run(
      {},
      'PUT',
      '/box/k?partNumber=1&uploadId=u',
      [...length, 'content-md5', 'AAAAAAAAAAAAAAAAAAAAAA=='],
      TEXT,
    );
    const object = await run({}, 'PUT', '/box/k', [...length, 'x-amz-content-sha256', '0'.repeat(64)], TEXT);
    for (const { exchange, sentBytes } of [part, object]) {
      assert.equal(exchange.status(), 400);
      assert.ok(sentBytes < TEXT.length);
    }
  });

  it('puts a part to the store with its number and upload, and nothing of an object', async () => {
    const headers = ['content-length', String(TEXT.length), 'content-type', 'text/plain'];
    const { sent, exchange } = await run({}, 'PUT', '/box/k?partNumber=7&uploadId=abc', headers, TEXT);
    assert.equal(exchange.status(), 200);
    assert.equal(sent[0]?.target, '/box/k?partNumber=7&uploadId=abc');
    assert.equal(sent[0].headers['content-type'], undefined);
  });

  it('never takes the envelope of an object from a client, whatever writes it', async () => {
    const envelope = ['x-amz-meta-sallyport', '1;1;s;1;AAAA'];
    for (const [method, target, headers] of [
      ['PUT', '/box/k', ['content-length', '0']],
      ['POST', '/box/k?uploads', []],
      ['PUT', '/box/k', ['x-amz-copy-source', '/box/s', 'x-amz-metadata-directive', 'REPLACE']],
    ] as const) {
      const { exchange, steps } = await run({}, method, target, [...headers, ...envelope]);
      assert.equal(exchange.status(), 400);
      assert.equal(steps.includes('forward'), false);
    }
  });

  it('refuses a request without a body that declares the digest of one', async () => {
    const { exchange, steps } = await run({}, 'DELETE', '/box/k', ['x-amz-content-sha256', '0'.repeat(64)]);
    assert.equal(exchange.status(), 400);
    assert.equal(steps.includes('forward'), false);
  });

  it('gives no last byte of a body whose end is empty before it has ended', async () => {
    let received = 0;
    let ended = false;
    async function* source(): AsyncGenerator<Buffer> {
      yield* chunks('12345', '67890', '', '');
      assert.ok(received < 10);
      ended = true;
    }
    for await (const chunk of withholdLast(source(), 10, incomplete)) received += chunk.length;
    assert.ok(ended);
    assert.equal(received, 10);
  });

  it('gives no byte that completes a body of which more comes', async () => {
    let received = 0;
    await assert.rejects(
      async () => {
        for await (const chunk of withholdLast(chunks('12345', '67890', 'x'), 10, incomplete)) received += chunk.length;
      },
      { code: 'IncompleteBody' },
    );
    assert.equal(received, 5);
  });

  it('takes no more memory for a body that comes byte by byte than for one in a piece', async () => {
    const sizeBytes = 4 * 1024 * 1024;
    const slab = Buffer.alloc(65_536, 'x');
    let peakBytes = 0;
    // eslint-disable-next-line @typescript-eslint/require-await -- as a socket gives it
    async function* byteByByte(): AsyncGenerator<Buffer, void, undefined> {
      for (let index = 0; index < sizeBytes; index += 1) {
        yield slab.subarray(index % slab.length, (index % slab.length) + 1);
        if (index % slab.length === 0) peakBytes = Math.max(peakBytes, process.memoryUsage().heapUsed);
      }
    }
    const beforeBytes = process.memoryUsage().heapUsed;
    const whole = new WholeBody(sizeBytes);
    for await (const piece of byteByByte()) whole.add(piece);
    const body = whole.end();
    assert.equal(body.length, sizeBytes);
    assert.ok(body.equals(Buffer.alloc(sizeBytes, 'x')));
    assert.ok(peakBytes - beforeBytes < 256 * 1024 * 1024, `${peakBytes - beforeBytes} bytes`);
  });
});

describe('documents', () => {
  const TAGS = '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>';
  const put = (behaviour: Behaviour, document: string, headers: readonly string[] = []) =>
    run(behaviour, 'PUT', '/box/k?tagging', ['content-length', String(document.length), ...headers], document);

  it('are read when they are allowed, and not before', async () => {
    const { steps } = await put({}, TAGS);
    assert.ok(steps.indexOf('body read') > steps.indexOf('intent durable'));
    const denied = await put({ decision: 'deny' }, TAGS);
    assert.equal(denied.steps.includes('body read'), false);
  });

  it('never reach the store when they are not what their digest says, or not understood', async () => {
    const md5 = createHash('md5').update('another').digest('base64');
    for (const [document, headers] of [
      [TAGS, ['content-md5', md5]],
      [TAGS, ['x-amz-content-sha256', '0'.repeat(64)]],
      ['<Tagging><!DOCTYPE x></Tagging>', []],
      ['<Tagging>'.repeat(7000), []],
    ] as const) {
      const { exchange, steps } = await put({}, document, headers);
      assert.equal(exchange.status(), 400);
      assert.equal(steps.includes('forward'), false);
    }
  });

  it('are written anew for the store', async () => {
    const { sent } = await put({}, TAGS.replace('<TagSet>', '\n <TagSet>'));
    assert.equal((sent[0]?.body as Buffer).includes('\n <TagSet>'), false);
    assert.match((sent[0]?.body as Buffer).toString(), /<Key>a<\/Key>/);
  });

  it('of an upload that ends make its record the failure that the store told within its 200', async () => {
    const document =
      '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"e"</ETag></Part></CompleteMultipartUpload>';
    const answer = () => ({
      status: 200,
      body: chunks('<?xml version="1.0" encoding="UTF-8"?>\n', '   \n  ', '<Error><Code>InvalidPart</Code></Error>'),
    });
    const headers = ['content-length', String(document.length)];
    const { exchange, entries } = await run({ answer }, 'POST', '/box/k?uploadId=u', headers, document);
    assert.equal(exchange.status(), 400);
    assert.equal(entries.at(-1)?.['error' as never], 'InvalidPart');
    assert.equal(entries.at(-1)?.['result' as never], 'failed');
  });
});
