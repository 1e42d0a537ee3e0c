import assert from 'node:assert/strict';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import type { RawRequest } from '../../../src/s3/request/request.ts';
import { parseSignature } from '../../../src/sigv4/parse-signature.ts';

const HEX = 'a'.repeat(64);
const CREDENTIAL = 'SPLYABCDEFGHIJKLMNOP/20261105/eu-west-3/s3/aws4_request';
const AUTHORIZATION = `AWS4-HMAC-SHA256 Credential=${CREDENTIAL}, SignedHeaders=host;x-amz-date, Signature=${HEX}`;
const DATE = ['X-Amz-Date', '20261105T060708Z'];

function inHeader(authorization: string, rest: readonly string[] = DATE, target = '/'): RawRequest {
  return { method: 'GET', target, rawHeaders: ['Host', 'h', 'Authorization', authorization, ...rest] };
}

const PARAMETERS: Readonly<Record<string, string>> = {
  'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
  'X-Amz-Credential': encodeURIComponent(CREDENTIAL),
  'X-Amz-Date': '20261105T060708Z',
  'X-Amz-Expires': '900',
  'X-Amz-SignedHeaders': 'host',
  'X-Amz-Signature': HEX,
};

function inQuery(changes: Readonly<Record<string, string | undefined>> = {}, more = ''): RawRequest {
  const pairs = Object.entries({ ...PARAMETERS, ...changes }).filter(([, value]) => value !== undefined);
  const query = pairs.map(([name, value]) => `${name}=${value}`).join('&');
  return { method: 'GET', target: `/b/k?${query}${more}`, rawHeaders: ['Host', 'h'] };
}

describe('sigv4/parse-signature', () => {
  it('reads the Authorization header', () => {
    assert.deepEqual(parseSignature(inHeader(AUTHORIZATION, [...DATE, 'x-amz-security-token', 'to+k/en='])), {
      kind: 'header',
      accessKeyId: 'SPLYABCDEFGHIJKLMNOP',
      date: '20261105',
      region: 'eu-west-3',
      service: 's3',
      signedHeaders: ['host', 'x-amz-date'],
      signature: HEX,
      amzDate: '20261105T060708Z',
      signedAtMs: Date.parse('2026-11-05T06:07:08Z'),
      expiresSeconds: undefined,
      sessionToken: 'to+k/en=',
    });
  });

  it('reads it without spaces after the commas, as s3cmd writes it', () => {
    assert.equal(parseSignature(inHeader(AUTHORIZATION.replaceAll(', ', ',')))?.signature, HEX);
  });

  it('reads of many clients in turn what each one says, and refuses again what it refused', () => {
    for (let round = 0; round < 2; round += 1) {
      for (let client = 0; client < 600; client += 1) {
        const id = `SPLYCLIENT${client}`;
        const time = `20261105T06${String(Math.floor(client / 60)).padStart(2, '0')}${String(client % 60).padStart(2, '0')}Z`;
        const authorization = AUTHORIZATION.replace('SPLYABCDEFGHIJKLMNOP', id).replace('x-amz-date', `x-${client}`);
        const claims = parseSignature(inHeader(authorization, ['X-Amz-Date', time]));
        assert.equal(claims?.accessKeyId, id);
        assert.deepEqual(claims.signedHeaders, ['host', `x-${client}`]);
        assert.equal(claims.amzDate, time);
        assert.equal(claims.signedAtMs, Date.parse('2026-11-05T06:00:00Z') + client * 1000);
      }
      const refused = { code: 'AuthorizationHeaderMalformed' };
      assert.throws(() => parseSignature(inHeader(AUTHORIZATION.replace('host;x', 'x;host'))), refused);
      assert.throws(() => parseSignature(inHeader(AUTHORIZATION, ['X-Amz-Date', '20261305T060708Z'])), refused);
    }
  });

  it('reads a list of signed headers of any allowed length, again and again', () => {
    const names = ['host', ...Array.from({ length: 199 }, (_, index) => `x-${String(index).padStart(3, '0')}`)];
    const authorization = AUTHORIZATION.replace('host;x-amz-date', names.join(';'));
    assert.deepEqual(parseSignature(inHeader(authorization))?.signedHeaders, names);
    assert.deepEqual(parseSignature(inHeader(authorization))?.signedHeaders, names);
  });

  it('reads a presigned query', () => {
    const claims = parseSignature(inQuery({ 'X-Amz-Security-Token': 'to%2Bk%2Fen%3D' }, '&versionId=1'));
    assert.equal(claims?.kind, 'query');
    assert.equal(claims.expiresSeconds, 900);
    assert.equal(claims.sessionToken, 'to+k/en=');
    assert.deepEqual(claims.signedHeaders, ['host']);
  });

  it('finds nothing where nothing is signed', () => {
    for (const authorization of ['Bearer abc', 'Basic abc', '']) {
      assert.equal(parseSignature(inHeader(authorization)), undefined);
    }
    assert.equal(parseSignature({ method: 'GET', target: '/b?prefix=x', rawHeaders: [] }), undefined);
  });

  it('takes the time from Date only where there is no x-amz-date', () => {
    const date = ['Date', 'Wed, 04 Nov 2026 01:02:03 GMT'];
    assert.equal(parseSignature(inHeader(AUTHORIZATION, date))?.amzDate, '20261104T010203Z');
    assert.equal(parseSignature(inHeader(AUTHORIZATION, [...date, ...DATE]))?.amzDate, '20261105T060708Z');
    assert.equal(parseSignature(inHeader(AUTHORIZATION, ['date', '20261104T010203Z']))?.amzDate, '20261104T010203Z');
  });

  const malformedHeaders: readonly (readonly [string, string])[] = [
    ['version 2', 'AWS SPLYABCDEFGHIJKLMNOP:c2lnbmF0dXJl'],
    ['version 4A', AUTHORIZATION.replace('AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256')],
    ['another case', AUTHORIZATION.replace('AWS4', 'aws4')],
    ['a signature in upper case', AUTHORIZATION.replace(HEX, 'A'.repeat(64))],
    ['a short signature', AUTHORIZATION.replace(HEX, HEX.slice(1))],
    ['a second signature', `${AUTHORIZATION}, Signature=${HEX}`],
    ['two messages folded into one', `${AUTHORIZATION}, ${AUTHORIZATION}`],
    ['a name signed twice', AUTHORIZATION.replace('host;', 'host;host;')],
    ['names out of order', AUTHORIZATION.replace('host;x-amz-date', 'x-amz-date;host')],
    ['names in upper case', AUTHORIZATION.replace('host;', 'Host;')],
    ['an empty name', AUTHORIZATION.replace('host;', ';host;')],
    ['a scope with a part too many', AUTHORIZATION.replace('/s3/', '/s3/s3/')],
    ['a scope that does not end as it must', AUTHORIZATION.replace('aws4_request', 'aws5_request')],
    ['an access key id with a slash', AUTHORIZATION.replace('SPLY', 'SP/LY')],
    ['more than fits', AUTHORIZATION.replace('host;', `${'h'.repeat(9000)};`)],
    ['too many names', AUTHORIZATION.replace('host;', Array.from({ length: 300 }, (_, i) => `a${1000 + i};`).join(''))],
  ];
  for (const [what, authorization] of malformedHeaders) {
    it(`refuses ${what}`, () => {
      assert.throws(() => parseSignature(inHeader(authorization)), { code: 'AuthorizationHeaderMalformed' });
    });
  }

  for (const rest of [
    [],
    ['x-amz-date', '2026-11-05T06:07:08Z'],
    ['x-amz-date', '20261305T060708Z'],
    ['x-amz-date', '20261105T060708Z, 20261105T060708Z'],
    ['date', 'tomorrow'],
    ['x-amz-date', 'tomorrow', 'date', 'Wed, 04 Nov 2026 01:02:03 GMT'],
    [...DATE, 'x-amz-security-token', ''],
    [...DATE, 'x-amz-security-token', 'a, b'],
    [...DATE, 'x-amz-security-token', 'a'.repeat(8193)],
  ]) {
    it(`refuses headers ${JSON.stringify(rest).slice(0, 80)}`, () => {
      assert.throws(() => parseSignature(inHeader(AUTHORIZATION, rest)), { code: 'AuthorizationHeaderMalformed' });
    });
  }

  for (const name of ['authorization', 'X-AMZ-DATE', 'x-amz-security-token', 'Date']) {
    it(`refuses a second ${name.toLowerCase()}`, () => {
      const doubled = inHeader(AUTHORIZATION, [...DATE, name, AUTHORIZATION, name, AUTHORIZATION]);
      assert.throws(() => parseSignature(doubled), { code: 'InvalidRequest' });
    });
  }

  const malformedQueries: readonly Readonly<Record<string, string | undefined>>[] = [
    ...Object.keys(PARAMETERS).map((name) => ({ [name]: undefined })),
    ...['604801', '-1', '-0', '1e3', '0x10', '', '1.5', '9999999'].map((value) => ({ 'X-Amz-Expires': value })),
    { 'X-Amz-Algorithm': 'AWS4-ECDSA-P256-SHA256' },
    { 'X-Amz-Signature': HEX.toUpperCase() },
    { 'X-Amz-Credential': '%FF' },
    { 'X-Amz-SignedHeaders': 'host%3Bhost' },
    { 'X-Amz-Date': 'Wed,%2004%20Nov%202026%2001:02:03%20GMT' },
    { 'X-Amz-Security-Token': '' },
  ];
  for (const changes of malformedQueries) {
    it(`refuses a presigned query with ${JSON.stringify(changes).slice(0, 80)}`, () => {
      assert.throws(() => parseSignature(inQuery(changes)), { code: 'AuthorizationQueryParametersError' });
    });
  }

  it('accepts the bounds of Expires', () => {
    for (const seconds of [0, 604_800]) {
      assert.equal(parseSignature(inQuery({ 'X-Amz-Expires': String(seconds) }))?.expiresSeconds, seconds);
    }
  });

  it('refuses a parameter that stands twice, in any spelling', () => {
    for (const more of [`&X-Amz-Signature=${HEX}`, '&X%2DAmz-Expires=1', '&X-Amz-Credential']) {
      assert.throws(() => parseSignature(inQuery({}, more)), { code: 'AuthorizationQueryParametersError' });
    }
  });

  it('refuses credentials in header and query together, whatever their kind', () => {
    for (const rawHeaders of [
      ['Authorization', AUTHORIZATION],
      ['Authorization', 'Bearer abc'],
      ['X-Amz-Security-Token', 'abc'],
    ]) {
      assert.throws(() => parseSignature({ ...inQuery(), rawHeaders }), { code: 'InvalidRequest' });
    }
    const half = inHeader(AUTHORIZATION, DATE, `/b/k?X-Amz-Signature=${HEX}`);
    assert.throws(() => parseSignature(half), { code: 'InvalidRequest' });
  });

  it('refuses a query that is not encoded', () => {
    for (const target of ['/b?%zz=1', '/b?a=%4', '/b?a=\u{1234}']) {
      assert.throws(() => parseSignature(inHeader(AUTHORIZATION, DATE, target)), { code: 'InvalidURI' });
    }
  });

  it('never puts a credential into an error', () => {
    const secret = 'se,cr;et';
    for (const raw of [
      inHeader(AUTHORIZATION, [...DATE, 'x-amz-security-token', secret]),
      inHeader(`AWS4 ${secret}`),
      inQuery({ 'X-Amz-Security-Token': encodeURIComponent(secret) }),
    ]) {
      assert.throws(
        () => parseSignature(raw),
        (error) =>
          error instanceof GatewayError &&
          !JSON.stringify([error.message, error.detail, error.clientFields]).includes(secret),
      );
    }
  });
});
