/** Differential: what the maintained library and aws4 sign is accepted; what was changed on the way never is. */
import assert from 'node:assert/strict';
import { createHash, createHmac, hash } from 'node:crypto';
import { SignatureV4 } from '@aws-sdk/signature-v4';
import aws4 from 'aws4';
import fc from 'fast-check';
import { triesOf } from '../support/chance.ts';
import { GatewayError } from '../../src/errors/gateway-error.ts';
import { encodePath, encodeQueryComponent } from '../../src/s3/encode.ts';
import { parseTarget } from '../../src/s3/request/request-target.ts';
import type { RawRequest } from '../../src/s3/request/request.ts';
import { canonicalQuery, joinQuery } from '../../src/sigv4/canonical-request.ts';
import { encodedQuery } from '../../src/sigv4/encoded-target.ts';
import { parseSignature } from '../../src/sigv4/parse-signature.ts';
import { createRequestSigner } from '../../src/sigv4/signer.ts';
import { createSigningKeys } from '../../src/sigv4/signing-key.ts';
import { verifySignature } from '../../src/sigv4/verify-signature.ts';

/** The digest of node:crypto in the shape that the library asks for. */
class Sha256 {
  readonly #digest: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    if (secret === undefined) this.#digest = createHash('sha256');
    else this.#digest = createHmac('sha256', typeof secret === 'string' ? secret : bytes(secret));
  }

  update(chunk: string | ArrayBuffer | ArrayBufferView): void {
    this.#digest.update(typeof chunk === 'string' ? chunk : bytes(chunk));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#digest.digest());
  }

  reset(): void {
    throw new Error('is never asked for');
  }
}

function bytes(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

const NOW = new Date('2026-11-05T06:07:08Z');
const REGION = 'eu-west-3';
const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const keys = createSigningKeys();

const key = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
  fc.stringMatching(/^[ -~]{1,60}$/),
  fc.constantFrom('a//b', '../..', './.', '/leading', 'a+b c', '%2F', '%', "!'()*", '~_-.', 'ümläut/日本/😀'),
);
const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 30 }), fc.stringMatching(/^[ -~]{0,30}$/));
/** Both signers keep the query in an object, and so lose the one name that no object keeps. */
const parameter = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((name) => name !== '__proto__' && !/^x-amz-/i.test(name));
const query = fc.uniqueArray(fc.tuple(parameter, text), {
  selector: ([name]) => name,
  maxLength: 6,
});
const headers = fc.dictionary(
  fc.constantFrom('content-type', 'content-md5', 'if-match', 'x-amz-acl', 'x-amz-meta-a', 'x-amz-meta-b_c'),
  fc.stringMatching(/^[ -~]{0,40}$/),
);
const token = fc.option(fc.stringMatching(/^[A-Za-z0-9/+=]{1,40}$/), { nil: undefined });

function credentials(sessionToken: string | undefined): {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
} {
  const base = { accessKeyId: 'SPLYABCDEFGHIJKLMNOP', secretAccessKey: SECRET };
  return sessionToken === undefined ? base : { ...base, sessionToken };
}

function verify(raw: RawRequest): void {
  const claims = parseSignature(raw);
  assert.ok(claims !== undefined);
  const index = raw.rawHeaders.findIndex((name) => name.toLowerCase() === 'x-amz-content-sha256');
  const payloadHash = (index < 0 ? undefined : raw.rawHeaders[index + 1]) ?? 'UNSIGNED-PAYLOAD';
  const signingKey = keys({ accessKeyId: '', secretAccessKey: SECRET, sessionToken: undefined }, claims);
  verifySignature(claims, { raw, payloadHash, nowMs: NOW.getTime(), service: 's3', regions: [REGION] }, signingKey);
}

/** `null`: refused. */
function parseSignatureOf(raw: RawRequest): ReturnType<typeof parseSignature> | null {
  try {
    return parseSignature(raw);
  } catch {
    return null;
  }
}

function rawOf(method: string, path: string, pairs: readonly (readonly [string, string])[], all: object): RawRequest {
  const encoded = pairs.map(([name, value]) => `${encodeQueryComponent(name)}=${encodeQueryComponent(value)}`);
  const target = encoded.length === 0 ? path : `${path}?${encoded.join('&')}`;
  return { method, target, rawHeaders: Object.entries(all).flat().map(String) };
}

/** Writes a key into a path; `how` says in turn of its bytes: as it is where that can be sent, or escaped in either case. */
function spelled(name: string, how: readonly number[]): string {
  return [...Buffer.from(name)]
    .map((byte, index) => {
      const character = String.fromCharCode(byte);
      const variant = how[index % how.length];
      if (variant === 0 && /[!-~]/.test(character) && !/[%?#]/.test(character)) return character;
      const hex = byte.toString(16).padStart(2, '0');
      return `%${variant === 1 ? hex.toUpperCase() : hex}`;
    })
    .join('');
}

describe('fuzz: sigv4 inbound', () => {
  it('accepts what the maintained library signs and presigns, and nothing that differs in one place', async () => {
    const oracleOf = (sessionToken: string | undefined): SignatureV4 =>
      new SignatureV4({
        credentials: credentials(sessionToken),
        region: REGION,
        service: 's3',
        sha256: Sha256,
        uriEscapePath: false,
      });
    await fc.assert(
      fc.asyncProperty(
        key,
        query,
        headers,
        token,
        fc.boolean(),
        fc.nat(),
        async (name, pairs, input, session, isPresigned, offset) => {
          const path = `/bucket/${encodePath(name)}`;
          const request = {
            method: 'PUT',
            protocol: 'https:',
            hostname: 'gateway',
            path,
            query: Object.fromEntries(pairs),
            headers: {
              ...input,
              host: 'gateway',
              'x-amz-content-sha256': isPresigned ? 'UNSIGNED-PAYLOAD' : hash('sha256', ''),
            },
          };
          const oracle = oracleOf(session);
          const done = isPresigned
            ? await oracle.presign(request, {
                signingDate: NOW,
                expiresIn: 60,
                unhoistableHeaders: new Set(Object.keys(input)),
                signableHeaders: new Set(Object.keys(input)),
              })
            : await oracle.sign(request, { signingDate: NOW });
          const all = Object.entries(done.query ?? {}) as [string, string][];
          const raw = rawOf('PUT', path, all, done.headers);
          verify(raw);
          const { target } = raw;
          const at = 1 + (offset % (target.length - 1));
          const other = target[at] === 'x' ? 'y' : 'x';
          const changed = { ...raw, target: target.slice(0, at) + other + target.slice(at + 1) };
          // Without its question mark a presigned URL carries no signature at all.
          if (parseSignatureOf(changed) !== undefined) assert.throws(() => verify(changed), GatewayError);
        },
      ),
      { numRuns: triesOf(300) },
    );
  });

  it('accepts what aws4 signs in header and query', () => {
    fc.assert(
      fc.property(query, token, fc.boolean(), (pairs, session, signQuery) => {
        const path = rawOf(
          'GET',
          '/bucket/a%20b',
          [...pairs, ...(signQuery ? [['X-Amz-Date', '20261105T060708Z'] as const] : [])],
          {},
        ).target;
        const request = aws4.sign(
          {
            service: 's3',
            region: REGION,
            host: 'gateway.example',
            path,
            headers: signQuery ? {} : { 'x-amz-date': '20261105T060708Z' },
            signQuery,
          },
          credentials(session),
        );
        verify({
          method: 'GET',
          target: request.path ?? '',
          rawHeaders: Object.entries(request.headers ?? {})
            .flat()
            .map(String),
        });
      }),
      { numRuns: triesOf(300) },
    );
  });

  it('takes a key in every spelling of its path, signed encoded or as it is sent, and never another key', () => {
    const pieces = ['a', '/', '//', '%2F', '%2f', '%', '%25', '+', '%2B', ' ', '%20', '.', '..', '(', '%28', '=', 'é'];
    const nearKey = fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 4 }).map((parts) => parts.join(''));
    const spelling = fc.array(fc.nat(2), { minLength: 1, maxLength: 12 });
    const sign = createRequestSigner();
    let others = 0;
    fc.assert(
      fc.property(nearKey, nearKey, spelling, spelling, fc.boolean(), (one, other, how, howElse, isSignedAsSent) => {
        const sent = `/bucket/${spelled(one, how)}`;
        assert.equal(parseTarget(sent).key, one);
        const request = {
          ...{
            method: 'GET',
            host: 'gateway',
            query: [],
            headers: {},
            payloadHash: 'UNSIGNED-PAYLOAD',
            region: REGION,
          },
          path: isSignedAsSent ? sent : `/bucket/${encodePath(one)}`,
        };
        const signed = sign(request, { ...credentials(undefined), sessionToken: undefined }, NOW.getTime());
        const raw = { method: 'GET', target: sent, rawHeaders: Object.entries(signed.headers).flat() };
        verify(raw);
        const target = `/bucket/${spelled(other, howElse)}`;
        if (one === other) return;
        others += 1;
        assert.throws(() => verify({ ...raw, target }), { code: 'SignatureDoesNotMatch' }, target);
      }),
      { numRuns: triesOf(3000) },
    );
    assert.ok(others > triesOf(1000), `${others} were other keys`);
  });

  it('canonicalises the very query that is obeyed, however it is spelled', () => {
    const piece = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'prefix', '=', '&', '+', '%20', '%2B', '%26', '%3d', '%3D') },
      fc.constantFrom(
        '%70refix',
        '%C3%A9',
        '%c3%a9',
        '%25',
        '%2525',
        '%',
        '%ff',
        '%00',
        '~',
        '%7E',
        '*',
        '?',
        '/',
        ';',
      ),
      fc.stringMatching(/^[!-~]{0,8}$/),
    );
    let read = 0;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 16 }), (pieces) => {
        const target = `/bucket?${pieces.join('')}`;
        let query;
        try {
          ({ query } = parseTarget(target));
        } catch (error) {
          assert.ok(error instanceof GatewayError, String(error));
          return;
        }
        read += 1;
        assert.equal(joinQuery(encodedQuery(target)), canonicalQuery([...query]));
      }),
      { numRuns: triesOf(5000) },
    );
    assert.ok(read > triesOf(1000), `only ${read} queries were read`);
  });

  it('fails with an error of its own or not at all, whatever arrives', () => {
    const field = fc.oneof(
      fc.constantFrom('Authorization', 'x-amz-date', 'Date', 'Host', 'x-amz-security-token', 'x-amz-content-sha256'),
      fc.string({ unit: 'binary', maxLength: 12 }),
    );
    const scope = 'A/20261105/eu-west-3/s3/aws4_request';
    const value = fc.oneof(
      fc.constantFrom(
        `AWS4-HMAC-SHA256 Credential=${scope},SignedHeaders=host,Signature=${'a'.repeat(64)}`,
        '20261105T060708Z',
        'Thu, 05 Nov 2026 06:07:08 GMT',
        'AWS4-HMAC-SHA256 ',
      ),
      fc.string({ unit: 'binary', maxLength: 40 }),
    );
    const signedQuery = `/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${encodeURIComponent(scope)}&X-Amz-Date=20261105T060708Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=${'a'.repeat(64)}`;
    const target = fc.oneof(
      fc
        .tuple(
          fc.constantFrom('/b/k', signedQuery, '/\\[', '//', '/%', '/%ff', '/#'),
          fc.string({ unit: 'binary', maxLength: 20 }),
        )
        .map((parts) => parts.join('')),
      fc.string({ unit: 'binary', maxLength: 40 }),
    );
    let reached = 0;
    fc.assert(
      fc.property(fc.string(), target, fc.array(fc.tuple(field, value), { maxLength: 5 }), (method, path, input) => {
        const raw = { method, target: path, rawHeaders: input.flat() };
        try {
          const claims = parseSignature(raw);
          if (claims !== undefined) verify(raw);
        } catch (error) {
          assert.ok(error instanceof GatewayError, String(error));
          if (error.clientFields['CanonicalRequest'] !== undefined) reached += 1;
        }
      }),
      {
        numRuns: triesOf(3000),
        examples: ['/\\[', '/%', '/%ff', '/\u00ff', '/#?'].map((path) => [
          'GET',
          path,
          [
            [
              'Authorization',
              `AWS4-HMAC-SHA256 Credential=${scope},SignedHeaders=host;x-amz-content-sha256,Signature=${'a'.repeat(64)}`,
            ],
            ['x-amz-content-sha256', 'UNSIGNED-PAYLOAD'],
            ['Date', '20261105T060708Z'],
            ['host', 'h'],
          ],
        ]),
      },
    );
    assert.ok(reached > 0, 'no message came as far as its signature');
  });
});
