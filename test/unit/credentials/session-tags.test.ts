import assert from 'node:assert/strict';
import { fixedSource } from '../../../src/credentials/base-credentials.ts';
import { keepingTagged, sessionTags, tagValue } from '../../../src/credentials/session-tags.ts';
import { credentialsOf, brokerOf } from './broker-fixture.ts';
import { principal } from './fixture.ts';
import { startStsDouble } from './sts-double.ts';

const ACCEPTED = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u;

describe('session tags', () => {
  it('are made of what is known of the caller, and of claims; a claim that is missing gives none', () => {
    const caller = principal({
      actor: { subject: 'agent' },
      claims: { department: 'Data Science', level: 7, staff: true, empty: '' },
    });
    const rules = {
      ...{ who: 'sub', from: 'iss', teams: 'groups', by: 'act', dept: 'department', level: 'level', staff: 'staff' },
      ...{ empty: 'empty', none: 'missing', inherited: 'toString' },
    };
    assert.deepEqual(sessionTags(caller, rules), [
      ['who', 'alice'],
      ['from', 'https://idp.example'],
      ['teams', ':analytics:'],
      ['by', 'agent'],
      ['dept', 'Data Science'],
      ['level', '7'],
      ['staff', 'true'],
      ['empty', ''],
    ]);
  });

  it('keep what STS takes as it is, and escape everything else within its alphabet', () => {
    assert.equal(tagValue('Müller, 漢 a|b=c'), 'Müller=002C 漢 a=007Cb=003Dc');
    assert.equal(tagValue('arn:aws:iam::1:role/x'), 'arn:aws:iam::1:role/x');
    assert.equal(tagValue(['a:b', '', 'c']), ':a=003Ab::c:');
    for (const value of ['\n', '😀', '\ud800', '*', '${aws:username}', '"', '\0', ':x'])
      assert.match(tagValue(value), ACCEPTED);
  });

  it('never give two values one tag', () => {
    const values = [
      ...['a|b', 'a=007Cb', 'a b', 'a\u00a0b', '\ud800', '\ud801', '\ufffd', '', ':', '::', ':a:', '=003Aa:', 'a', 'A'],
      ...[[], [''], ['', ''], ['a'], ['a', 'b'], ['a:b'], ['a=003Ab'], ['a', '', 'b']],
    ];
    const tags = values.map((value) => tagValue(value));
    assert.equal(new Set(tags).size, values.length);
    for (const tag of tags) assert.match(tag, ACCEPTED);
  });

  it('are the same of a caller who was cut down to what policies look at', () => {
    const claims = { department: 'Data', level: 7, noise: 'x' };
    const whole = principal({ groups: ['analytics', 'contractors'], claims });
    const cut = (caller: typeof whole) => ({ ...caller, groups: ['analytics'], claims: { level: 7 } });
    const stores = [{ teams: 'groups' }, { dept: 'department', none: 'missing', inherited: 'toString' }];
    const kept = keepingTagged(stores, cut)(whole);
    for (const rules of stores) assert.deepEqual(sessionTags(kept, rules), sessionTags(whole, rules));
    assert.deepEqual(kept.claims, { department: 'Data', level: 7 });
    assert.deepEqual(keepingTagged([{ user: 'sub' }], cut)(whole).groups, ['analytics']);
  });

  it('that would be too long refuse the caller: nothing is cut off that a Deny may look for', () => {
    const longest = principal({ claims: { team: 'x'.repeat(256) } });
    assert.equal(sessionTags(longest, { team: 'team' })[0]?.[1].length, 256);
    for (const claims of [{ team: 'x'.repeat(257) }, { team: '|'.repeat(52) }, { team: Array.from('x'.repeat(129)) }]) {
      assert.throws(() => sessionTags(principal({ claims }), { team: 'team' }), { code: 'AccessDenied' });
    }
  });

  it('go to STS, the transitive ones by name, and only those that the caller has', async () => {
    const sts = await startStsDouble({ now: () => Date.now() });
    const broker = brokerOf({
      endpoint: sts.endpoint,
      base: fixedSource({ accessKeyId: 'AKIABASE', secretAccessKey: 'secret' }),
      sourceIdentity: false,
      sessionSeconds: 900,
      sessionTags: { user: 'sub', cost: 'cost', dept: 'department' },
      transitiveTags: ['user', 'cost'],
    });
    try {
      await credentialsOf(broker, { subject: 'auth0|7', claims: { department: 'R&D' } });
      const form = Object.fromEntries(sts.calls[0] ?? []);
      assert.deepEqual(
        Object.entries(form).filter(([name]) => /^T(ags|ransitive)/.test(name)),
        [
          ['Tags.member.1.Key', 'user'],
          ['Tags.member.1.Value', 'auth0=007C7'],
          ['Tags.member.2.Key', 'dept'],
          ['Tags.member.2.Value', 'R=0026D'],
          ['TransitiveTagKeys.member.1', 'user'],
        ],
      );
    } finally {
      broker.close();
      await sts.close();
    }
  });
});
