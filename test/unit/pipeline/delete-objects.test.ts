import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { AuditEntry } from '../../../src/contracts/audit-sink.ts';
import type { Access } from '../../../src/contracts/authorizer.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import type { SignedRequest } from '../../../src/core/upstream/signer.ts';
import { chunks, client, world, type Behaviour, type Client, type World } from './world.ts';

const md5 = (text: string): string => createHash('md5').update(text).digest('base64');

const listOf = (keys: readonly string[]): string =>
  `<Delete>${keys.map((key) => `<Object><Key>${key}</Key></Object>`).join('')}</Delete>`;

function keysOf(document: Buffer): string[] {
  return [...document.toString().matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => key);
}

/** A store that deletes what it is asked to. */
const deletes = (_: SignedRequest, body: Buffer) => ({
  status: 200,
  body: chunks(
    `<DeleteResult>${keysOf(body)
      .map((key) => `<Deleted><Key>${key}</Key></Deleted>`)
      .join('')}</DeleteResult>`,
  ),
});

async function run(
  behaviour: Behaviour,
  document: string,
  headers: readonly string[] = [],
): Promise<World & { readonly exchange: Client; readonly answer: string }> {
  const made = world({ answer: deletes, ...behaviour });
  const all = ['content-length', String(Buffer.byteLength(document)), 'content-md5', md5(document), ...headers];
  const exchange = client('POST', '/box?delete', all, made.steps, chunks(document));
  await createPipeline(made.dependencies)(exchange);
  return { ...made, exchange, answer: exchange.sent.join('') };
}

const secret = (access: Access): boolean => access.kind === 'object' && access.key.startsWith('secret');

const shapes = (entries: World['entries']): unknown[] =>
  (entries as AuditEntry[]).map((entry) => [entry.entry, entry.item, 'result' in entry ? entry.result : undefined]);

describe('DeleteObjects', () => {
  it('reads its body when the caller is known, and decides each key before anything is asked of the store', async () => {
    const { steps } = await run({}, listOf(['a', 'b']));
    assert.deepEqual(steps, [
      'authenticate',
      'body read',
      'authorize',
      'authorize',
      'plan',
      'request durable',
      'intent durable',
      'intent durable',
      'assume-role',
      'sign',
      'forward',
      'outcome durable',
      'outcome durable',
      'answer 200',
      'end',
    ]);
  });

  it('never reads the body of a caller without identity', async () => {
    for (const identity of ['none', 'bad'] as const) {
      const { steps } = await run({ identity }, listOf(['a']));
      assert.equal(steps.includes('body read'), false);
    }
  });

  it('forwards the allowed keys of a mixed list alone, and tells and records each key', async () => {
    const { answer, sent, entries } = await run({ denies: secret }, listOf(['a', 'secret/x', 'b']));
    assert.deepEqual(keysOf(sent[0]?.body as Buffer), ['a', 'b']);
    assert.equal(sent.length, 1);
    assert.match(answer, /<Error><Key>secret\/x<\/Key><Code>AccessDenied<\/Code><Message>[^<]*p\/DELETE[^<]*because</);
    assert.match(answer, /<Deleted><Key>a</);
    assert.deepEqual(shapes(entries), [
      ['request', undefined, undefined],
      ['denial', 1, 'denied'],
      ['intent', 0, undefined],
      ['intent', 2, undefined],
      ['outcome', 0, 'completed'],
      ['outcome', 2, 'completed'],
    ]);
  });

  for (const [how, refusal] of [
    ['whole', { status: 403, body: '<Error><Code>AccessDenied</Code></Error>' }],
    [
      'key by key',
      {
        status: 200,
        body: '<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>b</Key><Code>AccessDenied</Code></Error></DeleteResult>',
      },
    ],
  ] as const) {
    it(`deletes singly what a store that refuses the batch ${how} lets be deleted, and tells what it does not`, async () => {
      const answer = ({ method, target: asSigned }: SignedRequest) => {
        const [target = ''] = asSigned.split('?');
        const headers = new Map([['x-amz-request-id', `id of ${target.replace(/\/$/, '')}`]]);
        if (method === 'POST') return { status: refusal.status, headers, body: chunks(refusal.body) };
        if (target.endsWith('/b')) headers.set('x-amz-delete-marker', 'true');
        return { status: target.endsWith('/c') ? 403 : 204, headers };
      };
      const made = await run({ answer }, listOf(['a', 'b']));
      assert.match(made.answer, /<Deleted><Key>a</);
      assert.match(made.answer, /<Deleted><Key>b<\/Key><DeleteMarker>true/);
      const singly = made.sent.filter(({ method }) => method === 'DELETE').map(({ target }) => target.split('?')[0]);
      assert.deepEqual(singly, how === 'whole' ? ['/box/a', '/box/b'] : ['/box/b']);
      assert.deepEqual(
        (made.entries as AuditEntry[]).flatMap((entry) => (entry.entry === 'outcome' ? [entry.upstreamRequestId] : [])),
        how === 'whole' ? ['id of /box/a', 'id of /box/b'] : ['id of /box', 'id of /box/b'],
      );
      const refused = await run({ answer }, listOf(['c']));
      if (how === 'whole') assert.match(refused.answer, /<Error><Key>c<.*<Code>AccessDenied</);
    });
  }

  it('never calls STS or the store when every key is denied', async () => {
    const { steps, exchange, answer } = await run({ decision: 'deny' }, listOf(['a', 'b']));
    for (const step of ['plan', 'assume-role', 'sign', 'forward']) assert.equal(steps.includes(step), false);
    assert.equal(exchange.status(), 200);
    assert.equal(answer.match(/<Code>AccessDenied</g)?.length, 2);
  });

  it('asks the store for nothing unless every key is on record', async () => {
    for (const failing of [0, 1, 2]) {
      let count = 0;
      const audit = (): Promise<void> => {
        count += 1;
        return count > failing ? Promise.reject(new GatewayError('AuditUnavailable')) : Promise.resolve();
      };
      const { steps, exchange } = await run({ audit }, listOf(['a', 'b']));
      assert.equal(steps.includes('forward'), false);
      assert.equal(exchange.status(), 503);
    }
  });

  it('decides nothing of a list that is not what its digest says', async () => {
    for (const header of [
      ['x-amz-content-sha256', '0'.repeat(64)],
      ['x-amz-checksum-crc32', 'AAAAAA=='],
    ]) {
      const { steps, exchange } = await run({}, listOf(['a']), header);
      assert.equal(steps.includes('authorize'), false);
      assert.equal(exchange.status(), 400);
    }
    const made = world({ answer: deletes });
    const document = listOf(['a']);
    const headers = ['content-length', String(document.length), 'content-md5', md5('another')];
    const exchange = client('POST', '/box?delete', headers, made.steps, chunks(document));
    await createPipeline(made.dependencies)(exchange);
    assert.equal(exchange.status(), 400);
    assert.equal(made.steps.includes('authorize'), false);
  });

  it('decides nothing of a list that is shorter or longer than it was announced', async () => {
    for (const sent of [listOf(['a']).slice(0, -1), `${listOf(['a'])} `]) {
      const made = world({ answer: deletes });
      const headers = ['content-length', String(listOf(['a']).length)];
      const exchange = client('POST', '/box?delete', headers, made.steps, chunks(sent));
      await createPipeline(made.dependencies)(exchange);
      assert.equal(exchange.status(), 400);
      assert.equal(made.steps.includes('authorize'), false);
    }
  });

  it('never reads a list over 2 MiB', async () => {
    const made = world({});
    const headers = ['content-length', String(2 * 1024 * 1024 + 1)];
    const exchange = client('POST', '/box?delete', headers, made.steps, chunks('x'));
    await createPipeline(made.dependencies)(exchange);
    assert.equal(exchange.status(), 400);
    assert.equal(made.steps.includes('body read'), false);
  });

  it('goes to the store in several batches where a session does not hold all keys, all on record before', async () => {
    const { steps, sent, exchange, entries } = await run({ sessionHolds: 2 }, listOf(['a', 'b', 'c', 'd', 'e']));
    assert.deepEqual(
      sent.map(({ body }) => keysOf(body as Buffer).join('')),
      ['ab', 'c', 'de'],
    );
    assert.ok(steps.lastIndexOf('intent durable') < steps.indexOf('assume-role'));
    assert.equal(exchange.status(), 200);
    assert.equal(entries.length, 11);
  });

  it('tells the keys of a batch that failed as failed, and those of another as deleted', async () => {
    let requested = 0;
    const answer: Behaviour['answer'] = (request, body) => {
      requested += 1;
      return requested === 1 ? deletes(request, body) : { status: 503, body: chunks('') };
    };
    const { answer: reported, entries } = await run({ sessionHolds: 1, answer }, listOf(['a', 'b']));
    assert.match(reported, /<Deleted><Key>a</);
    assert.match(reported, /<Error><Key>b<.*<Code>ServiceUnavailable</);
    assert.deepEqual(shapes(entries).slice(3), [
      ['outcome', 0, 'completed'],
      ['outcome', 1, 'failed'],
    ]);
  });

  it('fails as a whole, every allowed key with it, when its only batch does', async () => {
    const answer = () => ({ status: 503, body: chunks('') });
    const { exchange, entries } = await run({ answer, denies: secret }, listOf(['a', 'secret']));
    assert.equal(exchange.status(), 503);
    assert.deepEqual(shapes(entries), [
      ['request', undefined, undefined],
      ['denial', 1, 'denied'],
      ['intent', 0, undefined],
      ['outcome', 0, 'failed'],
    ]);
  });

  it('takes a key of which the store says nothing for not deleted', async () => {
    const answer = () => ({ status: 200, body: chunks('<DeleteResult></DeleteResult>') });
    const { answer: reported, entries } = await run({ answer }, listOf(['a']));
    assert.match(reported, /<Error><Key>a</);
    assert.equal(shapes(entries).length, 2);
    assert.equal((entries[1] as AuditEntry & { result: string }).result, 'failed');
  });

  it('asks for a version with a verb of its own, key by key', async () => {
    const document =
      '<Delete><Object><Key>a</Key><VersionId>v</VersionId></Object><Object><Key>a</Key></Object></Delete>';
    const { decided } = await run({}, document);
    assert.deepEqual(
      decided.map((access) => access.kind === 'object' && access.verb),
      ['DELETE_VERSION', 'DELETE'],
    );
  });

  it('gives the store a document of its own making, with its digest', async () => {
    const { sent } = await run({}, '<Delete>\n  <Object><Key>a</Key></Object>\n  <Quiet>true</Quiet>\n</Delete>');
    const body = sent[0]?.body as Buffer;
    assert.equal(sent[0]?.headers['content-md5'], md5(body.toString()));
    assert.equal(body.includes('\n  '), false);
    assert.equal(sent[0].target, '/box/?delete=');
  });
});
