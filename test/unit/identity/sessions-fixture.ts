/** What the tests of client sessions share: a deployment, an identity, and requests that a real client has signed. */
import assert from 'node:assert/strict';
import { createCipheriv, hkdfSync } from 'node:crypto';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { ClientCredentials } from '../../../src/contracts/client-sessions.ts';
import type { Principal } from '../../../src/contracts/principal.ts';
import type { ErrorCode } from '../../../src/errors/codes.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import {
  createClientSessions,
  type ClientSessionsOptions,
  type OpenableSessions,
} from '../../../src/identity/client-sessions.ts';
import type { SessionKey, SessionKeys } from '../../../src/identity/session-seal.ts';
import type { RawRequest, S3Request } from '../../../src/s3/request/request.ts';
import { recordingObserver, requestWith, SteppedClock } from './fixture.ts';

export const REGION = 'eu-central-1';
export const HOST = 's3.sallyport.test';
const OKTA = 'https://example.okta.test/oauth2/default';

/** A key whose secret follows from its id. */
export const sessionKey = (id: string): SessionKey => ({ id, secret: Buffer.alloc(32, id) });

export interface Deployment {
  readonly sessions: OpenableSessions;
  readonly clock: SteppedClock;
  /** Such as `session hit`. */
  readonly events: string[];
}

/** A deployment with one key; what a test does not care about has a default. */
export const deploymentWith = ({
  keys = { current: sessionKey('k1') },
  ...options
}: Partial<Omit<ClientSessionsOptions, 'keys'>> & { readonly keys?: SessionKeys } = {}): Deployment => {
  const clock = new SteppedClock();
  const { observer, events } = recordingObserver();
  const sessions = createClientSessions({
    keys: () => keys,
    deploymentId: 'production',
    defaultSeconds: 3600,
    maxSeconds: 43_200,
    clock,
    observer,
    relevant: (principal) => principal,
    issuers: new Map([['okta', OKTA]]),
    ...options,
  });
  return { sessions, clock, events };
};

/** An identity whose token ends in twelve hours. */
export const alice = (clock: SteppedClock, more: Partial<Principal> = {}): Principal => ({
  issuerName: 'okta',
  issuer: OKTA,
  subject: 'alice@example.test',
  groups: ['analytics', 'Büro'],
  claims: { client_id: 'cli', level: 3, staff: true, teams: ['a', 'b'] },
  tokenIdHash: '0123456789abcdef0123456789abcdef',
  expiresAtMs: clock.now() + 43_200_000,
  ...more,
});

/** Seals as docs/spec/session-token.md says, for who has the key: also what the product would never seal. */
export const sealBySpec = (
  { id, secret }: SessionKey,
  deploymentId: string,
  plaintext: string | Buffer,
  saltHex = '05'.repeat(24),
): string => {
  const header = Buffer.concat([Buffer.of(1, id.length), Buffer.from(id)]);
  const salt = Buffer.from(saltHex, 'hex');
  const derived = Buffer.from(hkdfSync('sha256', secret, salt, 'sallyport/1/session-token', 44));
  const cipher = createCipheriv('aes-256-gcm', derived.subarray(0, 32), derived.subarray(32));
  cipher.setAAD(Buffer.concat([header, Buffer.from(deploymentId)]));
  const sealed = [cipher.update(plaintext), cipher.final()];
  return Buffer.concat([header, salt, ...sealed, cipher.getAuthTag()]).toString('base64url');
};

/** Asserts that this throws this code, with nothing of the caller's in its detail. */
export const refused = (code: ErrorCode, attempt: () => unknown): GatewayError => {
  let refusal: unknown;
  try {
    attempt();
  } catch (error) {
    refusal = error;
  }
  assert.ok(refusal instanceof GatewayError, `expected ${code}`);
  assert.equal(refusal.code, code, refusal.detail);
  return refusal;
};

interface Signed {
  readonly credentials: ClientCredentials;
  readonly withSessionToken?: boolean;
  readonly region?: string;
}

const clientOf = ({ credentials, withSessionToken = true, region = REGION }: Signed): S3Client =>
  new S3Client({
    region,
    endpoint: `http://${HOST}`,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    credentials: {
      accessKeyId: credentials.accessKeyId,
      secretAccessKey: credentials.secretAccessKey,
      ...(withSessionToken && { sessionToken: credentials.sessionToken }),
    },
  });

interface SdkRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Record<string, string>;
  readonly headers: Record<string, string>;
}

/** The request that the JS SDK sends for this object, as it would come off the wire. */
export const signedBySdk = async (signed: Signed, body?: string): Promise<RawRequest> => {
  const client = clientOf(signed);
  const seen: RawRequest[] = [];
  client.config.requestHandler = {
    handle: (request) => {
      const { method, path, query, headers } = request as SdkRequest;
      const search = new URLSearchParams(query).toString();
      const target = search === '' ? path : `${path}?${search}`;
      seen.push({ method, target, rawHeaders: Object.entries(headers).flat() });
      return Promise.reject(new Error('not sent'));
    },
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
  };
  const object = { Bucket: 'reports', Key: 'a b' };
  const attempt =
    body === undefined
      ? client.send(new GetObjectCommand(object))
      : client.send(new PutObjectCommand({ ...object, Body: body }));
  await attempt.catch(() => undefined);
  const [raw] = seen;
  if (raw === undefined) throw new Error('the SDK signed nothing');
  return raw;
};

/** The request for an URL that the JS SDK has presigned. */
export const presignedBySdk = async (signed: Signed, expiresIn: number): Promise<RawRequest> => {
  const url = new URL(
    await getSignedUrl(clientOf(signed), new GetObjectCommand({ Bucket: 'reports', Key: 'a b' }), { expiresIn }),
  );
  return { method: 'GET', target: `${url.pathname}${url.search}`, rawHeaders: ['Host', HOST] };
};

/** The parsed request around a signed message. */
export const requestOf = (raw: RawRequest, nowMs: number, more: Partial<S3Request> = {}): S3Request => {
  const at = raw.rawHeaders.findIndex((text) => text.toLowerCase() === 'x-amz-content-sha256');
  const declaredHash = at < 0 ? undefined : raw.rawHeaders[at + 1];
  return {
    ...requestWith(undefined),
    raw,
    method: raw.method,
    presented: raw.target.includes('X-Amz-Signature=') ? 'signed-query' : 'signed-header',
    payload: { sizeBytes: undefined, declaredHash, chunked: undefined },
    receivedAtMs: nowMs,
    ...more,
  };
};
