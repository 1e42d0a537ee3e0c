/** What the maintained client puts on the wire, by the bytes that arrive: requests verified, bodies unframed. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { decodeChunked } from '../../../src/s3/body/aws-chunked.ts';
import { parseSignature } from '../../../src/sigv4/parse-signature.ts';
import { verifySignature } from '../../../src/sigv4/verify-signature.ts';
import { CREDENTIALS, expected, header, keyOf, REGION } from './fixture.ts';

const UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

const ignore = (): void => undefined;

interface Seen {
  readonly declaredHash: string | undefined;
  readonly data: Buffer;
  readonly checksum: Buffer | undefined;
}

describe('sigv4, as the JS SDK signs', () => {
  let server: Server;
  let client: S3Client;
  let endpoint: string;
  let seen: Seen[];

  before(async () => {
    server = createServer((incoming, outgoing) => {
      const raw = { method: incoming.method ?? '', target: incoming.url ?? '', rawHeaders: incoming.rawHeaders };
      const answer = async (): Promise<void> => {
        const claims = parseSignature(raw);
        assert.ok(claims !== undefined);
        verifySignature(claims, expected(raw, { nowMs: Date.now() }), keyOf(claims));
        const declaredHash = header(raw, 'x-amz-content-sha256');
        let body: AsyncIterable<Buffer> = incoming;
        let checksum: Buffer | undefined;
        if (declaredHash === UNSIGNED_TRAILER) {
          const sizeBytes = Number(header(raw, 'x-amz-decoded-content-length'));
          assert.equal(header(raw, 'x-amz-trailer'), 'x-amz-checksum-crc32');
          const options = { sizeBytes, trailer: 'CRC32', signatures: undefined } as const;
          body = decodeChunked(incoming, options, (value) => (checksum = value));
        }
        const parts: Buffer[] = [];
        for await (const part of body) parts.push(part);
        seen.push({ declaredHash, data: Buffer.concat(parts), checksum });
      };
      answer().then(
        () => outgoing.end(),
        (error: unknown) => {
          const code = error instanceof GatewayError ? error.code : String(error);
          outgoing.writeHead(403).end(`<Error><Code>${code}</Code></Error>`);
        },
      );
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    client = new S3Client({
      endpoint,
      region: REGION,
      forcePathStyle: true,
      maxAttempts: 1,
      logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
      credentials: { ...CREDENTIALS, sessionToken: 'a+session/token=' },
    });
  });

  beforeEach(() => {
    seen = [];
  });

  after(() => {
    client.destroy();
    server.close();
  });

  for (const Key of ['plain', "a b+c/!'()*~&=?#%/日本/😀", '/leading//double/./../dots/']) {
    it(`verifies the key ${JSON.stringify(Key)}`, async () => {
      const Metadata = { spaced: 'a   b', empty: '' };
      await client.send(new PutObjectCommand({ Bucket: 'bucket', Key, Body: 'hello', Metadata }));
      await client.send(new GetObjectCommand({ Bucket: 'bucket', Key, VersionId: 'a/b+c', Range: 'bytes=0-1' }));
      assert.equal(seen.length, 2);
      assert.equal(seen[0]?.data.toString(), 'hello');
    });
  }

  // `fetch` takes dot segments out of any URL, so that no signature of such a key could fit.
  for (const Key of ['plain', "a b+c/!'()*~&=?#%/日本/😀", '/leading//double/']) {
    it(`verifies a presigned URL of the key ${JSON.stringify(Key)}, that the browser gives a type`, async () => {
      const command = new PutObjectCommand({ Bucket: 'bucket', Key });
      const url = await getSignedUrl(client, command, { expiresIn: 60 });
      const answer = await fetch(url, { method: 'PUT', body: 'hello', headers: { 'content-type': 'text/plain' } });
      assert.equal(answer.status, 200, await answer.text());
      assert.equal((await fetch(url)).status, 403);
    });
  }

  it('unframes a stream, small first chunks and all, and gets its checksum from the trailer', async () => {
    const parts = [Buffer.alloc(100, 'a'), Buffer.alloc(70_000, 'b'), Buffer.alloc(1, 'c'), Buffer.alloc(300_000, 'd')];
    const data = Buffer.concat(parts);
    await client.send(
      new PutObjectCommand({ Bucket: 'bucket', Key: 'k', Body: Readable.from(parts), ContentLength: data.length }),
    );
    const [put] = seen;
    assert.equal(put?.declaredHash, UNSIGNED_TRAILER);
    assert.ok(put.data.equals(data));
    assert.equal(put.checksum?.readUInt32BE(), crc32(data));
  });

  it('refuses a stream that is shorter than its declared length', async () => {
    const command = new PutObjectCommand({
      Bucket: 'bucket',
      Key: 'k',
      Body: Readable.from([Buffer.alloc(100)]),
      ContentLength: 101,
    });
    await assert.rejects(client.send(command));
    assert.equal(seen.length, 0);
  });
});
