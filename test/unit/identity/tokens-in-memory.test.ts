import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import {
  CLIENT,
  startIntrospectingIssuer,
  type IntrospectingIssuer,
} from '../../support/identity/introspecting-issuer.ts';
import { makeKey, signToken, startTestIssuer, type TestIssuer } from '../../support/identity/issuer.ts';
import { AT_STORE, AUDIENCE, masked, type Search } from '../../support/stack/verify-and-search.ts';

const OTHERS = 300;
const key = makeKey('ES256', 'k1');

/** What is kept of bearer tokens and sessions is held end to end, by the heap of a whole gateway. */
describe('the memory of a process that verifies', function () {
  this.timeout(60_000);
  let signing: TestIssuer;
  let introspecting: IntrospectingIssuer;

  before(async () => {
    signing = await startTestIssuer([key.publicJwk]);
    introspecting = await startIntrospectingIssuer();
  });
  after(async () => {
    await signing.stop();
    await introspecting.stop();
  });

  const found = async (requested: Search): Promise<{ readonly found: number; readonly sizeBytes: number }> => {
    const child = fork(new URL('../../support/stack/verify-and-search.ts', import.meta.url));
    child.send(requested);
    const [answer] = (await once(child, 'message')) as [{ found: number; sizeBytes: number }];
    return answer;
  };

  it('holds no opaque token, none of callers and none for a store once they are verified', async () => {
    const now = Math.floor(Date.now() / 1000);
    const life = { iat: now, exp: now + 600 };
    const opaque = Array.from({ length: OTHERS + 1 }, () => randomBytes(48).toString('base64url'));
    for (const [index, token] of opaque.entries()) {
      const marker = `opaque-marker-${index}-${'x'.repeat(40)}`;
      introspecting.tokens.set(token, { iss: introspecting.url, sub: `o${index}`, aud: AUDIENCE, marker, ...life });
    }
    const sign = (aud: string, index: number): string =>
      signToken(key, { iss: signing.url, sub: `s${index}`, aud, marker: `marker-${index}-${'y'.repeat(40)}`, ...life });
    const indices = [...opaque.keys()];
    const callers = indices.map((index) => sign(AUDIENCE, index));
    const forStore = indices.map((index) => sign(AT_STORE, index));
    const partsOf = (token = ''): string[] =>
      token
        .split('.')
        .slice(1)
        .map((part) => part.slice(0, 60));
    const pieces = [
      ...partsOf(callers[0]),
      ...partsOf(forStore[0]),
      `opaque-marker-0-${'x'.repeat(40)}`,
      `marker-0-${'y'.repeat(40)}`,
    ];
    const masks = (texts: readonly string[]): string[] => texts.map(masked);
    const received = { signing: signing.url, introspecting: introspecting.url, client: CLIENT };
    const requested = { ...received, opaque: masks(opaque), callers: masks(callers), forStore: masks(forStore) };
    const searched = await found({ ...requested, pieces: masks(pieces) });
    assert.equal(searched.found, 0);
    // What is kept, it does see.
    const kept = await found({ ...requested, pieces: masks([signing.url]) });
    assert.equal(kept.found, 1);
    assert.ok(kept.sizeBytes > 1_000_000);
  });
});
