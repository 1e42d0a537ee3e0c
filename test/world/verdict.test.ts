import { strict as assert } from 'node:assert';
import type { ProgramRun } from './run/run-program.ts';
import { readStep } from './run/run-program.ts';
import { judge, readExpectations } from './run/verdict.ts';

const run = (steps: ProgramRun['steps'], bucket: ProgramRun['bucket'] = 'plain'): ProgramRun => ({
  ...{ lane: 'npm', program: 'minio', bucket, seconds: 1 },
  steps,
});
const good = (name: string) => ({ name, ok: true, said: '' });
const bad = (name: string) => ({ name, ok: false, said: '403' });
const expected = [{ program: 'npm/minio', step: 'copy', bucket: 'plain' as const, reason: 'the client cannot' }];

describe('the verdict on a run of the world', () => {
  it('counts a step that is ok, and fails by one that is not', () => {
    const { passed, failed } = judge([run([good('put'), bad('get')])], []);
    assert.equal(passed, 1);
    assert.deepEqual(failed, [{ program: 'npm/minio', bucket: 'plain', step: 'get', said: '403' }]);
  });

  it('does not fail by a failure that is expected, and names the reason', () => {
    const { failed, known } = judge([run([bad('copy')])], expected);
    assert.deepEqual([failed.length, known.map(({ reason }) => reason)], [0, ['the client cannot']]);
  });

  it('fails by an expected failure that passes, for its reason is no longer true', () => {
    assert.equal(judge([run([good('copy')])], expected).failed.length, 1);
  });

  it('fails by an expected failure that no step is', () => {
    assert.equal(judge([run([good('put')])], expected).failed.length, 1);
  });

  it('expects nothing of the other bucket', () => {
    assert.equal(judge([run([bad('copy')], 'encrypted')], expected).failed.length, 1);
  });

  it('takes no expectation without a reason', () => {
    assert.throws(() => readExpectations('[{"program":"npm/minio","step":"copy","reason":""}]'));
  });
});

describe('a line of a program', () => {
  it('is a step that is ok, a step that is not, or no step', () => {
    assert.deepEqual(readStep('ok key a:b'), { name: 'key a:b', ok: true, said: '' });
    assert.deepEqual(readStep('FAIL copy: 403: no'), { name: 'copy', ok: false, said: '403: no' });
    assert.equal(readStep('okay'), undefined);
  });
});
