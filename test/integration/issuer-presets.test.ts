/**
 * Twelve things that are wrong with a token, for each kind of issuer, each beside the token that is right: from an entry
 * of a configuration file to the principal, over keys that are fetched.
 */
import assert from 'node:assert/strict';
import type { ErrorCode } from '../../src/errors/codes.ts';
import type { Principal } from '../../src/contracts/principal.ts';
import { createTokenVerifier, type IssuerTokenVerifier } from '../../src/identity/token-verifier.ts';
import { issuerOf } from '../../src/compose/issuers.ts';
import { makeKey, signToken, startTestIssuer, type TestIssuer, type SigningKey } from '../support/identity/issuer.ts';
import { TOKEN_SHAPES, type Claims, type TokenShape } from '../support/identity/issuer-tokens.ts';
import { Sample } from '../unit/config/sample.ts';
import { recordingObserver, refusedWith, SteppedClock } from '../unit/identity/fixture.ts';

interface World {
  readonly issuer: TestIssuer;
  readonly other: TestIssuer;
  readonly key: SigningKey;
  readonly otherKey: SigningKey;
  readonly clock: SteppedClock;
  readonly tokens: IssuerTokenVerifier;
  readonly sign: (changes?: Claims, header?: Claims, key?: SigningKey) => string;
  readonly verify: (token: string) => Promise<Principal>;
}

/** The token with claims replaced; `iss` by what a function makes of the right one. */
const claimsOf = ({ claims, lifeSeconds }: TokenShape, iss: string, now: number, changes: Claims): Claims => {
  const right = { iss, iat: now, nbf: now, exp: now + lifeSeconds, ...claims };
  const { iss: change, ...rest } = changes;
  return { ...right, ...rest, ...(typeof change === 'function' && { iss: (change as (from: string) => string)(iss) }) };
};

type Mutation = readonly [detail: RegExp, mutate: (world: World, shape: TokenShape) => string | Promise<string>];

const PINNED =
  /^(?:required claim .+|iss is no configured issuer|its iss is Okta's organization server.+|client|the subject claim)$/;
const NO_KEY = /^no key of the issuer has its kid and alg$/;

/** What is done to a token, and why the log says that it was refused. */
const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'of another account': [PINNED, ({ sign }, { wrong }) => sign(wrong.account)],
  'of another organization': [PINNED, ({ sign }, { wrong }) => sign(wrong.organization)],
  'of another tenant': [PINNED, ({ sign }, { wrong }) => sign(wrong.tenant)],
  'for another audience': [/^claim aud/, ({ sign }) => sign({ aud: 'https://elsewhere.example.com' })],
  'of another client': [PINNED, ({ sign }, { wrong }) => sign(wrong.client)],
  'under an unknown kid': [NO_KEY, ({ sign }) => sign({}, { kid: 'unknown' })],
  'with the alg switched': [
    /^alg is not among|^no key of the issuer/,
    ({ sign }, { alg }) => sign({}, { alg: alg === 'RS256' ? 'PS256' : 'RS256' }),
  ],
  'that has expired': [/^$/, ({ sign, clock }) => sign({ exp: clock.seconds() - 60 })],
  'that is not valid yet': [/^claim nbf/, ({ sign, clock }) => sign({ nbf: clock.seconds() + 60 })],
  'signed by a key that was rotated away': [
    NO_KEY,
    async ({ sign, issuer, key, clock, tokens, verify }) => {
      const fresh = makeKey(key.alg, 'fresh');
      issuer.keys = [fresh.publicJwk];
      clock.advance(10);
      // A token of the new key makes the gateway look; then the old key is gone, for tokens that it had verified too.
      assert.ok(await verify(sign({}, {}, fresh)));
      assert.equal(tokens.health()[0]?.state, 'ok');
      return sign();
    },
  ],
  'of the same subject, signed by another issuer': [
    /SIGNATURE_VERIFICATION_FAILED/,
    ({ sign, otherKey }) => sign({}, {}, otherKey),
  ],
  'with an extra crit': [/^header parameter crit$/, ({ sign }) => sign({}, { crit: ['exp'] })],
};

describe('tokens of the issuers of the field', () => {
  let sample: Sample;
  before(async () => {
    sample = await Sample.create();
  });
  after(() => sample.remove());

  for (const shape of TOKEN_SHAPES) {
    describe(`preset ${shape.preset}`, () => {
      let world: World;
      const key = makeKey(shape.alg, 'k-1');
      const otherKey = makeKey(shape.alg, 'k-1');

      beforeEach(async () => {
        const issuer = await startTestIssuer([key.publicJwk], shape.path);
        const other = await startTestIssuer([otherKey.publicJwk], shape.path);
        const entry = { preset: shape.preset, allowHttp: true, ...shape.entry };
        const config = await sample.load({
          issuers: { one: { ...entry, issuer: issuer.url }, two: { ...entry, issuer: other.url } },
        });
        const clock = new SteppedClock();
        const deps = { clock, observer: recordingObserver().observer };
        const tokens = createTokenVerifier(
          config.issuers.map((each) => issuerOf(each, { fetchTimeoutMs: 5000, maxWaiting: 128 }, deps)),
          deps,
        );
        world = {
          ...{ issuer, other, key, otherKey, clock, tokens, verify: async (token: string) => tokens.verify(token) },
          sign: (changes = {}, header = {}, by = key) =>
            signToken(by, claimsOf(shape, issuer.url, clock.seconds(), changes), { ...shape.header, ...header }),
        };
      });
      afterEach(async () => {
        await world.tokens.close();
        await world.issuer.stop();
        await world.other.stop();
      });

      it('gives the principal that its tokens stand for', async () => {
        const { subject, groups, claims, issuer, issuerName } = await world.verify(world.sign());
        assert.deepEqual({ subject, groups, claims }, shape.expected);
        assert.deepEqual([issuerName, issuer], ['one', world.issuer.url]);
      });

      it('keeps an equal subject of another issuer of its kind apart', async () => {
        const claims = claimsOf(shape, world.other.url, world.clock.seconds(), {});
        const there = await world.verify(signToken(otherKey, claims, shape.header));
        const here = await world.verify(world.sign());
        assert.equal(there.subject, here.subject);
        assert.notEqual(there.issuer, here.issuer);
        assert.notEqual(there.issuerName, here.issuerName);
      });

      for (const [title, [detail, mutate]] of Object.entries(MUTATIONS)) {
        it(`refuses a token ${title}, and takes the one that is right`, async () => {
          assert.equal((await world.verify(world.sign())).subject, shape.expected.subject);
          const code: ErrorCode = title === 'that has expired' ? 'ExpiredToken' : 'InvalidToken';
          const error = await refusedWith(code, world.verify(await mutate(world, shape)));
          assert.match(error.detail ?? '', detail);
        });
      }
    });
  }
});
