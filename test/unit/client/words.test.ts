import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import aws4 from 'aws4';
import { printable } from '../../../src/client/failure.ts';
import { gatewayOrigin, safeUrl } from '../../../src/client/safe-url.ts';
import { mergeSettings, settingsOfEnvironment } from '../../../src/client/settings.ts';
import { shellExports } from '../../../src/client/shell-exports.ts';
import { unverifiedClaims } from '../../../src/client/unverified-claims.ts';
import { createRequestSigner, EMPTY_PAYLOAD } from '../../../src/sigv4/signer.ts';

describe("what goes out of a person's machine", () => {
  it('goes over TLS, or to the machine itself', () => {
    for (const url of ['https://a.example', 'http://localhost:1', 'http://127.0.0.1', 'http://[::1]:8080/x']) {
      safeUrl(url, 'it');
    }
    for (const url of [
      ...['http://a.example', 'http://127.0.0.1.evil.example', 'http://localhost.evil.example', 'http://127.0.0.2'],
      ...['ftp://a', 'javascript:alert(1)', 'file:///etc/passwd', '', 'a.example', 'https://u:p@a.example'],
      ...['https://a.example/#x', 'http://localhost@evil.example'],
    ]) {
      assert.throws(() => safeUrl(url, 'it'), { name: 'ClientFailure' }, url);
    }
    assert.equal(gatewayOrigin('https://A.example:443/'), 'https://a.example');
    for (const url of ['https://a.example/x', 'https://a.example/?x']) assert.throws(() => gatewayOrigin(url));
  });

  it('is signed as others sign it', () => {
    const keys = { accessKeyId: 'SPLYA', secretAccessKey: 'secret', sessionToken: 'token+/=' };
    const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);
    const request = { method: 'GET', host: 'a.example:8443', path: '/-/whoami', query: [], headers: {} };
    const payload = { payloadHash: EMPTY_PAYLOAD, region: 'us-east-1' };
    const { headers: ours } = createRequestSigner()({ ...request, ...payload }, keys, nowMs);
    const theirs = aws4.sign(
      {
        ...{ service: 's3', host: 'a.example:8443', path: '/-/whoami', region: 'us-east-1', method: 'GET' },
        headers: { 'X-Amz-Date': '20260102T030405Z' },
      },
      keys,
    );
    assert.equal(
      ours['authorization']?.split('Signature=')[1],
      String(theirs.headers?.['Authorization']).split('Signature=')[1],
    );
  });
});

describe("what goes to a person's shell and terminal", () => {
  it('means to bash what it says, whatever it is', async () => {
    const value = `a'b"c $(id) \`id\` \\ ä !x`;
    const lines = shellExports('bash', { AWS_PROFILE: value });
    const { stdout } = await promisify(execFile)('bash', ['-c', `${lines}printf %s "$AWS_PROFILE"`]);
    assert.equal(stdout, value);
  });

  it('is quoted by the rules of fish and of PowerShell', () => {
    assert.equal(shellExports('fish', { A: String.raw`it's \x $y` }), `set -gx A 'it\\'s \\\\x $y'\n`);
    assert.equal(shellExports('powershell', { A: 'it’s $x' }), `$env:A = 'it’’s $x'\n`);
  });

  it('holds no line of its own', () => {
    for (const shell of ['bash', 'fish', 'powershell'] as const) {
      assert.throws(() => shellExports(shell, { A: 'a\nid' }), { name: 'ClientFailure' });
    }
  });

  it('commands no terminal', () => {
    assert.equal(printable('a\u001b[2Jb\u202ec\n'), 'a\ufffd[2Jb\ufffdc\ufffd');
    assert.equal(printable('x'.repeat(600)).length, 500);
  });
});

describe('the settings of a login', () => {
  const whole = { gateway: 'https://g.example', issuer: 'https://i.example', clientId: 'c' };

  it('come from flags first, then from the environment, then from the last time', () => {
    const env = settingsOfEnvironment({
      SALLYPORT_CLIENT_ID: 'env',
      SALLYPORT_CLIENT_SCOPES: 'env',
      SALLYPORT_CLIENT_REGION: '',
    });
    const merged = mergeSettings({ clientId: 'flag', issuer: undefined }, env, { ...whole, scopes: 'file' });
    assert.deepEqual([merged.clientId, merged.scopes, merged.region], ['flag', 'env', 'us-east-1']);
  });

  it('must be whole and safe', () => {
    assert.throws(() => mergeSettings({ ...whole, issuer: undefined }), /the issuer is not known yet/);
    for (const wrong of [
      { issuer: 'http://i.example' },
      { gateway: 'http://g.example' },
      { clientId: 'a b' },
      { scopes: 'a\nb' },
      { region: 'x\ny' },
      { token: 'refresh' },
      { caFile: '/a"b' },
      { caFile: '/a\nb' },
    ]) {
      assert.throws(() => mergeSettings(wrong, whole), { name: 'ClientFailure' }, JSON.stringify(wrong));
    }
  });
});

describe('a token that is only looked at', () => {
  it('may be anything at all', () => {
    const jwt = (claims: unknown) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`;
    assert.deepEqual(unverifiedClaims(jwt({ iss: 'i', aud: 'a', exp: 5 })), {
      issuer: 'i',
      audiences: ['a'],
      expiresAtMs: 5000,
    });
    assert.deepEqual(unverifiedClaims(jwt({ aud: ['a', 5] })), { audiences: ['a'] });
    for (const token of ['opaque', 'a.b.c', '..', jwt(null)]) assert.equal(unverifiedClaims(token), undefined);
  });
});
