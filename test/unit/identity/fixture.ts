/** What the tests of identity share: a clock that stands still, an observer that writes down, and requests. */
import assert from 'node:assert/strict';
import { LOG_EVENTS } from '../../../src/contracts/log-events.ts';
import type { Observer } from '../../../src/contracts/observer.ts';
import type { Principal } from '../../../src/contracts/principal.ts';
import type { ErrorCode } from '../../../src/errors/codes.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { createBearerAuthenticator } from '../../../src/identity/bearer-authenticator.ts';
import type { IssuerOptions } from '../../../src/identity/issuer-options.ts';
import { createIssuer, type Issuer } from '../../../src/identity/issuer.ts';
import {
  createTokenVerifier,
  type IssuerTokenVerifier,
  type IssuerTokenVerifierOptions,
} from '../../../src/identity/token-verifier.ts';
import { OPERATIONS } from '../../../src/s3/operations/operations.ts';
import type { S3Request } from '../../../src/s3/request/request.ts';

export class SteppedClock {
  #nowMs = Date.now();
  readonly now = (): number => this.#nowMs;
  readonly seconds = (): number => Math.floor(this.#nowMs / 1000);
  readonly advance = (seconds: number): void => {
    this.#nowMs += seconds * 1000;
  };
}

interface Observed {
  readonly observer: Observer;
  /** Such as `token hit`, `jwks miss`, `discovery ok`, `warn …`, in order. */
  readonly events: string[];
}

export const recordingObserver = (): Observed => {
  const events: string[] = [];
  const nothing = (): void => undefined;
  const observer: Observer = {
    stage: nothing,
    request: nothing,
    failure: nothing,
    lookup: nothing,
    leftOut: nothing,
    queued: nothing,
    clockOffset: nothing,
    cache: (cache, hit) => events.push(`${cache} ${hit ? 'hit' : 'miss'}`),
    call: (service, outcome) => events.push(`${service} ${outcome}`),
    event: (event, fields) => events.push(`${LOG_EVENTS[event].level} ${event} ${JSON.stringify(fields ?? {})}`),
  };
  return { observer, events };
};

export const AUDIENCE = 'https://sallyport.test/';

/** A request with this Authorization header, or with none. */
export const requestWith = (authorization: string | undefined, query: Record<string, string> = {}): S3Request => ({
  raw: {
    method: 'GET',
    target: '/reports/a',
    rawHeaders: authorization === undefined ? [] : ['Authorization', authorization],
  },
  presented: authorization === undefined ? 'nothing' : 'bearer',
  requestId: 'request-1',
  receivedAtMs: 0,
  operation: 'GetObject',
  descriptor: OPERATIONS.GetObject,
  method: 'GET',
  bucket: 'reports',
  bucketUrl: '/reports',
  key: 'a',
  query: new Map(Object.entries(query)),
  headers: new Map(authorization === undefined ? [] : [['authorization', authorization]]),
  payload: { sizeBytes: undefined, declaredHash: undefined, chunked: undefined },
  versionId: undefined,
  copySource: undefined,
  range: undefined,
  claims: {},
  clientAddress: '127.0.0.1',
});

export const bearer = (token: string): S3Request => requestWith(`Bearer ${token}`);

/** The bearer authenticator, and what it depends on. */
interface Tested extends Pick<IssuerTokenVerifier, 'health' | 'close'> {
  readonly authenticate: (request: S3Request) => Promise<Principal | undefined>;
}

export interface Subject extends Observed {
  readonly authenticator: Tested;
  readonly tokens: IssuerTokenVerifier;
  readonly issuers: readonly Issuer[];
  readonly clock: SteppedClock;
}

/** An authenticator over issuers on loopback; what a test does not care about has a default. */
export const authenticatorFor = (
  issuers: readonly (Partial<IssuerOptions> & { readonly issuer: string })[],
  options: Partial<IssuerTokenVerifierOptions> = {},
): Subject => {
  const clock = new SteppedClock();
  const observed = recordingObserver();
  const deps = { clock, observer: observed.observer };
  const made = issuers.map((issuer, index) =>
    createIssuer(
      {
        name: `issuer-${index + 1}`,
        audiences: [AUDIENCE],
        algorithms: ['RS256', 'ES256', 'EdDSA'],
        allowHttp: true,
        ...issuer,
      },
      deps,
    ),
  );
  const tokens = createTokenVerifier(made, { ...deps, ...options });
  const bearers = createBearerAuthenticator(tokens);
  const authenticator: Tested = {
    authenticate: async (request) => (await bearers.authenticate(request))?.principal,
    health: tokens.health,
    close: tokens.close,
  };
  return { authenticator, tokens, issuers: made, clock, ...observed };
};

/** Asserts that this fails with this code and gives the error. */
export const refusedWith = async (code: ErrorCode, attempt: Promise<unknown>): Promise<GatewayError> => {
  const error: unknown = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof GatewayError, `expected ${code}`);
  assert.equal(error.code, code, error.detail);
  return error;
};
