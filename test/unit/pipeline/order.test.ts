import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { AuditEntry, AuditRefusal } from '../../../src/contracts/audit-sink.ts';
import type { Bucket } from '../../../src/contracts/bucket.ts';
import type { Exchange } from '../../../src/contracts/exchange.ts';
import type { Observer } from '../../../src/contracts/observer.ts';
import type { Principal } from '../../../src/contracts/principal.ts';
import type { UpstreamResponse } from '../../../src/contracts/upstream.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import type { PipelineParts } from '../../../src/pipeline/parts.ts';
import { createAdmission } from '../../../src/pipeline/admission.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { createStages } from '../../../src/pipeline/stages.ts';

const bucket: Bucket = {
  name: 'box',
  id: 'box',
  store: { name: 's', endpoint: 'https://store.invalid', region: 'r' },
  storeBucket: 'box',
  roleArn: 'arn:aws:iam:::role/r',
  encryption: 'off',
};

const principal: Principal = {
  issuerName: 'i',
  issuer: 'https://issuer.invalid',
  subject: 'somebody',
  groups: [],
  claims: {},
  tokenIdHash: '0'.repeat(32),
  expiresAtMs: 10_000_000,
};

const silent: Observer = {
  stage: () => undefined,
  request: () => undefined,
  failure: () => undefined,
  cache: () => undefined,
  call: () => undefined,
  clockOffset: () => undefined,
  warn: () => undefined,
  info: () => undefined,
};

interface World {
  readonly parts: PipelineParts;
  /** What was called, in order. */
  readonly steps: string[];
  readonly entries: (AuditEntry | AuditRefusal)[];
}

interface Behaviour {
  readonly identity?: 'known' | 'none' | 'bad';
  readonly decision?: 'allow' | 'deny';
  readonly audit?: (entry: AuditEntry) => Promise<void>;
  readonly answer?: () => Partial<UpstreamResponse> & { readonly status: number };
}

function world({ identity = 'known', decision = 'allow', audit, answer }: Behaviour = {}): World {
  const steps: string[] = [];
  const entries: (AuditEntry | AuditRefusal)[] = [];
  const parts: PipelineParts = {
    authenticators: [
      {
        name: 'test',
        authenticate: () => {
          steps.push('authenticate');
          if (identity === 'bad') return Promise.reject(new GatewayError('InvalidToken', 'authenticate'));
          return Promise.resolve(identity === 'known' ? principal : undefined);
        },
      },
    ],
    authorizer: {
      decide: () => {
        steps.push('authorize');
        return { effect: decision, rule: 'p/r', reason: 'because', policyVersion: 'v' };
      },
      grants: () => [],
      visibleBuckets: () => ['box'],
      policyVersion: () => 'v',
    },
    broker: {
      plan: () => {
        steps.push('plan');
        return {
          storeName: 's',
          roleArn: bucket.roleArn,
          sessionName: 'session',
          sourceIdentity: undefined,
          sessionPolicy: '{}',
          notAfterMs: 1,
        };
      },
      credentials: () => {
        steps.push('assume-role');
        return Promise.resolve({ accessKeyId: 'A', secretAccessKey: 'S', sessionToken: undefined, expiresAtMs: 1 });
      },
      forget: () => steps.push('forget'),
    },
    cipher: {
      maxPlainSizeBytes: 1000,
      seal: () => Promise.reject(new Error('not here')),
      storedRange: () => '',
      open: () => Promise.reject(new Error('not here')),
      plainSize: (size) => size,
    },
    signer: {
      sign: (request) => {
        steps.push('sign');
        return {
          store: request.store,
          method: request.method,
          target: '/',
          headers: {},
          ...(request.body === undefined ? {} : { body: request.body.content }),
        };
      },
    },
    upstream: {
      send: async ({ body }) => {
        steps.push('forward');
        if (body !== undefined && !Buffer.isBuffer(body))
          for await (const chunk of body) steps.push(`sent ${chunk.length}`);
        const { status, headers, body: content } = answer?.() ?? { status: 200 };
        return {
          status,
          headers: headers ?? new Map([['content-length', '0']]),
          body: content ?? chunks(),
          whole: () => Promise.reject(new Error('not here')),
          discard: () => Promise.resolve(),
        };
      },
    },
    audit: {
      record: async (entry) => {
        await audit?.(entry);
        steps.push(`${entry.entry} durable`);
        entries.push(entry);
      },
      refuse: (refusal) => entries.push(refusal),
    },
    observer: silent,
    clock: { now: () => 1000 },
    buckets: new Map([['box', bucket]]),
    limits: { objectBytes: 1000, smallBodyBytes: 10, inFlightPerIdentity: 2 },
  };
  return { parts, steps, entries };
}

// eslint-disable-next-line @typescript-eslint/require-await -- a body is asynchronous
async function* chunks(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

interface Client extends Exchange {
  readonly sent: string[];
}

function client(
  method: string,
  target: string,
  headers: readonly string[] = [],
  steps: string[] = [],
  body = chunks(),
): Client {
  const sent: string[] = [];
  let status: number | undefined;
  return {
    requestId: 'request-1',
    clientAddress: '192.0.2.1',
    raw: { method, target, rawHeaders: ['host', 'localhost', ...headers] },
    signal: new AbortController().signal,
    body: (async function* () {
      steps.push('body read');
      yield* body;
    })(),
    status: () => status,
    writeHead: (code) => {
      status = code;
      steps.push(`answer ${code}`);
    },
    write: (chunk) => {
      sent.push(chunk.toString());
      return Promise.resolve();
    },
    end: (chunk) => {
      if (chunk !== undefined) sent.push(chunk.toString());
      steps.push('end');
    },
    destroy: () => steps.push('destroy'),
    sent,
  };
}

const PUT_HEADERS = ['content-length', '20'];
const twentyBytes = () => chunks('0123456789', '0123456789');

describe('the pipeline', () => {
  it('runs every stage of a write in the order of the table', async () => {
    const { parts, steps } = world();
    await createPipeline(parts)(client('PUT', '/box/k', PUT_HEADERS, steps, twentyBytes()));
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

  it('puts authenticate, authorize and record before everything else, for every class', () => {
    const table = createStages(world().parts, createAdmission(1));
    for (const [name, way] of Object.entries(table)) {
      assert.deepEqual(way.stages.slice(0, 3), ['authenticate', 'authorize', 'record'], name);
      assert.equal(way.stages.at(-1), 'respond', name);
    }
    assert.ok(table.WRITE.stages.indexOf('seal') < table.WRITE.stages.indexOf('sign'));
    assert.ok(table.READ.stages.includes('open'));
  });

  it('never plans, asks STS, reads the body or asks the store when the policy denies', async () => {
    const { parts, steps, entries } = world({ decision: 'deny' });
    await createPipeline(parts)(client('PUT', '/box/k', PUT_HEADERS, steps, twentyBytes()));
    assert.deepEqual(steps, ['authenticate', 'authorize', 'denial durable', 'answer 403', 'end']);
    assert.equal(entries.length, 1);
  });

  it('never decides for a caller without identity, and records a refusal', async () => {
    for (const identity of ['none', 'bad'] as const) {
      const { parts, steps, entries } = world({ identity });
      await createPipeline(parts)(client('GET', '/box/k', [], steps));
      assert.deepEqual(steps, ['authenticate', 'answer 401', 'end']);
      assert.equal(entries[0]?.entry, 'refusal');
    }
  });

  it('refuses when no authenticator is configured at all', async () => {
    const { parts, steps } = world();
    await createPipeline({ ...parts, authenticators: [] })(client('GET', '/box/k', [], steps));
    assert.deepEqual(steps, ['answer 401', 'end']);
  });

  it('does nothing and answers 503 when the intent cannot be written', async () => {
    const audit = (): Promise<void> => Promise.reject(new GatewayError('AuditUnavailable', 'record'));
    const { parts, steps, entries } = world({ audit });
    await createPipeline(parts)(client('GET', '/box/k', [], steps));
    assert.deepEqual(steps, ['authenticate', 'authorize', 'plan', 'answer 503', 'end']);
    assert.equal(entries.length, 0);
  });

  it('answers 503 and not 403 when a denial cannot be written', async () => {
    const audit = (): Promise<void> => Promise.reject(new GatewayError('AuditUnavailable', 'record'));
    const { parts, steps } = world({ audit, decision: 'deny' });
    await createPipeline(parts)(client('GET', '/box/k', [], steps));
    assert.ok(steps.includes('answer 503'));
  });

  it('does not acknowledge a write whose outcome cannot be written', async () => {
    const audit = (entry: AuditEntry): Promise<void> =>
      entry.entry === 'intent' ? Promise.resolve() : Promise.reject(new GatewayError('AuditUnavailable', 'respond'));
    const { parts, steps } = world({ audit });
    await createPipeline(parts)(client('PUT', '/box/k', PUT_HEADERS, steps, twentyBytes()));
    assert.ok(steps.includes('answer 503'));
    assert.equal(steps.includes('answer 200'), false);
  });

  it('holds the last byte of a read back until its outcome is durable', async () => {
    const answer = () => ({ status: 200, headers: new Map([['content-length', '6']]), body: chunks('one', 'two') });
    const { parts, steps } = world({ answer });
    const reader = client('GET', '/box/k', [], steps);
    const sentAtOutcome: string[][] = [];
    const record = parts.audit.record;
    await createPipeline({
      ...parts,
      audit: {
        ...parts.audit,
        record: async (entry) => {
          if (entry.entry === 'outcome') sentAtOutcome.push([...reader.sent]);
          await record(entry);
        },
      },
    })(reader);
    assert.deepEqual(sentAtOutcome, [['one']]);
    assert.deepEqual(reader.sent, ['one', 'two']);
  });

  it('breaks the connection, and records aborted, when a read fails after its first byte', async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield* chunks('one', 'two');
      throw new GatewayError('IntegrityFailure', 'open');
    }
    const { parts, steps, entries } = world({
      answer: () => ({ status: 200, headers: new Map([['content-length', '9']]), body: broken() }),
    });
    await createPipeline(parts)(client('GET', '/box/k', [], steps));
    assert.equal(steps.at(-1), 'destroy');
    assert.equal(steps.includes('end'), false);
    assert.equal(entries.at(-1)?.entry === 'outcome' && entries.at(-1)?.['result' as never], 'aborted');
  });

  it('answers a clean error when a read fails before its first byte', async () => {
    // eslint-disable-next-line @typescript-eslint/require-await -- fails at once
    async function* broken(): AsyncGenerator<Buffer> {
      throw new GatewayError('IntegrityFailure', 'open');
    }
    const { parts, steps } = world({
      answer: () => ({ status: 200, headers: new Map([['content-length', '9']]), body: broken() }),
    });
    await createPipeline(parts)(client('GET', '/box/k', [], steps));
    assert.deepEqual(steps.slice(-3), ['outcome durable', 'answer 500', 'end']);
  });

  it('never completes a body that does not match its digest', async () => {
    const { parts, steps } = world();
    const md5 = createHash('md5').update('something else').digest('base64');
    await createPipeline(parts)(client('PUT', '/box/k', [...PUT_HEADERS, 'content-md5', md5], steps, twentyBytes()));
    assert.equal(steps.filter((step) => step === 'sent 10').length, 1);
    assert.ok(steps.includes('answer 400'));
  });

  it('never completes a body that is shorter or longer than announced', async () => {
    for (const body of [chunks('0123456789', '012345678'), chunks('0123456789', '0123456789', 'x')]) {
      const { parts, steps, entries } = world();
      await createPipeline(parts)(client('PUT', '/box/k', PUT_HEADERS, steps, body));
      assert.ok(steps.includes('answer 400'));
      assert.equal(entries.at(-1)?.['error' as never], 'IncompleteBody');
    }
  });

  it('signs anew, once, when the store no longer takes the credentials', async () => {
    const refusal = '<Error><Code>ExpiredToken</Code></Error>';
    let asked = 0;
    const answer = () => {
      asked += 1;
      return asked === 1 ? { status: 403, body: chunks(refusal) } : { status: 204 };
    };
    const { parts, steps } = world({ answer });
    await createPipeline(parts)(client('DELETE', '/box/k', [], steps));
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
    const { parts, steps, entries } = world();
    const leaver = client('DELETE', '/box/k', [], steps);
    const gone = AbortSignal.abort();
    await createPipeline(parts)({ ...leaver, signal: gone });
    assert.equal(steps.includes('forward'), false);
    assert.equal(entries.at(-1)?.['result' as never], 'aborted');
  });

  it('never hands out more bytes than it announced', async () => {
    const answer = () => ({
      status: 200,
      headers: new Map([['content-length', '3']]),
      body: chunks('one', 'HTTP/1.1 200 OK'),
    });
    const { parts } = world({ answer });
    const reader = client('GET', '/box/k');
    await createPipeline(parts)(reader);
    assert.equal(reader.sent.join('').includes('HTTP/1.1'), false);
  });

  it('gives one identity no more than its share of places, and gives them back', async () => {
    const { parts } = world();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const run = createPipeline({
      ...parts,
      broker: { ...parts.broker, credentials: async (plan) => held.then(() => parts.broker.credentials(plan)) },
    });
    const first = [client('DELETE', '/box/k'), client('DELETE', '/box/k')];
    const running = first.map((exchange) => run(exchange));
    const third = client('DELETE', '/box/k');
    await run(third);
    assert.equal(third.status(), 503);
    assert.match(third.sent.join(''), /<Code>SlowDown</);
    release();
    await Promise.all(running);
    const fourth = client('DELETE', '/box/k');
    await run(fourth);
    assert.deepEqual(
      [...first, fourth].map((exchange) => exchange.status()),
      [204, 204, 204],
    );
  });

  it("never passes on the store's own words", async () => {
    const refusal =
      '<Error><Code>AccessDenied</Code><Message>arn:aws:sts::1:assumed-role/r/session is not allowed</Message></Error>';
    const { parts } = world({ answer: () => ({ status: 403, body: chunks(refusal) }) });
    const reader = client('GET', '/box/k');
    await createPipeline(parts)(reader);
    assert.equal(reader.sent.join('').includes('assumed-role'), false);
    assert.ok(reader.sent.join('').includes('<Code>AccessDenied</Code>'));
  });
});
