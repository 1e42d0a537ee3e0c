import assert from 'node:assert/strict';
import { FAMILIES } from '../../scripts/clients-page/families.ts';
import { setUpOf, trusts } from '../../scripts/clients-page/page.ts';
import { LANES } from './lanes.ts';
import type { Program } from './run/lane.ts';
import { locksDigest, readSeen } from './run/seen.ts';

const isClient = ({ client }: Program): boolean => client !== undefined;

describe('docs/clients.md', () => {
  it('has every program of the lanes in one family', () => {
    assert.deepEqual(
      FAMILIES.flatMap((family) => family.programs).toSorted(),
      LANES.flatMap((lane) => lane.programs.filter(isClient).map(({ name }) => `${lane.name}/${name}`)).toSorted(),
    );
  });

  it('is of runs of programs that there are, by the login, the trust and the packages that they have now', () => {
    const now = new Map(
      LANES.flatMap((lane) =>
        lane.programs.map(({ name, client, login, trust = {} }) => [
          `${lane.name}/${name}`,
          [client, login, trusts(trust), locksDigest(lane)],
        ]),
      ),
    );
    const seen = readSeen();
    assert.ok(seen.length > 25);
    for (const { program, client, login, trust, locks } of seen) {
      assert.deepEqual([client, login, trusts(trust), locks], now.get(program), program);
    }
  });

  it('shows set-ups that lanes ran with, and nothing of theirs alone', () => {
    for (const { source } of FAMILIES.flatMap(({ shows }) => shows)) {
      if (source !== undefined) assert.doesNotMatch(setUpOf(source), /WORLD_|retr(?:y|ies)/i, source);
    }
  });
});
