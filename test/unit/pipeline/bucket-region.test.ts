import assert from 'node:assert/strict';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { client, world, type Behaviour } from './world.ts';

async function head(target: string, behaviour: Behaviour) {
  const { dependencies } = world(behaviour);
  const exchange = client('HEAD', target);
  await createPipeline(dependencies)(exchange);
  const { 'x-amz-bucket-region': region, ...others } = exchange.answerHeaders;
  return { status: exchange.status(), region, others };
}

describe('the region of a bucket', () => {
  it('is told to whom nobody knows, of a bucket of any name alike: SDKs ask before they can sign', async () => {
    for (const [identity, status] of [
      ['none', 401],
      ['bad', 401],
    ] as const) {
      const answers = await Promise.all(['/box', '/no-such-bucket'].map((target) => head(target, { identity })));
      for (const answer of answers) assert.deepEqual([answer.status, answer.region], [status, 'eu-central-1']);
      assert.deepEqual(answers[0]?.others, answers[1]?.others);
    }
  });

  it('is told to whom policy denies it', async () => {
    const { status, region } = await head('/box', { decision: 'deny' });
    assert.deepEqual([status, region], [403, 'eu-central-1']);
  });

  it('is told of a bucket that is allowed', async () => {
    const { status, region } = await head('/box', { answer: () => ({ status: 200 }) });
    assert.equal(status, 200);
    assert.ok(region !== undefined && region !== '');
  });
});
