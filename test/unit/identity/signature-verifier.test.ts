import assert from 'node:assert/strict';
import { createHmac, hash } from 'node:crypto';
import type { ClientCredentials } from '../../../src/contracts/client-sessions.ts';
import { createSignatureAuthenticator } from '../../../src/identity/signature-authenticator.ts';
import { createSignatureVerifier } from '../../../src/identity/signature-verifier.ts';
import type { RawRequest, S3Request } from '../../../src/s3/request/request.ts';
import { createRequestSigner } from '../../../src/sigv4/signer.ts';
import { bearer, refusedWith, requestWith } from './fixture.ts';
import {
  alice,
  deploymentWith,
  HOST,
  presignedBySdk,
  REGION,
  refused,
  requestOf,
  sealBySpec,
  sessionKey,
  signedBySdk,
  type Deployment,
} from './sessions-fixture.ts';

const EMPTY = hash('sha256', '');
const STREAMED = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';

describe('the signature verifier', () => {
  let deployment: Deployment;
  let credentials: ClientCredentials;
  const verify = (raw: RawRequest, payloadHash = EMPTY, service: 's3' | 'sts' = 's3') => {
    const { verify } = createSignatureVerifier({ sessions: deployment.sessions, regions: [REGION, 'us-east-1'] });
    return verify({ raw, service, payloadHash, receivedAtMs: deployment.clock.now() });
  };
  const replaced = (raw: RawRequest, from: string, to: string): RawRequest => {
    const target = raw.target.replaceAll(encodeURIComponent(from), encodeURIComponent(to));
    const rawHeaders = raw.rawHeaders.map((text) => text.replaceAll(from, to));
    assert.ok(target !== raw.target || rawHeaders.join() !== raw.rawHeaders.join());
    return { ...raw, target, rawHeaders };
  };
  /** What an attacker signs who knows nothing but the rules. */
  const forged = (accessKeyId: string, secretAccessKey: string, sessionToken: string): RawRequest => {
    const { target, headers } = createRequestSigner()(
      { method: 'GET', host: HOST, path: '/reports/a', query: [], headers: {}, payloadHash: EMPTY, region: REGION },
      { accessKeyId, secretAccessKey, sessionToken },
      deployment.clock.now(),
    );
    return { method: 'GET', target, rawHeaders: Object.entries(headers).flat() };
  };

  beforeEach(() => {
    deployment = deploymentWith();
    credentials = deployment.sessions.issue(alice(deployment.clock), undefined);
  });

  it('knows who signed, from what the JS SDK sends', async () => {
    const { accessKeyId, expiresAtMs } = credentials;
    const expected = { ...alice(deployment.clock), accessKeyId, expiresAtMs };
    assert.deepEqual(verify(await signedBySdk({ credentials })), { principal: expected });
    const put = await signedBySdk({ credentials }, 'hello');
    assert.deepEqual(verify(put, hash('sha256', 'hello'))?.principal, expected);
    assert.deepEqual(verify(await presignedBySdk({ credentials }, 600), 'UNSIGNED-PAYLOAD')?.principal, expected);
  });

  it('leaves a message without a signature of this kind to others', () => {
    for (const rawHeaders of [[], ['Authorization', 'Bearer a.b.c'], ['Authorization', 'Basic YTpi']]) {
      assert.equal(verify({ method: 'GET', target: '/reports/a', rawHeaders }), undefined);
    }
  });

  it('gives the same principal for every request of a session', async () => {
    const first = verify(await signedBySdk({ credentials }));
    const second = verify(await signedBySdk({ credentials }));
    assert.equal(second?.principal, first?.principal);
  });

  it('refuses an access key id that was never issued here, whatever comes with it', () => {
    const { secretAccessKey, sessionToken } = credentials;
    for (const id of [
      'AKIAIOSFODNN7EXAMPLE',
      'minioadmin',
      'SPLY',
      'splyaaaaaaaaaaaaaaaa',
      `${credentials.accessKeyId}A`,
    ]) {
      refused('InvalidAccessKeyId', () => verify(forged(id, secretAccessKey, sessionToken)));
    }
  });

  it('refuses an access key id without its session token', async () => {
    const raw = await signedBySdk({ credentials, withSessionToken: false });
    refused('InvalidAccessKeyId', () => verify(raw));
  });

  it('refuses the access key id of one session with the token of another', () => {
    const other = deployment.sessions.issue(alice(deployment.clock, { subject: 'bob' }), undefined);
    refused('InvalidSession', () => verify(forged(other.accessKeyId, other.secretAccessKey, credentials.sessionToken)));
    refused('InvalidSession', () =>
      verify(forged(credentials.accessKeyId, credentials.secretAccessKey, other.sessionToken)),
    );
  });

  it('refuses a stolen token without its secret', () => {
    const { accessKeyId, sessionToken } = credentials;
    for (const secret of ['', 'A'.repeat(40), sessionToken]) {
      refused('SignatureDoesNotMatch', () => verify(forged(accessKeyId, secret, sessionToken)));
    }
  });

  it('refuses a session of another deployment, altered, or without an access key id', () => {
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    const staging = deploymentWith({ deploymentId: 'staging' }).sessions.issue(alice(deployment.clock), undefined);
    refused('InvalidSession', () => verify(forged(staging.accessKeyId, staging.secretAccessKey, staging.sessionToken)));
    const altered = `${sessionToken.slice(0, 100)}${sessionToken[100] === 'A' ? 'B' : 'A'}${sessionToken.slice(101)}`;
    refused('InvalidSession', () => verify(forged(accessKeyId, secretAccessKey, altered)));
    const nameless = sealBySpec(sessionKey('k1'), 'production', `{"n":"okta","s":"root"}`);
    refused('InvalidSession', () => verify(forged(accessKeyId, secretAccessKey, nameless)));
  });

  it('refuses a token over its cap before it looks anything up', () => {
    const { accessKeyId, secretAccessKey } = credentials;
    refused('InvalidSession', () => verify(forged(accessKeyId, secretAccessKey, 'A'.repeat(3200))));
    assert.deepEqual(deployment.events, []);
  });

  it('refuses a session from its end on, also one that it has seen', () => {
    deployment.clock.advance(3590);
    assert.ok(verify(forged(credentials.accessKeyId, credentials.secretAccessKey, credentials.sessionToken)));
    deployment.clock.advance(10);
    const late = forged(credentials.accessKeyId, credentials.secretAccessKey, credentials.sessionToken);
    refused('ExpiredSession', () => verify(late));
  });

  it('never lets a presigned URL outlive its session', async () => {
    const raw = await presignedBySdk({ credentials }, 7 * 86_400);
    deployment.clock.advance(3590);
    assert.ok(verify(raw, 'UNSIGNED-PAYLOAD'));
    deployment.clock.advance(10);
    refused('ExpiredSession', () => verify(raw, 'UNSIGNED-PAYLOAD'));
  });

  it('lets a presigned URL end before its session', async () => {
    const raw = await presignedBySdk({ credentials }, 60);
    deployment.clock.advance(62);
    refused('RequestExpired', () => verify(raw, 'UNSIGNED-PAYLOAD'));
  });

  it('refuses a request that was changed after it was signed', async () => {
    const raw = await signedBySdk({ credentials });
    refused('SignatureDoesNotMatch', () => verify({ ...raw, method: 'DELETE' }));
    refused('SignatureDoesNotMatch', () => verify({ ...raw, target: raw.target.replace('/a', '/b') }));
    refused('SignatureDoesNotMatch', () => verify(replaced(raw, HOST, 'evil.test')));
  });

  it('refuses what was signed for another service or another region', async () => {
    const raw = await signedBySdk({ credentials });
    refused('AuthorizationHeaderMalformed', () => verify(raw, EMPTY, 'sts'));
    const abroad = await signedBySdk({ credentials, region: 'mars-north-1' });
    assert.equal(refused('AuthorizationHeaderMalformed', () => verify(abroad)).clientFields['Region'], REGION);
    assert.ok(verify(await signedBySdk({ credentials, region: 'us-east-1' })));
  });

  it('refuses what is too old to be sent now', async () => {
    const raw = await signedBySdk({ credentials });
    deployment.clock.advance(16 * 60);
    refused('RequestTimeTooSkewed', () => verify(raw));
  });

  it('shows the client what was compared, but neither its token nor its secret', async () => {
    for (const raw of [await signedBySdk({ credentials }), await presignedBySdk({ credentials }, 60)]) {
      const payloadHash = raw.target.includes('X-Amz-') ? 'UNSIGNED-PAYLOAD' : EMPTY;
      const error = refused('SignatureDoesNotMatch', () => verify({ ...raw, method: 'PUT' }, payloadHash));
      const shown = JSON.stringify([error.message, error.detail, error.clientFields]);
      assert.ok(error.clientFields['StringToSign']);
      assert.ok(!shown.includes(credentials.sessionToken.slice(0, 16)));
      assert.ok(!shown.includes(credentials.secretAccessKey));
    }
  });
});

describe('the signature authenticator', () => {
  let clock: Deployment['clock'];
  let credentials: ClientCredentials;
  let authenticate: ReturnType<typeof createSignatureAuthenticator>['authenticate'];

  // At each test, not when the file is loaded: what the SDK signs is of the time at which it runs.
  beforeEach(() => {
    const deployment = deploymentWith();
    ({ clock } = deployment);
    credentials = deployment.sessions.issue(alice(clock), undefined);
    const verifier = createSignatureVerifier({ sessions: deployment.sessions, regions: [REGION] });
    ({ authenticate } = createSignatureAuthenticator(verifier));
  });

  const of = async (raw: RawRequest, more: Partial<S3Request> = {}) => authenticate(requestOf(raw, clock.now(), more));
  const streamed = (payloadHash: string): RawRequest => {
    const { target, headers } = createRequestSigner()(
      { method: 'PUT', host: HOST, path: '/reports/a', query: [], headers: {}, payloadHash, region: REGION },
      credentials,
      clock.now(),
    );
    return { method: 'PUT', target, rawHeaders: Object.entries(headers).flat() };
  };
  const payload = (declaredHash: string, signed: boolean): Pick<S3Request, 'payload'> => ({
    payload: { sizeBytes: 5, declaredHash, chunked: { signed, trailer: undefined } },
  });

  it('knows who signed in a header and who signed a URL', async () => {
    assert.equal((await of(await signedBySdk({ credentials })))?.principal.subject, 'alice@example.test');
    assert.equal((await of(await presignedBySdk({ credentials }, 60)))?.principal.subject, 'alice@example.test');
  });

  it('leaves requests with a bearer token or with nothing to others', async () => {
    assert.equal(await authenticate(bearer('a.b.c')), undefined);
    assert.equal(await authenticate(requestWith(undefined)), undefined);
  });

  it('refuses a request that is said to be signed and is not', async () => {
    const raw = { method: 'GET', target: '/reports/a', rawHeaders: [] };
    await refusedWith('InvalidRequest', of(raw, { presented: 'signed-query' }));
  });

  it('refuses a signed header without a word about the body, as S3 does', async () => {
    const raw = await signedBySdk({ credentials });
    const silent = { payload: { sizeBytes: undefined, declaredHash: undefined, chunked: undefined } };
    await refusedWith('InvalidRequest', of(raw, silent));
  });

  it('refuses a body that was signed as another one', async () => {
    const raw = await signedBySdk({ credentials }, 'hello');
    const at = raw.rawHeaders.indexOf(hash('sha256', 'hello'));
    const rawHeaders = raw.rawHeaders.with(at, hash('sha256', 'jello'));
    await refusedWith('SignatureDoesNotMatch', of({ ...raw, rawHeaders }));
    await refusedWith('SignatureDoesNotMatch', of({ ...raw, rawHeaders: raw.rawHeaders.with(at, 'UNSIGNED-PAYLOAD') }));
  });

  it('verifies the seed signature of every streamed body, also where its chunks have none', async () => {
    for (const hashOf of [STREAMED, `${STREAMED}-TRAILER`, 'STREAMING-UNSIGNED-PAYLOAD-TRAILER']) {
      const raw = streamed(hashOf);
      const more = payload(hashOf, hashOf !== 'STREAMING-UNSIGNED-PAYLOAD-TRAILER');
      assert.ok(await of(raw, more));
      const rawHeaders = raw.rawHeaders.map((text) =>
        text.replace(/Signature=(\w)/, (_, digit) => `Signature=${digit === '0' ? '1' : '0'}`),
      );
      await refusedWith('SignatureDoesNotMatch', of({ ...raw, rawHeaders }, more));
    }
  });

  it('gives the verification of chunks where they are signed, and only there', async () => {
    const raw = streamed(STREAMED);
    const signatures = (await of(raw, payload(STREAMED, true)))?.chunkSignatures;
    assert.ok(signatures);
    const [, scope = '', seed = ''] =
      /Credential=\w+\/([^,]+),.*Signature=(\w+)$/.exec(raw.rawHeaders.at(-1) ?? '') ?? [];
    const key = [...scope.split('/')].reduce<Buffer | string>(
      (from, part) => createHmac('sha256', from).update(part).digest(),
      `AWS4${credentials.secretAccessKey}`,
    );
    const amzDate = raw.rawHeaders[raw.rawHeaders.indexOf('x-amz-date') + 1];
    const text = `AWS4-HMAC-SHA256-PAYLOAD\n${amzDate}\n${scope}\n${seed}\n${EMPTY}\n${hash('sha256', 'hello')}`;
    const signature = createHmac('sha256', key).update(text).digest('hex');
    signatures.chunk(hash('sha256', 'hello', 'buffer'), signature);
    assert.throws(() => signatures.chunk(hash('sha256', 'hello', 'buffer'), signature));
    assert.equal((await of(await signedBySdk({ credentials })))?.chunkSignatures, undefined);
  });

  it('refuses a body whose framing is not the one that was signed', async () => {
    await refusedWith('InvalidRequest', of(streamed(STREAMED), payload(STREAMED, false)));
    const plain = { payload: { sizeBytes: 5, declaredHash: STREAMED, chunked: undefined } };
    await refusedWith('InvalidRequest', of(streamed(STREAMED), plain));
    const unsigned = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
    await refusedWith('InvalidRequest', of(streamed(unsigned), payload(unsigned, true)));
  });
});
