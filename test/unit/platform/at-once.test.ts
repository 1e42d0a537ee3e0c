import { strict as assert } from 'node:assert';
import { andThen, orElse } from '../../../src/platform/at-once.ts';

const later = <Value>(value: Value): Promise<Value> => Promise.resolve(value);
const failure = new Error('of the work');
const thrown = (): number => {
  throw failure;
};

describe('what is there at once or comes later', () => {
  it('is given on at once where it is there, and later where it comes later', async () => {
    assert.equal(
      andThen(1, (value) => value + 1),
      2,
    );
    const given = andThen(later(1), (value) => value + 1);
    assert.ok(given instanceof Promise);
    assert.equal(await given, 2);
    assert.equal(await andThen(1, (value) => later(value + 1)), 2);
  });

  it('fails as what is made of it does, and as itself', async () => {
    assert.throws(() => andThen(1, thrown), failure);
    await assert.rejects(async () => andThen(later(1), thrown), failure);
    await assert.rejects(async () => andThen(Promise.reject<number>(failure), () => assert.fail()), failure);
  });

  it('is replaced where the work fails, at once or later, and only there', async () => {
    assert.equal(
      orElse(
        () => 1,
        () => assert.fail(),
      ),
      1,
    );
    assert.equal(
      orElse(thrown, (error) => (error === failure ? 2 : 3)),
      2,
    );
    assert.equal(
      await orElse(
        () => Promise.reject<number>(failure),
        (error) => (error === failure ? 2 : 3),
      ),
      2,
    );
    assert.throws(() => orElse(thrown, thrown), failure);
  });
});
