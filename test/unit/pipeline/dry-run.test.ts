import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Access } from '../../../src/contracts/authorizer.ts';
import { createDryRoutes } from '../../../src/pipeline/dry-run.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { chunks, client, world, type Behaviour, type Client, type World } from './world.ts';

const DRY = ['X-Sallyport-Dry-Run', 'true'] as const;
const LENGTH = ['content-length', '4'] as const;
/** What touches a store, or is on the way to one. */
const EFFECTS = ['plan', 'store token', 'assume-role', 'sign', 'forward'];

const LIST =
  '<Delete><Object><Key>a</Key></Object><Object><Key>secret/x</Key></Object><Object><Key>b</Key></Object></Delete>';
const LIST_HEADERS = [
  ...['content-length', String(LIST.length)],
  ...['content-md5', createHash('md5').update(LIST).digest('base64')],
];

/** One request of each class, and more of those that write. */
const REQUESTS: readonly (readonly [method: string, target: string, headers: readonly string[], body?: string])[] = [
  ['GET', '/box/k', []],
  ['HEAD', '/box/k', []],
  ['GET', '/box/k?attributes', ['x-amz-object-attributes', 'ETag']],
  ['PUT', '/box/k', LENGTH, 'body'],
  ['PUT', '/safe/k', LENGTH, 'body'],
  ['PUT', '/box/k', ['x-amz-copy-source', '/box/other']],
  ['PUT', '/box/k?partNumber=1&uploadId=u', LENGTH, 'body'],
  ['POST', '/box/k?uploads', []],
  ['POST', '/box/k?uploadId=u', LENGTH, 'body'],
  ['DELETE', '/box/k?uploadId=u', []],
  ['DELETE', '/box/k', []],
  ['DELETE', '/box', []],
  ['PUT', '/box', []],
  ['PUT', '/box/k?tagging', LENGTH, 'body'],
  ['GET', '/box?list-type=2', []],
  ['GET', '/', []],
  ['HEAD', '/box', []],
  ['POST', '/box?delete', LIST_HEADERS, LIST],
];

async function run(
  [method, target, headers, body]: (typeof REQUESTS)[number],
  dry: readonly string[] = DRY,
  behaviour: Behaviour = {},
): Promise<World & { readonly exchange: Client; readonly answer: string }> {
  const made = world(behaviour);
  const exchange = client(
    method,
    target,
    [...headers, ...dry],
    made.steps,
    body === undefined ? chunks() : chunks(body),
  );
  await createPipeline(made.dependencies)(exchange);
  return { ...made, exchange, answer: exchange.sent.join('') };
}

const secret = (access: Access): boolean => access.kind === 'object' && access.key.startsWith('secret');

describe('a dry run', () => {
  it('has no stage in which a store is planned, asked or answered by', () => {
    const { dependencies } = world();
    for (const [name, { stages }] of Object.entries(createDryRoutes(dependencies, dependencies.admission))) {
      const known = ['read', 'authenticate', 'admit', 'authorize', 'enforce', 'record', 'respond'];
      assert.deepEqual(
        stages.filter((stage) => !known.includes(stage)),
        [],
        name,
      );
      assert.ok(stages.includes('enforce') && stages.at(-1) === 'respond', name);
    }
  });

  for (const request of REQUESTS) {
    const [method, target, headers] = request;
    it(`of ${method} ${target} ${headers[0] ?? ''} is decided, on record and answered, and touches nothing`, async () => {
      const { steps, exchange, entries } = await run(request, DRY, { denies: secret });
      assert.deepEqual(
        steps.filter((step) => EFFECTS.includes(step)),
        [],
      );
      assert.equal(exchange.status(), 200);
      assert.ok(['allow', 'deny'].includes(exchange.answerHeaders['x-sallyport-dry-run'] ?? ''));
      // The list of keys is what is to be decided; no other body is read.
      assert.equal(steps.includes('body read'), target === '/box?delete');
      const said = entries.filter(({ entry }) => entry === 'request' || entry === 'outcome');
      if (target !== '/box?delete') said.push(...entries.filter(({ entry }) => entry === 'intent'));
      assert.ok(said.length > 0 && said.every((entry) => 'dryRun' in entry && entry.dryRun));
    });

    it(`of ${method} ${target} ${headers[0] ?? ''} that is not exactly one runs neither for real nor dry`, async () => {
      for (const [name, value] of [
        ['X-Sallyport-Dry-Run', 'True'],
        ['X-Sallyport-Dry-Run', 'TRUE'],
        ['X-Sallyport-Dry-Run', '1'],
        ['X-Sallyport-Dry-Run', 'false'],
        ['X-Sallyport-Dry-Run', ''],
        ['X-Sallyport-Dry-Run', 'true, true'],
        ['X-Sallyport-Dry-Run', '"true"'],
        ['X-Sallyport-DryRun', 'true'],
        ['X_Sallyport_Dry_Run', 'true'],
        ['Sallyport-Dry-Run', 'true'],
        ['X-Sallyport-Dry-Runs', 'true'],
      ] as const) {
        const { steps, exchange } = await run(request, [name, value]);
        assert.deepEqual(steps, ['answer 400', 'end'], `${name}: ${value}`);
        assert.equal(exchange.status(), 400);
      }
      const twice = await run(request, [...DRY, 'x-sallyport-dry-run', 'true']);
      assert.deepEqual(twice.steps, ['answer 400', 'end']);
      const beside = await run(request, [...DRY, 'X-Sallyport-DryRun', 'true']);
      assert.deepEqual(beside.steps, ['answer 400', 'end']);
    });
  }

  it('is understood in any case of its name, which HTTP has none of', async () => {
    for (const name of ['x-sallyport-dry-run', 'X-SALLYPORT-DRY-RUN']) {
      const { steps, exchange } = await run(['DELETE', '/box/k', []], [name, 'true']);
      assert.equal(steps.includes('forward'), false);
      assert.equal(exchange.answerHeaders['x-sallyport-dry-run'], 'allow');
    }
  });

  it('is refused in the query, where a presigned URL could have it', async () => {
    for (const name of ['x-sallyport-dry-run', 'X-Sallyport-Dry-Run']) {
      const { steps } = await run(['DELETE', `/box/k?${name}=true`, []], []);
      assert.deepEqual(
        steps.filter((step) => EFFECTS.includes(step)),
        [],
      );
      assert.equal(
        steps.some((step) => step.startsWith('answer 2')),
        false,
      );
    }
  });

  it('tells of each key of DeleteObjects what would become of it', async () => {
    const { answer, exchange, lines } = await run(['POST', '/box?delete', LIST_HEADERS, LIST], DRY, { denies: secret });
    assert.match(answer, /<Deleted><Key>a<.*<Error><Key>secret\/x<\/Key><Code>AccessDenied<.*<Deleted><Key>b</s);
    assert.equal(exchange.answerHeaders['x-sallyport-dry-run'], 'deny');
    assert.ok(lines[0]?.includes('"dryRun":true'));
  });

  it('tells target and source of a copy, and the rule of each', async () => {
    const { answer } = await run(['PUT', '/box/k', ['x-amz-copy-source', '/chest/other']]);
    assert.match(answer, /<DryRun><Operation>CopyObject<\/Operation><Target><Bucket>box<.*<Rule>p\/PUT</s);
    assert.match(answer, /<Target><Bucket>chest<\/Bucket><Key>other<.*<Rule>p\/GET/s);
  });

  it('that policy denies is the denial that it would be, says that it was dry, and is so on record', async () => {
    const { exchange, answer, entries } = await run(['DELETE', '/box/k', []], DRY, { decision: 'deny' });
    assert.equal(exchange.status(), 403);
    assert.match(answer, /<Code>AccessDenied<.*<Rule>p\/DELETE</s);
    assert.equal(exchange.answerHeaders['x-sallyport-dry-run'], 'deny');
    assert.deepEqual(
      entries.map((entry) => [entry.entry, 'dryRun' in entry && entry.dryRun]),
      [['denial', true]],
    );
  });

  it('without valid credentials is refused like any other request', async () => {
    const { steps, exchange } = await run(['DELETE', '/box/k', []], DRY, { identity: 'none' });
    assert.deepEqual(steps, ['authenticate', 'answer 401', 'end']);
    assert.equal(exchange.answerHeaders['x-sallyport-dry-run'], 'error');
  });

  it('that cannot be put on record is not answered', async () => {
    const { exchange } = await run(['GET', '/box/k', []], DRY, { audit: () => Promise.reject(new Error('no disk')) });
    assert.ok((exchange.status() ?? 0) >= 500);
  });

  it('leaves requests without the header as they are', async () => {
    const { steps, lines } = await run(['PUT', '/box/k', LENGTH, 'body'], []);
    assert.ok(steps.includes('forward'));
    assert.equal(
      lines.some((line) => line.includes('dryRun')),
      false,
    );
  });
});
