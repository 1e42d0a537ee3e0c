import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { denial, intent, itemDenial, itemIntent, outcome, request } from './entries.ts';
import { auditLine } from './lines.ts';
import { needs } from '../../support/needs.ts';

const HEADER = '{"v":1,"entry":"file"}\n';

describe('docs/audit.md', () => {
  let text: string;
  let directory: string;

  before(async () => {
    text = await readFile(new URL('../../../docs/audit.md', import.meta.url), 'utf8');
    directory = await mkdtemp(join(tmpdir(), 'audit-'));
    const read = { operation: 'GetObject', key: '2026/q3.csv' } as const;
    const copy = { ...read, operation: 'CopyObject', subject: 'carol', time: '2026-11-21T10:00:02.000Z' } as const;
    const first = [
      auditLine(intent('A', { ...read, time: '2026-11-21T10:00:00.000Z' })),
      auditLine(outcome('A')),
      auditLine(intent('B', { ...read, subject: 'bob\u001b[2J', time: '2026-11-21T10:00:01.000Z' })),
      auditLine(intent('C', { key: 'other' })),
      auditLine(outcome('C')),
      auditLine(intent('E', { ...copy, item: 0, key: 'copied' })),
      auditLine(intent('E', { ...copy, item: 1 })),
      auditLine(outcome('E', { item: 0, bytesOut: 9 })),
      auditLine(outcome('E', { item: 1, bytesOut: 0 })),
      auditLine(intent('F', { ...copy, item: 0 })),
      auditLine(request('G', 3, { subject: 'dave' })),
      auditLine(itemIntent('G', 0, 'deleted')),
      auditLine(itemIntent('G', 1, 'perhaps')),
      auditLine(itemDenial('G', 2, 'kept')),
      auditLine(outcome('G', { item: 0 })),
      auditLine(intent('SHARED', { ...read, subject: 'dave', time: '2026-11-21T10:00:03.000Z' })),
      auditLine(outcome('SHARED')),
      auditLine(intent('SHARED', { ...read, subject: 'erin', time: '2026-11-21T10:00:04.000Z' })),
      auditLine(intent('TORN')).slice(0, 60),
    ];
    const second = [auditLine(denial('D', { subject: 'mallory', rule: 'default-deny' })), auditLine(outcome('ALONE'))];
    await writeFile(join(directory, 'access-1.jsonl'), HEADER + first.join(''));
    await writeFile(join(directory, 'access-2.jsonl'), HEADER + second.join(''));
  });

  after(() => rm(directory, { recursive: true, force: true }));

  it('explains every field that an entry can have', () => {
    const subject = 's'.repeat(1000);
    const session = {
      accessKeyId: 'SPLY',
      binding: 'analytics',
      item: 0,
      versionIdAsked: '1',
      filtered: true as const,
      storeTokenIdHash: 'a',
      edgeRequestId: 'b',
      traceId: 'c'.repeat(32),
      spanId: 'd'.repeat(16),
      verbs: ['LIST'] as const,
      after: ['a'],
      decidedAfterMs: 1,
      previewDecision: 'deny' as const,
    };
    const delegated = { claims: { team: 'red' }, actor: 'agent', actorIssuer: 'https://agents.example' };
    const all = denial('A', { subject, versionId: '1', ...session, ...delegated });
    for (const entry of [all, intent('A', session), request('A', 2)]) {
      for (const field of Object.keys(JSON.parse(auditLine(entry)) as object)) {
        assert.ok(text.includes(`\`${field}\``), field);
      }
    }
  });

  it('has jq lines that answer their requests, torn lines or not', function () {
    needs(this, 'jq', spawnSync('jq', ['--version']).status === 0);
    const commands = [...text.matchAll(/```sh\n(.*)\n```/g)].map((match) => match[1]!);
    const answers = commands.map((command) => {
      const { stdout, stderr, status } = spawnSync('sh', ['-c', command], { cwd: directory, encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      assert.ok(!stdout.includes('\u001b'));
      const lines = stdout.split('\n').filter((line) => line !== '');
      return lines.map((line) => JSON.parse(line) as unknown[]);
    });
    const [readers, intents, denials, interrupted, byCaller] = answers;
    assert.deepEqual(readers, [
      ['2026-11-21T10:00:00.000Z', 'alice', 'https://id.example.com', 'completed', 1024, 'A'],
      ['2026-11-21T10:00:01.000Z', 'bob\u001b[2J', 'https://id.example.com', 'interrupted', null, 'B'],
      ['2026-11-21T10:00:02.000Z', 'carol', 'https://id.example.com', 'completed', 0, 'E'],
      // An edge that passed on what clients made up: both are there, and neither has the other's end.
      ['2026-11-21T10:00:03.000Z', 'dave', 'https://id.example.com', 'unclear', null, 'SHARED'],
      ['2026-11-21T10:00:04.000Z', 'erin', 'https://id.example.com', 'unclear', null, 'SHARED'],
    ]);
    assert.deepEqual(
      intents?.map((line) => line[3]),
      ['A', 'B', 'E', 'SHARED', 'SHARED'],
    );
    assert.deepEqual(
      denials?.map((line) => [line[1], line[2], line[4], line[5]]),
      [
        ['mallory', 'GetObject', '2026/q3.csv', 'default-deny'],
        ['dave', 'DeleteObjects', 'kept', 'default-deny'],
      ],
    );
    assert.deepEqual(
      interrupted?.map((line) => [line[1], line[4], line[6]]),
      [
        ['bob\u001b[2J', '2026/q3.csv', 'B'],
        ['carol', '2026/q3.csv', 'F'],
        ['dave', 'perhaps', 'G'],
        ['dave', '2026/q3.csv', 'SHARED'],
        ['erin', '2026/q3.csv', 'SHARED'],
      ],
    );
    assert.deepEqual(byCaller, [['GetObject', 'reports', 'allow', 2]]);
  });
});
