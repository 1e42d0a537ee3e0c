import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { parsePolicySignature, verifyPolicySignature } from '../../../src/sigv4/policy-signature.ts';
import { refused } from '../s3/fixture.ts';
import { CREDENTIALS, keyOf, NOW_MS, REGION } from './fixture.ts';

const SCOPE = { date: '20261105', region: REGION, service: 's3' };
const POLICY = Buffer.from('{"expiration":"2026-11-06T00:00:00Z","conditions":[]}').toString('base64');
const HOUR_MS = 3_600_000;
const WORLD = { nowMs: NOW_MS, regions: [REGION] };

/** A form that is signed as the S3 API Reference says, by an implementation of this test's own. */
function form(changes: Readonly<Record<string, string | undefined>> = {}): ReadonlyMap<string, string> {
  const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
  const { accessKeyId, secretAccessKey } = CREDENTIALS;
  const key = [REGION, 's3', 'aws4_request'].reduce<Buffer>(hmac, hmac(`AWS4${secretAccessKey}`, SCOPE.date));
  const fields: Readonly<Record<string, string | undefined>> = {
    policy: POLICY,
    'x-amz-algorithm': 'AWS4-HMAC-SHA256',
    'x-amz-credential': `${accessKeyId}/${SCOPE.date}/${REGION}/s3/aws4_request`,
    'x-amz-date': '20261105T060708Z',
    'x-amz-signature': hmac(key, POLICY).toString('hex'),
    ...changes,
  };
  return new Map(Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

function verify(changes: Readonly<Record<string, string | undefined>> = {}, world = WORLD): void {
  const claims = parsePolicySignature(form(changes));
  verifyPolicySignature(claims, world, keyOf(SCOPE));
}

describe('sigv4/policy-signature', () => {
  it('verifies what another implementation signed, and says who it was', () => {
    verify();
    const claims = parsePolicySignature(form({ 'x-amz-security-token': 'to+k/en=' }));
    assert.equal(claims.accessKeyId, CREDENTIALS.accessKeyId);
    assert.equal(claims.sessionToken, 'to+k/en=');
    assert.equal(claims.signedAtMs, NOW_MS);
  });

  it('tells a form that nobody signed from one of which the signature is missing', () => {
    for (const policy of [undefined, '']) refused('MissingToken', () => parsePolicySignature(form({ policy })));
    for (const signature of [undefined, '']) {
      refused('InvalidArgument', () => parsePolicySignature(form({ 'x-amz-signature': signature })));
    }
  });

  it('refuses another algorithm, and whatever is no signature, scope, time or token', () => {
    for (const changes of [
      { 'x-amz-algorithm': undefined },
      { 'x-amz-algorithm': 'AWS4-HMAC-SHA1' },
      { 'x-amz-signature': 'A'.repeat(64) },
      { 'x-amz-signature': 'a'.repeat(63) },
      { 'x-amz-credential': undefined },
      { 'x-amz-credential': 'SPLYABCDEFGHIJKLMNOP/20261105' },
      { 'x-amz-date': undefined },
      { 'x-amz-date': '2026-11-05T06:07:08Z' },
      { 'x-amz-security-token': 'to ken' },
    ])
      refused('AuthorizationQueryParametersError', () => parsePolicySignature(form(changes)));
  });

  it('refuses a scope of another day, service or region than it is asked in', () => {
    const of = (date: string, region: string, service: string) => ({
      'x-amz-credential': `${CREDENTIALS.accessKeyId}/${date}/${region}/${service}/aws4_request`,
    });
    for (const changes of [
      of('20261104', REGION, 's3'),
      of(SCOPE.date, 'us-west-1', 's3'),
      of(SCOPE.date, REGION, 'sts'),
    ])
      refused('AuthorizationQueryParametersError', () => verify(changes));
  });

  it('is good for seven days, and for clocks that are a quarter of an hour ahead', () => {
    const at = (nowMs: number) => verify({}, { ...WORLD, nowMs });
    at(NOW_MS + 168 * HOUR_MS);
    refused('RequestExpired', () => at(NOW_MS + 168 * HOUR_MS + 1));
    at(NOW_MS - HOUR_MS / 4);
    refused('RequestTimeTooSkewed', () => at(NOW_MS - HOUR_MS / 4 - 1));
  });

  it('refuses a policy of which one letter is another, and the signature of another policy', () => {
    const other = Buffer.from('{"expiration":"2099-11-06T00:00:00Z","conditions":[]}').toString('base64');
    refused('SignatureDoesNotMatch', () => verify({ policy: other }));
    refused('SignatureDoesNotMatch', () => verify({ 'x-amz-signature': 'a'.repeat(64) }));
  });
});
