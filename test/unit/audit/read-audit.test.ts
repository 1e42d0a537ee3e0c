import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditFiles, type AuditAccess, readAudit } from '../../../src/audit/read-audit.ts';
import { denial, intent, itemDenial, itemIntent, outcome, request } from './entries.ts';
import { auditLine } from './lines.ts';

const HEADER =
  '{"v":1,"entry":"file","time":"2026-11-21T10:00:00.000Z","worker":0,"pid":1,"sequence":1,"cause":"start"}\n';

describe('reading the audit', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'audit-'));
  });

  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function read(...texts: (string | Buffer)[]): Promise<{
    accesses: AuditAccess[];
    counts: { damaged: number; unmatched: number; skipped: number };
  }> {
    for (const [index, text] of texts.entries()) await writeFile(join(directory, `access-${index}.jsonl`), text);
    const reading = readAudit(await auditFiles(directory));
    const accesses: AuditAccess[] = [];
    for await (const access of reading) accesses.push(access);
    return { accesses, counts: reading.counts };
  }

  it('joins an outcome to its intent over the border of two files', async () => {
    const { accesses } = await read(HEADER + auditLine(intent('A')), HEADER + auditLine(outcome('A')));
    assert.equal(accesses.length, 1);
    const [access] = accesses;
    assert.equal(access?.result, 'completed');
    assert.equal(access.subject, 'alice');
    assert.equal(access.time, intent('A').time);
    assert.equal(access.endTime, outcome('A').time);
  });

  it('joins them in whatever order the files come', async () => {
    const { accesses, counts } = await read(auditLine(outcome('A')), auditLine(intent('A')));
    assert.deepEqual(
      accesses.map(({ result }) => result),
      ['completed'],
    );
    assert.equal(counts.unmatched, 0);
  });

  it('calls an intent without an outcome interrupted', async () => {
    const { accesses } = await read(auditLine(intent('A')) + auditLine(intent('B')) + auditLine(outcome('B')));
    assert.deepEqual(
      accesses.map(({ requestId, result }) => [requestId, result]),
      [
        ['B', 'completed'],
        ['A', 'interrupted'],
      ],
    );
  });

  it('keeps two accesses apart that were given one id', async () => {
    const { accesses } = await read(auditLine(intent('A')) + auditLine(intent('A')) + auditLine(outcome('A')));
    assert.deepEqual(
      accesses.map(({ result }) => result),
      ['interrupted', 'completed'],
    );
  });

  it('joins the accesses of one request item by item, in whatever order they end', async () => {
    const keys = ['a', 'b', 'c'];
    const intents = keys.map((key, item) => auditLine(intent('A', { key, item })));
    const outcomes = [2, 0].map((item) => auditLine(outcome('A', { item, bytesOut: item })));
    const denied = auditLine(denial('A', { key: 'd', item: 3 }));
    const { accesses, counts } = await read([...intents, denied, ...outcomes].join(''));
    assert.deepEqual(
      accesses.map(({ key, item, result, bytesOut }) => [key, item, result, bytesOut]),
      [
        ['d', 3, 'denied', 0],
        ['c', 2, 'completed', 2],
        ['a', 0, 'completed', 0],
        ['b', 1, 'interrupted', undefined],
      ],
    );
    assert.equal(counts.unmatched, 0);
  });

  describe('of a request that says once who asks', () => {
    const lines = [
      auditLine(request('A', 3, { subject: 'carol', groups: ['team'] })),
      auditLine(itemIntent('A', 0, 'a')),
      auditLine(itemIntent('A', 2, 'c')),
      auditLine(itemDenial('A', 1, 'b')),
      auditLine(outcome('A', { item: 0 })),
    ];
    const reported = (accesses: readonly AuditAccess[]) =>
      accesses.map(({ key, item, result, subject, groups, operation }) => [
        key,
        item,
        result,
        subject,
        groups,
        operation,
      ]);
    const expected = [
      ['b', 1, 'denied', 'carol', ['team'], 'DeleteObjects'],
      ['a', 0, 'completed', 'carol', ['team'], 'DeleteObjects'],
      ['c', 2, 'interrupted', 'carol', ['team'], 'DeleteObjects'],
    ];

    it('tells of each item who asked', async () => {
      const { accesses, counts } = await read(lines.join(''));
      assert.deepEqual(reported(accesses), expected);
      assert.deepEqual(counts, { damaged: 0, unmatched: 0, skipped: 0 });
    });

    it('does so in whatever order the files come', async () => {
      const [first = '', ...rest] = lines;
      const { accesses, counts } = await read(rest.join(''), first);
      assert.deepEqual(reported(accesses).toSorted(), expected.toSorted());
      assert.equal(counts.unmatched, 0);
    });

    it('takes no other request for it, and counts items whose request is in none of the files', async () => {
      const { accesses, counts } = await read(auditLine(request('B', 3)) + lines.slice(1).join(''));
      assert.deepEqual(accesses, []);
      assert.equal(counts.unmatched, 3);
    });

    it('names what was cut in either of them', async () => {
      const { accesses } = await read(
        auditLine(request('A', 2, { subject: 's'.repeat(1000) })) + auditLine(itemDenial('A', 0, 'k'.repeat(2000))),
      );
      assert.deepEqual(accesses[0]?.clipped, ['subject', 'key']);
    });
  });

  it('takes no item for another, nor for the request as a whole', async () => {
    const { accesses, counts } = await read(
      auditLine(intent('A', { item: 1 })) + auditLine(outcome('A', { item: 11 })) + auditLine(outcome('A')),
    );
    assert.deepEqual(
      accesses.map(({ result }) => result),
      ['interrupted'],
    );
    assert.equal(counts.unmatched, 2);
  });

  it('reads a denial as an access of its own', async () => {
    const { accesses } = await read(auditLine(denial('A')));
    assert.deepEqual(
      accesses.map(({ result, status, rule }) => [result, status, rule]),
      [['denied', 403, 'default-deny']],
    );
  });

  it('reads an access whose intent was written but not acknowledged as the one failure that it was', async () => {
    const failed = denial('A', { decision: 'allow', result: 'failed', status: 503, error: 'AuditUnavailable' });
    const { accesses } = await read(auditLine(intent('A')), auditLine(failed));
    assert.deepEqual(
      accesses.map(({ result }) => result),
      ['failed'],
    );
  });

  it('counts torn and damaged lines and reads on', async () => {
    const torn = auditLine(intent('A')).slice(0, 40);
    const { accesses, counts } = await read(
      Buffer.concat([
        Buffer.from(HEADER),
        Buffer.alloc(4096),
        Buffer.from(`\n${auditLine(denial('B'))}\n[]\n1\n${torn}`),
      ]),
      HEADER + auditLine(denial('C')),
    );
    assert.deepEqual(
      accesses.map(({ requestId }) => requestId),
      ['B', 'C'],
    );
    assert.equal(counts.damaged, 5);
  });

  it('counts a line without end as one damaged line', async () => {
    const { accesses, counts } = await read(Buffer.alloc(8 * 1024 * 1024, 0x78), auditLine(denial('A')));
    assert.equal(counts.damaged, 1);
    assert.equal(accesses.length, 1);
  });

  it('counts outcomes whose intent is not there, and entries that it does not know', async () => {
    const future = auditLine(intent('B')).replace('"v":1', '"v":3');
    const { accesses, counts } = await read(auditLine(outcome('A')) + future + '{"v":1,"entry":"seal"}\n');
    assert.deepEqual(accesses, []);
    assert.deepEqual(counts, { damaged: 0, unmatched: 1, skipped: 2 });
  });
});
