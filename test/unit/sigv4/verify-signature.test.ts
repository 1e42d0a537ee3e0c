import assert from 'node:assert/strict';
import { createHmac, hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import type { RawRequest } from '../../../src/s3/request/request.ts';
import { parseSignature, type SignatureClaims } from '../../../src/sigv4/parse-signature.ts';
import { createSigningKeys } from '../../../src/sigv4/signing-key.ts';
import { verifySignature, type Expected } from '../../../src/sigv4/verify-signature.ts';
import { CREDENTIALS, expected, header, keyOf, NOW_MS, REGION, signed, withHeader, type ToSign } from './fixture.ts';

interface Suite {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly time: string;
  readonly region: string;
  readonly service: string;
  readonly payloadHash: string;
  /** `payloadHash`: of the cases that have a body. */
  readonly cases: readonly { readonly name: string; readonly request: string; readonly payloadHash?: string }[];
}

interface Examples {
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly examples: readonly {
    readonly name: string;
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly payloadHash: string;
    readonly signature: string;
  }[];
}

interface Chunked extends Omit<Suite, 'cases' | 'service'> {
  readonly presigned: { readonly host: string; readonly target: string };
}

function vectors(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../vectors/sigv4/${name}`, import.meta.url), 'utf8'));
}

/** As Node gives a request: one character per byte. */
function received(text: string): RawRequest {
  const [first = '', ...lines] = Buffer.from(text).toString('latin1').trimEnd().split('\n');
  const [method = '', target = ''] = first.split(' ');
  const rawHeaders = lines.flatMap((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]);
  return { method, target, rawHeaders };
}

function claimsOf(raw: RawRequest): SignatureClaims {
  const claims = parseSignature(raw);
  assert.ok(claims !== undefined);
  return claims;
}

function verify(raw: RawRequest, changes: Partial<Expected> = {}): void {
  const claims = claimsOf(raw);
  verifySignature(claims, expected(raw, changes), keyOf(claims));
}

function refusal(raw: RawRequest, changes: Partial<Expected> = {}): GatewayError {
  try {
    verify(raw, changes);
  } catch (error) {
    assert.ok(error instanceof GatewayError);
    return error;
  }
  return assert.fail('was accepted');
}

describe('sigv4/verify-signature', () => {
  describe('published vectors', () => {
    const suite = vectors('aws-test-suite.json') as Suite;
    for (const { name, request, payloadHash = suite.payloadHash } of suite.cases) {
      it(`accepts "${name}" of the test suite`, () => {
        const raw = received(request);
        const claims = claimsOf(raw);
        const key = createSigningKeys()({ ...suite, sessionToken: undefined }, claims);
        const { service, region, time } = suite;
        const nowMs = Date.parse(time);
        verifySignature(claims, { raw, payloadHash, service, regions: [region], nowMs }, key);
        const changed = { ...raw, method: 'HEAD' };
        assert.throws(
          () => verifySignature(claims, { raw: changed, payloadHash, service, regions: [region], nowMs }, key),
          { code: 'SignatureDoesNotMatch' },
        );
      });
    }

    const documented = vectors('aws-s3-examples.json') as Examples;
    const targets = new Map([
      ['GET object', '/test.txt'],
      ['PUT object', '/test%24file.text'],
      ['GET bucket lifecycle', '/?lifecycle'],
      ['GET bucket, list objects', '/?max-keys=2&prefix=J'],
    ]);
    for (const { name, method, headers, payloadHash, signature } of documented.examples) {
      it(`accepts the documented example "${name}"`, () => {
        const all: Record<string, string> = {
          ...headers,
          host: 'examplebucket.s3.amazonaws.com',
          'x-amz-content-sha256': payloadHash,
          'x-amz-date': '20130524T000000Z',
        };
        const names = Object.keys(all).sort().join(';');
        const scope = `${documented.credentials.accessKeyId}/20130524/us-east-1/s3/aws4_request`;
        all['Authorization'] = `AWS4-HMAC-SHA256 Credential=${scope},SignedHeaders=${names},Signature=${signature}`;
        const raw = { method, target: targets.get(name) ?? '', rawHeaders: Object.entries(all).flat() };
        const claims = claimsOf(raw);
        const key = createSigningKeys()({ ...documented.credentials, sessionToken: undefined }, claims);
        verifySignature(claims, expected(raw, { nowMs: Date.parse('2013-05-24T00:00:00Z') }), key);
      });
    }

    it('accepts the documented presigned URL until it expires', () => {
      const chunked = vectors('aws-s3-chunked.json') as Chunked;
      const raw = { method: 'GET', target: chunked.presigned.target, rawHeaders: ['Host', chunked.presigned.host] };
      const claims = claimsOf(raw);
      const key = createSigningKeys()({ ...chunked, sessionToken: undefined }, claims);
      const end = Date.parse(chunked.time) + 86_400_000;
      verifySignature(claims, expected(raw, { nowMs: end }), key);
      assert.throws(() => verifySignature(claims, expected(raw, { nowMs: end + 1 }), key), { code: 'RequestExpired' });
    });
  });

  it('takes a presigned URL of zero seconds for one that has expired, in the second of its making too', () => {
    const { raw, claims } = signed({ signQuery: true });
    const none = { ...claims, expiresSeconds: 0 };
    assert.throws(() => verifySignature(none, expected(raw), keyOf(claims)), { code: 'RequestExpired' });
  });

  describe('what is signed', () => {
    const messages: readonly [string, ToSign][] = [
      ['a plain GET', {}],
      ['a hostile path', { path: '/bucket/a//../%2B./%F0%9F%98%80%20%27' }],
      ['a query without values', { path: '/bucket?versioning&delimiter=%2F&prefix=a%20b' }],
      ['metadata with runs of spaces', { method: 'PUT', headers: { 'x-amz-meta-a': '  x   y  ' } }],
      ['a session token', { sessionToken: 'abc+/=' }],
      ['a presigned GET', { signQuery: true, path: '/bucket/a%20b?versionId=v%2F1' }],
      ['a presigned GET of a session', { signQuery: true, sessionToken: 'abc+/=' }],
    ];
    for (const [name, message] of messages) {
      it(`accepts ${name}, and refuses it with any part changed`, () => {
        const { raw } = signed(message);
        verify(raw);
        assert.equal(refusal({ ...raw, method: raw.method === 'GET' ? 'PUT' : 'GET' }).code, 'SignatureDoesNotMatch');
        assert.equal(
          refusal({ ...raw, target: raw.target.replace('/bucket', '/other') }).code,
          'SignatureDoesNotMatch',
        );
        const joint = raw.target.includes('?') ? '&' : '?';
        assert.equal(refusal({ ...raw, target: `${raw.target}${joint}acl` }).code, 'SignatureDoesNotMatch');
        assert.equal(refusal(withHeader(raw, 'host', 'other.example')).code, 'SignatureDoesNotMatch');
      });
    }

    it('reads a plus in a query as the space that S3 reads', () => {
      const { raw } = signed({ path: '/bucket?prefix=a%20b' });
      verify({ ...raw, target: '/bucket?prefix=a+b' });
      assert.equal(refusal({ ...raw, target: '/bucket?prefix=a%2Bb' }).code, 'SignatureDoesNotMatch');
    });

    it('takes query parameters in any order and spelling', () => {
      const { raw } = signed({ path: '/bucket?a=1&b=%7E&c=' });
      verify({ ...raw, target: '/bucket?c&b=~&%61=1' });
    });

    for (const [client, path, targets] of [
      ['aws4fetch', '/bucket/photo%20%281%29.jpg', ['/bucket/photo%20(1).jpg']],
      ['fetch', '/bucket/x%3D1/a%21b%2Ac%3Ad%40e%27s', ["/bucket/x=1/a!b*c:d@e's"]],
      ['Apache HttpClient in Java', '/bucket//lead/a//b', ['/bucket/%2Flead/a/%2Fb', '/bucket/%2flead/a%2F/b']],
      ['curl', '/bucket/a%2Bb//c', ['/bucket/a+b//c', '/bucket/a%2bb//c', '/bucket/%61%2Bb//c']],
    ] as const) {
      it(`takes a path that was signed encoded and sent otherwise: ${client}`, () => {
        const { raw } = signed({ path });
        for (const target of [path, ...targets]) verify({ ...raw, target });
      });
    }

    it('never normalises a path, nor takes one key for another', () => {
      const { raw } = signed({ path: '/bucket/a%2Bb//c' });
      for (const path of ['a%252Bb//c', 'a%20b//c', 'a%2Bb/c', './a%2Bb//c', 'x/../a%2Bb//c', 'a%2Bb%252F/c']) {
        assert.equal(refusal({ ...raw, target: `/bucket/${path}` }).code, 'SignatureDoesNotMatch', path);
      }
    });

    it('refuses a target in absolute form', () => {
      const { raw } = signed({});
      assert.equal(refusal({ ...raw, target: `http://gateway.example${raw.target}` }).code, 'InvalidURI');
    });

    it('signs the bytes of a header that is not ASCII', () => {
      const { raw } = signed({ method: 'PUT', headers: { 'x-amz-meta-a': 'à 日本' } });
      const arrived = Buffer.from('à 日本').toString('latin1');
      verify(withHeader(raw, 'x-amz-meta-a', arrived));
    });

    it('holds a declared payload hash against the one that the body will be held against', () => {
      const { raw } = signed({});
      assert.equal(refusal(raw, { payloadHash: 'UNSIGNED-PAYLOAD' }).code, 'InvalidRequest');
    });

    it('accepts a signed transfer-encoding that arrives as it was sent', () => {
      const { raw, claims } = signed({ method: 'PUT', headers: { 'transfer-encoding': 'chunked' } });
      assert.ok(claims.signedHeaders.includes('transfer-encoding'));
      verify(raw);
      assert.equal(refusal(withHeader(raw, 'transfer-encoding', undefined)).code, 'SignatureDoesNotMatch');
    });
  });

  describe('coverage', () => {
    const covered = [
      ...['x-amz-acl', 'x-amz-meta-added', 'x-amz-security-token'],
      // Who could take it away unnoticed would have the request performed.
      ...['x-sallyport-store-token', 'x-sallyport-dry-run'],
    ];
    for (const name of ['content-type', 'content-md5']) {
      it(`takes a ${name} that is not signed, as S3 does, unless configuration asks for its signature`, () => {
        const raw = withHeader(signed({}).raw, name, 'x');
        verify(raw);
        const error = refusal(raw, { requireSignedContentHeaders: true });
        assert.equal(error.code, 'SignatureDoesNotMatch');
        assert.equal(error.clientFields['HeadersNotSigned'], name);
      });

      it(`verifies a ${name} that is signed`, () => {
        const { raw } = signed({ headers: { [name]: 'x' } });
        verify(raw, { requireSignedContentHeaders: true });
        for (const value of ['y', undefined]) {
          assert.equal(refusal(withHeader(raw, name, value)).code, 'SignatureDoesNotMatch');
        }
      });
    }

    for (const name of covered) {
      it(`refuses a ${name} that is not signed`, () => {
        const error = refusal(withHeader(signed({}).raw, name, 'x'));
        assert.equal(error.code, 'SignatureDoesNotMatch');
        assert.equal(error.clientFields['HeadersNotSigned'], name);
      });
    }

    it('refuses an unsigned x-amz header beside a presigned URL, but not the type that a browser names', () => {
      const { raw } = signed({ method: 'PUT', signQuery: true });
      verify(withHeader(raw, 'content-type', 'text/plain'), { requireSignedContentHeaders: true });
      for (const name of ['x-amz-acl', 'x-sallyport-store-token', 'x-sallyport-dry-run']) {
        assert.equal(refusal(withHeader(raw, name, 'private')).clientFields['HeadersNotSigned'], name);
      }
    });

    it('lets what hops add alone', () => {
      verify(withHeader(withHeader(signed({}).raw, 'x-forwarded-for', '::1'), 'x-amzn-trace-id', 'Root=1'));
    });

    it('refuses a signature that leaves the host out', () => {
      const { raw } = signed({});
      const authorization = header(raw, 'authorization')?.replace('SignedHeaders=host;', 'SignedHeaders=');
      const error = refusal(withHeader(raw, 'authorization', authorization));
      assert.equal(error.clientFields['HeadersNotSigned'], 'host');
    });

    it('refuses a header that is signed but did not arrive', () => {
      const { raw } = signed({ headers: { 'x-amz-acl': 'private' } });
      const error = refusal(withHeader(raw, 'x-amz-acl', undefined));
      assert.equal(error.clientFields['HeadersMissing'], 'x-amz-acl');
    });

    it('refuses repeats of headers that mean one thing', () => {
      for (const name of ['host', 'x-amz-content-sha256', 'content-type', 'range']) {
        const { raw } = signed({ headers: { 'content-type': 'a/b', range: 'bytes=0-1' } });
        const doubled = { ...raw, rawHeaders: [...raw.rawHeaders, name.toUpperCase(), header(raw, name) ?? ''] };
        assert.equal(refusal(doubled).code, 'InvalidRequest', name);
      }
    });

    for (const [name, values] of [
      ['content-encoding', ['gzip', 'aws-chunked']],
      ['x-amz-object-attributes', ['ETag', 'ObjectSize']],
      ['x-amz-meta-a', ['1', '2']],
    ] as const) {
      it(`takes lines of ${name} as the one list that was signed, in that order only`, () => {
        const { raw } = signed({ headers: { [name]: values.join(',') } });
        const lines = (items: readonly string[]): string[] => items.flatMap((value) => [name, ` ${value} `]);
        const { rawHeaders } = withHeader(raw, name, undefined);
        verify({ ...raw, rawHeaders: [...lines(values), ...rawHeaders] });
        const swapped = { ...raw, rawHeaders: [...lines(values.toReversed()), ...rawHeaders] };
        assert.equal(refusal(swapped).code, 'SignatureDoesNotMatch');
      });
    }

    it('needs x-amz-content-sha256 of an S3 request', () => {
      const { raw } = signed({});
      const authorization = header(raw, 'authorization')?.replace('x-amz-content-sha256;', '');
      const changed = withHeader(withHeader(raw, 'x-amz-content-sha256', undefined), 'authorization', authorization);
      assert.equal(refusal(changed).code, 'InvalidRequest');
    });
  });

  describe('scope and time', () => {
    it('refuses the scope of another service', () => {
      assert.equal(refusal(signed({}).raw, { service: 'sts' }).code, 'AuthorizationHeaderMalformed');
    });

    it('refuses another region and names its own, in header and query', () => {
      const regions = ['eu-central-9'];
      const inHeader = refusal(signed({}).raw, { regions });
      assert.equal(inHeader.code, 'AuthorizationHeaderMalformed');
      assert.equal(inHeader.clientFields['Region'], 'eu-central-9');
      assert.equal(refusal(signed({ signQuery: true }).raw, { regions }).code, 'AuthorizationQueryParametersError');
    });

    it('refuses a scope of another day than the date, though it is signed with the key of that day', () => {
      const { raw } = signed({});
      const authorization = header(raw, 'authorization')?.replace('/20261105/', '/20261104/');
      assert.equal(refusal(withHeader(raw, 'authorization', authorization)).code, 'AuthorizationHeaderMalformed');
    });

    it('allows fifteen minutes of skew either way, and not a millisecond more', () => {
      const { raw } = signed({});
      const skew = 15 * 60_000;
      verify(raw, { nowMs: NOW_MS + skew });
      verify(raw, { nowMs: NOW_MS - skew });
      for (const nowMs of [NOW_MS + skew + 1, NOW_MS - skew - 1]) {
        const error = refusal(raw, { nowMs });
        assert.equal(error.code, 'RequestTimeTooSkewed');
        assert.match(error.clientFields['LikelyCause'] ?? '', /^clock/);
      }
    });

    it('refuses a presigned URL of the future', () => {
      const { raw } = signed({ signQuery: true });
      assert.equal(refusal(raw, { nowMs: NOW_MS - 15 * 60_000 - 1 }).code, 'RequestTimeTooSkewed');
    });

    it('verifies by the Date header where there is no x-amz-date', () => {
      const scope = `20261105/${REGION}/s3/aws4_request`;
      const rest = 'host;x-amz-content-sha256\nUNSIGNED-PAYLOAD';
      const canonical = `GET\n/b\n\nhost:h\nx-amz-content-sha256:UNSIGNED-PAYLOAD\n\n${rest}`;
      const text = `AWS4-HMAC-SHA256\n20261105T060708Z\n${scope}\n${hash('sha256', canonical)}`;
      const key = keyOf({ date: '20261105', region: REGION, service: 's3' });
      const signature = createHmac('sha256', key).update(text).digest('hex');
      const credential = `${CREDENTIALS.accessKeyId}/${scope}`;
      const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host;x-amz-content-sha256, Signature=${signature}`;
      const headers = ['Host', 'h', 'Authorization', authorization, 'x-amz-content-sha256', 'UNSIGNED-PAYLOAD'];
      const at = (date: string): RawRequest => ({
        method: 'GET',
        target: '/b',
        rawHeaders: [...headers, 'Date', date],
      });
      verify(at('Thu, 05 Nov 2026 06:07:08 GMT'));
      assert.equal(refusal(at('Thu, 05 Nov 2026 06:07:09 GMT')).code, 'SignatureDoesNotMatch');
    });
  });

  it('refuses a bad signature of the request whatever its body carries: chunks without signatures too', () => {
    for (const kind of [
      'UNSIGNED-PAYLOAD',
      'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
    ]) {
      const { raw, claims } = signed({ method: 'PUT', headers: { 'x-amz-content-sha256': kind } });
      verify(raw);
      const authorization = header(raw, 'authorization')?.replace(claims.signature, '0'.repeat(64));
      assert.equal(refusal(withHeader(raw, 'authorization', authorization)).code, 'SignatureDoesNotMatch', kind);
    }
  });

  describe('explaining a mismatch', () => {
    const causes: readonly [RegExp, ToSign, (raw: RawRequest) => RawRequest][] = [
      [/^host: .* gateway\.example,/, {}, (raw) => withHeader(raw, 'host', 'gateway.example:9000')],
      [/^path: .* encoded twice/, { path: '/bucket/a%2520b' }, (raw) => ({ ...raw, target: '/bucket/a%20b' })],
      [/^path: .* normalised/, { path: '/bucket/a/b' }, (raw) => ({ ...raw, target: '/bucket/a//./b' })],
      [/^method: .* GET/, { signQuery: true }, (raw) => ({ ...raw, method: 'HEAD' })],
      [
        /^header: accept-encoding/,
        { headers: { 'accept-encoding': 'identity' } },
        (raw) => withHeader(raw, 'accept-encoding', 'br'),
      ],
      [/^header: .* via/, { headers: { via: '1.1 a' } }, (raw) => withHeader(raw, 'via', '1.1 a, 1.1 b')],
      [/^key: /, {}, (raw) => withHeader(raw, 'x-amz-date', '20261105T060709Z')],
    ];
    for (const [cause, message, change] of causes) {
      it(`names the cause: ${cause.source}`, () => {
        const error = refusal(change(signed(message).raw));
        assert.equal(error.code, 'SignatureDoesNotMatch');
        assert.match(error.clientFields['LikelyCause'] ?? '', cause);
      });
    }

    it('shows what was canonicalised', () => {
      const { raw, claims } = signed({ path: '/bucket/key?b=&a=1' });
      const { clientFields } = refusal({ ...raw, method: 'PATCH' });
      assert.equal(clientFields['AWSAccessKeyId'], CREDENTIALS.accessKeyId);
      assert.equal(clientFields['SignatureProvided'], claims.signature);
      assert.match(clientFields['CanonicalRequest'] ?? '', /^PATCH\n\/bucket\/key\na=1&b=\nhost:gateway\.example\n/);
      assert.ok(clientFields['StringToSign']?.startsWith(`AWS4-HMAC-SHA256\n20261105T060708Z\n20261105/${REGION}/s3/`));
    });

    it('never shows a session token, a store token or a customer key, nor the right signature', () => {
      const secret = 'very-secret-value';
      const headers = { 'x-amz-server-side-encryption-customer-key': secret, 'x-sallyport-store-token': secret };
      for (const message of [
        { sessionToken: secret, headers },
        { path: `/bucket/key?x-sallyport-store-token=${secret}` },
        { sessionToken: secret, signQuery: true },
      ]) {
        const { raw, claims } = signed(message);
        const { clientFields, detail } = refusal({ ...raw, method: 'PATCH' });
        const right = signed({ ...message, method: 'PATCH' }).claims.signature;
        assert.notEqual(right, claims.signature);
        assert.doesNotMatch(JSON.stringify([clientFields, detail]), new RegExp(`${secret}|${right}`));
      }
    });

    it('refuses even a message whose variant fits', () => {
      const { raw } = signed({});
      assert.equal(refusal(withHeader(raw, 'host', 'gateway.example:443')).code, 'SignatureDoesNotMatch');
    });
  });

  it('refuses the signature of another key', () => {
    const { raw, claims } = signed({});
    const other = createSigningKeys()({ ...CREDENTIALS, secretAccessKey: 'other' }, claims);
    assert.throws(() => verifySignature(claims, expected(raw), other), { code: 'SignatureDoesNotMatch' });
  });
});
