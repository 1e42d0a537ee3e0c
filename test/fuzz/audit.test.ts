import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { readAudit } from '../../src/audit/read-audit.ts';
import { intent, outcome } from '../unit/audit/entries.ts';
import { auditLine } from '../unit/audit/lines.ts';

const key = fc.string({ unit: fc.constantFrom('a', '/', '\n', '\r', '\u2028', '\u0085', '"', '\\', '€', '😀', '\0') });

describe('the audit, whatever the keys are', () => {
  let directory: string;
  let file: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'audit-'));
    file = join(directory, 'access-1.jsonl');
  });

  after(() => rm(directory, { recursive: true, force: true }));

  async function read(bytes: Buffer): Promise<{ keys: string[]; results: string[]; damaged: number }> {
    await writeFile(file, bytes);
    const reading = readAudit([file]);
    const keys: string[] = [];
    const results: string[] = [];
    for await (const access of reading) {
      keys.push(access.key);
      results.push(access.result);
    }
    return { keys, results, damaged: reading.counts.damaged };
  }

  it('reads back every access as it was written', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(key, { minLength: 1, maxLength: 20 }), async (keys) => {
        const text = keys.map((value, index) => auditLine(intent(`ID-${index}`, { key: value }))).join('');
        const ends = keys.map((_, index) => auditLine(outcome(`ID-${index}`))).join('');
        const back = await read(Buffer.from(text + ends));
        assert.deepEqual(back.keys, keys);
        assert.equal(back.damaged, 0);
      }),
      { numRuns: 100 },
    );
  });

  it('reads every whole line of a file cut anywhere, and at most one as damaged', async () => {
    const lines = ['a', 'b\u2028', '€'].map((value, index) => auditLine(intent(`ID-${index}`, { key: value })));
    const bytes = Buffer.from(lines.join(''));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: bytes.length }), async (length) => {
        const cut = bytes.subarray(0, length);
        const whole = cut.toString('latin1').split('\n').length - 1;
        const back = await read(cut);
        assert.ok(back.keys.length === whole || back.keys.length === whole + 1);
        assert.ok(back.keys.length + back.damaged <= whole + 1);
        assert.ok(back.results.every((result) => result === 'interrupted'));
      }),
      { numRuns: 200 },
    );
  });
});
