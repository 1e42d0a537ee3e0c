import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidPolicies } from '../../../src/policy/invalid-policies.ts';
import { checkPolicyTests, loadPolicyTests } from '../../../src/policy/policy-tests.ts';
import { setOf, written } from './fixture.ts';

const CASES = `
identities:
  ann: { issuer: demo, subject: ann, groups: [staff] }
cases:
  - { who: ann, does: GET, bucket: reports, key: a/x, expect: allow, rule: p/r0 }
  - { who: ann, does: LIST, bucket: reports, prefix: '', expect: deny, rule: default-deny }
`;

describe('policy tests', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'policy-tests-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const load = async (text: string) => {
    await writeFile(join(directory, 'a.yaml'), text);
    return loadPolicyTests(directory);
  };
  const get = { allow: ['GET'], bucket: 'reports', prefix: 'a/' };

  it('pass where effect and rule are as written', async () => {
    const report = checkPolicyTests(setOf(written('p', [get])), await load(CASES));
    assert.deepEqual(report, { passed: 2, failures: [], unproven: [] });
  });

  it('fail where the effect is right by another rule, or wrong', async () => {
    const set = setOf(
      written('p', [
        { ...get, id: 'other' },
        { ...get, allow: ['LIST'], everything: true, prefix: undefined },
      ]),
    );
    const report = checkPolicyTests(set, await load(CASES));
    assert.equal(report.passed, 0);
    assert.equal(report.failures.length, 2);
    assert.match(report.failures[0] ?? '', /a\.yaml: cases\[0\].*expected allow by p\/r0, got allow by p\/other/);
  });

  it('name the rules that no case shows at work', async () => {
    const set = setOf(written('p', [get, { deny: ['PUT'], bucket: 'reports', everything: true }]));
    assert.deepEqual(checkPolicyTests(set, await load(CASES)).unproven, ['p/r1']);
  });

  it('ask for versions, for the bucket itself and in a session of one policy', async () => {
    const all = { allow: ['LIST_VERSIONS', 'ADMIN'], bucket: 'reports', everything: true };
    const cases = `
identities:
  ann: { issuer: demo, subject: ann, groups: [staff] }
  bound: { issuer: demo, subject: ann, groups: [staff], role: q }
cases:
  - { who: ann, does: ADMIN, bucket: reports, expect: allow, rule: p/r0 }
  - { who: ann, does: LIST_VERSIONS, bucket: reports, prefix: '', expect: allow, rule: p/r0 }
  - { who: bound, does: ADMIN, bucket: reports, expect: deny, rule: default-deny }
  - { who: bound, does: GET, bucket: reports, key: a/x, expect: allow, rule: q/r0 }
`;
    const report = checkPolicyTests(setOf(written('p', [all]), written('q', [get])), await load(cases));
    assert.deepEqual(report, { passed: 4, failures: [], unproven: [] });
  });

  it('state what was granted for a time, to one identity, which a deny goes before', async () => {
    const cases = `
identities:
  ann: { issuer: demo, subject: ann, groups: [staff] }
  on-call: { issuer: demo, subject: ann, groups: [staff] }
grants: [{ id: inc-1, to: on-call, verbs: [read, list], bucket: reports, prefix: b/ }]
cases:
  - { who: on-call, does: GET, bucket: reports, key: b/x, expect: allow, rule: grant/inc-1 }
  - { who: on-call, does: LIST, bucket: reports, prefix: b/, expect: allow, rule: grant/inc-1 }
  - { who: on-call, does: PUT, bucket: reports, key: b/x, expect: deny, rule: default-deny }
  - { who: on-call, does: GET, bucket: reports, key: b/board/x, expect: deny, rule: p/r1 }
  - { who: on-call, does: GET, bucket: reports, key: a/x, expect: allow, rule: p/r0 }
  - { who: ann, does: GET, bucket: reports, key: b/x, expect: deny, rule: default-deny }
`;
    const set = setOf(written('p', [get, { deny: ['GET'], bucket: 'reports', prefix: 'b/board/' }]));
    assert.deepEqual(checkPolicyTests(set, await load(cases)), { passed: 6, failures: [], unproven: [] });
  });

  it('refuse a grant that no command would give', async () => {
    const issues = async (grant: string): Promise<string> => {
      const identities =
        'identities: { ann: { issuer: demo, subject: ann }, bot: { issuer: demo, subject: ann, actor: b } }';
      const rest = 'cases: [{ who: ann, does: GET, bucket: reports, key: a, expect: deny, rule: default-deny }]';
      const error = await load(`${identities}\ngrants: [${grant}]\n${rest}\n`).then(
        () => undefined,
        (problem: unknown) => problem,
      );
      assert.ok(error instanceof InvalidPolicies);
      return error.message;
    };
    const where = 'bucket: reports, prefix: b/';
    assert.match(await issues(`{ id: g, to: eve, verbs: [GET], ${where} }`), /grants\[0\]\.to is not an identity/);
    assert.match(await issues(`{ id: g, to: bot, verbs: [GET], ${where} }`), /grants\[0\]\.to has an actor or a role/);
    assert.match(await issues(`{ id: g, to: ann, verbs: [ADMIN], ${where} }`), /ADMIN, which goes with/);
    assert.match(await issues('{ id: g, to: ann, verbs: [GET], bucket: reports }'), /exactly one of `prefix`/);
    const one = `{ id: g, to: ann, verbs: [GET], ${where} }`;
    assert.match(await issues(`${one}, ${one}`), /grants\[1\]\.id stands twice/);
  });

  it('state what is known of a request, and what they do not state is not known', async () => {
    const put = (id: string, when: object) => ({ id, allow: ['PUT'], bucket: 'reports', prefix: `${id}/`, when });
    const set = setOf(
      written('p', [
        put('until', { until: '2026-12-31T18:00:00+01:00' }),
        put('office', { networks: ['192.0.2.0/24'], wayIn: ['session'] }),
        put('small', { size: { max: '1 KiB' } }),
        put('pictures', { contentTypes: ['image/*'], tags: { class: 'public' }, createOnly: true }),
        put('fresh', { acr: ['gold'], amr: ['otp'], authenticatedWithin: '15m' }),
        put('agents', { via: 'agent' }),
      ]),
    );
    const line = (key: string, facts: string, isAllowed: boolean, who = 'ann') =>
      `  - { who: ${who}, does: PUT, bucket: reports, key: ${key}/x, facts: ${facts}, ` +
      `expect: ${isAllowed ? 'allow' : 'deny'}, rule: ${isAllowed ? `p/${key}` : 'default-deny'} }`;
    const picture = '{ contentType: image/png; x=y, tags: { class: public, more: x }, createOnly: true }';
    const cases = `
agentClients: { demo: [robot] }
identities:
  ann: { issuer: demo, subject: ann, groups: [staff] }
  robot: { issuer: demo, subject: ann, groups: [staff], client: robot }
  sure: { issuer: demo, subject: ann, groups: [staff], claims: { acr: gold, amr: [pwd, otp], auth_time: 1798700000 } }
cases:
${[
  line('until', '{ time: 2026-12-31T16:59:59Z }', true),
  line('until', '{ time: 2026-12-31T17:00:00Z }', false),
  line('until', '{ clientAddress: 192.0.2.7 }', false),
  line('office', '{ clientAddress: 192.0.2.7, wayIn: session }', true),
  line('office', '{ clientAddress: 192.0.3.7, wayIn: session }', false),
  line('office', '{ clientAddress: 192.0.2.7, wayIn: bearer }', false),
  line('small', '{ size: 1 KiB }', true),
  line('small', '{ size: 1025 }', false),
  line('small', '{ createOnly: true }', false),
  line('pictures', picture, true),
  line('pictures', picture.replace('true', 'false'), false),
  line('pictures', picture.replace(/, tags: {.*?}/, ''), false),
  line('pictures', picture.replace('image', 'text'), false),
  line('fresh', '{ time: 2026-12-31T07:00:00Z }', true, 'sure'),
  line('fresh', '{ time: 2026-12-31T09:00:00Z }', false, 'sure'),
  line('fresh', '{}', false, 'sure'),
  line('agents', '{}', true, 'robot'),
  line('agents', '{}', false),
].join('\n')}
`;
    assert.deepEqual(checkPolicyTests(set, await load(cases)), { passed: 18, failures: [], unproven: [] });
  });

  it('tell the line and what would be right where a fact is none', async () => {
    for (const [facts, remedy] of [
      ['{ time: noon }', /must be a time with its offset, such as/],
      ['{ address: 192.0.2.7 }', /has unknown "address"; known here: time, clientAddress, wayIn/],
      ['{ wayIn: cookie }', /must be one of bearer, session, presigned/],
      ['{ size: 1 }', /of a PUT only/],
    ] as const) {
      const text = CASES.replace('key: a/x', `key: a/x, facts: ${facts}`);
      await assert.rejects(
        load(text),
        ({ message }: InvalidPolicies) => /a\.yaml:5/.test(message) && remedy.test(message),
      );
    }
  });

  for (const [title, from, to] of [
    ['of an identity that is not there', 'who: ann, does: GET', 'who: toString, does: GET'],
    ['of LIST on a key', 'does: GET', 'does: LIST'],
    ['of LIST_VERSIONS on a key', 'does: GET', 'does: LIST_VERSIONS'],
    ['of ADMIN on a key', 'does: GET', 'does: ADMIN'],
    ['of ADMIN on a prefix', 'does: LIST', 'does: ADMIN'],
    ['of GET on a prefix', 'key: a/x', 'prefix: a/'],
    ['of key and prefix', 'key: a/x', 'key: a/x, prefix: a/'],
    ['with an unknown key', 'key: a/x', 'key: a/x, note: x'],
    ['that expects something else', 'expect: allow', 'expect: maybe'],
  ] as const) {
    it(`are refused with a case ${title}`, async () => {
      assert.ok(CASES.includes(from));
      await assert.rejects(load(CASES.replace(from, to)), InvalidPolicies);
    });
  }
});
