import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { AuditEntry } from '../../../src/contracts/audit-sink.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { createRoutes } from '../../../src/pipeline/routes.ts';
import { chunks, client, world } from './world.ts';

const PUT_HEADERS = ['content-length', '20'];
/** What stands between a decision and its effect. */
const ACCESS = ['enforce', 'plan', 'record'] as const;
const twentyBytes = () => chunks('0123456789', '0123456789');

describe('the pipeline', () => {
  it('runs every stage of a write in the order of the table', async () => {
    const { dependencies, steps } = world();
    await createPipeline(dependencies)(client('PUT', '/box/k', PUT_HEADERS, steps, twentyBytes()));
    assert.deepEqual(steps, [
      'authenticate',
      'authorize',
      'plan',
      'intent durable',
      'assume-role',
      'sign',
      'forward',
      'body read',
      'sent 10',
      'sent 10',
      'outcome durable',
      'answer 200',
      'end',
    ]);
  });

  it('puts authenticate, admit, authorize, enforce, plan and record before everything else, for every class', () => {
    const { dependencies } = world();
    const table = createRoutes(dependencies, dependencies.admission);
    for (const [name, route] of Object.entries(table)) {
      // What a batch would do stands in its body.
      const reads: Readonly<Record<string, readonly string[]>> = {
        BATCH: ['authenticate', 'admit', 'read', 'authorize', ...ACCESS],
        // Who signed a form stands in it, and so does what its signer allows.
        FORM: ['read', 'authenticate', 'admit', 'authorize', 'authorize', ...ACCESS],
      };
      const first = reads[name] ?? ['authenticate', 'admit', 'authorize', ...ACCESS];
      assert.deepEqual(route.stages.slice(0, first.length), first, name);
      assert.equal(route.stages.at(-1), 'respond', name);
    }
    assert.ok(table.WRITE.stages.indexOf('seal') < table.WRITE.stages.indexOf('forward'));
    assert.ok(table.READ.stages.includes('open'));
  });

  it('never plans, asks STS, reads the body or asks the store when the policy denies', async () => {
    const { dependencies, steps, entries } = world({ decision: 'deny' });
    await createPipeline(dependencies)(client('PUT', '/box/k', PUT_HEADERS, steps, twentyBytes()));
    assert.deepEqual(steps, ['authenticate', 'authorize', 'denial durable', 'answer 403', 'end']);
    assert.equal(entries.length, 1);
  });

  it('looks at a token for the store after the decision, and plans with it before anything is on record', async () => {
    const token = { digest: 'd', tokenIdHash: 'h', expiresAtMs: 1, reveal: () => 'secret' };
    const seen: (string | undefined)[] = [];
    const storeToken = (input: string | undefined) => {
      seen.push(input);
      return Promise.resolve(token);
    };
    const { dependencies, steps, entries } = world({ storeToken });
    await createPipeline(dependencies)(client('GET', '/box/k', ['X-Sallyport-Store-Token', 'given'], steps));
    assert.deepEqual(steps.slice(0, 6), [
      ...['authenticate', 'authorize', 'store token', 'plan', 'intent durable', 'assume-role'],
    ]);
    assert.deepEqual(seen, ['given']);
    assert.equal(entries[0]?.entry === 'intent' && entries[0].storeTokenIdHash, 'h');
    assert.ok(!JSON.stringify(entries).includes('secret'));
    const denying = world({ storeToken, decision: 'deny' });
    await createPipeline(denying.dependencies)(client('GET', '/box/k', [], denying.steps));
    assert.deepEqual(denying.steps, ['authenticate', 'authorize', 'denial durable', 'answer 403', 'end']);
  });

  it('never asks a store or its STS without the token that it takes, and has that on record', async () => {
    const storeToken = () => Promise.reject(new GatewayError('MissingSecurityHeader'));
    const { dependencies, steps, entries } = world({ storeToken });
    await createPipeline(dependencies)(client('GET', '/box/k', [], steps));
    const recorded = ['intent durable', 'outcome durable', 'answer 400', 'end'];
    assert.deepEqual(steps, ['authenticate', 'authorize', 'store token', ...recorded]);
    assert.equal(entries[1]?.entry === 'outcome' && entries[1].error, 'MissingSecurityHeader');
  });

  it('never decides for a caller without identity, and records a refusal', async () => {
    for (const identity of ['none', 'bad'] as const) {
      const { dependencies, steps, entries } = world({ identity });
      await createPipeline(dependencies)(client('GET', '/box/k', [], steps));
      assert.deepEqual(steps, ['authenticate', 'answer 401', 'end']);
      assert.equal(entries[0]?.entry, 'refusal');
    }
  });

  it('refuses when no authenticator is configured at all', async () => {
    const { dependencies, steps } = world();
    await createPipeline({ ...dependencies, authenticators: [] })(client('GET', '/box/k', [], steps));
    assert.deepEqual(steps, ['answer 401', 'end']);
  });

  it('does nothing and answers 503 when the intent cannot be written', async () => {
    const audit = (): Promise<void> => Promise.reject(new GatewayError('AuditUnavailable'));
    const { dependencies, steps, entries } = world({ audit });
    await createPipeline(dependencies)(client('GET', '/box/k', [], steps));
    assert.deepEqual(steps, ['authenticate', 'authorize', 'plan', 'answer 503', 'end']);
    assert.equal(entries.length, 0);
  });

  it('answers 503 and not 403 when a denial cannot be written', async () => {
    const audit = (): Promise<void> => Promise.reject(new GatewayError('AuditUnavailable'));
    const { dependencies, steps } = world({ audit, decision: 'deny' });
    await createPipeline(dependencies)(client('GET', '/box/k', [], steps));
    assert.ok(steps.includes('answer 503'));
  });

  it('says in the outcome of a write that failed what was read of it, by which key, and what the store answered', async () => {
    const headers = new Map([['x-amz-request-id', 'theirs']]);
    const { dependencies, steps, entries } = world({ answer: () => ({ status: 503, headers }) });
    await createPipeline(dependencies)(client('PUT', '/safe/k', PUT_HEADERS, steps, twentyBytes()));
    const [outcome] = entries.filter((entry) => entry.entry === 'outcome');
    assert.deepEqual(
      [outcome?.result, outcome?.bytesIn, outcome?.bytesOut, outcome?.keyId, outcome?.upstreamRequestId],
      ['failed', 20, 0, 'local:1', 'theirs'],
    );
  });

  it('does not acknowledge a write whose outcome cannot be written', async () => {
    const audit = (entry: AuditEntry): Promise<void> =>
      entry.entry === 'intent' ? Promise.resolve() : Promise.reject(new GatewayError('AuditUnavailable'));
    const { dependencies, steps } = world({ audit });
    await createPipeline(dependencies)(client('PUT', '/box/k', PUT_HEADERS, steps, twentyBytes()));
    assert.ok(steps.includes('answer 503'));
    assert.equal(steps.includes('answer 200'), false);
  });

  it('holds the last byte of a read back until its outcome is durable', async () => {
    const answer = () => ({ status: 200, headers: new Map([['content-length', '6']]), body: chunks('one', 'two') });
    const { dependencies, steps } = world({ answer });
    const reader = client('GET', '/box/k', [], steps);
    const sentAtOutcome: string[][] = [];
    const record = dependencies.audit.record;
    await createPipeline({
      ...dependencies,
      audit: {
        ...dependencies.audit,
        record: async (line, concludes) => {
          if (concludes) sentAtOutcome.push([...reader.sent]);
          await record(line, concludes);
        },
      },
    })(reader);
    assert.deepEqual(sentAtOutcome, [['one']]);
    assert.deepEqual(reader.sent, ['one', 'two']);
  });

  it('breaks the connection, and records aborted, when a read fails after its first byte', async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield* chunks('one', 'two');
      throw new GatewayError('IntegrityFailure');
    }
    const { dependencies, steps, entries } = world({
      answer: () => ({ status: 200, headers: new Map([['content-length', '9']]), body: broken() }),
    });
    await createPipeline(dependencies)(client('GET', '/box/k', [], steps));
    assert.equal(steps.at(-1), 'destroy');
    assert.equal(steps.includes('end'), false);
    assert.equal(entries.at(-1)?.entry === 'outcome' && entries.at(-1)?.['result' as never], 'aborted');
  });

  it('answers a clean error when a read fails before its first byte', async () => {
    // eslint-disable-next-line @typescript-eslint/require-await -- fails at once
    async function* broken(): AsyncGenerator<Buffer> {
      throw new GatewayError('IntegrityFailure');
    }
    const { dependencies, steps } = world({
      answer: () => ({ status: 200, headers: new Map([['content-length', '9']]), body: broken() }),
    });
    await createPipeline(dependencies)(client('GET', '/box/k', [], steps));
    assert.deepEqual(steps.slice(-3), ['outcome durable', 'answer 500', 'end']);
  });

  it('never completes a body that does not match its digest', async () => {
    const { dependencies, steps } = world();
    const md5 = createHash('md5').update('something else').digest('base64');
    await createPipeline(dependencies)(
      client('PUT', '/box/k', [...PUT_HEADERS, 'content-md5', md5], steps, twentyBytes()),
    );
    assert.equal(steps.filter((step) => step === 'sent 10').length, 1);
    assert.ok(steps.includes('answer 400'));
  });

  it('never completes a body that is shorter or longer than announced', async () => {
    for (const body of [chunks('0123456789', '012345678'), chunks('0123456789', '0123456789', 'x')]) {
      const { dependencies, steps, entries } = world();
      await createPipeline(dependencies)(client('PUT', '/box/k', PUT_HEADERS, steps, body));
      assert.ok(steps.includes('answer 400'));
      assert.equal(entries.at(-1)?.['error' as never], 'IncompleteBody');
    }
  });

  it('signs anew, once, when the store no longer takes the credentials', async () => {
    const refusal = '<Error><Code>ExpiredToken</Code></Error>';
    let requested = 0;
    const answer = () => {
      requested += 1;
      return requested === 1 ? { status: 403, body: chunks(refusal) } : { status: 204 };
    };
    const { dependencies, steps } = world({ answer });
    await createPipeline(dependencies)(client('DELETE', '/box/k', [], steps));
    assert.deepEqual(steps.slice(4), [
      'assume-role',
      'sign',
      'forward',
      'forget',
      'assume-role',
      'sign',
      'forward',
      'outcome durable',
      'answer 204',
      'end',
    ]);
  });

  it('asks the store for nothing when the client is gone', async () => {
    const { dependencies, steps, entries } = world();
    const leaver = client('DELETE', '/box/k', [], steps);
    const gone = AbortSignal.abort();
    await createPipeline(dependencies)({ ...leaver, signal: gone });
    assert.equal(steps.includes('forward'), false);
    assert.equal(entries.at(-1)?.['result' as never], 'aborted');
  });

  it('never hands out more bytes than it announced', async () => {
    const answer = () => ({
      status: 200,
      headers: new Map([['content-length', '3']]),
      body: chunks('one', 'HTTP/1.1 200 OK'),
    });
    const { dependencies } = world({ answer });
    const reader = client('GET', '/box/k');
    await createPipeline(dependencies)(reader);
    assert.equal(reader.sent.join('').includes('HTTP/1.1'), false);
  });

  it("never passes on the store's own words", async () => {
    const refusal =
      '<Error><Code>AccessDenied</Code><Message>arn:aws:sts::1:assumed-role/r/session is not allowed</Message></Error>';
    const { dependencies } = world({ answer: () => ({ status: 403, body: chunks(refusal) }) });
    const reader = client('GET', '/box/k');
    await createPipeline(dependencies)(reader);
    assert.equal(reader.sent.join('').includes('assumed-role'), false);
    assert.ok(reader.sent.join('').includes('<Code>AccessDenied</Code>'));
  });
});
