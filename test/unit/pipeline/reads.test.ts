import assert from 'node:assert/strict';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { chunks, client, world, type Behaviour, type Client, type World } from './world.ts';

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

const SEALED = new Map([
  ['content-length', '110'],
  ['x-amz-meta-sallyport', 'envelope'],
]);

describe('reads', () => {
  it('applies a range to the plaintext size of HEAD, and never shows the store its offsets', async () => {
    const answer = () => ({ status: 200, headers: SEALED });
    for (const [range, length, contentRange] of [
      ['bytes=10-19', '10', 'bytes 10-19/100'],
      ['bytes=-5', '5', 'bytes 95-99/100'],
      ['bytes=90-', '10', 'bytes 90-99/100'],
    ] as const) {
      const { exchange, sent } = await run({ answer }, 'HEAD', '/safe/k', ['range', range]);
      assert.equal(exchange.status(), 206);
      assert.equal(exchange.answerHeaders['content-length'], length);
      assert.equal(exchange.answerHeaders['content-range'], contentRange);
      assert.equal(sent[0]?.headers['range'], undefined);
    }
    const beyond = await run({ answer }, 'HEAD', '/safe/k', ['range', 'bytes=100-']);
    assert.equal(beyond.exchange.status(), 416);
    assert.equal(beyond.exchange.answerHeaders['content-range'], 'bytes */100');
    assert.deepEqual(beyond.exchange.sent, []);
  });

  it('passes the range of HEAD on where the stored bytes are the object', async () => {
    const headers = new Map([
      ['content-length', '10'],
      ['content-range', 'bytes 0-9/100'],
    ]);
    const { exchange, sent } = await run({ answer: () => ({ status: 206, headers }) }, 'HEAD', '/box/k', [
      'range',
      'bytes=0-9',
    ]);
    assert.equal(sent[0]?.headers['range'], 'bytes=0-9');
    assert.equal(exchange.status(), 206);
    assert.equal(exchange.answerHeaders['content-range'], 'bytes 0-9/100');
  });

  it('answers the only part of a sealed object with its plaintext extent', async () => {
    const answer = () => ({ status: 200, headers: SEALED });
    const { exchange, sent } = await run({ answer }, 'HEAD', '/safe/k?partNumber=1');
    // The parts of the store are not the client's.
    assert.equal(sent[0]?.target, '/safe/k?');
    assert.equal(exchange.status(), 206);
    assert.equal(exchange.answerHeaders['content-range'], 'bytes 0-99/100');
  });

  it('applies response overrides to the answer and never asks the store for them', async () => {
    const query = 'response-content-type=text%2Fplain&response-content-disposition=attachment';
    const headers = new Map([
      ['content-length', '0'],
      ['content-type', 'image/png'],
    ]);
    const { exchange, sent } = await run({ answer: () => ({ status: 200, headers }) }, 'GET', `/box/k?${query}`, [
      'authorization',
      'Bearer token',
    ]);
    assert.equal(exchange.answerHeaders['content-type'], 'text/plain');
    assert.equal(exchange.answerHeaders['content-disposition'], 'attachment');
    assert.equal(sent[0]?.target, '/box/k?');
  });

  it('shows no extent of ciphertext in a refusal', async () => {
    const answer = () => ({ status: 416, headers: new Map([['content-range', 'bytes */110']]), body: chunks('') });
    const sealed = await run({ answer }, 'GET', '/safe/k', ['range', 'bytes=500-']);
    assert.equal(sealed.exchange.answerHeaders['content-range'], undefined);
    const plain = await run({ answer }, 'GET', '/box/k', ['range', 'bytes=500-']);
    assert.equal(plain.exchange.answerHeaders['content-range'], 'bytes */110');
  });

  it('challenges callers that have nothing to show, and never those that sign', async () => {
    const nothing = await run({ identity: 'none' }, 'GET', '/box/k');
    assert.equal(nothing.exchange.status(), 401);
    assert.match(nothing.exchange.answerHeaders['www-authenticate'] ?? '', /^Bearer /);
    const credential = 'Credential=A/20260101/r/s3/aws4_request, SignedHeaders=host, Signature=00';
    const signed = await run({ identity: 'none' }, 'GET', '/box/k', [
      'authorization',
      `AWS4-HMAC-SHA256 ${credential}`,
    ]);
    assert.equal(signed.exchange.status(), 403);
    assert.equal(signed.exchange.answerHeaders['www-authenticate'], undefined);
  });

  it('tells who is denied the rule and the reason: in the message, and to HEAD in a header', async () => {
    for (const method of ['GET', 'HEAD']) {
      const { exchange } = await run({ decision: 'deny' }, method, '/box/k');
      assert.equal(exchange.status(), 403);
      assert.equal(exchange.answerHeaders['x-sallyport-denied-by'], 'p/GET: because');
      const document = exchange.sent.join('');
      assert.equal(document === '', method === 'HEAD');
      if (method === 'HEAD') continue;
      assert.match(document, /<Message>[^<]*p\/GET[^<]*because<\/Message>/);
      assert.match(document, /<Rule>p\/GET<\/Rule><Reason>because<\/Reason>/);
    }
  });

  it('tells whose token is missing or bad where to get one', async () => {
    for (const identity of ['none', 'bad'] as const) {
      const made = world({ identity });
      const exchange = client('GET', '/box/k', [], made.steps);
      await createPipeline({ ...made.dependencies, tokensFrom: { issuers: ['https://issuer.example'] } })(exchange);
      assert.match(exchange.answerHeaders['www-authenticate'] ?? '', /authorization_uri="https:\/\/issuer\.example"/);
    }
  });

  it('names itself in the head and in the document of a failure alike', async () => {
    const { exchange } = await run({ decision: 'deny' }, 'GET', '/box/k');
    const id = exchange.answerHeaders['x-amz-id-2'];
    assert.ok(id !== undefined && id !== '');
    assert.ok(exchange.sent.join('').includes(`<HostId>${id}</HostId>`));
  });
});
