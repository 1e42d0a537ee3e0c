import assert from 'node:assert/strict';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Principal } from '../../../src/contracts/principal.ts';
import { boundsOf, type AdmissionBounds } from '../../../src/pipeline/admission.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { admissionOf, chunks, client, principal, world, type Behaviour } from './world.ts';

/** Longer than any of these tests. */
const NEVER_MS = 60_000;
const MIB = 1024 ** 2;

/** A pipeline whose requests stop at STS until they are released. */
function holding(bounds: AdmissionBounds, queueMs = NEVER_MS, behaviour: Behaviour = {}) {
  const made = world({
    principalOf: ({ headers }) => ({ ...principal, subject: headers.get('x-test-subject') ?? 'nobody' }),
    ...behaviour,
  });
  const gate = Promise.withResolvers<undefined>();
  const admission = admissionOf(bounds, queueMs);
  const { sessions } = made.dependencies;
  const pipeline = createPipeline({
    ...made.dependencies,
    admission,
    sessions: { ...sessions, open: (asked) => gate.promise.then(() => sessions.open(asked)) },
  });
  return { ...made, pipeline, admission, release: () => gate.resolve(undefined) };
}

const by = (subject: string): readonly string[] => ['x-test-subject', subject];

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await nextTurn();
}

describe('admit', () => {
  it('lets an identity that fills everything stop nobody else, of reads or of writes', async () => {
    const { pipeline, admission, release, dependencies } = holding(boundsOf(512));
    const flood = ['GET', 'DELETE'].flatMap((method) =>
      Array.from({ length: 200 }, () => client(method, '/box/k', by('alice'))),
    );
    const running = flood.map((exchange) => pipeline(exchange));
    await turns();
    assert.deepEqual([admission.waiting('read'), admission.waiting('write')], [32, 32]);
    const others = createPipeline({ ...dependencies, admission });
    for (const subject of ['bob', 'carol']) {
      for (const method of ['GET', 'DELETE']) {
        const exchange = client(method, '/box/k', by(subject));
        // Its end comes while all of the flood is where it was.
        await others(exchange);
        assert.ok((exchange.status() ?? 0) < 300, `${subject} ${method}: ${String(exchange.status())}`);
      }
    }
    const answers = flood.map((exchange) => exchange.status());
    assert.ok(answers.every((status) => status === undefined || status === 503));
    // Of each 200, 128 seats are used and 32 wait.
    assert.equal(answers.filter((status) => status === 503).length, 80);
    release();
    await Promise.all(running);
    assert.deepEqual([admission.waiting('read'), admission.waiting('write')], [0, 0]);
  });

  it('refuses before the body is read, with both headers that say when to come again, and has the wait on record', async () => {
    const { pipeline, entries, release, dependencies } = holding({ seats: 1, maxWaiting: 8 }, 20);
    const first = pipeline(client('DELETE', '/box/k', by('alice')));
    await turns();
    const steps: string[] = [];
    const upload = client('PUT', '/box/k', ['content-length', '4', ...by('alice')], steps, chunks('body'));
    await pipeline(upload);
    assert.equal(upload.status(), 503);
    assert.match(upload.sent.join(''), /<Code>SlowDown</);
    assert.match(upload.answerHeaders['retry-after'] ?? '', /^[1-9]\d*$/);
    assert.match(upload.answerHeaders['x-amz-retry-after'] ?? '', /^[1-9]\d*$/);
    assert.equal(steps.includes('body read'), false);
    const [denial] = entries.filter((entry) => entry.entry === 'denial');
    assert.equal(denial?.error, 'SlowDown');
    assert.ok((denial.queuedMs ?? 0) >= 19, String(denial.queuedMs));
    release();
    await first;
    // Who did not wait has nothing of a wait on record.
    assert.ok(entries.filter((entry) => entry.entry === 'intent').every((entry) => !('queuedMs' in entry)));
    assert.equal(dependencies.admission.waiting('write'), 0);
  });

  it('says in the intent how long somebody waited who then went on', async () => {
    const { pipeline, admission, entries, release } = holding({ seats: 1, maxWaiting: 8 });
    const running = ['one', 'two'].map(() => pipeline(client('DELETE', '/box/k', by('alice'))));
    while (admission.waiting('write') === 0) await turns();
    await sleep(15);
    release();
    await Promise.all(running);
    const waited = entries.flatMap((entry) => (entry.entry === 'intent' ? [entry.queuedMs] : []));
    assert.equal(waited[0], undefined);
    assert.ok((waited[1] ?? 0) >= 10, String(waited));
  });

  it('forgets who leaves while waiting, and gives its place to the next', async () => {
    const { pipeline, admission, release, entries } = holding({ seats: 1, maxWaiting: 1 });
    const first = pipeline(client('DELETE', '/box/k', by('alice')));
    await turns();
    const leaving = new AbortController();
    const left = client('DELETE', '/box/k', by('alice'));
    const leaver = pipeline({ ...left, signal: leaving.signal });
    await turns();
    assert.equal(admission.waiting('write'), 1);
    const refused = client('DELETE', '/box/k', by('alice'));
    await pipeline(refused);
    assert.equal(refused.status(), 503);
    leaving.abort();
    await leaver;
    assert.equal(admission.waiting('write'), 0);
    assert.ok(entries.some((entry) => entry.entry === 'denial' && entry.result === 'aborted'));
    const next = client('DELETE', '/box/k', by('alice'));
    const last = pipeline(next);
    await turns();
    assert.equal(admission.waiting('write'), 1);
    release();
    await Promise.all([first, last]);
    assert.equal(next.status(), 204);
  });

  it('refuses who waits when the process ends, and goes on with who does not', async () => {
    const { pipeline, admission, release } = holding({ seats: 1, maxWaiting: 8 });
    const first = client('DELETE', '/box/k', by('alice'));
    const running = pipeline(first);
    await turns();
    const waiter = client('DELETE', '/box/k', by('bob'));
    const waiting = pipeline(waiter);
    await turns();
    assert.equal(admission.waiting('write'), 1);
    admission.drain();
    await waiting;
    assert.equal(waiter.status(), 503);
    const late = client('DELETE', '/box/k', by('carol'));
    await pipeline(late);
    assert.equal(late.status(), 503);
    release();
    await running;
    assert.equal(first.status(), 204);
  });

  it('gives every seat back, however requests end', async () => {
    const failing: readonly Behaviour[] = [
      { decision: 'deny' },
      { audit: () => Promise.reject(new Error('the disk')) },
      { answer: () => ({ status: 503 }) },
      {
        answer: () => {
          throw new Error('a fault');
        },
      },
    ];
    for (const behaviour of failing) {
      const { pipeline, admission, release } = holding({ seats: 1, maxWaiting: 0 }, NEVER_MS, behaviour);
      release();
      for (let time = 0; time < 3; time += 1) {
        const exchange = client('DELETE', '/box/k', by('alice'));
        await pipeline(exchange);
        assert.doesNotMatch(exchange.sent.join(''), /SlowDown/);
      }
      assert.equal(admission.waiting('write'), 0);
    }
  });

  it('is not reached by who is not known: a flood of bad tokens takes no seat', async () => {
    for (const identity of ['none', 'bad'] as const) {
      const made = world({ identity });
      const admission = admissionOf({ seats: 1, maxWaiting: 0 });
      let entered = 0;
      const counted = {
        ...admission,
        enter: (...of: Parameters<typeof admission.enter>) => {
          entered += 1;
          return admission.enter(...of);
        },
      };
      const pipeline = createPipeline({ ...made.dependencies, admission: counted });
      const flood = Array.from({ length: 20 }, () => client('GET', '/box/k'));
      await Promise.all(flood.map((exchange) => pipeline(exchange)));
      assert.deepEqual([...new Set(flood.map((exchange) => exchange.status()))], [401]);
      assert.equal(entered, 0);
    }
  });

  it('takes more seats for a large body, for one of unknown length and for a copy', async () => {
    const seatsOf = async (method: string, headers: readonly string[]): Promise<string> => {
      const made = world();
      const { admission } = made.dependencies;
      let seen = '';
      const enter: typeof admission.enter = (exchange, caller, demand) => {
        seen = `${demand.seats} ${demand.pool}`;
        return admission.enter(exchange, caller, demand);
      };
      await createPipeline({ ...made.dependencies, admission: { ...admission, enter } })(
        client(method, '/box/k', headers),
      );
      return seen;
    };
    assert.equal(await seatsOf('GET', []), '1 read');
    assert.equal(await seatsOf('GET', ['range', `bytes=0-${64 * MIB}`]), '2 read');
    assert.equal(await seatsOf('PUT', ['content-length', String(8 * MIB - 1)]), '1 write');
    assert.equal(await seatsOf('PUT', ['content-length', String(8 * MIB)]), '2 write');
    assert.equal(await seatsOf('PUT', ['x-amz-copy-source', '/box/other']), '2 write');
    assert.equal(await seatsOf('PUT', ['content-length', String(64 * MIB), 'x-sallyport-dry-run', 'true']), '1 read');
  });
});

describe('an identity', () => {
  /** Of so many at once, those that have a seat, in an admission where one queue has one. */
  const admittedOf = (principals: readonly Principal[]): number => {
    const admission = admissionOf(boundsOf(512));
    let admitted = 0;
    for (const each of principals) {
      try {
        const turn = admission.enter(
          client('GET', '/box/k'),
          { principal: each, trail: { queued: () => undefined } },
          { pool: 'read', seats: 1 },
        );
        if (turn === undefined) admitted += 1;
        else turn.catch(() => undefined);
      } catch {
        // Refused at once.
      }
    }
    return admitted;
  };

  it('is one flow, whatever tokens, claims, roles and sessions it comes with', () => {
    const many = Array.from({ length: 190 }, (_, index) => ({
      ...principal,
      tokenIdHash: `token ${index}`,
      accessKeyId: `session ${index}`,
      sessionId: `login ${index}`,
      binding: `role-${index}`,
      groups: [`group ${index}`],
      claims: { claim: index },
      actor: { subject: `actor ${index}` },
      issuerName: `name ${index}`,
      expiresAtMs: 10_000_000 + index,
    }));
    assert.equal(admittedOf(many), 128);
    // As many of different people are not.
    assert.ok(admittedOf(many.map((each, index) => ({ ...each, subject: `person ${index}` }))) > 128);
    assert.ok(admittedOf(many.map((each, index) => ({ ...each, issuer: `https://${index}.example` }))) > 128);
  });

  it('leaves nothing behind: ten thousand of them wait in the same queues, and are gone when they have left', async () => {
    const admission = admissionOf(boundsOf(512));
    for (let index = 0; index < 10_000; index += 1) {
      const exchange = client('GET', '/box/k');
      const caller = { principal: { ...principal, subject: `person ${index}` }, trail: { queued: () => undefined } };
      assert.equal(admission.enter(exchange, caller, { pool: 'read', seats: 1 }), undefined);
      await admission.spend(exchange, 1);
      assert.equal(admission.identitiesAtWork(), 1);
      admission.leave(exchange);
    }
    assert.deepEqual([admission.waiting('read'), admission.identitiesAtWork()], [0, 0]);
  });
});
