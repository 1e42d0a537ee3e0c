import assert from 'node:assert/strict';
import type { Cell } from './cell.ts';
import { staleCells } from './seen.ts';
import { failuresOf, UNSIGNED_TRAILER, type WireFigures } from './verdict.ts';

const passed: Cell = {
  client: 'curl',
  version: '8.0.0',
  ca: '`--cacert`',
  auth: 'bearer',
  transport: 'tls',
  upstream: 'embedded',
  required: true,
  status: 'passed',
  reason: undefined,
  steps: ['PUT'],
  requests: 1,
  seconds: 1,
};
const wire: WireFigures = { requests: 9, payloads: { [UNSIGNED_TRAILER]: 1 }, largestChunkBytes: 2 ** 24 + 1 };

describe('the verdict of a conformance run', () => {
  it('is good when all that is required passed and the wire showed what it had to', () => {
    const optional: Cell = { ...passed, client: 'boto3', required: false, status: 'unavailable', reason: 'not here' };
    assert.deepEqual(failuresOf([passed, optional], wire, true), []);
  });

  const bad: readonly [string, readonly Cell[], WireFigures][] = [
    ['nothing ran', [], wire],
    ['a cell failed', [{ ...passed, status: 'failed', reason: 'broke' }], wire],
    ['an optional client is there and failed', [passed, { ...passed, required: false, status: 'failed' }], wire],
    ['a required cell is unavailable', [passed, { ...passed, status: 'unavailable', reason: 'not here' }], wire],
    ['a cell that is unavailable has no reason', [passed, { ...passed, required: false, status: 'unavailable' }], wire],
    ['a cell ran no operation', [passed, { ...passed, steps: [] }], wire],
    ['the wire saw no request of a cell', [passed, { ...passed, requests: 0 }], wire],
    ['no unsigned trailer was on the wire', [passed], { ...wire, payloads: { digest: 9 } }],
    ['no chunk over 16 MiB was on the wire', [passed], { ...wire, largestChunkBytes: 2 ** 24 }],
  ];
  for (const [title, cells, figures] of bad) {
    it(`is bad when ${title}`, () => {
      assert.ok(failuresOf(cells, figures, true).length > 0);
    });
  }

  it('asks nothing of the wire where only a part was run', () => {
    assert.deepEqual(failuresOf([passed], { requests: 0, payloads: {}, largestChunkBytes: 0 }, false), []);
  });
});

describe('what was kept of a run', () => {
  const { client, version, ca, auth, transport, upstream, status } = passed;
  const cells = [{ client, version, ca, auth, transport, upstream, status, encrypted: 1, plain: 0 }];

  it('says what the run found, whatever the version', () => {
    assert.deepEqual(staleCells([{ ...passed, version: '9.9.9' }], cells), []);
  });

  it('is stale when a required cell is another, or is not in it', () => {
    assert.equal(staleCells([{ ...passed, status: 'unavailable' }], cells).length, 1);
    assert.equal(staleCells([{ ...passed, auth: 'web identity' }], cells).length, 1);
  });

  it('is not stale for clients that need not be there', () => {
    assert.deepEqual(staleCells([{ ...passed, client: 'boto3', required: false }], cells), []);
  });
});
