import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { AuditIntent } from '../../../src/contracts/audit-sink.ts';
import type { PolicyPreview } from '../../../src/contracts/policy-preview.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { chunks, client, world } from './world.ts';

const BATCH = '<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object></Delete>';

describe('a pipeline with previewed policies', () => {
  const previewed = async (
    otherwise: PolicyPreview['otherwise'],
    [method, target, body = '']: readonly [string, string, string?],
  ) => {
    const made = world();
    const md5 = createHash('md5').update(body).digest('base64');
    const headers = body === '' ? [] : ['content-md5', md5, 'content-length', String(body.length)];
    const exchange = client(method, target, headers, made.steps, chunks(body));
    await createPipeline({ ...made.dependencies, preview: { otherwise } })(exchange);
    return {
      status: exchange.status(),
      intents: made.entries.filter((each): each is AuditIntent => each.entry === 'intent'),
    };
  };

  it('notes what they would decide otherwise, and does what the policies in force say', async () => {
    const other = { decision: 'deny', rule: 'p/q', policyVersion: 'next' } as const;
    const { status, intents } = await previewed(() => other, ['GET', '/box/k']);
    assert.equal(status, 200);
    const [{ decision, previewDecision, previewRule, previewVersion } = {}] = intents as Partial<AuditIntent>[];
    assert.deepEqual([decision, previewDecision, previewRule, previewVersion], ['allow', 'deny', 'p/q', 'next']);
  });

  it('asks about each key of a batch, with the facts and the decision, and notes nothing where they agree', async () => {
    const asked: string[] = [];
    const { intents } = await previewed(
      (_principal, [access], { wayIn, nowMs }, { effect }) => {
        asked.push(
          `${access?.kind === 'object' ? access.key : ''} ${wayIn ?? ''} ${String(nowMs !== undefined)} ${effect}`,
        );
        return undefined;
      },
      ['POST', '/box?delete', BATCH],
    );
    assert.deepEqual(
      asked.map((each) => each.replace(/ \w* true/, ' true')),
      ['a true allow', 'b true allow'],
    );
    assert.equal(intents.length, 2);
    for (const entry of intents) assert.equal('previewDecision' in entry, false);
  });

  it('records which verbs were decided', async () => {
    const { intents } = await previewed(() => undefined, ['GET', '/box/k']);
    assert.deepEqual(intents[0]?.verbs, ['GET']);
  });
});
