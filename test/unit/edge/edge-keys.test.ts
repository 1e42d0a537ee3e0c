import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { edgeKeysOf } from '../../../src/edge/edge-keys.ts';
import { makeKey } from '../../support/identity/issuer.ts';

const ISSUER = 'https://id.example';
const ALL = ['RS256', 'RS384', 'PS256', 'ES256', 'ES384', 'EdDSA'];
const rsa = makeKey('RS256', 'rsa');

describe('keys for the edge', () => {
  const of = (...jwks: object[]) => edgeKeysOf(ISSUER, ALL, jwks as Parameters<typeof edgeKeysOf>[2]);

  it('are listed with the algorithms that the issuer, the key and HAProxy all have', () => {
    assert.deepEqual(
      of(rsa.publicJwk).map(({ algorithms }) => algorithms),
      [['RS256']],
    );
    const any = { ...rsa.publicJwk, alg: undefined };
    assert.deepEqual(of(any)[0]?.algorithms, ['RS256', 'RS384']);
    assert.deepEqual(edgeKeysOf(ISSUER, ['PS256'], [any as never]), []);
    for (const alg of ['ES256', 'ES384'] as const) {
      assert.deepEqual(of(makeKey(alg, 'ec').publicJwk)[0]?.algorithms, [alg]);
    }
  });

  it('hold the public key alone, under a name that follows from it', () => {
    const [one] = of({ ...rsa.privateKey.export({ format: 'jwk' }), kid: 'rsa', alg: 'RS256' });
    assert.ok(one);
    assert.ok(one.pem.startsWith(String(rsa.publicKey.export({ type: 'spki', format: 'pem' }))));
    const certificate = new X509Certificate(one.pem);
    assert.ok(certificate.publicKey.equals(rsa.publicKey));
    assert.equal(createPublicKey(one.pem).type, 'public');
    assert.match(one.file, /^[0-9a-f]{32}\.pem$/);
    assert.notEqual(of(makeKey('RS256', 'rsa').publicJwk)[0]?.file, one.file);
  });

  it('are none where HAProxy could not check, or a kid could be read as more than itself', () => {
    assert.deepEqual(of(makeKey('EdDSA', 'ed').publicJwk), []);
    assert.deepEqual(of(makeKey('RS256', 'weak', 1024).publicJwk), []);
    assert.deepEqual(of({ ...rsa.publicJwk, use: 'enc' }), []);
    for (const kid of [undefined, '', 'a b', 'a|b', 'a\nb', '#a"', 'x'.repeat(129)]) {
      assert.deepEqual(of({ ...rsa.publicJwk, kid }), [], kid);
    }
  });

  it('are none of a kid that two keys have', () => {
    assert.deepEqual(of(rsa.publicJwk, makeKey('RS256', 'rsa').publicJwk), []);
  });
});
