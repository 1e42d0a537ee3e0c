import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { failuresText, printable } from '../../../../src/cli/operator/report.ts';
import { createProgressLine } from '../../../../src/cli/operator/progress-line.ts';
import { createVersionCounter } from '../../../../src/operate/version-counter.ts';

describe('reports on a terminal', () => {
  it('show keys so that none of them can command it, or turn the text around', () => {
    assert.equal(printable('a\u001b[2Jb\r\u0007\u009b\u202e'), 'a\\u001b[2Jb\\u000d\\u0007\\u009b\\u202e');
    assert.equal(printable('2026/ü 日本.csv'), '2026/ü 日本.csv');
  });

  it('say how many failed beyond those that are shown, and that a stopped run saw not everything', () => {
    const failures = [{ key: 'a\nb', error: 'SlowDown', detail: 'd' }];
    const versions = createVersionCounter().report();
    const text = failuresText({ versions, failed: 3, failures, complete: false, listsVersions: true });
    assert.equal(
      text,
      '3 failed:\n  a\\u000ab: SlowDown: d\n  and 2 more\nInterrupted before all objects were checked; run the command again to continue.\n',
    );
  });

  it('say that a store lists no versions, so that old ones of another kind of store are not thought of as seen', () => {
    const whole = { versions: createVersionCounter().report(), failed: 0, failures: [], complete: true };
    assert.match(failuresText({ ...whole, listsVersions: false }), /^The store does not list versions: [^\n]*\n$/);
    assert.equal(failuresText({ ...whole, listsVersions: true }), '');
  });

  it('draw nothing over and over where nobody looks', () => {
    let written = '';
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        written += chunk.toString();
        done();
      },
    });
    const line = createProgressLine(stream);
    line.step();
    line.end();
    assert.equal(line.isLive, false);
    assert.equal(written, '');
  });
});
