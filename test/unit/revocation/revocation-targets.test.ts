import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import {
  issuedBeforeToRevoke,
  sessionToRevoke,
  subjectToRevoke,
  tokenToRevoke,
} from '../../../src/cli/operator/revocation-targets.ts';
import type { Config } from '../../../src/config/config.ts';
import { makeKey, signToken } from '../../support/identity/issuer.ts';
import { ISSUER, NOW_MS, OTHER } from './fixture.ts';

const SLACK_MS = 360_000;
const KEY = makeKey('ES256', 'k');
const ID = 'c'.repeat(32);
const USAGE = { name: 'CommandError', exitCode: 2 };

const configOf = (ages: readonly (number | undefined)[] = [undefined, 600]): Config =>
  ({
    issuers: [ISSUER, OTHER].map((issuer, at) => ({
      ...{ name: ['test', 'other'][at], issuer },
      ...(ages[at] === undefined ? {} : { maxTokenAgeSeconds: ages[at] }),
    })),
    sessions: { maxSeconds: 43_200 },
  }) as unknown as Config;

const CONFIG = configOf();
const tokenIdOf = (text: string): string => hash('sha256', text, 'hex').slice(0, 32);

describe('what an operator means', () => {
  it('is a token by its jti, at its issuer', () => {
    const jwt = signToken(KEY, { iss: ISSUER, jti: 'j-1', exp: NOW_MS / 1000 });
    const { revoked } = tokenToRevoke(CONFIG, jwt, {}, NOW_MS);
    assert.deepEqual(revoked, { kind: 'token', tokenIdHash: tokenIdOf('j-1'), issuer: ISSUER });
    assert.deepEqual(tokenToRevoke(CONFIG, 'j-1', { jti: true, issuer: 'test' }, NOW_MS).revoked, revoked);
  });

  it('is a token without jti by its signed part, which no other signature changes', () => {
    const jwt = signToken(KEY, { iss: ISSUER });
    const { revoked } = tokenToRevoke(CONFIG, jwt, {}, NOW_MS);
    const varied = `${jwt.slice(0, jwt.lastIndexOf('.'))}.${'A'.repeat(86)}`;
    assert.deepEqual(tokenToRevoke(CONFIG, varied, {}, NOW_MS).revoked, revoked);
  });

  it('is a token also where its end is beyond all time: whoever forged that must not be in the way', () => {
    for (const exp of [1e300, Number.MAX_VALUE]) {
      const { leastMs } = tokenToRevoke(CONFIG, signToken(KEY, { iss: ISSUER, exp }), {}, NOW_MS);
      assert.ok(!Number.isNaN(new Date(leastMs ?? NaN).getTime()));
    }
  });

  it('is an id of the audit, of every issuer unless one is named', () => {
    assert.deepEqual(tokenToRevoke(CONFIG, ID, {}, NOW_MS).revoked, { kind: 'token', tokenIdHash: ID });
    const { revoked } = tokenToRevoke(CONFIG, ID, { issuer: OTHER }, NOW_MS);
    assert.deepEqual(revoked, { kind: 'token', tokenIdHash: ID, issuer: OTHER });
  });

  it('is kept for as long as what it revokes can live, and for good where nobody knows', () => {
    assert.equal(tokenToRevoke(CONFIG, ID, { issuer: 'test' }, NOW_MS).endMs, undefined);
    assert.equal(tokenToRevoke(CONFIG, ID, { issuer: 'other' }, NOW_MS).endMs, NOW_MS + 600_000 + SLACK_MS);
    assert.equal(tokenToRevoke(CONFIG, ID, {}, NOW_MS).endMs, undefined);
    assert.equal(issuedBeforeToRevoke(configOf([60, 600]), 'now', {}, NOW_MS).endMs, NOW_MS + 600_000 + SLACK_MS);
    const session = sessionToRevoke(CONFIG, 'SPLYAAAAAAAAAAAAAAAA', {}, NOW_MS);
    assert.equal(session.endMs, NOW_MS + 43_200_000 + SLACK_MS);
    assert.equal(subjectToRevoke(CONFIG, 'alice', { issuer: 'test' }).endMs, undefined);
  });

  it('never ends sooner because a token that nobody verified says that it does', () => {
    const exp = NOW_MS / 1000 + 5;
    const bounded = tokenToRevoke(CONFIG, signToken(KEY, { iss: OTHER, jti: 'j', exp }), {}, NOW_MS);
    assert.equal(bounded.endMs, NOW_MS + 600_000 + SLACK_MS);
    const unbounded = tokenToRevoke(CONFIG, signToken(KEY, { iss: ISSUER, jti: 'j', exp }), {}, NOW_MS);
    assert.equal(unbounded.endMs, undefined);
    assert.equal(unbounded.leastMs, exp * 1000 + SLACK_MS);
  });

  it('is a login or a subject only together with an issuer', () => {
    assert.throws(() => sessionToRevoke(CONFIG, 'a-login', {}, NOW_MS), USAGE);
    assert.throws(() => subjectToRevoke(CONFIG, 'alice', {}), USAGE);
    assert.throws(() => issuedBeforeToRevoke(CONFIG, 'now', { subject: 'alice' }, NOW_MS), USAGE);
    const { revoked } = sessionToRevoke(CONFIG, 'a-login', { issuer: 'test' }, NOW_MS);
    assert.deepEqual(revoked, { kind: 'login', issuer: ISSUER, sessionId: 'a-login' });
  });

  it('is refused where it is nothing, or nothing that this gateway knows', () => {
    for (const received of ['', 'x', 'a.b.c', 'eyJ9.W10.AA', signToken(KEY, { iss: 'https://nobody.test' })]) {
      assert.throws(() => tokenToRevoke(CONFIG, received, {}, NOW_MS), USAGE, received);
    }
    const jwt = signToken(KEY, { iss: ISSUER, jti: 'j' });
    assert.throws(() => tokenToRevoke(CONFIG, jwt, { issuer: 'other' }, NOW_MS), USAGE);
    assert.throws(() => subjectToRevoke(CONFIG, 'al\nice', { issuer: 'test' }), USAGE);
    assert.throws(() => issuedBeforeToRevoke(CONFIG, NOW_MS + 300_001, {}, NOW_MS), USAGE);
  });

  it('is never repeated where it is a token', () => {
    const jwt = signToken(KEY, { iss: 'https://nobody.test', jti: 'j' });
    assert.throws(
      () => tokenToRevoke(CONFIG, jwt, {}, NOW_MS),
      (error: Error) => !error.message.includes(jwt.slice(0, 30)),
    );
  });
});
