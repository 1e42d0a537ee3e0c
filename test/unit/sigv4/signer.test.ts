import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { encodePath } from '../../../src/s3/encode.ts';
import {
  canonicalQuery,
  canonicalRequestHash,
  signedHeaderNames,
  textHash,
} from '../../../src/sigv4/canonical-request.ts';
import { createRequestSigner, EMPTY_PAYLOAD, formatAmzDate, type RequestToSign } from '../../../src/sigv4/signer.ts';

interface Example {
  readonly name: string;
  readonly method: string;
  readonly key: string;
  readonly query: [string, string][];
  readonly headers: Record<string, string>;
  readonly payloadHash: string;
  readonly canonicalRequestHash: string;
  readonly signature: string;
}

interface Vectors {
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly time: string;
  readonly region: string;
  readonly host: string;
  readonly examples: readonly Example[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../../vectors/sigv4/aws-s3-examples.json', import.meta.url), 'utf8'),
) as Vectors;
const nowMs = Date.parse(vectors.time);
const credentials = { ...vectors.credentials, sessionToken: undefined };

const GET: RequestToSign = {
  method: 'GET',
  host: 's3.example',
  path: '/bucket/a//../b',
  query: [],
  headers: {},
  payloadHash: EMPTY_PAYLOAD,
  region: 'eu-central-1',
};

describe('sigv4/signer', () => {
  for (const example of vectors.examples) {
    it(`signs the documented example "${example.name}"`, () => {
      const path = `/${encodePath(example.key)}`;
      const { query, headers, method, payloadHash } = example;
      const { host, region } = vectors;
      const signed = createRequestSigner()(
        { method, host, path, query, headers, payloadHash, region },
        credentials,
        nowMs,
      );
      const { authorization, ...covered } = signed.headers;
      const names = signedHeaderNames(covered);
      const requestHash = canonicalRequestHash({
        method,
        path,
        query: canonicalQuery(query),
        headers: covered,
        ...{ names, signedHeaders: names.join(';'), payloadHash },
      });
      assert.equal(requestHash, example.canonicalRequestHash);
      assert.match(authorization ?? '', new RegExp(`, Signature=${example.signature}$`));
    });
  }

  it('signs host, session token and every header that it is given', () => {
    const headers = { 'x-amz-meta-a': 'b', 'content-type': 'text/plain', 'if-match': '"e"' };
    const signed = createRequestSigner()({ ...GET, headers }, { ...credentials, sessionToken: 'token' }, nowMs);
    assert.match(
      signed.headers['authorization'] ?? '',
      /SignedHeaders=content-type;host;if-match;x-amz-content-sha256;x-amz-date;x-amz-meta-a;x-amz-security-token,/,
    );
    assert.equal(signed.headers['x-amz-security-token'], 'token');
  });

  it('leaves the path as it is: nothing is normalised or encoded again', () => {
    assert.equal(
      createRequestSigner()({ ...GET, path: '/b/%2B//.././x' }, credentials, nowMs).target,
      '/b/%2B//.././x',
    );
  });

  it('sends the query exactly as it signs it', () => {
    const query: [string, string][] = [
      ['prefix', 'a b+/'],
      ['list-type', '2'],
      ['x', ''],
    ];
    const { target } = createRequestSigner()({ ...GET, query }, credentials, nowMs);
    assert.equal(target, '/bucket/a//../b?list-type=2&prefix=a%20b%2B%2F&x=');
  });

  it('orders a query by encoded name, then by encoded value', () => {
    const query: [string, string][] = [
      ['a', 'z'],
      ['b', '1'],
      ['a', 'ä'],
      ['A', ''],
      ['a-', ''],
    ];
    assert.equal(canonicalQuery(query), 'A=&a=%C3%A4&a=z&a-=&b=1');
  });

  it('gives a new signature when the day changes under the same credentials', () => {
    const signer = createRequestSigner();
    const first = signer(GET, credentials, nowMs);
    const next = signer(GET, credentials, nowMs + 86_400_000);
    assert.deepEqual(next, createRequestSigner()(GET, credentials, nowMs + 86_400_000));
    assert.deepEqual(signer(GET, credentials, nowMs), first);
  });

  it('never signs with the key of other credentials, of the same access key included', () => {
    const signer = createRequestSigner();
    const first = signer(GET, credentials, nowMs);
    const second = signer(GET, { ...credentials, secretAccessKey: 'another' }, nowMs);
    const elsewhere = signer({ ...GET, region: 'us-east-1' }, credentials, nowMs);
    assert.notEqual(first.headers['authorization'], second.headers['authorization']);
    assert.deepEqual(elsewhere, createRequestSigner()({ ...GET, region: 'us-east-1' }, credentials, nowMs));
  });

  it('never lets the secret into what is sent', () => {
    const signed = createRequestSigner()(GET, { ...credentials, secretAccessKey: 'very-secret-value' }, nowMs);
    assert.doesNotMatch(JSON.stringify(signed), /very-secret-value/);
  });

  it('orders headers by code unit, however many there are', () => {
    for (const count of [0, 1, 2, 31, 32, 33, 200]) {
      const names = Array.from(
        { length: count },
        (_, index) => `x-amz-meta-${hash('md5', `${index}`).slice(0, 4)}${'-_.a'[index % 4]}`,
      );
      const headers = Object.fromEntries(names.map((name) => [name, '']));
      assert.deepEqual(signedHeaderNames(headers), Object.keys(headers).sort());
    }
  });

  it('hashes long requests and bytes beyond ASCII as they go on the wire, and no rest of a longer one before', () => {
    for (const length of [0, 1, 16_000, 16_384, 100_000, 3]) {
      const value = '\u00e4\u00ff'.repeat(length);
      const fields = { method: 'GET', path: '/', query: '', headers: { a: value, b: '' }, payloadHash: EMPTY_PAYLOAD };
      assert.equal(
        canonicalRequestHash({ ...fields, names: ['a', 'b'], signedHeaders: 'a;b' }),
        textHash(`GET\n/\n\na:${value}\nb:\n\na;b\n${EMPTY_PAYLOAD}`),
      );
    }
  });

  it('folds inner spaces for signing but sends the value as it is', () => {
    const sign = createRequestSigner();
    const spaced = sign({ ...GET, headers: { 'x-amz-meta-a': 'x \t  y' } }, credentials, nowMs);
    const folded = sign({ ...GET, headers: { 'x-amz-meta-a': 'x y' } }, credentials, nowMs);
    assert.equal(spaced.headers['authorization'], folded.headers['authorization']);
    assert.equal(spaced.headers['x-amz-meta-a'], 'x \t  y');
  });

  it('formats the time in UTC', () => {
    for (let repeated = 0; repeated < 2; repeated += 1) {
      assert.equal(formatAmzDate(Date.parse('2026-11-05T06:07:08.999Z')), '20261105T060708Z');
      assert.equal(formatAmzDate(Date.parse('2026-11-05T06:07:08.000Z')), '20261105T060708Z');
      assert.equal(formatAmzDate(Date.parse('2026-11-05T06:07:09.000Z')), '20261105T060709Z');
    }
    for (const never of [NaN, Infinity, 9e15]) assert.throws(() => formatAmzDate(never), RangeError);
  });
});
