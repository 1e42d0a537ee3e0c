import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Principal } from '../../src/contracts/principal.ts';
import { GatewayError } from '../../src/errors/gateway-error.ts';
import { parseStrictObject } from '../../src/identity/strict-json.ts';
import { makeKey, signToken, startTestIssuer, type TestIssuer } from '../support/identity/issuer.ts';
import { AUDIENCE, authenticatorFor, bearer, requestWith, type Subject } from '../unit/identity/fixture.ts';

const key = makeKey('EdDSA', 'k1');
const B64TOKEN = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~+/=';

describe('bearer tokens under random attack', () => {
  let issuer: TestIssuer;
  let subject: Subject;
  before(async () => {
    issuer = await startTestIssuer([key.publicJwk]);
    subject = authenticatorFor([{ issuer: issuer.url }]);
  });
  after(async () => {
    await subject.authenticator.close();
    await issuer.stop();
  });
  const isInvalid = async (attempt: Promise<unknown>): Promise<boolean> =>
    attempt.then(
      () => false,
      (error: unknown) => error instanceof GatewayError && error.code === 'InvalidToken',
    );

  it('answers any header with "not mine" or InvalidToken, and nothing else', async () => {
    const header = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'binary' }).map((text) => `Bearer ${text}`),
      fc
        .tuple(fc.json(), fc.json(), fc.base64String())
        .map(
          ([head, body, tail]) =>
            `Bearer ${Buffer.from(head).toString('base64url')}.${Buffer.from(body).toString('base64url')}.${tail}`,
        ),
    );
    await fc.assert(
      fc.asyncProperty(header, async (value) => {
        const attempt = subject.authenticator.authenticate(requestWith(value));
        if (/^bearer( |$)/i.test(value)) assert.ok(await isInvalid(attempt));
        else assert.equal(await attempt, undefined);
      }),
      { numRuns: 500 },
    );
  });

  it('refuses a good token with any one character replaced, removed or added', async () => {
    const claims = { iss: issuer.url, sub: 'alice', aud: AUDIENCE, exp: subject.clock.seconds() + 300 };
    const token = signToken(key, claims);
    assert.ok(await subject.authenticator.authenticate(bearer(token)));
    const change = fc.record({
      at: fc.nat({ max: token.length - 1 }),
      removed: fc.constantFrom(0, 1),
      added: fc.string({ unit: fc.constantFrom(...Array.from(B64TOKEN)), maxLength: 1 }),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ at, removed, added }) => {
        const changed = token.slice(0, at) + added + token.slice(at + removed);
        if (changed !== token) assert.ok(await isInvalid(subject.authenticator.authenticate(bearer(changed))));
      }),
      { numRuns: 500 },
    );
  });
});

describe('claims of signed tokens, at random', () => {
  let issuer: TestIssuer;
  let subject: Subject;
  before(async () => {
    issuer = await startTestIssuer([key.publicJwk]);
    subject = authenticatorFor([
      {
        issuer: issuer.url,
        algorithms: ['EdDSA'],
        groupsClaim: '/realm/roles',
        scopesClaim: 'scope',
        claims: ['level'],
        claimPaths: { tags: '/tags', deep: '/realm/deep/er' },
      },
    ]);
  });
  after(async () => {
    await subject.authenticator.close();
    await issuer.stop();
  });

  it('give a principal of bounded and safe parts, or InvalidToken, and nothing else', async () => {
    const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.constantFrom('a', 'admins', '__proto__'));
    const value = fc.oneof(
      text,
      fc.array(text, { maxLength: 3 }),
      fc.dictionary(text, text),
      fc.jsonValue({ maxDepth: 3 }),
    );
    const claims = fc.record(
      {
        realm: fc.oneof(fc.record({ roles: value, deep: fc.record({ er: value }) }, { requiredKeys: [] }), value),
        ...{ scope: value, level: value, tags: value, sid: value, jti: value, _claim_names: value },
        act: fc.oneof(fc.record({ sub: text, iss: text, act: value }, { requiredKeys: [] }), value),
      },
      { requiredKeys: [] },
    );
    const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
    // All of them at once are hardly ever accepted.
    const few = fc
      .tuple(
        claims,
        fc.shuffledSubarray(['realm', 'scope', 'level', 'tags', 'sid', 'jti', '_claim_names', 'act'], { maxLength: 2 }),
      )
      .map(([all, names]) => Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name))));
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(fc.oneof(claims, few), async (more) => {
        const now = subject.clock.seconds();
        const token = signToken(key, {
          iss: issuer.url,
          sub: 'alice',
          aud: AUDIENCE,
          iat: now,
          exp: now + 300,
          ...more,
        });
        const outcome = await subject.authenticator.authenticate(bearer(token)).catch((error: unknown) => error);
        if (outcome instanceof GatewayError) {
          assert.equal(outcome.code, 'InvalidToken');
          return;
        }
        accepted += 1;
        const { groups, claims: carried, actor, sessionId } = outcome as Principal;
        for (const [name, each] of Object.entries(carried)) {
          assert.match(name, /^(?:level|scopes|deep|tags|(?:deep|tags)\.)/);
          assert.ok(['string', 'number', 'boolean'].includes(typeof each) || Array.isArray(each));
        }
        const texts = [...groups, ...Object.keys(carried), ...Object.values(carried).flat(), actor?.subject, sessionId];
        assert.ok(texts.every((each) => typeof each !== 'string' || (!unsafe.test(each) && each.length <= 1300)));
        assert.equal('act' in more, actor !== undefined);
      }),
      { numRuns: 500 },
    );
    assert.ok(accepted > 40, `only ${accepted} were accepted`);
  });
});

describe('strict JSON', () => {
  it('reads every object of moderate depth exactly as JSON.parse does', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 8 })),
        fc.nat(3),
        (value, indent) => {
          const text = JSON.stringify(value, null, indent);
          assert.deepEqual(parseStrictObject(Buffer.from(text)), JSON.parse(text));
        },
      ),
    );
  });

  it('refuses every object in which one name comes twice, wherever it is', () => {
    const name = fc.string({ unit: 'grapheme' });
    fc.assert(
      fc.property(
        name,
        fc.jsonValue(),
        fc.jsonValue(),
        fc.array(fc.constantFrom('[', '{'), { maxLength: 8 }),
        (twice, a, b, path) => {
          const escaped = `"${Array.from({ length: twice.length }, (_, at) => `\\u${twice.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`;
          const pair = `{${JSON.stringify(twice)}:${JSON.stringify(a)},${escaped} :${JSON.stringify(b)}}`;
          const text = path.reduce((inner, open) => (open === '[' ? `[1,${inner}]` : `{"x":${inner}}`), pair);
          assert.equal(parseStrictObject(Buffer.from(`{"top":${text}}`)), undefined);
        },
      ),
    );
  });

  it('is not confused by names and brackets inside strings', () => {
    for (const text of [
      '{"a":"\\"a\\":","b":"{[\\\\"}',
      '{"a":["a","a"],"b":"a"}',
      '{"a":{"a":{"a":1}}}',
      '{"__proto__":1,"a":[{"a":1},{"a":1}]}',
    ]) {
      assert.deepEqual(parseStrictObject(Buffer.from(text)), JSON.parse(text));
    }
  });
});
