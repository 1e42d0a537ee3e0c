/** Differential: the maintained library is the oracle for our own signer, on hostile keys, queries and headers. */
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@aws-sdk/signature-v4';
import fc from 'fast-check';
import { createSigner } from '../../src/core/upstream/signer.ts';
import { encodePath } from '../../src/s3/encode.ts';
import { createRequestSigner, EMPTY_PAYLOAD, UNSIGNED_PAYLOAD } from '../../src/sigv4/signer.ts';

/** The digest of node:crypto in the shape that the library asks for. */
class Sha256 {
  readonly #secret: string | Uint8Array | undefined;
  #chunks: Uint8Array[] = [];

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    if (secret === undefined || typeof secret === 'string') this.#secret = secret;
    else if (ArrayBuffer.isView(secret)) {
      this.#secret = new Uint8Array(secret.buffer, secret.byteOffset, secret.byteLength);
    } else this.#secret = new Uint8Array(secret);
  }

  update(chunk: string | Uint8Array | ArrayBuffer | ArrayBufferView): void {
    if (typeof chunk === 'string') this.#chunks.push(Buffer.from(chunk));
    else if (ArrayBuffer.isView(chunk)) {
      this.#chunks.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    } else this.#chunks.push(new Uint8Array(chunk));
  }

  digest(): Promise<Uint8Array> {
    const hash = this.#secret === undefined ? createHash('sha256') : createHmac('sha256', this.#secret);
    for (const chunk of this.#chunks) hash.update(chunk);
    return Promise.resolve(hash.digest());
  }

  reset(): void {
    this.#chunks = [];
  }
}

const key = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
  fc.stringMatching(/^[ -~]{1,60}$/),
  fc.constantFrom('a//b', '../..', './.', '/leading', 'a+b c', '%2F', '%', "!'()*", '~_-.', 'ümläut/日本/😀'),
);
const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 30 }), fc.stringMatching(/^[ -~]{0,30}$/));
const query = fc.uniqueArray(fc.tuple(text, text), {
  selector: ([name]) => name,
  maxLength: 8,
});
const headers = fc.dictionary(
  fc.constantFrom('content-type', 'content-md5', 'range', 'if-match', 'expires', 'x-amz-meta-a', 'x-amz-meta-b_c'),
  fc.stringMatching(/^[\t -~]{0,40}$/),
);

describe('fuzz: sigv4', () => {
  it('signs as the maintained library does', async () => {
    const signer = createRequestSigner();
    const property = fc.asyncProperty(
      key,
      query,
      headers,
      fc.option(fc.stringMatching(/^[A-Za-z0-9/+=]{1,40}$/), { nil: undefined }),
      fc.date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true }),
      fc.boolean(),
      async (objectKey, pairs, input, sessionToken, date, hasBody) => {
        // The library leaves this one parameter out of its query, as a presigned request must.
        fc.pre(pairs.every(([name]) => name !== '__proto__' && name.toLowerCase() !== 'x-amz-signature'));
        const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret/+key', sessionToken };
        const payloadHash = hasBody ? UNSIGNED_PAYLOAD : EMPTY_PAYLOAD;
        const path = `/bucket/${encodePath(objectKey)}`;
        const region = 'eu-west-3';
        const ours = signer(
          { method: 'PUT', host: 'store:9000', path, query: pairs, headers: input, payloadHash, region },
          credentials,
          date.getTime(),
        );
        const oracle = new SignatureV4({
          credentials: {
            accessKeyId: credentials.accessKeyId,
            secretAccessKey: credentials.secretAccessKey,
            ...(sessionToken !== undefined && { sessionToken }),
          },
          region,
          service: 's3',
          sha256: Sha256,
          uriEscapePath: false,
        });
        const theirs = await oracle.sign(
          {
            method: 'PUT',
            protocol: 'http:',
            hostname: 'store',
            port: 9000,
            path,
            query: Object.fromEntries(pairs),
            headers: { ...input, host: 'store:9000', 'x-amz-content-sha256': payloadHash },
          },
          { signingDate: date },
        );
        assert.equal(ours.headers['authorization'], theirs.headers['authorization']);
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });

  it('signs requests to the host of a bucket as the maintained library does, whatever the key begins with', async () => {
    const signer = createSigner();
    const store = { name: 'main', endpoint: 'https://store.example:9000', region: 'eu-west-3' };
    const bucket = { store, storeBucket: 'reports.2026', style: 'virtual' } as const;
    const property = fc.asyncProperty(
      fc.oneof(
        key,
        key.map((name) => `/${name}`),
        key.map((name) => `//${name}`),
        fc.constant(''),
      ),
      query,
      headers,
      fc.date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true }),
      async (objectKey, pairs, input, date) => {
        fc.pre(pairs.every(([name]) => name !== '__proto__' && name.toLowerCase() !== 'x-amz-signature'));
        const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret/+key', sessionToken: 'session' };
        const ours = signer.sign(
          { bucket, method: 'GET', key: objectKey, query: pairs, headers: input },
          { ...credentials, expiresAtMs: 1 },
          date.getTime(),
        );
        const oracle = new SignatureV4({
          ...{ credentials, region: store.region, service: 's3', sha256: Sha256, uriEscapePath: false },
        });
        const host = 'reports.2026.store.example:9000';
        const theirs = await oracle.sign(
          {
            method: 'GET',
            protocol: 'https:',
            hostname: 'reports.2026.store.example',
            port: 9000,
            path: `/${encodePath(objectKey)}`,
            query: Object.fromEntries(pairs),
            headers: { ...input, host, 'x-amz-content-sha256': EMPTY_PAYLOAD },
          },
          { signingDate: date },
        );
        assert.equal(ours.headers['authorization'], theirs.headers['authorization']);
        assert.equal(ours.headers['host'], host);
        assert.equal(ours.origin, `https://${host}`);
        assert.equal(ours.target.split('?')[0], `/${encodePath(objectKey)}`);
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });
});
