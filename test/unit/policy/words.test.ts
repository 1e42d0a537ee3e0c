import assert from 'node:assert/strict';
import type { Access } from '../../../src/contracts/authorizer.ts';
import { explain } from '../../../src/policy/analysis/explain.ts';
import {
  accessText,
  casesText,
  conditionsText,
  factsText,
  identityOf,
  principalText,
  whoText,
} from '../../../src/policy/analysis/words.ts';
import { admin, listing, on, principalWith, setOf, written } from './fixture.ts';

describe('policies in words', () => {
  const put = { allow: ['PUT'], bucket: 'reports', prefix: 'in/' };
  const conditionsOf = (when: object): string => {
    const [rule] = setOf(written('p', [{ ...put, when }])).policies[0]?.rules ?? [];
    return conditionsText(rule?.when ?? {});
  };

  it('say every condition', () => {
    for (const [when, text] of [
      [{ from: '2026-01-01T00:00:00Z' }, 'from 2026-01-01T00:00:00Z on'],
      [{ until: '2026-01-01T00:00:00+01:00' }, 'until 2025-12-31T23:00:00Z'],
      [
        { hours: { days: ['mon', 'fri'], from: '08:05', to: '18:00', timeZone: 'Europe/Zurich' } },
        'on mon, fri between 08:05 and 18:00 (Europe/Zurich)',
      ],
      [{ hours: { from: '00:00', to: '06:00', timeZone: 'UTC' } }, 'between 00:00 and 06:00 (UTC)'],
      [{ networks: ['10.0.0.0/8', '192.0.2.0/24'] }, 'from 10.0.0.0/8 or 192.0.2.0/24'],
      [{ acr: ['gold'] }, 'with acr gold'],
      [{ amr: ['otp', 'pin'] }, 'with amr otp or pin'],
      [{ authenticatedWithin: '15m' }, 'logged in 900 s ago at most'],
      [{ tokenKind: ['id_token'] }, 'with token kind id_token'],
      [{ wayIn: ['bearer', 'presigned'] }, 'by bearer or presigned'],
      [{ via: 'agent' }, 'by an agent'],
      [{ size: { min: '1 KiB' } }, 'of 1024 bytes at least'],
      [{ size: { max: 5 } }, 'of 5 bytes at most'],
      [{ contentTypes: ['image/*'] }, 'as image/*'],
      [{ tags: { class: 'public' } }, 'with tags class=public'],
      [{ createOnly: true }, 'overwriting nothing'],
    ] as const) {
      assert.equal(conditionsOf(when), text);
    }
    assert.equal(conditionsOf({ acr: ['gold'], via: 'agent' }), 'with acr gold, by an agent');
  });

  it('say what is known of a request', () => {
    const stored = { sizeBytes: 1, contentType: 'a/b', tags: new Map([['k', 'v']]), createsOnly: false };
    const facts = { nowMs: 0, clientAddress: '10.0.0.1', wayIn: 'session', stored } as const;
    const text = 'at 1970-01-01T00:00:00Z, from 10.0.0.1, by session, of 1 bytes, as a/b, with tags k=v, overwriting';
    assert.equal(factsText(facts), text);
    assert.equal(factsText({ stored: { tags: new Map(), createsOnly: true } }), 'with tags none, overwriting nothing');
    assert.equal(factsText({}), '');
  });

  it('say whom a subject means', () => {
    const all = { group: 'g', subject: 's', client: 'c', claims: { team: 'red' }, actor: 'bot', actorIssuer: 'other' };
    const text = 'group g and subject s and client c and claim team = red and actor bot of other of demo';
    assert.equal(whoText({ issuer: 'demo', ...all }), text);
    assert.equal(whoText({ issuer: 'demo', actor: 'bot' }), 'actor bot of demo');
    assert.equal(whoText({ issuer: 'demo', everybody: true }), 'everybody of demo');
  });

  const robot = principalWith({
    ...{ subject: 'ann', groups: ['staff'], claims: { team: 'red', azp: 'cli' }, tokenKind: 'id_token' },
    ...{ actor: { subject: 'bot', issuer: 'other' }, binding: 'p' },
  });

  it('say who asks for what', () => {
    const text =
      'bot for ann of demo, in staff, team = red, client azp = cli, token kind id_token, in a session of role p';
    assert.equal(principalText(robot), text);
    assert.equal(principalText(principalWith({ groups: [] })), 'someone of demo');
    assert.equal(accessText(on('GET', 'a') as never), 'GET s3://reports/a');
    assert.equal(accessText(admin() as never), 'ADMIN s3://reports/');
    assert.equal(accessText(listing('a/', ['a/b'])), 'LIST s3://reports/a/ after a/b');
  });

  it('are lines of a file of cases', () => {
    assert.deepEqual(identityOf(robot), {
      ...{ issuer: 'demo', subject: 'ann', groups: ['staff'], claims: { team: 'red', azp: 'cli' } },
      ...{ tokenKind: 'id_token', actor: 'bot', actorIssuer: 'other', role: 'p' },
    });
    const decision = { effect: 'allow', rule: 'p/r0', reason: '', policyVersion: 'v' } as const;
    const parts = { prefixes: ['a/'], hidden: [] };
    const of = { principal: principalWith(), facts: { clientAddress: '10.0.0.1' } };
    const agents = new Map([['demo', new Set(['cli'])]]);
    const text = casesText([
      { ...of, access: listing('', ['a']), decision: { ...decision, parts }, name: 'a/x', agents },
      { ...of, access: listing(''), decision: { ...decision, parts }, name: 'b' },
      { ...of, facts: {}, access: { kind: 'admin', verb: 'ADMIN', bucket: 'reports' }, decision },
    ]);
    assert.equal(
      text,
      `agentClients: { demo: [ cli ] }
identities:
  who-1: { issuer: demo, subject: someone, groups: [ staff ] }
cases:
  - { who: who-1, does: LIST, bucket: reports, prefix: "", after: [ a ], facts: { clientAddress: 10.0.0.1 }, expect: filtered, rule: p/r0, shows: [ a/x ] }
  - { who: who-1, does: LIST, bucket: reports, prefix: "", facts: { clientAddress: 10.0.0.1 }, expect: filtered, rule: p/r0, hides: [ b ] }
  - { who: who-1, does: ADMIN, bucket: reports, expect: allow, rule: p/r0 }
`,
    );
  });

  it('say of each line of a subject what the caller has instead', () => {
    const saw = (subject: object, changes: Parameters<typeof principalWith>[0] = {}): string => {
      const set = setOf(written('p', [put], [{ issuer: 'demo', ...subject }]));
      const { failed } = explain(set, principalWith(changes), on('PUT', 'in/a')).rules[0] ?? {};
      return `${failed?.condition}: ${failed?.wants}; ${failed?.saw}`;
    };
    assert.equal(saw({ group: 'g' }, { groups: [] }), 'subjects: group g; no groups');
    assert.equal(saw({ group: 'g' }), 'subjects: group g; staff');
    assert.equal(saw({ subject: 'ann' }), 'subjects: subject ann; someone');
    assert.equal(saw({ issuer: 'corp', everybody: true }), 'subjects: issuer corp; demo');
    assert.equal(saw({ client: 'cli' }, { claims: { azp: 'web' } }), 'subjects: client cli; {"azp":"web"}');
    assert.equal(saw({ claims: { team: 'red' } }), 'subjects: claims {"team":"red"}; {}');
    assert.equal(saw({ actor: 'bot' }), 'subjects: actor bot; no actor');
    const acting = { actor: { subject: 'other', issuer: 'corp' } };
    assert.equal(saw({ actor: 'bot' }, acting), 'subjects: actor bot; other of corp');
    assert.equal(saw({ group: 'staff' }, acting), 'actor: a subject that names the actor; other');
  });

  it('say where a rule holds, and where the request is', () => {
    const failed = (rule: object, access: Access) =>
      explain(setOf(written('p', [rule as never])), principalWith(), access).rules[0]?.failed;
    const key = { allow: ['GET'], bucket: 'reports', key: 'a' };
    assert.deepEqual(failed(key, on('GET', 'b')), { condition: 'scope', wants: 'the key a', saw: 'b' });
    const list = { allow: ['LIST'], bucket: 'reports', prefix: 'a/' };
    assert.equal(failed(list, listing('b/', ['b/c']))?.saw, 'b/ after b/c');
    const everywhere = { allow: ['GET'], buckets: 'all', everything: true };
    const set = { ...setOf(written('p', [everywhere])), buckets: new Set(['others']) };
    const elsewhere = explain(set, principalWith(), on('GET', 'a')).rules[0]?.failed;
    assert.deepEqual(elsewhere, { condition: 'bucket', wants: 'a bucket of the configuration', saw: 'reports' });
  });
});
