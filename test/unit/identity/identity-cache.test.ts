import assert from 'node:assert/strict';
import type { Principal } from '../../../src/contracts/principal.ts';
import { createIdentityCache } from '../../../src/identity/identity-cache.ts';
import { SteppedClock } from './fixture.ts';

const MIB = 1024 * 1024;

describe('what is kept of verified callers', () => {
  const clock = new SteppedClock();
  const principal = (groups: number, name = 'group'): Principal => ({
    ...{ issuerName: 'i', issuer: 'https://issuer.test', subject: 'alice', claims: {} },
    groups: Array.from({ length: groups }, (_, index) => `${name}-${String(index).padStart(36, '0')}`),
    ...{ tokenIdHash: 'a'.repeat(32), expiresAtMs: clock.now() + 3_600_000 },
  });
  const later = () => clock.now() + 60_000;

  it('is bounded by what it takes in memory, not by how many they are', () => {
    const cache = createIdentityCache<{ readonly principal: Principal }>({ clock, maxBytes: MIB });
    for (let index = 0; index < 1000; index += 1) {
      cache.set(`many ${index}`, { principal: principal(300) }, later());
      assert.ok(cache.sizeBytes() <= MIB);
    }
    // An identity in 300 groups takes 20 to 40 KiB.
    const kept = Array.from({ length: 1000 }, (_, index) => cache.get(`many ${index}`)).filter(
      (entry) => entry !== undefined,
    );
    assert.ok(kept.length >= 20 && kept.length <= 60, String(kept.length));
    for (let index = 0; index < 500; index += 1) cache.set(`few ${index}`, { principal: principal(3) }, later());
    assert.ok(
      Array.from({ length: 500 }, (_, index) => cache.get(`few ${index}`)).every((entry) => entry !== undefined),
    );
  });

  it('counts text by its bytes, and the claims and the actor with the groups', () => {
    const sizeOf = (input: Principal): number => {
      const cache = createIdentityCache<{ readonly principal: Principal }>({ clock });
      cache.set('one', { principal: input }, later());
      return cache.sizeBytes();
    };
    const long = 'é'.repeat(500);
    const unquoted = sizeOf(principal(0));
    for (const more of [{ claims: { team: [long] } }, { claims: { [long]: true } }, { actor: { subject: long } }]) {
      assert.ok(sizeOf({ ...principal(0), ...more }) >= unquoted + 1000);
    }
  });

  it('never keeps one that is larger than all of its room', () => {
    const cache = createIdentityCache<{ readonly principal: Principal }>({ clock, maxBytes: 2048 });
    cache.set('one', { principal: principal(300) }, later());
    assert.equal(cache.get('one'), undefined);
  });

  it('is gone when its time is over, without being asked for', () => {
    const cache = createIdentityCache<{ readonly principal: Principal }>({ clock });
    for (let index = 0; index < 100; index += 1) cache.set(`old ${index}`, { principal: principal(3) }, later());
    const before = cache.sizeBytes();
    clock.advance(61);
    assert.equal(cache.get('old 0'), undefined);
    cache.set('new', { principal: principal(3) }, later());
    assert.ok(cache.sizeBytes() <= before / 50);
  });
});
