import assert from 'node:assert/strict';
import type { AuditEntry } from '../../../src/contracts/audit-sink.ts';
import type { Access } from '../../../src/contracts/authorizer.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { chunks, client, world, type Behaviour, type Client, type World } from './world.ts';

const COPIED =
  '<CopyObjectResult><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>"e"</ETag></CopyObjectResult>';
const copied = (): { status: number; body: AsyncGenerator<Buffer> } => ({ status: 200, body: chunks(COPIED) });

async function run(
  behaviour: Behaviour,
  method: string,
  target: string,
  headers: readonly string[] = [],
): Promise<World & { readonly exchange: Client }> {
  const made = world(behaviour);
  const exchange = client(method, target, headers, made.steps);
  await createPipeline(made.dependencies)(exchange);
  return { ...made, exchange };
}

const verbs = (decided: readonly Access[]): string[] =>
  decided.map((access) => `${access.kind === 'bucket' ? '-' : access.verb} ${access.bucket}`);

describe('a request with several accesses', () => {
  const DENIALS: readonly (readonly [string, (access: Access) => boolean])[] = [
    ['its source', ({ bucket }) => bucket === 'chest'],
    ['its target', ({ bucket }) => bucket === 'box'],
  ];
  for (const [what, denies] of DENIALS) {
    it(`never calls STS or the store when the policy denies ${what}, and puts both sides on record`, async () => {
      const { steps, entries, exchange } = await run({ denies }, 'PUT', '/box/k', ['x-amz-copy-source', '/chest/s']);
      assert.equal(exchange.status(), 403);
      for (const step of ['plan', 'assume-role', 'sign', 'forward', 'body read'])
        assert.equal(steps.includes(step), false);
      assert.deepEqual(
        (entries as AuditEntry[]).map(({ entry, item }) => [entry, item]),
        [
          ['denial', 0],
          ['denial', 1],
        ],
      );
    });
  }

  it('decides, plans and records both sides of a copy, and names the stored source to the store', async () => {
    const source = ['x-amz-copy-source', 'chest/a%20b?versionId=v1'];
    const { decided, planned, entries, sent, exchange } = await run({ answer: copied }, 'PUT', '/box/k', source);
    assert.equal(exchange.status(), 200);
    // The last two tell only whether tags go along: no grant of theirs is planned, and neither is on record.
    assert.deepEqual(verbs(decided), ['PUT box', 'GET_VERSION chest', 'GET_TAGS chest', 'PUT_TAGS box']);
    assert.deepEqual(
      planned[0]?.map(({ bucket, accesses }) => [bucket.name, accesses.length]),
      [
        ['box', 1],
        ['chest', 1],
      ],
    );
    assert.deepEqual(
      (entries as AuditEntry[]).map((entry) => [entry.entry, entry.item, 'key' in entry ? entry.key : '']),
      [
        ['intent', 0, 'k'],
        ['intent', 1, 'a b'],
        ['outcome', 0, ''],
        ['outcome', 1, ''],
      ],
    );
    assert.equal(sent[0]?.headers['x-amz-copy-source'], '/stored-chest/a%20b?versionId=v1');
  });

  it('plans a copy inside of one bucket as one scope', async () => {
    const { planned } = await run({ answer: copied }, 'PUT', '/box/k', ['x-amz-copy-source', '/box/s']);
    assert.deepEqual(
      planned[0]?.map(({ accesses }) => accesses.length),
      [2],
    );
  });

  it('fails a copy, for the client and on record, whose store answers 200 and then an error', async () => {
    const answer = () => ({ status: 200, body: chunks('<Error><Code>SlowDown</Code></Error>') });
    const { entries, exchange } = await run({ answer }, 'PUT', '/box/k', ['x-amz-copy-source', '/box/s']);
    assert.equal(exchange.status(), 503);
    assert.deepEqual(
      (entries as AuditEntry[]).slice(2).map((entry) => 'error' in entry && entry.error),
      ['SlowDown', 'SlowDown'],
    );
  });

  it('refuses a copy between two roles, sealed or not, after the decision and on record', async () => {
    for (const target of ['box', 'safe']) {
      const source = ['x-amz-copy-source', '/far/s'];
      const { steps, entries, exchange } = await run({}, 'PUT', `/${target}/k`, source);
      assert.equal(exchange.status(), 501, target);
      assert.equal(steps.includes('assume-role'), false);
      assert.deepEqual(
        entries.map(({ entry }) => entry),
        ['intent', 'intent', 'outcome', 'outcome'],
      );
    }
  });

  it('asks for what a PUT does beside storing as verbs of their own, and names every rule in one record', async () => {
    const headers = ['content-length', '0', 'x-amz-acl', 'public-read', 'x-amz-tagging', 'a=b'];
    const { decided, entries } = await run({}, 'PUT', '/box/k', headers);
    assert.deepEqual(verbs(decided).sort(), ['PUT box', 'PUT_ACL box', 'PUT_TAGS box']);
    const intents = (entries as AuditEntry[]).filter((entry) => entry.entry === 'intent');
    assert.deepEqual(
      intents.map(({ rule, item }) => [rule, item]),
      [['p/PUT, p/PUT_ACL, p/PUT_TAGS', undefined]],
    );
  });

  it('never calls STS when an extra verb is denied, and names its rule', async () => {
    const denies = (access: Access): boolean => access.kind === 'object' && access.verb === 'PUT_ACL';
    const headers = ['content-length', '0', 'x-amz-acl', 'public-read'];
    const { steps, entries, exchange } = await run({ denies }, 'PUT', '/box/k', headers);
    assert.equal(exchange.status(), 403);
    assert.ok(exchange.sent.join('').includes('<Rule>p/PUT_ACL</Rule>'));
    assert.equal((entries[0] as AuditEntry & { rule: string }).rule, 'p/PUT_ACL');
    assert.equal(steps.includes('assume-role'), false);
  });

  it('asks for a version as a verb of its own, passes it on and records it', async () => {
    for (const [method, verb] of [
      ['GET', 'GET_VERSION'],
      ['DELETE', 'DELETE_VERSION'],
    ] as const) {
      const { decided, sent, entries } = await run({}, method, '/box/k?versionId=null');
      assert.deepEqual(verbs(decided), [`${verb} box`]);
      assert.equal(sent[0]?.target, '/box/k?versionId=null');
      assert.equal((entries[0] as AuditEntry & { versionIdAsked?: string }).versionIdAsked, 'null');
    }
  });

  it('bounds listings of versions and uploads by prefix and markers, with the verb of each', async () => {
    const versions = await run({}, 'GET', '/box?versions&prefix=p&key-marker=m');
    assert.deepEqual(versions.decided, [
      { kind: 'listing', verb: 'LIST_VERSIONS', bucket: 'box', prefix: 'p', after: ['m'] },
    ]);
    const uploads = await run({}, 'GET', '/box?uploads&prefix=p&key-marker=m');
    assert.deepEqual(uploads.decided, [
      { kind: 'listing', verb: 'LIST', bucket: 'box', prefix: 'p', after: ['m'], uploads: true },
    ]);
  });

  it('asks for the bucket itself as an administrator does', async () => {
    const { decided } = await run({ decision: 'deny' }, 'PUT', '/box');
    assert.deepEqual(decided, [{ kind: 'admin', verb: 'ADMIN', bucket: 'box' }]);
  });
});
