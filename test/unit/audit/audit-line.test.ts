import assert from 'node:assert/strict';
import { auditLine, refusalLine } from '../../../src/audit/audit-line.ts';
import { denial, intent, itemDenial, itemIntent, outcome, refusal, request } from './entries.ts';

const parse = (line: string): Record<string, unknown> => JSON.parse(line) as Record<string, unknown>;

describe('a line of the audit', () => {
  it('has the version first and its fields in a fixed order', () => {
    assert.deepEqual(Object.keys(parse(auditLine(intent('A')))), [
      ...['v', 'entry', 'time', 'requestId', 'issuer', 'subject', 'groups', 'tokenIdHash', 'clientAddress'],
      ...['operation', 'bucket', 'key', 'decision', 'rule', 'reason', 'policyVersion', 'role', 'sessionName'],
    ]);
    assert.deepEqual(Object.keys(parse(auditLine(outcome('A', { error: 'SlowDown', versionId: '1' })))), [
      ...['v', 'entry', 'time', 'requestId', 'result', 'status', 'bytesIn', 'bytesOut', 'durationMs'],
      ...['error', 'upstreamRequestId', 'versionId', 'keyId'],
    ]);
  });

  it('says of a signed request which session it came by, and of one of several accesses which one it is', () => {
    const session = { accessKeyId: 'SPLYABCDEFGHIJKLMNOP', binding: 'analytics', item: 0, versionIdAsked: 'null' };
    assert.deepEqual(Object.keys(parse(auditLine(intent('A', session)))), [
      ...['v', 'entry', 'time', 'requestId', 'issuer', 'subject', 'groups', 'tokenIdHash', 'accessKeyId', 'binding'],
      ...['clientAddress', 'operation', 'item', 'versionIdAsked', 'bucket', 'key', 'decision', 'rule', 'reason'],
      ...['policyVersion', 'role', 'sessionName'],
    ]);
    assert.deepEqual(parse(auditLine(intent('A', session))), { v: 1, ...intent('A', session) });
    assert.deepEqual(parse(auditLine(denial('A', session))), { v: 1, ...denial('A', session) });
    assert.equal(parse(auditLine(outcome('A', { item: 999 })))['item'], 999);
  });

  it('says which token of its caller a store was asked with, last of what was meant', () => {
    const entry = parse(auditLine(intent('A', { storeTokenIdHash: '0'.repeat(32) })));
    assert.deepEqual(Object.entries(entry).at(-1), ['storeTokenIdHash', '0'.repeat(32)]);
  });

  it('says who acted in the name of the subject, and bounds what they may be called', () => {
    const delegated = { actor: 'agent', actorIssuer: 'https://agents.example' };
    const entry = parse(auditLine(intent('A', delegated)));
    assert.deepEqual(entry, { v: 1, ...intent('A', delegated) });
    const names = Object.keys(entry);
    assert.deepEqual(names.slice(names.indexOf('groups') + 1, names.indexOf('tokenIdHash')), ['actor', 'actorIssuer']);
    const long = parse(auditLine(intent('A', { actor: 'a'.repeat(1000), actorIssuer: 'i'.repeat(1000) })));
    assert.deepEqual(long['clipped'], ['actor', 'actorIssuer']);
  });

  it('bounds what a client can put into the version that it asks for', () => {
    const entry = parse(auditLine(intent('A', { versionIdAsked: 'v'.repeat(5000) })));
    assert.deepEqual([(entry['versionIdAsked'] as string).length, entry['clipped']], [1024, ['versionIdAsked']]);
  });

  it('holds intent and outcome of a denial at once', () => {
    const { v, ...fields } = parse(auditLine(denial('A')));
    assert.equal(v, 1);
    assert.deepEqual(fields, denial('A'));
  });

  it('says of a request of several accesses who asks, and of each of these the rest, under a version of their own', () => {
    for (const entry of [request('A', 2), itemIntent('A', 0, 'a'), itemDenial('A', 1, 'b')]) {
      assert.deepEqual(parse(auditLine(entry)), { v: 2, ...entry });
    }
  });

  it('leaves out whatever an entry holds beyond its schema', () => {
    const smuggled = { ...intent('A'), authorization: 'Bearer secret' };
    assert.equal('authorization' in parse(auditLine(smuggled)), false);
  });

  it('stays one line whatever a key holds', () => {
    const key = 'a\nb\rc\u2028d\u0000e"f\\g';
    const line = auditLine(intent('A', { key }));
    assert.equal(line.indexOf('\n'), line.length - 1);
    assert.equal(parse(line)['key'], key);
  });

  it('names the fields that it had to cut, and cuts between characters', () => {
    const entry = parse(auditLine(intent('A', { subject: `${'a'.repeat(511)}€`, key: 'k'.repeat(1024) })));
    assert.deepEqual(entry['clipped'], ['subject']);
    assert.equal(entry['subject'], 'a'.repeat(511));
    assert.equal(entry['key'], 'k'.repeat(1024));
  });

  it('bounds the groups in number and length', () => {
    const groups = Array.from({ length: 5000 }, (_, index) => `${index}-${'g'.repeat(1000)}`);
    const entry = parse(auditLine(intent('A', { groups })));
    assert.equal((entry['groups'] as string[]).length, 512);
    assert.deepEqual(entry['clipped'], ['groups']);
  });

  it('bounds what a stranger can put into a refusal', () => {
    const line = refusalLine(refusal('x'.repeat(9999), { method: 'M'.repeat(9999), clientAddress: 'a'.repeat(9999) }));
    assert.ok(line.length < 500);
  });
});
