import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { alice, deploymentWith, refused, sealBySpec, sessionKey } from './sessions-fixture.ts';

const vector = JSON.parse(
  readFileSync(new URL('../../vectors/session-token/v1.json', import.meta.url), 'utf8'),
) as Record<'deploymentId' | 'keyId' | 'keySecretHex' | 'saltHex' | 'claims' | 'token' | 'secretAccessKey', string>;

const flip = (token: string, at: number): string => {
  const bytes = Buffer.from(token, 'base64url');
  bytes[at < 0 ? bytes.length + at : at]! ^= 1;
  return bytes.toString('base64url');
};

describe('client sessions', () => {
  const { sessions, clock } = deploymentWith();
  const issued = sessions.issue(alice(clock), undefined);
  const open = (token: string) => sessions.open(token, clock.now());

  it('give back the whole identity, with the access key id and the end of the session', () => {
    const { accessKeyId, expiresAtMs, sessionToken } = issued;
    assert.deepEqual(open(sessionToken).principal, { ...alice(clock), accessKeyId, expiresAtMs });
  });

  it('keep the role that they were requested with', () => {
    const bound = sessions.issue(alice(clock, { binding: 'analysts' }), undefined);
    assert.equal(open(bound.sessionToken).principal.binding, 'analysts');
    assert.ok(!('binding' in open(issued.sessionToken).principal));
  });

  it('end when their issuer has to be introspected the token again, and go on as long as others where it has not', () => {
    const requested = alice(clock, { sessionsEndAtMs: clock.now() + 900_500 });
    assert.equal(sessions.issue(requested, 43_200).expiresAtMs, Math.floor((clock.now() + 900_500) / 1000) * 1000);
    assert.ok(sessions.issue(alice(clock), 43_200).expiresAtMs > clock.now() + 43_000_000);
    refused('ExpiredToken', () => sessions.issue(alice(clock, { sessionsEndAtMs: clock.now() }), 900));
  });

  it('keep the time and the login of their token, and who acts for its subject', () => {
    for (const actor of [{ subject: 'agent' }, { issuer: 'https://agents.example', subject: 'agent' }]) {
      const delegated = { issuedAtMs: clock.now() - 5000, sessionId: 'login-1', actor };
      const { sessionToken, accessKeyId, expiresAtMs } = sessions.issue(alice(clock, delegated), undefined);
      assert.deepEqual(open(sessionToken).principal, { ...alice(clock, delegated), accessKeyId, expiresAtMs });
    }
  });

  it('keep the kind of their token, of which there are three', () => {
    for (const tokenKind of ['access_token', 'id_token', 'workload_identity'] as const) {
      const { sessionToken } = sessions.issue(alice(clock, { tokenKind }), undefined);
      assert.equal(open(sessionToken).principal.tokenKind, tokenKind);
    }
    assert.ok(!('tokenKind' in open(issued.sessionToken).principal));
  });

  it('look to a client like credentials of AWS, and to no one like those of a store', () => {
    assert.match(issued.accessKeyId, /^SPLY[A-Z2-7]{16}$/);
    assert.match(issued.secretAccessKey, /^[A-Za-z0-9+/]{40}$/);
    assert.match(issued.sessionToken, /^[\w-]+$/);
  });

  it('never have the same id, secret or token twice, not even for one identity', () => {
    const many = Array.from({ length: 100 }, () => sessions.issue(alice(clock), undefined));
    for (const name of ['accessKeyId', 'secretAccessKey', 'sessionToken'] as const) {
      assert.equal(new Set(many.map((credentials) => credentials[name])).size, many.length);
    }
  });

  it('do not show in their token who they are, nor hold the secret', () => {
    const text = Buffer.from(issued.sessionToken, 'base64url').toString('latin1');
    for (const secret of ['alice', 'analytics', 'okta', issued.accessKeyId, issued.secretAccessKey]) {
      assert.ok(!text.includes(secret));
      assert.ok(!issued.sessionToken.includes(secret));
    }
  });

  it('are opened by every replica that has the keys, with the same secret', () => {
    const replica = deploymentWith().sessions.open(issued.sessionToken, clock.now());
    assert.equal(replica.credentials.secretAccessKey, issued.secretAccessKey);
    assert.equal(replica.credentials.accessKeyId, issued.accessKeyId);
  });

  it('are opened as the vector of their specification says', () => {
    const current = { id: vector.keyId, secret: Buffer.from(vector.keySecretHex, 'hex') };
    const { k, n, i, s, g, c, t, x, b } = JSON.parse(vector.claims) as Record<string, unknown>;
    const { sessions: published } = deploymentWith({
      ...{ keys: { current }, deploymentId: vector.deploymentId },
      issuers: new Map([[String(n), String(i)]]),
    });
    const { principal, credentials } = published.open(vector.token, clock.now());
    assert.deepEqual(principal, {
      accessKeyId: k,
      issuerName: n,
      issuer: i,
      subject: s,
      groups: g,
      claims: c,
      tokenIdHash: t,
      expiresAtMs: x,
      binding: b,
    });
    assert.equal(credentials.secretAccessKey, vector.secretAccessKey);
    assert.equal(sealBySpec(current, vector.deploymentId, vector.claims, vector.saltHex), vector.token);
  });

  describe('end', () => {
    const lifeSeconds = (seconds: number | undefined, tokenSeconds = 43_200): number => {
      const principal = alice(clock, { expiresAtMs: clock.now() + tokenSeconds * 1000 });
      return Math.ceil((sessions.issue(principal, seconds).expiresAtMs - clock.now()) / 1000);
    };

    it('when asked for, within what configuration allows', () => {
      assert.equal(lifeSeconds(undefined), 3600);
      assert.equal(lifeSeconds(1800), 1800);
      for (const tooFew of [1, 0, -5, 899]) assert.equal(lifeSeconds(tooFew), 900);
      for (const tooMany of [43_201, 1e300, Infinity]) assert.equal(lifeSeconds(tooMany, 1e6), 43_200);
    });

    it('with the token that they were issued for, however long was requested', () => {
      assert.equal(lifeSeconds(3600, 1200), 1200);
      assert.equal(lifeSeconds(900, 60), 60);
    });

    it('before they begin for a token that is over, or a time that is no number', () => {
      for (const expiresAtMs of [clock.now(), clock.now() - 1, clock.now() + 0.5, NaN]) {
        refused('ExpiredToken', () => sessions.issue(alice(clock, { expiresAtMs }), undefined));
      }
      refused('ExpiredToken', () => sessions.issue(alice(clock), NaN));
    });

    it('with the session that they were issued for, when one is traded for another', () => {
      const principal = alice(clock, { expiresAtMs: clock.now() + 1_000_000 });
      const first = sessions.issue(principal, undefined);
      const second = sessions.issue(open(first.sessionToken).principal, 43_200);
      assert.ok(second.expiresAtMs <= principal.expiresAtMs);
      assert.notEqual(second.accessKeyId, first.accessKeyId);
    });

    it('on the millisecond, opened before or not', () => {
      const deployment = deploymentWith();
      const { sessionToken, expiresAtMs } = issued;
      refused('ExpiredSession', () => deployment.sessions.open(sessionToken, expiresAtMs));
      assert.ok(deployment.sessions.open(sessionToken, expiresAtMs - 1));
      refused('ExpiredSession', () => deployment.sessions.open(sessionToken, expiresAtMs));
      refused('ExpiredSession', () => deployment.sessions.open(sessionToken, NaN));
      assert.deepEqual(deployment.events, ['session miss', 'session miss', 'session hit', 'session miss']);
    });
  });

  describe('belong to an issuer of the configuration', () => {
    const { sessionToken } = issued;
    const reconfigured = (issuers: readonly (readonly [string, string])[]) =>
      deploymentWith({ issuers: new Map(issuers) }).sessions;

    it('and end with it', () => {
      refused('InvalidSession', () => reconfigured([]).open(sessionToken, clock.now()));
    });

    it('and not to another one that has its name by now: policies would take them for its people', () => {
      const other = reconfigured([
        ['okta', 'https://other.okta.test/oauth2/default'],
        ['old-okta', alice(clock).issuer],
      ]);
      refused('InvalidSession', () => other.open(sessionToken, clock.now()));
    });
  });

  describe('keep their token small', () => {
    const groups = Array.from({ length: 300 }, (_, index) => `group-${index}-${'0'.repeat(30)}`);

    it('by holding only what policies look at, where the whole does not fit', () => {
      const { sessions: cutting } = deploymentWith({
        // What it gives beside groups and claims must not matter.
        relevant: (principal) => ({
          ...principal,
          groups: ['group-1'],
          claims: {},
          subject: 'mallory',
          expiresAtMs: 0,
        }),
      });
      const { sessionToken } = cutting.issue(alice(clock, { groups, binding: 'b' }), undefined);
      const { principal } = open(sessionToken);
      assert.deepEqual(
        [principal.groups, principal.claims, principal.subject],
        [['group-1'], {}, 'alice@example.test'],
      );
      assert.equal(principal.binding, 'b');
    });

    it('but hold the whole identity where it fits, so that rules written later hold for it', () => {
      const { sessions: cutting } = deploymentWith({ relevant: (principal) => ({ ...principal, groups: [] }) });
      const { sessionToken } = cutting.issue(alice(clock, { groups: ['one', 'two'] }), undefined);
      assert.deepEqual(open(sessionToken).principal.groups, ['one', 'two']);
    });

    it('by refusing an identity of which what policies look at is more than 2 KiB', () => {
      refused('SessionTooLarge', () => sessions.issue(alice(clock, { groups }), undefined));
      refused('SessionTooLarge', () => sessions.issue(alice(clock, { subject: '\u{1f600}'.repeat(512) }), undefined));
    });

    it('under 3,200 characters for 2 KiB of identity and the longest key id', () => {
      const key = sessionKey('k'.repeat(32));
      const { sessions: long } = deploymentWith({ keys: { current: key } });
      const fits = (length: number) => long.issue(alice(clock, { subject: 'x'.repeat(length) }), undefined);
      let length = 1000;
      assert.throws(() => {
        for (; length < 2048; length += 1) fits(length);
      });
      const { sessionToken } = fits(length - 1);
      assert.ok(sessionToken.length > 2800 && sessionToken.length < 3200);
      assert.equal(long.open(sessionToken, clock.now()).principal.subject.length, length - 1);
    });
  });

  describe('refuse', () => {
    const invalid = (token: string) => refused('InvalidSession', () => open(token));

    it('a session of another deployment, though it has the same keys', () => {
      const staging = deploymentWith({ deploymentId: 'staging' });
      invalid(staging.sessions.issue(alice(clock), undefined).sessionToken);
    });

    it('a deployment and a key id that only together spell the same text', () => {
      // Without a length before the key id both would authenticate `k1x…`.
      const one = deploymentWith({ keys: { current: { ...sessionKey('k1'), id: 'k1' } }, deploymentId: 'xy' });
      const two = deploymentWith({ keys: { current: { ...sessionKey('k1'), id: 'k1x' } }, deploymentId: 'y' });
      const token = one.sessions.issue(alice(clock), undefined).sessionToken;
      refused('InvalidSession', () => two.sessions.open(token, clock.now()));
    });

    it('a key id that is not configured, and another key under a known id', () => {
      const otherDeployment = deploymentWith({ keys: { current: sessionKey('k2') } });
      invalid(otherDeployment.sessions.issue(alice(clock), undefined).sessionToken);
      const impostor = deploymentWith({ keys: { current: { id: 'k1', secret: Buffer.alloc(32, 'other') } } });
      invalid(impostor.sessions.issue(alice(clock), undefined).sessionToken);
    });

    it('a token that was altered in version, key id, salt, text or tag', () => {
      for (const at of [0, 1, 2, 3, 4, 27, 28, 60, -17, -16, -1]) invalid(flip(issued.sessionToken, at));
    });

    it('a token that was cut, extended, emptied or spelled otherwise', () => {
      const { sessionToken } = issued;
      const bytes = Buffer.from(sessionToken, 'base64url');
      const others = [
        '',
        'AQ',
        sessionToken.slice(0, 56),
        sessionToken.slice(0, -2),
        Buffer.concat([bytes, Buffer.alloc(3)]).toString('base64url'),
        `${sessionToken}=`,
        ` ${sessionToken}`,
        `${sessionToken.slice(0, 8)}\n${sessionToken.slice(8)}`,
        bytes.subarray(0, -1).toString('base64'),
        Buffer.of(1, 255, ...bytes.subarray(2)).toString('base64url'),
      ];
      for (const token of others) invalid(token);
    });

    it('the body of one token under the salt of another', () => {
      const [a, b] = [issued, sessions.issue(alice(clock), undefined)].map(({ sessionToken }) =>
        Buffer.from(sessionToken, 'base64url'),
      );
      invalid(Buffer.concat([a!.subarray(0, 28), b!.subarray(28)]).toString('base64url'));
    });

    it('a token that is longer than any, before any cryptography and without a trace in the cache', () => {
      const deployment = deploymentWith();
      const long = `${issued.sessionToken}${'A'.repeat(4096)}`;
      refused('InvalidSession', () => deployment.sessions.open(long, clock.now()));
      assert.deepEqual(deployment.events, []);
    });

    const whole = {
      k: 'SPLYAAAAAAAAAAAAAAAA',
      n: 'okta',
      i: alice(clock).issuer,
      s: 'bob',
      g: ['a'],
      c: { client_id: 'cli' },
      t: '0'.repeat(32),
      x: clock.now() + 60_000,
    };
    const sealed = (claims: object | string) =>
      sealBySpec(sessionKey('k1'), 'production', typeof claims === 'string' ? claims : JSON.stringify(claims));

    it('sealed claims that lack the access key id, or anything else', () => {
      assert.ok(open(sealed(whole)));
      for (const name of Object.keys(whole)) invalid(sealed({ ...whole, [name]: undefined }));
    });

    it('sealed claims with a member of the wrong kind, or one too many', () => {
      const wrong: Record<string, readonly unknown[]> = {
        k: ['AKIAAAAAAAAAAAAAAAAA', 'SPLYAAAAAAAAAAAAAAAa', 'SPLYAAAAAAAAAAAAAAAA\n', 1, null],
        n: ['', 1, null, ['okta']],
        i: ['', {}],
        s: ['', 5, null],
        g: ['analytics', [1], [''], [null], {}, null],
        c: [null, [], 'x', { a: null }, { a: {} }, { a: [1] }, { a: [['b']] }],
        t: ['', '0'.repeat(31), 'G'.repeat(32)],
        x: ['1', null, 1.5, 1e300, -0.1],
        b: ['', 1, null, []],
        o: ['1', null, 1.5, 1e300],
        e: ['', 1, null, []],
        y: ['', 'refresh_token', 'Access_Token', 1, null, ['id_token']],
        a: [null, 'agent', [], {}, { s: '' }, { i: 'x' }, { s: 'x', i: '' }, { s: 'x', i: null }, { s: 'x', z: 1 }],
        z: [1],
      };
      for (const [name, values] of Object.entries(wrong)) {
        for (const value of values) invalid(sealed({ ...whole, [name]: value }));
      }
    });

    it('sealed claims that are not one plain object with each member once', () => {
      const json = JSON.stringify(whole);
      for (const text of ['', '[]', 'null', `[${json}]`, `${json}x`, json.replace('{', '{"s":"mallory",')]) {
        invalid(sealed(text));
      }
      invalid(sealBySpec(sessionKey('k1'), 'production', Buffer.from(json.replace('bob', '\xff'), 'latin1')));
    });

    it('without a word about the token in what goes to the log', () => {
      const error = invalid(flip(issued.sessionToken, -1));
      assert.ok(
        !JSON.stringify([error.message, error.detail, error.clientFields]).includes(issued.sessionToken.slice(0, 20)),
      );
      assert.equal(error.cause, undefined);
    });
  });

  describe('after a change of keys', () => {
    const [old, next] = [sessionKey('k1'), sessionKey('k2')];

    it('are still opened by the previous key, with the secret that they were issued with', () => {
      const { sessions: changed } = deploymentWith({ keys: { current: next, previous: old } });
      const session = changed.open(issued.sessionToken, clock.now());
      assert.equal(session.credentials.secretAccessKey, issued.secretAccessKey);
    });

    it('are issued with the current one, which replicas may already accept as the second', () => {
      const { sessions: changed } = deploymentWith({ keys: { current: next, previous: old } });
      const { sessions: waiting } = deploymentWith({ keys: { current: old, previous: next } });
      const credentials = changed.issue(alice(clock), undefined);
      assert.equal(Buffer.from(credentials.sessionToken, 'base64url').toString('latin1', 2, 4), 'k2');
      const opened = waiting.open(credentials.sessionToken, clock.now());
      assert.equal(opened.credentials.secretAccessKey, credentials.secretAccessKey);
    });

    it('are refused when the key is gone', () => {
      const { sessions: changed } = deploymentWith({ keys: { current: next } });
      refused('InvalidSession', () => changed.open(issued.sessionToken, clock.now()));
    });
  });

  describe('once opened', () => {
    it('are the same objects again, so that what hangs on them is found again', () => {
      const deployment = deploymentWith();
      const first = deployment.sessions.open(issued.sessionToken, clock.now());
      const second = deployment.sessions.open(issued.sessionToken, clock.now());
      assert.equal(second.principal, first.principal);
      assert.equal(second.credentials, first.credentials);
      assert.deepEqual(deployment.events, ['session miss', 'session hit']);
    });

    it('cannot be changed by whoever gets them', () => {
      const { principal } = open(issued.sessionToken);
      assert.ok(Object.isFrozen(principal) && Object.isFrozen(principal.groups) && Object.isFrozen(principal.claims));
      assert.ok(Object.isFrozen(principal.claims['teams']));
    });

    it('are kept in no greater number than there is room for', () => {
      const deployment = deploymentWith({ cacheEntries: 2 });
      const tokens = Array.from({ length: 3 }, () => deployment.sessions.issue(alice(clock), undefined).sessionToken);
      for (const token of [...tokens, tokens[2]!, tokens[0]!]) deployment.sessions.open(token, clock.now());
      const expected = ['session miss', 'session miss', 'session miss', 'session hit', 'session miss'];
      assert.deepEqual(deployment.events, expected);
    });

    it('are never found for a token that differs in one bit from the one that was opened', () => {
      const deployment = deploymentWith();
      deployment.sessions.open(issued.sessionToken, clock.now());
      refused('InvalidSession', () => deployment.sessions.open(flip(issued.sessionToken, -1), clock.now()));
    });
  });

  describe('will not be made', () => {
    const secret = Buffer.alloc(32, 1);
    const unsound = (options: Parameters<typeof deploymentWith>[0]) =>
      assert.throws(
        () => deploymentWith(options),
        (error) => error instanceof TypeError && !error.message.includes('\x01'),
      );

    it('with a short key, an id that does not fit, or two keys that are one', () => {
      unsound({ keys: { current: { id: 'k1', secret: secret.subarray(1) } } });
      unsound({ keys: { current: { id: 'k1', secret }, previous: { id: 'k2', secret: Buffer.alloc(0) } } });
      for (const id of ['', 'k 1', 'ä', 'k'.repeat(33), 'k1\n']) unsound({ keys: { current: { id, secret } } });
      unsound({ keys: { current: { id: 'k1', secret }, previous: sessionKey('k1') } });
      unsound({ keys: { current: { id: 'k1', secret }, previous: { id: 'k2', secret } } });
    });

    it('without a deployment of bounded name', () => {
      for (const deploymentId of ['', 'x'.repeat(129)]) unsound({ deploymentId });
    });

    it('with durations that contradict each other', () => {
      unsound({ defaultSeconds: 0 });
      unsound({ defaultSeconds: 60, minSeconds: 61 });
      unsound({ defaultSeconds: 3600, maxSeconds: 3599 });
      unsound({ maxSeconds: Infinity });
      unsound({ defaultSeconds: NaN });
      unsound({ minSeconds: -1 });
      assert.ok(deploymentWith({ defaultSeconds: 60, maxSeconds: 60 }));
    });
  });
});
