import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidPolicies, type PolicyIssue } from '../../../src/policy/invalid-policies.ts';
import { loadPolicies, type KnownNames } from '../../../src/policy/load-policies.ts';
import { readDirectory } from '../../../src/policy/read-directory.ts';

const GOOD = `
id: good
description: Staff read reports.
subjects:
  - issuer: demo
    group: staff
rules:
  - id: read
    allow: [GET]
    bucket: reports
    everything: true
`;

describe('loadPolicies', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'policies-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const write = (name: string, content: string | Buffer) => writeFile(join(directory, name), content);

  async function issues(known?: KnownNames): Promise<readonly PolicyIssue[]> {
    const error: unknown = await loadPolicies(directory, known).then(
      () => assert.fail('the set was accepted'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof InvalidPolicies, String(error));
    for (const { file } of error.issues) assert.ok(error.message.includes(file));
    return error.issues;
  }

  /** Writes one file that replaces a line of the good one, and gives `line path` of each issue. */
  async function items(from: string, to: string): Promise<readonly string[]> {
    assert.ok(GOOD.includes(from));
    await write(
      'good.yaml',
      GOOD.replace(from, () => to),
    );
    return (await issues()).map(({ line, path }) => `${line ?? '-'} ${path}`);
  }

  it('refuses budgets that stop where the configuration keeps no breakers', async () => {
    const guardrail = '{ id: hourly, per: identity, window: 1h, deletes: 1, whenSpent: stop }';
    await write('good.yaml', `${GOOD}guardrails: [${guardrail}]\n`);
    const known = { issuers: new Map([['demo', []]]), buckets: ['reports'] };
    const [issue, ...more] = await issues({ ...known, keepsBreakers: false });
    assert.deepEqual([issue?.path, more.length], ['guardrails[0].whenSpent', 0]);
    for (const fine of [{ ...known, keepsBreakers: true }, undefined]) await loadPolicies(directory, fine);
    await write('good.yaml', `${GOOD}guardrails: [${guardrail.replace('stop', 'wait')}]\n`);
    await loadPolicies(directory, { ...known, keepsBreakers: false });
  });

  it('gives the policies in the order of their ids, with scopes as grants have them', async () => {
    await write('a.yaml', GOOD);
    await write('b.yaml', GOOD.replace('id: good', 'id: also-good').replace('everything: true', 'prefix: 2026/'));
    const { policies } = await loadPolicies(directory);
    assert.deepEqual(
      policies.map(({ id, rules }) => [id, rules[0]?.effect, rules[0]?.scopes]),
      [
        ['also-good', 'allow', [{ prefix: '2026/' }]],
        ['good', 'allow', [{ prefix: '' }]],
      ],
    );
  });

  it('gives a version that is the same for the same files and another for any other content', async () => {
    await write('a.yaml', GOOD);
    const { version } = await loadPolicies(directory);
    assert.match(version, /^[0-9a-f]{12}$/);
    assert.equal((await loadPolicies(directory)).version, version);
    await write('a.yaml', `${GOOD}# a comment\n`);
    assert.notEqual((await loadPolicies(directory)).version, version);
  });

  it('reports every error of every file at once, with its place', async () => {
    await write('a.yaml', GOOD.replace('[GET]', '[get]').replace('everything: true', 'prefx: 2026/'));
    await write('b.yaml', GOOD.replace('group: staff', 'grup: staff').replace('id: read', 'id: Read'));
    await write('c.yaml', 'id: [');
    const found = (await issues()).map(({ file, line, path }) => `${file}:${line ?? '-'} ${path}`);
    for (const at of [
      'a.yaml:9 rules[0].allow[0]',
      'a.yaml:8 rules[0]',
      'b.yaml:5 subjects[0]',
      'b.yaml:8 rules[0].id',
    ]) {
      assert.ok(found.includes(at), `${at} in ${found.join(', ')}`);
    }
    assert.ok(found.some((at) => at.startsWith('c.yaml:')));
  });

  const refusals: [title: string, from: string, to: string, place: string][] = [
    ['an unknown key', 'everything: true', 'everything: true\n    condition: x', '8 rules[0]'],
    ['an omitted scope', 'everything: true', 'reason: None.', '8 rules[0]'],
    ['two scopes', 'everything: true', 'everything: true\n    prefix: a/', '8 rules[0]'],
    ['a scope without a value', 'everything: true', 'prefix:', '11 rules[0].prefix'],
    ['everything that is not true', 'everything: true', 'everything: false', '11 rules[0].everything'],
    ['an empty prefix', 'everything: true', "prefix: ''", '11 rules[0].prefix'],
    ['a prefix that does not end in a slash', 'everything: true', "prefix: '2026'", '11 rules[0].prefix'],
    ['a scope that YAML takes for a number', 'everything: true', 'key: 2026', '11 rules[0].key'],
    ['a key that is longer than any', 'everything: true', `key: ${'é'.repeat(513)}`, '11 rules[0].key'],
    ['a scope that hides characters', 'everything: true', 'key: "a\\u202eb"', '11 rules[0].key'],
    ['both allow and deny', 'allow: [GET]', 'allow: [GET]\n    deny: [PUT]', '8 rules[0]'],
    ['neither allow nor deny', 'allow: [GET]', 'reason: None.', '8 rules[0]'],
    ['no verb', 'allow: [GET]', 'allow: []', '9 rules[0].allow'],
    ['an unknown verb', 'allow: [GET]', 'allow: [HEAD]', '9 rules[0].allow[0]'],
    ['a pattern for a verb', 'allow: [GET]', "allow: ['*']", '9 rules[0].allow[0]'],
    ['a verb twice', 'allow: [GET]', 'allow: [GET, GET]', '9 rules[0].allow'],
    ['a pattern for a bucket', 'bucket: reports', "bucket: 're*'", '10 rules[0].bucket'],
    [
      'LIST allowed on a key',
      '[GET]\n    bucket: reports\n    everything: true',
      '[LIST]\n    bucket: reports\n    key: a',
      '11 rules[0].key',
    ],
    [
      'LIST_VERSIONS allowed on a key',
      '[GET]\n    bucket: reports\n    everything: true',
      '[LIST_VERSIONS]\n    bucket: reports\n    key: a',
      '11 rules[0].key',
    ],
    [
      'ADMIN allowed below a prefix',
      '[GET]\n    bucket: reports\n    everything: true',
      '[GET, ADMIN]\n    bucket: reports\n    prefix: a/',
      '8 rules[0]',
    ],
    [
      'ADMIN denied on a key, which would deny nothing',
      'allow: [GET]\n    bucket: reports\n    everything: true',
      'deny: [ADMIN]\n    bucket: reports\n    key: a',
      '8 rules[0]',
    ],
    ['a shorthand for verbs', '[GET]', '[ALL]', '9 rules[0].allow[0]'],
    ['verbs that are no list', '[GET]', 'everything', '9 rules[0].allow'],
    ['the id that stands for all policies together', 'id: good', 'id: sallyport', '2 id'],
    ['a subject that is an issuer alone', '    group: staff\n', '', '5 subjects[0]'],
    ['a subject without an issuer', 'issuer: demo\n    ', '', '5 subjects[0].issuer'],
    ['a group without a value', 'group: staff', 'group:', '6 subjects[0].group'],
    ['a group that is a list', 'group: staff', 'group: [staff, x]', '6 subjects[0].group'],
    ['no rules', GOOD.slice(GOOD.indexOf('rules:')), 'rules: []\n', '7 rules'],
    ['no subjects', 'subjects:\n  - issuer: demo\n    group: staff', 'subjects: []', '4 subjects'],
    ['a text for a policy', GOOD, 'deny everything', '1 '],
    ['an empty file', GOOD, '', '1 '],
    ['a key that stands twice', 'id: good', 'id: good\nid: better', '3 '],
    ['a second document', 'id: good', 'id: good\n---\nid: better', '3 '],
    ['an alias', '[GET]', '&verbs [GET]', '9 '],
    ['a tag', 'bucket: reports', 'bucket: !!str reports', '10 '],
    ['an unknown tag', 'bucket: reports', 'bucket: !env reports', '10 '],
    ['a merge key', 'id: good', 'id: good\n<<: { id: better }', '2 '],
    ['a key of every object', 'id: good', 'id: good\n__proto__: { subjects: [] }', '3 '],
  ];
  for (const [title, from, to, at] of refusals) {
    it(`refuses ${title}`, async () => {
      const found = await items(from, to);
      assert.ok(found.includes(at), found.join('; '));
    });
  }

  it('takes one line that says whom to ask, bounded and of what can be seen, and gives it with decisions and grants', async () => {
    await write('good.yaml', GOOD.replace('subjects:', 'owner: "Storage team, #storage"\nsubjects:'));
    const { policies } = await loadPolicies(directory);
    assert.equal(policies[0]?.owner, 'Storage team, #storage');
    for (const owner of ['""', '" x"', '"a\\nb"', '"\\u202Ex"', '7', '[a]', `"${'x'.repeat(201)}"`]) {
      assert.deepEqual(await items('subjects:', `owner: ${owner}\nsubjects:`), ['4 owner'], owner);
    }
  });

  it('lets others have their turn between two files, so that no request waits for a whole set', async () => {
    for (let index = 0; index < 50; index += 1) {
      await write(`p${index}.yaml`, GOOD.replace('id: good', `id: p${index}`));
    }
    const { files } = await loadPolicies(directory);
    let turns = 0;
    let isLoading = true;
    const count = (): void => {
      turns += 1;
      if (isLoading) setImmediate(count);
    };
    setImmediate(count);
    // As a worker loads it: nothing is read, which would wait anyhow.
    await loadPolicies(directory, undefined, () => Promise.resolve({ files, issues: [] }));
    isLoading = false;
    assert.ok(turns >= 50, `${turns}`);
  });

  it('refuses a rule id that stands twice, beside other errors', async () => {
    const again = GOOD.slice(GOOD.indexOf('  - id: read')).replace('[GET]', '[get]');
    await write('a.yaml', GOOD + again);
    const found = (await issues()).map(({ path }) => path);
    assert.ok(found.includes('rules[1].id') && found.includes('rules[1].allow[0]'), found.join());
  });

  it('refuses a policy id that stands twice, and says where else', async () => {
    await write('a.yaml', GOOD);
    await write('b.yaml', GOOD);
    const [issue, ...more] = await issues();
    assert.deepEqual([issue?.file, issue?.line, issue?.path, more.length], ['b.yaml', 2, 'id', 0]);
    assert.match(issue?.message ?? '', /a\.yaml/);
  });

  it('refuses issuers, buckets and clients that configuration knows nothing of', async () => {
    await write('a.yaml', GOOD.replace('group: staff', 'client: app'));
    const known = { issuers: new Map([['demo', ['azp']]]), buckets: ['reports'] };
    assert.equal((await loadPolicies(directory, known)).policies.length, 1);
    const paths = async (changes: Partial<KnownNames>) =>
      (await issues({ ...known, ...changes })).map(({ path }) => path);
    assert.deepEqual(await paths({ issuers: new Map([['prod', ['azp']]]) }), ['subjects[0].issuer']);
    assert.deepEqual(await paths({ issuers: new Map([['demo', ['email']]]) }), ['subjects[0].client']);
    assert.deepEqual(await paths({ buckets: ['report'] }), ['rules[0].bucket']);
  });

  it('bounds the size of a file, the rules of a policy and the rules of a set', async () => {
    const rules = (count: number) =>
      Array.from({ length: count }, (_, index) => `  - {id: r${index}, deny: [GET], bucket: reports, key: x}\n`).join(
        '',
      );
    const policy = (id: string, count: number) =>
      GOOD.slice(0, GOOD.indexOf('  - id: read')).replace('id: good', `id: ${id}`) + rules(count);
    await write('a.yaml', policy('a', 257));
    assert.deepEqual(
      (await issues()).map(({ path }) => path),
      ['rules'],
    );
    await write('a.yaml', `${GOOD}#${'x'.repeat(65_536)}`);
    assert.deepEqual(
      (await issues()).map(({ line }) => line),
      [undefined],
    );
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) await write(`${id}.yaml`, policy(id, 250));
    assert.equal((await loadPolicies(directory)).policies.length, 8);
    await write('i.yaml', policy('i', 1));
    assert.deepEqual(
      (await issues()).map(({ file }) => file),
      ['i.yaml'],
    );
  });

  it('refuses what it could have passed over: a file of another ending, text that is not UTF-8, a dangling link', async () => {
    await write('a.yaml', GOOD);
    await write('b.yml', GOOD);
    await write('c.YAML', GOOD);
    await write('d.yaml', Buffer.from([0x69, 0x64, 0xff]));
    await mkdir(join(directory, 'e.yaml'));
    await symlink('nowhere', join(directory, 'f.yaml'));
    const found = (await issues()).map(({ file }) => file);
    assert.deepEqual([...found].sort(), ['b.yml', 'c.YAML', 'd.yaml', 'e.yaml', 'f.yaml']);
  });

  it('looks at no folder, no dot file and no other kind of file', async () => {
    await write('a.yaml', GOOD);
    await write('README.md', 'id: [');
    await write('.a.yaml.swp', 'id: [');
    await mkdir(join(directory, 'tests'));
    await write('tests/a.yaml', 'id: [');
    assert.equal((await loadPolicies(directory)).policies.length, 1);
  });

  it('refuses a set that changes while it is read: it may lack the deny that is about to be written', async () => {
    await write('a.yaml', GOOD);
    const readWhileWriting: typeof readDirectory = async (path) => {
      const read = await readDirectory(path);
      await write('b.yaml', GOOD.replace('id: good', 'id: late').replace('allow:', 'deny:'));
      return read;
    };
    await assert.rejects(loadPolicies(directory, undefined, readWhileWriting), InvalidPolicies);
    assert.equal((await loadPolicies(directory, undefined, readWhileWriting)).policies.length, 2);
  });

  it('refuses a directory that is empty or missing', async () => {
    assert.equal((await issues()).length, 1);
    directory = join(directory, 'missing');
    assert.equal((await issues()).length, 1);
    await mkdir(directory);
  });

  it('refuses a file that is nested beyond reason without falling over', async () => {
    await write('a.yaml', '['.repeat(2_000));
    assert.ok((await issues()).length <= 100);
  });
});
