import assert from 'node:assert/strict';
import { makeKey, signToken, startTestIssuer, type TestIssuer } from '../../support/identity/issuer.ts';
import { AUDIENCE, authenticatorFor, bearer, refusedWith, type Subject } from './fixture.ts';

const key = makeKey('ES256', 'k1');

describe('a delegated token', () => {
  let issuer: TestIssuer;
  let subject: Subject;
  const attempt = (more: Record<string, unknown>) => {
    const now = subject.clock.seconds();
    const claims = { iss: issuer.url, sub: 'alice', aud: AUDIENCE, iat: now, exp: now + 300, ...more };
    return subject.authenticator.authenticate(bearer(signToken(key, claims)));
  };

  before(async () => {
    issuer = await startTestIssuer([key.publicJwk]);
    subject = authenticatorFor([{ issuer: issuer.url }]);
  });
  after(async () => {
    await subject.authenticator.close();
    await issuer.stop();
  });

  it('names its actor beside its subject', async () => {
    const principal = await attempt({ act: { sub: 'agent', iss: 'https://agents.example', client_id: 'ignored' } });
    assert.equal(principal?.subject, 'alice');
    assert.deepEqual(principal.actor, { issuer: 'https://agents.example', subject: 'agent' });
    assert.deepEqual((await attempt({ act: { sub: 'agent' } }))?.actor, { subject: 'agent' });
    assert.equal((await attempt({}))?.actor, undefined);
  });

  it('names the actor that acts now, and none of those before it', async () => {
    const principal = await attempt({ act: { sub: 'now', act: { sub: 'before', act: { sub: 'first' } } } });
    assert.deepEqual(principal?.actor, { subject: 'now' });
  });

  it('is refused where its actor cannot be told, and never passes for the subject alone', async () => {
    const unsafe = ['', 'a\u202eb', 'a\u0000', 'x'.repeat(1025), 7, null, ['agent'], {}];
    for (const act of [null, 'agent', 7, true, [], [{ sub: 'agent' }], {}, { act: { sub: 'agent' } }]) {
      await refusedWith('InvalidToken', attempt({ act }));
    }
    for (const sub of unsafe) await refusedWith('InvalidToken', attempt({ act: { sub } }));
    for (const iss of unsafe) await refusedWith('InvalidToken', attempt({ act: { sub: 'agent', iss } }));
  });

  it('says when it was issued, and from which login', async () => {
    const iat = subject.clock.seconds() - 5;
    const principal = await attempt({ iat, sid: 'login-1' });
    assert.equal(principal?.issuedAtMs, iat * 1000);
    assert.equal(principal.sessionId, 'login-1');
    const without = await attempt({ iat: undefined });
    assert.ok(without !== undefined && !('issuedAtMs' in without) && !('sessionId' in without));
  });

  it('is refused where its login or its time is no such thing', async () => {
    for (const sid of ['', 7, null, ['a'], 'a\nb', 'x'.repeat(257)])
      await refusedWith('InvalidToken', attempt({ sid }));
    for (const iat of [-1, 'now', null]) await refusedWith('InvalidToken', attempt({ iat }));
  });
});
