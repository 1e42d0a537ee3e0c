import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { IssuerOptions } from '../../../src/identity/issuer-options.ts';
import {
  makeKey,
  sendJson,
  signToken,
  startTestIssuer,
  type TestIssuer,
  type SigningKey,
} from '../../support/identity/issuer.ts';
import { AUDIENCE, authenticatorFor, bearer, refusedWith, type Subject } from './fixture.ts';

const first = makeKey('ES256', 'first');
const second = makeKey('ES256', 'second');

describe('the keys of an issuer', () => {
  let issuer: TestIssuer;
  const opened: Subject[] = [];
  const start = (options: Partial<IssuerOptions> = {}): Subject => {
    const subject = authenticatorFor([{ ...options, issuer: issuer.url }]);
    opened.push(subject);
    return subject;
  };
  /** A token of its own for every call, so that the cache of verified tokens is not what answers. */
  let serial = 0;
  const authenticate = ({ clock, authenticator }: Subject, key: SigningKey, header?: Record<string, unknown>) => {
    const now = clock.seconds();
    const claims = {
      iss: issuer.url,
      sub: 'alice',
      aud: AUDIENCE,
      iat: now,
      exp: now + 300,
      jti: String((serial += 1)),
    };
    return authenticator.authenticate(bearer(signToken(key, claims, header)));
  };
  const stateOf = ({ authenticator }: Subject) => authenticator.health()[0]!;

  beforeEach(async () => {
    issuer = await startTestIssuer([first.publicJwk]);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(({ authenticator }) => authenticator.close()));
    await issuer.stop();
  });

  it('are fetched in the background, and a first request waits for them', async () => {
    const subject = start();
    assert.equal(stateOf(subject).state, 'unknown');
    assert.ok(await authenticate(subject, first));
    assert.equal(stateOf(subject).state, 'ok');
    assert.ok(subject.events.includes('discovery ok'));
    assert.ok(subject.events.includes('jwks ok'));
  });

  it('may rotate without a restart: an unknown kid makes the gateway look again', async () => {
    const subject = start();
    assert.ok(await authenticate(subject, first));
    issuer.keys = [second.publicJwk, first.publicJwk];
    subject.clock.advance(11);
    assert.ok(await authenticate(subject, second));
    assert.ok(await authenticate(subject, first));
  });

  it('are not fetched more often than the cooldown allows, however many unknown kids come', async () => {
    const subject = start();
    assert.ok(await authenticate(subject, first));
    const flood = () =>
      Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          refusedWith('InvalidToken', authenticate(subject, second, { kid: `garbage-${index}` })),
        ),
      );
    await flood();
    await flood();
    assert.equal(issuer.seen.jwks, 2);
    subject.clock.advance(11);
    await flood();
    assert.equal(issuer.seen.jwks, 3);
  });

  it('are not fetched more often either while the issuer fails', async () => {
    const subject = start();
    assert.ok(await authenticate(subject, first));
    issuer.faults.jwks = (_, res) => void res.writeHead(500).end();
    issuer.faults.discovery = issuer.faults.jwks;
    subject.clock.advance(11);
    for (let times = 0; times < 20; times += 1) {
      await refusedWith('ServiceUnavailable', authenticate(subject, second, { kid: `garbage-${times}` }));
    }
    assert.equal(issuer.seen.jwks, 2);
  });

  it('stop working when the issuer removes them, with nobody asking', async () => {
    const subject = start({ jwksRefreshSeconds: 0.02 });
    assert.ok(await authenticate(subject, first));
    issuer.keys = [second.publicJwk];
    const requested = issuer.seen.jwks;
    // Two further looks: the first may have begun before the removal.
    while (issuer.seen.jwks < requested + 2) await new Promise((resolve) => setImmediate(resolve));
    await subject.issuers[0]!.refresh();
    await refusedWith('InvalidToken', authenticate(subject, first));
    assert.ok(await authenticate(subject, second));
  });

  it('go on working while the issuer is down; what needs a newer one is unavailable, not invalid', async () => {
    const subject = start();
    assert.ok(await authenticate(subject, first));
    await issuer.stop();
    subject.clock.advance(11);
    await subject.issuers[0]!.refresh();
    assert.ok(await authenticate(subject, first));
    await refusedWith('ServiceUnavailable', authenticate(subject, second));
    assert.equal(stateOf(subject).state, 'degraded');
    assert.match(stateOf(subject).detail ?? '', /last good keys serve/);
  });

  it('do not serve for ever while the issuer is down', async () => {
    const subject = start({ jwksMaxStaleSeconds: 3600 });
    assert.ok(await authenticate(subject, first));
    await issuer.stop();
    subject.clock.advance(3600);
    assert.ok(await authenticate(subject, first));
    subject.clock.advance(1);
    await refusedWith('ServiceUnavailable', authenticate(subject, first));
  });

  it('end with their bound for known tokens too', async () => {
    const subject = start({ jwksMaxStaleSeconds: 60 });
    const now = subject.clock.seconds();
    const request = bearer(signToken(first, { iss: issuer.url, sub: 'alice', aud: AUDIENCE, exp: now + 300 }));
    assert.ok(await subject.authenticator.authenticate(request));
    await issuer.stop();
    subject.clock.advance(61);
    await refusedWith('ServiceUnavailable', subject.authenticator.authenticate(request));
  });

  it('of an issuer that was never up make its tokens unavailable, until it comes up', async () => {
    await issuer.stop();
    const subject = start();
    await refusedWith('ServiceUnavailable', authenticate(subject, first));
    await refusedWith('ServiceUnavailable', authenticate(subject, first));
    assert.match(stateOf(subject).detail ?? '', /ECONNREFUSED/);
    await issuer.restart();
    // The background comes back to it by itself, a second later.
    while (issuer.seen.jwks < 1) await new Promise((resolve) => setTimeout(resolve, 10));
    await subject.issuers[0]!.refresh();
    assert.ok(await authenticate(subject, first));
    assert.equal(stateOf(subject).state, 'ok');
  });

  it('warn once when they cannot be had, and say when they can again', async () => {
    const subject = start();
    assert.ok(await authenticate(subject, first));
    await issuer.stop();
    await subject.issuers[0]!.refresh();
    await subject.issuers[0]!.refresh();
    await issuer.restart();
    await subject.issuers[0]!.refresh();
    assert.equal(subject.events.filter((event) => event.startsWith('warn ')).length, 1);
    assert.equal(subject.events.filter((event) => event.includes('jwks_refresh_recovered')).length, 1);
  });

  it('of one issuer being away does not touch another issuer', async () => {
    await issuer.stop();
    const healthy = await startTestIssuer([second.publicJwk]);
    const subject = authenticatorFor([{ issuer: issuer.url }, { issuer: healthy.url }]);
    opened.push(subject);
    await refusedWith('ServiceUnavailable', authenticate(subject, first));
    const claims = { iss: healthy.url, sub: 'alice', aud: AUDIENCE, exp: subject.clock.seconds() + 300 };
    assert.ok(await subject.authenticator.authenticate(bearer(signToken(second, claims))));
    assert.deepEqual(
      subject.authenticator.health().map(({ name, state }) => `${name} ${state}`),
      ['issuer:issuer-1 degraded', 'issuer:issuer-2 ok'],
    );
    await healthy.stop();
  });

  const hang: RequestListener = (_, res) => void res.writeHead(200, { 'content-type': 'application/json' }).write('{');
  const drip: RequestListener = (_, res) => {
    res.writeHead(200);
    const timer = setInterval(() => res.write(' '), 5);
    res.on('close', () => clearInterval(timer));
  };
  const huge: RequestListener = (_, res) => {
    res.writeHead(200);
    const pour = (): void => {
      while (!res.destroyed && res.write(Buffer.alloc(65_536, ' '))) {
        // until the peer pushes back
      }
    };
    res.on('drain', pour);
    pour();
  };
  const TOO_SLOW = /no whole answer within/;
  const faults: Record<string, { readonly answer: RequestListener; readonly detail: RegExp }> = {
    'never answers': { answer: () => undefined, detail: TOO_SLOW },
    'begins to answer and stops': { answer: hang, detail: TOO_SLOW },
    'answers a byte at a time': { answer: drip, detail: TOO_SLOW },
    'never stops answering': { answer: huge, detail: /more than 262144 bytes/ },
    'answers 500': { answer: (_, res) => void res.writeHead(500).end('{}'), detail: /status 500/ },
    'answers 204': { answer: (_, res) => void res.writeHead(204).end(), detail: /status 204/ },
    'breaks the connection': { answer: (req) => void req.socket.destroy(), detail: /no connection/ },
    'answers what is not JSON': { answer: (_, res) => void res.end('<html>'), detail: /not valid/ },
    'answers a list': { answer: (_, res) => sendJson(res, []), detail: /not / },
  };
  for (const document of ['discovery', 'jwks'] as const) {
    for (const [name, { answer, detail }] of Object.entries(faults)) {
      it(`are unavailable when ${document} ${name}`, async () => {
        issuer.faults[document] = answer;
        // Short where it has to pass: what is refused for another reason may take its time on a busy machine.
        const subject = start({ fetchTimeoutSeconds: detail === TOO_SLOW ? 0.2 : 5 });
        const error = await refusedWith('ServiceUnavailable', authenticate(subject, first));
        assert.match(error.detail ?? '', detail);
        assert.ok(subject.events.includes(`${document} error`));
        issuer.faults[document] = undefined;
        await subject.issuers[0]!.refresh();
        assert.ok(await authenticate(subject, first));
      });
    }

    it(`are unavailable when ${document} redirects, and the redirect is not followed`, async () => {
      let visits = 0;
      const target = createServer((_, res) => {
        visits += 1;
        sendJson(res, { keys: [first.publicJwk], issuer: issuer.url, jwks_uri: `${issuer.url}/jwks` });
      }).listen(0, '127.0.0.1');
      await once(target, 'listening');
      const address = target.address();
      assert.ok(address !== null && typeof address === 'object');
      const location = `http://127.0.0.1:${address.port}/`;
      issuer.faults[document] = (_, res) => void res.writeHead(302, { location }).end();
      const error = await refusedWith('ServiceUnavailable', authenticate(start(), first));
      assert.match(error.detail ?? '', /status 302/);
      assert.equal(visits, 0);
      target.close();
    });
  }

  it('are not taken from a discovery document of another issuer, however similar', async () => {
    for (const name of ['https://evil.test', `${issuer.url}/`, issuer.url.replace('127.0.0.1', 'localhost')]) {
      issuer.faults.discovery = (_, res) => sendJson(res, { issuer: name, jwks_uri: `${issuer.url}/jwks` });
      await refusedWith('ServiceUnavailable', authenticate(start(), first));
    }
    assert.equal(issuer.seen.jwks, 0);
  });

  it('are not fetched from a jwks_uri that is missing, not https, or not loopback http', async () => {
    for (const jwksUri of [
      undefined,
      7,
      '',
      'keys',
      'http://keys.test/jwks',
      'file:///etc/passwd',
      'data:application/json,{}',
    ]) {
      issuer.faults.discovery = (_, res) => sendJson(res, { issuer: issuer.url, jwks_uri: jwksUri });
      const error = await refusedWith('ServiceUnavailable', authenticate(start(), first));
      assert.match(error.detail ?? '', /jwks_uri/);
    }
  });

  it('that are too many, or no key set, leave the last good ones in place', async () => {
    const subject = start();
    assert.ok(await authenticate(subject, first));
    for (const answer of [{ keys: Array.from({ length: 101 }, () => second.publicJwk) }, { keys: 'none' }, {}, null]) {
      issuer.faults.jwks = (_, res) => sendJson(res, answer);
      await subject.issuers[0]!.refresh();
      assert.equal(stateOf(subject).state, 'degraded');
      assert.ok(await authenticate(subject, first));
    }
  });

  it('may rotate right after the gateway has looked by itself: the first who has a new one makes it look again', async () => {
    const subject = start();
    assert.ok(await authenticate(subject, first));
    issuer.keys = [second.publicJwk];
    assert.ok(await authenticate(subject, second));
    assert.equal(issuer.seen.jwks, 2);
  });

  it('that nobody has looked for yet are not called bad: the caller is told to come again', async () => {
    const subject = start();
    assert.ok(await authenticate(subject, first));
    await refusedWith('InvalidToken', authenticate(subject, second, { kid: 'made-up' }));
    issuer.keys = [first.publicJwk, second.publicJwk];
    subject.clock.advance(9);
    await refusedWith('ServiceUnavailable', authenticate(subject, second));
    assert.equal(issuer.seen.jwks, 2, 'and the issuer is left alone');
    await refusedWith('InvalidToken', authenticate(subject, second, { kid: 'made-up' }));
    subject.clock.advance(1);
    assert.ok(await authenticate(subject, second));
  });

  it('keep no more callers waiting than there are places, and those of another issuer wait for nobody', async () => {
    const healthy = await startTestIssuer([second.publicJwk]);
    const subject = authenticatorFor([
      { issuer: issuer.url, maxWaiting: 10, fetchTimeoutSeconds: 0.5 },
      { issuer: healthy.url, maxWaiting: 10 },
    ]);
    opened.push(subject);
    assert.ok(await authenticate(subject, first));
    issuer.faults.jwks = () => undefined;
    const one = signToken(first, { iss: issuer.url, sub: 'alice', aud: AUDIENCE, exp: 9e9 }, { kid: 'same' });
    const attempts = Array.from({ length: 40 }, (_, index) =>
      index % 2 === 0
        ? authenticate(subject, second, { kid: `new-${index}` })
        : subject.authenticator.authenticate(bearer(one)),
    );
    const codes = await Promise.all(
      attempts.map((attempt) =>
        attempt.then(
          () => 'ok',
          (error: unknown) => (error as { code: string }).code,
        ),
      ),
    );
    assert.equal(codes.filter((code) => code === 'SlowDown').length, 30);
    assert.equal(codes.filter((code) => code === 'ServiceUnavailable').length, 10);
    const claims = { iss: healthy.url, sub: 'alice', aud: AUDIENCE, exp: subject.clock.seconds() + 300 };
    assert.ok(await subject.authenticator.authenticate(bearer(signToken(second, claims))));
    await healthy.stop();
  });

  it('are waited for by one caller only where the issuer has failed again and again: others are told at once', async () => {
    const subject = start({ fetchTimeoutSeconds: 0.5 });
    assert.ok(await authenticate(subject, first));
    issuer.faults.jwks = issuer.faults.discovery = (_, res) => void res.writeHead(500).end();
    for (let times = 0; times < 3; times += 1) await subject.issuers[0]!.refresh();
    issuer.faults.discovery = () => undefined;
    const refreshing = refusedWith('ServiceUnavailable', authenticate(subject, second));
    const startedAt = performance.now();
    for (let times = 0; times < 10; times += 1) {
      await refusedWith('ServiceUnavailable', authenticate(subject, second, { kid: `new-${times}` }));
    }
    assert.ok(performance.now() - startedAt < 300);
    await refreshing;
    assert.ok(performance.now() - startedAt > 300, 'the first one did wait');
    assert.ok(await authenticate(subject, first), 'the last good keys serve');
  });

  it('that nobody can read leave the last good ones in place', async () => {
    const subject = start();
    assert.ok(await authenticate(subject, first));
    const halves = [{ kty: 'RSA' }, { kty: 'EC', crv: 'P-256', kid: 'first' }, { kty: 'oct', k: 'c2VjcmV0' }, 'first'];
    issuer.faults.jwks = (_, res) => sendJson(res, { keys: halves });
    await subject.issuers[0]!.refresh();
    assert.match(stateOf(subject).detail ?? '', /without a usable key; the last good keys serve/);
    assert.ok(await authenticate(subject, first));
  });

  it('serve nobody when the issuer publishes none, whoever is known, and can be judged again when it does', async () => {
    const subject = start();
    assert.ok(await authenticate(subject, first));
    issuer.keys = [];
    await subject.issuers[0]!.refresh();
    await refusedWith('ServiceUnavailable', authenticate(subject, first));
    assert.partialDeepStrictEqual(stateOf(subject), {
      name: 'issuer:issuer-1',
      state: 'degraded',
      detail: 'publishes no key; its tokens are answered with 503',
    });
    issuer.keys = [first.publicJwk];
    subject.clock.advance(10);
    assert.ok(await authenticate(subject, first));
  });

  it('work beside ones that cannot be used: private, for encryption, weak, or garbage', async () => {
    const { privateKey } = second;
    const weak = makeKey('RS256', 'weak', 1024);
    issuer.keys = [
      { ...privateKey.export({ format: 'jwk' }), kid: 'second', alg: 'ES256' },
      { ...second.publicJwk, kid: 'first', use: 'enc' },
      { kty: 'EC', crv: 'P-256', x: '!', y: '!', kid: 'broken' },
      { kty: 'unheard-of', kid: 'first' },
      weak.publicJwk,
      first.publicJwk,
    ];
    const subject = start();
    assert.ok(await authenticate(subject, first));
    await refusedWith('InvalidToken', authenticate(subject, second));
    await refusedWith('InvalidToken', authenticate(subject, second, { kid: 'broken' }));
    await refusedWith('InvalidToken', authenticate(subject, weak));
  });

  it('are requested no longer after close, which ends what is in progress', async () => {
    issuer.faults.jwks = () => undefined;
    const subject = start({ jwksRefreshSeconds: 0.01 });
    const waiting = authenticate(subject, first).catch(() => undefined);
    while (issuer.seen.jwks < 1) await new Promise((resolve) => setImmediate(resolve));
    await subject.authenticator.close();
    await waiting;
    issuer.faults.jwks = undefined;
    await subject.issuers[0]!.refresh();
    assert.equal(issuer.seen.jwks, 1);
  });
});
