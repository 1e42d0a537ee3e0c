import assert from 'node:assert/strict';
import type { IntrospectionSettings } from '../../../src/contracts/issuer-settings.ts';
import type { IssuerOptions } from '../../../src/identity/issuer-options.ts';
import {
  CLIENT,
  startIntrospectingIssuer,
  type IntrospectingIssuer,
} from '../../support/identity/introspecting-issuer.ts';
import { makeKey, signToken, startTestIssuer } from '../../support/identity/issuer.ts';
import { AUDIENCE, authenticatorFor, bearer, refusedWith, type Subject } from './fixture.ts';

const TOKEN = 'opaque-Token_1~a+b/c==';

describe('an opaque token', () => {
  let issuer: IntrospectingIssuer;
  const opened: Subject[] = [];
  const introspectionOptions = (more: Partial<IntrospectionSettings> = {}): IntrospectionSettings => ({
    clientId: CLIENT.id,
    clientSecret: { reveal: () => CLIENT.secret },
    authentication: 'client_secret_basic',
    ...{ endpoint: undefined, prefix: undefined, jwts: false, cacheSeconds: 10, sessionSeconds: 900 },
    ...more,
  });
  const subjectWith = (
    introspection: Partial<IntrospectionSettings> = {},
    options: Partial<IssuerOptions> = {},
    others: readonly IntrospectingIssuer[] = [],
  ): Subject => {
    const all = [issuer, ...others].map(({ url }) => ({
      issuer: url,
      introspection: introspectionOptions(introspection),
      ...options,
    }));
    const subject = authenticatorFor(all);
    opened.push(subject);
    return subject;
  };
  const claims = ({ clock }: Subject, more: object = {}): object => {
    const now = clock.seconds();
    return { iss: issuer.url, sub: 'alice', aud: AUDIENCE, client_id: 'app', iat: now, exp: now + 300, ...more };
  };
  const present = (subject: Subject, token = TOKEN) => subject.authenticator.authenticate(bearer(token));
  const refuse = async (subject: Subject, more: object) => {
    issuer.tokens.set(TOKEN, claims(subject, more));
    await refusedWith('InvalidToken', present(subject));
  };

  beforeEach(async () => {
    issuer = await startIntrospectingIssuer();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(({ authenticator }) => authenticator.close()));
    await issuer.stop();
  });

  it('is who its issuer says, by either way to authenticate and at either way to find the endpoint', async () => {
    for (const authentication of ['client_secret_basic', 'client_secret_post'] as const) {
      for (const endpoint of [{}, { endpoint: `${issuer.url}/introspect` }]) {
        const subject = subjectWith({ authentication, ...endpoint }, { claims: ['client_id'] });
        issuer.tokens.set(TOKEN, claims(subject, { groups: ['staff'], sid: 's-1', act: { sub: 'agent' } }));
        const principal = await present(subject);
        assert.equal(principal?.subject, 'alice');
        assert.equal(principal.issuer, issuer.url);
        assert.deepEqual(principal.groups, ['staff']);
        assert.deepEqual(principal.claims, { client_id: 'app' });
        assert.deepEqual(principal.actor, { subject: 'agent' });
        assert.equal(principal.sessionId, 's-1');
        assert.equal(principal.tokenKind, undefined);
        assert.equal(issuer.requested.at(-1)?.get('token'), TOKEN);
      }
    }
  });

  it('is an access token where its issuer names its type, and of a kind that is not known where it does not', async () => {
    const subject = subjectWith({ cacheSeconds: 0 });
    for (const [type, kind] of [
      ['Bearer', 'access_token'],
      ['bearer', 'access_token'],
      [undefined, undefined],
    ]) {
      issuer.tokens.set(TOKEN, claims(subject, { token_type: type }));
      assert.equal((await present(subject))?.tokenKind, kind);
    }
  });

  it('is refused where no issuer introspects', async () => {
    const subject = authenticatorFor([{ issuer: issuer.url }]);
    opened.push(subject);
    await refusedWith('InvalidToken', present(subject));
    assert.equal(issuer.requested.length, 0);
  });

  it('is refused when it is not active, and active says only what is true', async () => {
    const subject = subjectWith({ cacheSeconds: 0 });
    await refusedWith('InvalidToken', present(subject));
    await refuse(subject, { active: false });
    issuer.tokens.set(TOKEN, claims(subject, { active: 'true' }));
    await refusedWith('ServiceUnavailable', present(subject));
  });

  it('is held to the issuer, the audience and the rules that a JWT is held to', async () => {
    const subject = subjectWith(
      { cacheSeconds: 0 },
      { requiredClaims: { tenant: 't1' }, allowedClients: ['app'], maxTokenAgeSeconds: 100 },
    );
    issuer.tokens.set(TOKEN, claims(subject, { tenant: 't1' }));
    assert.ok(await present(subject));
    const now = subject.clock.seconds();
    for (const wrong of [
      { iss: 'https://other.example' },
      { iss: null },
      { aud: undefined },
      { aud: 'https://elsewhere.example' },
      { aud: [[AUDIENCE]] },
      { sub: undefined },
      { sub: 7 },
      { tenant: 't2' },
      { client_id: 'other' },
      { client_id: undefined },
      { azp: 'other' },
      { exp: undefined },
      { exp: '9999999999' },
      { nbf: now + 60 },
      { nbf: 'now' },
      { iat: now + 60 },
      { iat: undefined },
      { token_type: 'DPoP' },
      { typ: 'Refresh' },
      { typ: 'ID' },
      { cnf: { jkt: 'x' } },
      { act: {} },
      { jti: 7 },
    ]) {
      await refuse(subject, { tenant: 't1', ...wrong });
    }
    for (const old of [{ exp: now - 31 }, { iat: now - 131 }]) {
      issuer.tokens.set(TOKEN, claims(subject, { tenant: 't1', ...old }));
      await refusedWith('ExpiredToken', present(subject));
    }
  });

  it('needs no iss of an issuer that gives none', async () => {
    const subject = subjectWith();
    issuer.tokens.set(TOKEN, claims(subject, { iss: undefined }));
    assert.equal((await present(subject))?.issuer, issuer.url);
  });

  it('is introspected again when the time that was requested is over, and not before', async () => {
    const subject = subjectWith({ cacheSeconds: 10 });
    issuer.tokens.set(TOKEN, claims(subject));
    await present(subject);
    subject.clock.advance(9);
    await present(subject);
    assert.equal(issuer.requested.length, 1);
    issuer.tokens.delete(TOKEN);
    subject.clock.advance(1);
    await refusedWith('InvalidToken', present(subject));
    assert.equal(issuer.requested.length, 2);
  });

  it('bounds the sessions that are issued for it: its issuer is not introspected those', async () => {
    for (const [sessionSeconds, bound] of [
      [undefined, 900],
      [60, 60],
    ] as const) {
      const subject = subjectWith({ cacheSeconds: 10, ...(sessionSeconds !== undefined && { sessionSeconds }) });
      issuer.tokens.set(TOKEN, claims(subject, { exp: subject.clock.seconds() + 36_000 }));
      assert.equal((await present(subject))?.sessionsEndAtMs, subject.clock.now() + bound * 1000);
      subject.clock.advance(10);
      assert.equal((await present(subject))?.sessionsEndAtMs, subject.clock.now() + bound * 1000);
    }
    assert.throws(() => subjectWith({ sessionSeconds: 59 }), TypeError);
  });

  it('is introspected each time where nothing is to be kept', async () => {
    const subject = subjectWith({ cacheSeconds: 0 });
    issuer.tokens.set(TOKEN, claims(subject));
    await present(subject);
    await present(subject);
    assert.equal(issuer.requested.length, 2);
  });

  it('is never kept past its end', async () => {
    const subject = subjectWith({ cacheSeconds: 300 }, { clockSkewSeconds: 0 });
    issuer.tokens.set(TOKEN, claims(subject, { exp: subject.clock.seconds() + 5 }));
    await present(subject);
    subject.clock.advance(5);
    await refusedWith('ExpiredToken', present(subject));
  });

  it('that is new and comes many times at once is introspected once', async () => {
    const subject = subjectWith();
    issuer.tokens.set(TOKEN, claims(subject));
    await Promise.all(Array.from({ length: 50 }, () => present(subject)));
    assert.equal(issuer.requested.length, 1);
  });

  it('goes to no issuer when it has the form of a JWT, or of no token', async () => {
    const subject = subjectWith();
    for (const token of ['a.b.c', 'e30.e30.AAAA', '..', 'a b', 'a,b', 'a\u00e9', 'a"b', 'x'.repeat(24_577), '']) {
      await refusedWith('InvalidToken', present(subject, token));
    }
    assert.equal(issuer.requested.length, 0);
  });

  it('goes only where tokens begin as it does', async () => {
    const subject = subjectWith({ prefix: 'corp_' });
    issuer.tokens.set(TOKEN, claims(subject)).set('corp_1', claims(subject));
    await refusedWith('InvalidToken', present(subject));
    assert.equal((await present(subject, 'corp_1'))?.subject, 'alice');
    assert.equal(issuer.requested.length, 1);
  });

  describe('of one of several issuers', () => {
    let other: IntrospectingIssuer;
    beforeEach(async () => {
      other = await startIntrospectingIssuer();
    });
    afterEach(() => other.stop());

    it('is of the one that knows it', async () => {
      const subject = subjectWith({}, {}, [other]);
      other.tokens.set(TOKEN, claims(subject, { iss: other.url }));
      assert.equal((await present(subject))?.issuer, other.url);
      assert.equal(issuer.requested.length, 1);
    });

    it('is never another one\u2019s: who answers for a foreign issuer is refused', async () => {
      const subject = subjectWith({}, {}, [other]);
      issuer.tokens.set(TOKEN, claims(subject, { iss: other.url }));
      await refusedWith('InvalidToken', present(subject));
    });

    it('cannot be judged while one that may know it is away, and is accepted where another one knows it', async () => {
      const subject = subjectWith({ cacheSeconds: 0 }, {}, [other]);
      await issuer.stop();
      await refusedWith('ServiceUnavailable', present(subject));
      other.tokens.set(TOKEN, claims(subject, { iss: other.url }));
      assert.equal((await present(subject))?.issuer, other.url);
      await issuer.restart();
    });

    it('is introspected at four at most', () => {
      assert.throws(() => subjectWith({}, {}, [other, other, other, other]), TypeError);
    });
  });

  describe('cannot be judged, and can again without a restart, when its issuer', () => {
    const faults: Record<string, () => void | Promise<void>> = {
      'is away': () => issuer.stop(),
      'is slow': () => {
        issuer.fault = () => undefined;
      },
      'sends half an answer': () => {
        issuer.fault = (_, res) => void res.writeHead(200, { 'content-length': '100' }).end('{"active":');
      },
      'sends garbage': () => {
        issuer.fault = (_, res) => void res.writeHead(200, { 'content-type': 'application/json' }).end('<html>');
      },
      'sends a list': () => {
        issuer.fault = (_, res) => void res.writeHead(200, { 'content-type': 'application/json' }).end('[true]');
      },
      'says active twice': () => {
        issuer.fault = (_, res) => void res.end('{"active":false,"active":true,"sub":"root"}');
      },
      'sends more than any answer': () => {
        issuer.fault = (_, res) => void res.end(`{"active":true,"x":"${'x'.repeat(70_000)}"}`);
      },
      'sends elsewhere': () => {
        issuer.fault = (_, res) => void res.writeHead(307, { location: 'http://127.0.0.1:1/' }).end();
      },
      'knows the gateway no more': () => {
        issuer.fault = (_, res) => void res.writeHead(401, { 'www-authenticate': 'Basic' }).end();
      },
      fails: () => {
        issuer.fault = (_, res) => void res.writeHead(500).end(TOKEN);
      },
    };
    for (const [title, fail] of Object.entries(faults)) {
      it(title, async () => {
        const subject = subjectWith({ cacheSeconds: 0 }, { fetchTimeoutSeconds: 0.5 });
        issuer.tokens.set(TOKEN, claims(subject));
        assert.ok(await present(subject));
        await fail();
        const startedAt = performance.now();
        const error = await refusedWith('ServiceUnavailable', present(subject));
        assert.ok(performance.now() - startedAt < 2000);
        const logged = `${error.stack} ${error.detail} ${String(error.cause)} ${subject.events.join()}`;
        assert.ok(!logged.includes(TOKEN) && !logged.includes(CLIENT.secret));
        assert.ok(
          subject.authenticator.health().some(({ name, state }) => /^introspection/.test(name) && state === 'degraded'),
        );
        issuer.fault = undefined;
        if (title === 'is away') await issuer.restart();
        assert.ok(await present(subject));
        assert.ok(
          subject.authenticator.health().every(({ name, state }) => !/^introspection/.test(name) || state === 'ok'),
        );
      });
    }

    it('has more requests open than it should get', async () => {
      const subject = subjectWith({}, { fetchTimeoutSeconds: 5 });
      issuer.tokens.set('first', claims(subject));
      await present(subject, 'first');
      const waiting: (() => void)[] = [];
      issuer.fault = (_, res) => void waiting.push(() => res.end('{"active":false}'));
      const attempts = Array.from({ length: 40 }, (_, index) =>
        present(subject, `token-${index}`).catch((e: unknown) => e),
      );
      const slowed = await Promise.race(attempts);
      assert.equal((slowed as { code?: string }).code, 'SlowDown');
      assert.ok(await present(subject, 'first'), 'a known token is not held up');
      issuer.fault = undefined;
      const release = setInterval(() => waiting.splice(0).forEach((end) => end()), 5);
      const codes = (await Promise.all(attempts)).map((error) => (error as { code?: string }).code);
      clearInterval(release);
      assert.equal(codes.filter((code) => code === 'SlowDown').length, 8);
      assert.equal(codes.filter((code) => code === 'InvalidToken').length, 32);
    });
  });

  describe('of somebody who is known', () => {
    const flooded = async (subject: Subject, known: readonly string[]) => {
      for (const token of known) {
        issuer.tokens.set(token, claims(subject));
        await present(subject, token);
      }
      const waiting: (() => void)[] = [];
      issuer.fault = (_, res) => void waiting.push(() => res.end('{"active":false}'));
      const made = Array.from({ length: 200 }, (_, index) =>
        present(subject, `made-up-${index}`).catch(() => 'refused'),
      );
      while (issuer.requested.length < known.length + 32) await new Promise((resolve) => setImmediate(resolve));
      return async () => {
        const release = setInterval(() => waiting.splice(0).forEach((end) => end()), 5);
        assert.ok((await Promise.all(made)).every((outcome) => outcome === 'refused'));
        clearInterval(release);
      };
    };

    it('is introspected again however many made-up ones wait: those cannot take its places', async () => {
      const subject = subjectWith({ cacheSeconds: 10 });
      const known = ['known-1', 'known-2', 'known-3'];
      const end = await flooded(subject, known);
      subject.clock.advance(10);
      // One request without an answer takes nobody's place away.
      issuer.fault = (_, res) => void res.writeHead(500).end();
      await refusedWith('ServiceUnavailable', present(subject, known[0]));
      issuer.fault = undefined;
      for (const token of known) assert.ok(await present(subject, token));
      await refusedWith('SlowDown', present(subject, 'made-up-too'));
      await end();
    });

    it('loses that place when it is refused', async () => {
      const subject = subjectWith({ cacheSeconds: 10 });
      const end = await flooded(subject, ['known-1']);
      issuer.fault = undefined;
      issuer.tokens.delete('known-1');
      subject.clock.advance(10);
      await refusedWith('InvalidToken', present(subject, 'known-1'));
      subject.clock.advance(2);
      await refusedWith('SlowDown', present(subject, 'known-1'));
      await end();
    });
  });

  it('that comes many times at once takes no more places than there are, and a JWT waits for none of them', async () => {
    const key = makeKey('ES256', 'k1');
    const unquoted = await startTestIssuer([key.publicJwk]);
    const subject = authenticatorFor(
      [{ issuer: issuer.url, introspection: introspectionOptions() }, { issuer: unquoted.url }],
      {
        maxWaiting: 20,
      },
    );
    opened.push(subject);
    issuer.tokens.set('first', claims(subject));
    await present(subject, 'first');
    const waiting: (() => void)[] = [];
    issuer.fault = (_, res) => void waiting.push(() => res.end('{"active":false}'));
    const attempts = Array.from({ length: 50 }, () =>
      present(subject).then(
        () => 'ok',
        (error: unknown) => (error as { code: string }).code,
      ),
    );
    const jwt = { iss: unquoted.url, sub: 'bob', aud: AUDIENCE, exp: subject.clock.seconds() + 60 };
    assert.equal((await present(subject, signToken(key, jwt)))?.subject, 'bob');
    assert.equal((await present(subject, 'first'))?.subject, 'alice');
    while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
    waiting.forEach((end) => end());
    const codes = await Promise.all(attempts);
    assert.equal(codes.filter((code) => code === 'SlowDown').length, 30);
    assert.equal(codes.filter((code) => code === 'InvalidToken').length, 20);
    assert.equal(issuer.requested.length, 2);
    await unquoted.stop();
  });

  it('does not wait for an issuer that has failed three times, and finds it again within a second of its coming back', async () => {
    const subject = subjectWith({ cacheSeconds: 0 }, { fetchTimeoutSeconds: 0.3 });
    issuer.tokens.set(TOKEN, claims(subject));
    issuer.fault = () => undefined;
    for (const token of ['a', 'b', 'c']) await refusedWith('ServiceUnavailable', present(subject, token));
    const startedAt = performance.now();
    for (let index = 0; index < 50; index += 1) {
      await refusedWith('ServiceUnavailable', present(subject, `more-${index}`));
    }
    assert.ok(performance.now() - startedAt < 200);
    assert.equal(issuer.requested.length, 3);
    issuer.fault = undefined;
    subject.clock.advance(1);
    assert.ok(await present(subject));
    assert.ok(await present(subject));
  });

  it('is not kept out by others that bring its issuer to fail: neither one that was good, nor one that is new', async () => {
    for (const [status, isNewServed] of [
      [413, true],
      [400, true],
      [500, false],
    ] as const) {
      const subject = subjectWith({ cacheSeconds: 1 });
      issuer.fault = undefined;
      for (const token of ['known', 'new']) issuer.tokens.set(token, claims(subject));
      await present(subject, 'known');
      const real = [...issuer.tokens.keys()];
      issuer.fault = (_, res) => {
        const token = issuer.requested.at(-1)?.get('token') ?? '';
        if (real.includes(token)) res.end(JSON.stringify({ active: true, ...claims(subject) }));
        else res.writeHead(status).end();
      };
      for (const token of ['a', 'b', 'c', 'd']) await refusedWith('ServiceUnavailable', present(subject, token));
      if (isNewServed) assert.ok(await present(subject, 'new'));
      else await refusedWith('ServiceUnavailable', present(subject, 'new'));
      subject.clock.advance(1);
      await refusedWith('ServiceUnavailable', present(subject, 'e'));
      assert.ok(await present(subject, 'known'));
    }
  });

  it('is introspected at its new address where that has moved', async () => {
    const subject = subjectWith({ cacheSeconds: 0 });
    issuer.tokens.set(TOKEN, claims(subject));
    assert.ok(await present(subject));
    issuer.endpoint = '/moved';
    issuer.fault = (_, res) => void res.writeHead(404).end();
    await refusedWith('ServiceUnavailable', present(subject));
    issuer.fault = (req, res) => {
      if (req.url !== '/moved') res.writeHead(404).end();
      else res.end(JSON.stringify({ active: true, ...claims(subject) }));
    };
    assert.ok(await present(subject));
  });

  it('is introspected at its old address while discovery is away', async () => {
    const subject = subjectWith({ cacheSeconds: 0 });
    issuer.tokens.set(TOKEN, claims(subject));
    assert.ok(await present(subject));
    issuer.fault = (_, res) => void res.writeHead(500).end();
    await refusedWith('ServiceUnavailable', present(subject));
    issuer.fault = undefined;
    issuer.endpoint = undefined;
    assert.ok(await present(subject));
    subject.clock.advance(3600);
    issuer.tokens.set(TOKEN, claims(subject));
    assert.ok(await present(subject));
  });

  it('never makes the gateway send its secret to a foreign address, or one that is not https', () => {
    for (const endpoint of ['http://idp.example/introspect', 'ftp://127.0.0.1/', 'introspect']) {
      assert.throws(() => subjectWith({ endpoint }), TypeError, endpoint);
    }
    assert.throws(() => subjectWith({ cacheSeconds: 301 }), TypeError);
  });
});
