/** What the tests of identity share: a clock that stands still, an observer that writes down, and requests. */
import assert from 'node:assert/strict';
import type { Observer } from '../../../src/contracts/observer.ts';
import type { ErrorCode } from '../../../src/errors/codes.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import {
  createBearerAuthenticator,
  type BearerAuthenticator,
  type BearerAuthenticatorOptions,
} from '../../../src/identity/bearer-authenticator.ts';
import type { IssuerOptions } from '../../../src/identity/issuer-options.ts';
import { createIssuer, type Issuer } from '../../../src/identity/issuer.ts';
import { OPERATIONS } from '../../../src/s3/operations.ts';
import type { S3Request } from '../../../src/s3/request.ts';

class SteppedClock {
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

const recordingObserver = (): Observed => {
  const events: string[] = [];
  const note = (level: string) => (message: string, fields?: object) => {
    events.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  };
  const nothing = (): void => undefined;
  const observer: Observer = {
    stage: nothing,
    request: nothing,
    failure: nothing,
    clockOffset: nothing,
    cache: (cache, hit) => events.push(`${cache} ${hit ? 'hit' : 'miss'}`),
    call: (service, outcome) => events.push(`${service} ${outcome}`),
    warn: note('warn'),
    info: note('info'),
  };
  return { observer, events };
};

export const AUDIENCE = 'https://sallyport.test/';

/** A request with this Authorization header, or with none. */
export const requestWith = (authorization: string | undefined, query: Record<string, string> = {}): S3Request => ({
  requestId: 'request-1',
  receivedAtMs: 0,
  operation: 'GetObject',
  row: OPERATIONS.GetObject,
  method: 'GET',
  bucket: 'reports',
  key: 'a',
  query: new Map(Object.entries(query)),
  headers: new Map(authorization === undefined ? [] : [['authorization', authorization]]),
  contentLength: undefined,
  range: undefined,
  claims: {},
  clientAddress: '127.0.0.1',
});

export const bearer = (token: string): S3Request => requestWith(`Bearer ${token}`);

export interface Subject extends Observed {
  readonly authenticator: BearerAuthenticator;
  readonly issuers: readonly Issuer[];
  readonly clock: SteppedClock;
}

/** An authenticator over issuers on loopback; what a test does not care about has a default. */
export const authenticatorFor = (
  issuers: readonly (Partial<IssuerOptions> & { readonly issuer: string })[],
  options: Partial<BearerAuthenticatorOptions> = {},
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
  return { authenticator: createBearerAuthenticator(made, { ...deps, ...options }), issuers: made, clock, ...observed };
};

/** Asserts that this fails with this code and gives the error. */
export const refusedWith = async (code: ErrorCode, attempt: Promise<unknown>): Promise<GatewayError> => {
  const error: unknown = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof GatewayError, `expected ${code}`);
  assert.equal(error.code, code, error.detail);
  assert.equal(error.stage, 'authenticate');
  return error;
};
