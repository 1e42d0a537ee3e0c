import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { Principal } from '../../../src/contracts/principal.ts';
import type { StoreToken } from '../../../src/contracts/store-tokens.ts';
import type { ErrorCode } from '../../../src/errors/codes.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { createStoreTokens, type StoreTokensOptions } from '../../../src/identity/store-tokens.ts';
import { makeKey, signToken, startTestIssuer, type TestIssuer } from '../../support/identity/issuer.ts';
import { AUDIENCE, authenticatorFor, bearer, type Subject } from './fixture.ts';

const AT_STORE = 'https://objects.example';
const key = makeKey('ES256', 'k1');
const storeOf = (name: string) => ({ name, endpoint: 'https://objects.example', region: 'us-east-1' });

describe('a second token, for a store', () => {
  let issuer: TestIssuer;
  let second: TestIssuer;
  let subject: Subject;
  let revoked: string[];

  beforeEach(async () => {
    issuer = await startTestIssuer([key.publicJwk]);
    second = await startTestIssuer([key.publicJwk]);
    subject = authenticatorFor([
      { issuer: issuer.url, requiredClaims: { tenant: 'ours' }, allowedClients: ['app'], subjectClaim: '/ids/person' },
      { issuer: second.url, audiences: ['second'] },
    ]);
    revoked = [];
  });
  afterEach(async () => {
    await subject.authenticator.close();
    await issuer.stop();
    await second.stop();
  });

  const sign = (claims: Readonly<Record<string, unknown>>, header = {}): string => {
    const now = subject.clock.seconds();
    const usual = { iss: issuer.url, ids: { person: 'alice' }, tenant: 'ours', azp: 'app', iat: now, exp: now + 300 };
    return signToken(key, { ...usual, ...claims }, header);
  };
  const principalOf = async (claims: Readonly<Record<string, unknown>> = {}): Promise<Principal> => {
    const principal = await subject.authenticator.authenticate(bearer(sign({ aud: AUDIENCE, ...claims })));
    assert.ok(principal);
    return principal;
  };
  const verifier = (changes: Partial<StoreTokensOptions> = {}) =>
    createStoreTokens({
      issuers: subject.issuers,
      audiences: new Map([
        ['asked', [AT_STORE]],
        ['other', ['https://other.example']],
      ]),
      accepted: new Set([AUDIENCE, 'second']),
      revocations: {
        check: ({ tokenIdHash }) => {
          if (revoked.includes(tokenIdHash)) throw new GatewayError('RevokedToken');
        },
      },
      clock: subject.clock,
      observer: { ...nothing, cache: (cache, hit) => subject.events.push(`${cache} ${hit ? 'hit' : 'miss'}`) },
      ...changes,
    });
  const refused = async (code: ErrorCode, attempt: Promise<unknown> | undefined): Promise<GatewayError> => {
    const error: unknown = await attempt?.catch((reason: unknown) => reason);
    assert.ok(error instanceof GatewayError, `expected ${code}`);
    assert.equal(error.code, code, error.detail);
    return error;
  };

  it('is given with its end and a digest, and shows itself to nobody who does not ask', async () => {
    const text = sign({ aud: AT_STORE });
    const token = await verifier().verify(storeOf('asked'), text, await principalOf());
    assert.equal(token?.reveal(), text);
    assert.equal(token.expiresAtMs, (subject.clock.seconds() + 330) * 1000);
    assert.ok(!`${inspect(token, { depth: 9, showHidden: true })}${JSON.stringify(token)}`.includes(text));
  });

  it('may name further audiences, as long as none of them is accepted here or by another store', async () => {
    const tokens = verifier();
    const principal = await principalOf();
    assert.ok(await tokens.verify(storeOf('asked'), sign({ aud: ['account', AT_STORE] }), principal));
    const bad = [[AT_STORE, AUDIENCE], [AUDIENCE, AT_STORE], [AT_STORE, 'second'], AUDIENCE, 'nobody', []];
    for (const aud of [...bad, [AT_STORE, 'https://other.example']]) {
      await refused('InvalidToken', tokens.verify(storeOf('asked'), sign({ aud }), principal));
    }
  });

  it('is looked at for stores that take one only, and needed by these', async () => {
    const tokens = verifier();
    const principal = await principalOf();
    assert.equal(await tokens.verify(storeOf('another'), 'whatever', principal), undefined);
    const { clientFields } = await refused(
      'MissingSecurityHeader',
      tokens.verify(storeOf('asked'), undefined, principal),
    );
    assert.deepEqual(clientFields, { MissingHeaderName: 'x-sallyport-store-token' });
  });

  it('for one store is none for another, though it was verified a moment ago', async () => {
    const tokens = verifier();
    const principal = await principalOf();
    const token = sign({ aud: AT_STORE });
    assert.ok(await tokens.verify(storeOf('asked'), token, principal));
    await refused('InvalidToken', tokens.verify(storeOf('other'), token, principal));
  });

  it('of somebody is not taken from anybody else, though it was verified a moment ago', async () => {
    const tokens = verifier();
    const token = sign({ aud: AT_STORE });
    assert.ok(await tokens.verify(storeOf('asked'), token, await principalOf()));
    const alice = await principalOf();
    const others: readonly Principal[] = [
      await principalOf({ ids: { person: 'bob' } }),
      await principalOf({ act: { sub: 'agent' } }),
      { ...alice, issuer: second.url, issuerName: 'issuer-2' },
      { ...alice, issuerName: 'issuer-2' },
      { ...alice, issuer: 'https://gone.example' },
    ];
    for (const other of others) await refused('InvalidToken', tokens.verify(storeOf('asked'), token, other));
  });

  it('is held to the rules of its issuer as every token of it', async () => {
    const tokens = verifier();
    const principal = await principalOf();
    const now = subject.clock.seconds();
    const bad: readonly (readonly [ErrorCode, string])[] = [
      ['InvalidToken', sign({ aud: AT_STORE, tenant: 'theirs' })],
      ['InvalidToken', sign({ aud: AT_STORE, azp: 'another-app' })],
      ['InvalidToken', sign({ aud: AT_STORE, iss: second.url })],
      ['InvalidToken', sign({ aud: AT_STORE, nbf: now + 60 })],
      ['InvalidToken', sign({ aud: AT_STORE, iat: now + 60 })],
      ['InvalidToken', sign({ aud: AT_STORE, exp: undefined })],
      ['InvalidToken', sign({ aud: AT_STORE }, { alg: 'none' })],
      ['InvalidToken', sign({ aud: AT_STORE }, { alg: 'HS256' })],
      ['InvalidToken', sign({ aud: AT_STORE }, { crit: ['exp'] })],
      ['InvalidToken', sign({ aud: AT_STORE }, { typ: 'logout+jwt' })],
      ['ExpiredToken', sign({ aud: AT_STORE, exp: now - 31 })],
    ];
    for (const [code, token] of bad) {
      const error = await refused(code, tokens.verify(storeOf('asked'), token, principal));
      assert.deepEqual(error.clientFields, { Header: 'x-sallyport-store-token' });
      assert.ok(!inspect(error, { depth: 9 }).includes(token.slice(0, 60)));
    }
  });

  it('through an agent goes with that agent alone', async () => {
    const tokens = verifier();
    const through = (act: unknown): Promise<StoreToken | undefined> =>
      principalOf({ act: { sub: 'agent' } }).then((principal) =>
        tokens.verify(storeOf('asked'), sign({ aud: AT_STORE, act }), principal),
      );
    assert.ok(await through({ sub: 'agent' }));
    // Whoever names no issuer means that of the token.
    assert.ok(await through({ sub: 'agent', iss: issuer.url }));
    for (const act of [undefined, { sub: 'other-agent' }, { sub: 'agent', iss: 'https://other.example' }]) {
      await refused('InvalidToken', through(act));
    }
  });

  it('is verified once, and refused at once when it ends, is revoked, or its key is withdrawn', async () => {
    const tokens = verifier();
    const principal = { ...(await principalOf()), expiresAtMs: Infinity };
    const [token, short] = [
      sign({ aud: AT_STORE, exp: subject.clock.seconds() + 3600 }),
      sign({ aud: AT_STORE, exp: subject.clock.seconds() + 60 }),
    ];
    const verify = (one: string) => tokens.verify(storeOf('asked'), one, principal);
    assert.ok(await verify(token));
    assert.ok(await verify(short));
    subject.events.length = 0;
    const again = await verify(token);
    assert.deepEqual(subject.events, ['token hit']);
    subject.clock.advance(91);
    await refused('ExpiredToken', verify(short));
    revoked.push(String(again?.tokenIdHash));
    await refused('RevokedToken', verify(token));
    revoked.length = 0;
    assert.ok(await verify(token));
    issuer.keys = [makeKey('ES256', 'k2').publicJwk];
    await subject.issuers[0]?.refresh();
    await refused('InvalidToken', verify(token));
  });

  it('that cannot be judged because the keys cannot be had is not called bad', async () => {
    const principal = await principalOf();
    await issuer.stop();
    const fresh = authenticatorFor([{ issuer: issuer.url, fetchTimeoutSeconds: 1 }]);
    const tokens = verifier({ issuers: fresh.issuers });
    await refused('ServiceUnavailable', tokens.verify(storeOf('asked'), sign({ aud: AT_STORE }), principal));
    await fresh.authenticator.close();
    await issuer.restart();
  });

  it('can be requested no audience that is accepted here, nor for none', () => {
    for (const audiences of [[], [AUDIENCE], [AT_STORE, 'second']]) {
      assert.throws(() => verifier({ audiences: new Map([['asked', audiences]]) }), TypeError);
    }
  });
});

const silent = (): void => undefined;
const nothing: StoreTokensOptions['observer'] = {
  ...{ stage: silent, request: silent, failure: silent, cache: silent, call: silent },
  ...{ lookup: silent, leftOut: silent, queued: silent, clockOffset: silent, event: silent },
};
