/** Tables of changes to a right configuration, each with the keys that are then wrong. */
import assert from 'node:assert/strict';
import { Sample, type Changes } from './sample.ts';

/** What is done to a right configuration, and the keys that are then wrong. */
export type Case = readonly [title: string, change: Changes, wrong: readonly string[]];

/** Changes below a path. */
export const below = (path: string) => (changes: Changes) =>
  Object.fromEntries(Object.entries(changes).map(([key, value]) => [`${path}.${key}`, value]));

/** Describes cases by their subject. */
export const describeCases = (title: string, cases: Readonly<Record<string, readonly Case[]>>): void => {
  describe(title, () => {
    let sample: Sample;
    before(async () => {
      sample = await Sample.create();
      await sample.write('open', 'eyJhbGciOiJub25lIn0.e30.', 0o644);
    });
    after(() => sample.remove());

    for (const [subject, ofSubject] of Object.entries(cases)) {
      describe(subject, () => {
        for (const [name, change, wrong] of ofSubject) {
          it(name, async () => {
            assert.deepEqual([...(await sample.wrongKeys(change))].sort(), [...wrong].sort());
          });
        }
      });
    }
  });
};
