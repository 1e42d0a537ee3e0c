import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AuditEntry } from '../../../src/contracts/audit-sink.ts';
import type { Principal } from '../../../src/contracts/principal.ts';
import { createPipeline, type Pipeline } from '../../../src/pipeline/pipeline.ts';
import { KEYS_PER_SLICE } from '../../../src/platform/slices.ts';
import { chunks, client, principal, world, type Behaviour, type Client, type World } from './world.ts';

const MIB = 1024 * 1024;
const MOST = 1000;

const keys = Array.from({ length: MOST }, (_, index) => `k${index}`);
const groups = Array.from({ length: 380 }, (_, index) => `group-${String(index).padStart(30, '0')}`);
const inGroups: Principal = { ...principal, groups };

const listOf = (names: readonly string[]): string =>
  `<Delete>${names.map((key) => `<Object><Key>${key}</Key></Object>`).join('')}</Delete>`;

function batch(document: string, steps: string[] = []): Client {
  const md5 = createHash('md5').update(document).digest('base64');
  const headers = ['content-length', String(Buffer.byteLength(document)), 'content-md5', md5];
  return client('POST', '/box?delete', headers, steps, chunks(document));
}

async function recorded(behaviour: Behaviour, document: string): Promise<World> {
  const made = world({ principal: inGroups, ...behaviour });
  const exchange = batch(document, made.steps);
  await createPipeline(made.dependencies)(exchange);
  assert.equal(exchange.status(), 200);
  return made;
}

const bytesOf = (lines: readonly string[]): number => lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0);

describe('the cost of a batch', () => {
  it('is in the audit below 1 MiB for 1,000 denied keys of a caller in 380 groups, each key on record', async () => {
    const { lines, entries } = await recorded({ decision: 'deny' }, listOf(keys));
    assert.ok(bytesOf(lines) < MIB, String(bytesOf(lines)));
    assert.equal(lines.filter((line) => line.includes(groups[0] ?? '')).length, 1);
    assert.deepEqual(
      (entries as AuditEntry[]).flatMap((entry) => (entry.entry === 'denial' ? [entry.key] : [])),
      keys,
    );
  });

  it('is in the audit below 1 MiB for 1,000 allowed keys too, intents and outcomes together', async () => {
    const answer = () => ({ status: 200, body: chunks('<DeleteResult></DeleteResult>') });
    const { lines } = await recorded({ answer }, listOf(keys));
    assert.equal(lines.length, 1 + 2 * MOST);
    assert.ok(bytesOf(lines) < MIB, String(bytesOf(lines)));
  });

  for (const [what, unit] of [
    ['plain', 'k'],
    ['quotes, which JSON writes in two bytes', '&quot;'],
    ['control characters, which JSON writes in six', '&#1;'],
  ] as const) {
    it(`is in the audit a small multiple of its body, with keys as long as they may be: ${what}`, async () => {
      const long = Array.from(
        { length: MOST },
        (_, index) => `${unit.repeat(Math.min(1000, 2000 / unit.length))}${index}`,
      );
      const document = listOf(long);
      const { lines } = await recorded({ decision: 'deny' }, document);
      assert.ok(bytesOf(lines) < 2 * Buffer.byteLength(document) + MIB, String(bytesOf(lines)));
    });
  }

  it('is paid in slices: between two of them every other request has its turn', async () => {
    const perTurn: number[] = [];
    let isOpen = false;
    const audit = (entry: AuditEntry): Promise<void> => {
      if (entry.entry === 'request') return Promise.resolve();
      if (!isOpen) {
        isOpen = true;
        perTurn.push(0);
        setImmediate(() => (isOpen = false));
      }
      perTurn.push((perTurn.pop() ?? 0) + 1);
      // No disk takes anything within the turn in which it gets it.
      return nextTurn();
    };
    for (const decision of ['deny', 'allow'] as const) {
      perTurn.length = 0;
      const answer = () => ({ status: 200, body: chunks('<DeleteResult></DeleteResult>') });
      await recorded({ audit, decision, answer }, listOf(keys));
      const entries = decision === 'deny' ? MOST : 2 * MOST;
      assert.equal(
        perTurn.reduce((sum, count) => sum + count, 0),
        entries,
      );
      assert.ok(Math.max(...perTurn) <= KEYS_PER_SLICE, String(Math.max(...perTurn)));
      assert.ok(perTurn.length >= entries / KEYS_PER_SLICE);
    }
  });

  it('is decided in slices too, and all of it by one version of the policies', async () => {
    const made = world({ decision: 'deny' });
    let version = 'v1';
    const perTurn: number[] = [];
    let turn = 0;
    const seen: string[] = [];
    const { decide } = made.dependencies.authorizer;
    const authorizer: typeof made.dependencies.authorizer = {
      ...made.dependencies.authorizer,
      policyVersion: () => version,
      decide: (...args) => {
        if (perTurn.length === turn) {
          perTurn.push(0);
          setImmediate(() => (turn += 1));
        }
        perTurn[turn] = (perTurn[turn] ?? 0) + 1;
        seen.push(version);
        // As a reload of the policies does, somewhere in the middle.
        if (seen.length === 250) setImmediate(() => (version = 'v2'));
        return { ...decide(...args), policyVersion: version };
      },
    };
    const exchange = batch(listOf(keys));
    await createPipeline({ ...made.dependencies, authorizer })(exchange);
    assert.ok(Math.max(...perTurn) <= KEYS_PER_SLICE, String(perTurn));
    const versions = (made.entries as AuditEntry[]).flatMap((entry) =>
      entry.entry === 'denial' ? [entry.policyVersion] : [],
    );
    assert.equal(versions.length, MOST);
    assert.deepEqual([...new Set(versions)], ['v2']);
  });

  it('is planned in turns of its own where each key needs a session', async () => {
    let turns = 0;
    let counting = true;
    const count = async (): Promise<void> => {
      for (; counting; turns += 1) await nextTurn();
    };
    const counter = count();
    const answer = () => ({ status: 200, body: chunks('<DeleteResult></DeleteResult>') });
    const { planned } = await recorded({ sessionHolds: 1, answer }, listOf(keys.slice(0, 64)));
    counting = false;
    await counter;
    assert.equal(planned.length, 64);
    assert.ok(turns >= 63, String(turns));
  });
});

describe('batches of one identity', () => {
  interface Held {
    readonly pipeline: Pipeline;
    /** Lets every batch go on that has come to its record. */
    readonly release: () => void;
  }

  /** A pipeline whose batches stop before their first record. */
  function held(): Held {
    const gate = Promise.withResolvers<undefined>();
    const authenticate = (subject: string) => ({ ...principal, subject });
    const made = world({
      decision: 'deny',
      principalOf: ({ headers }) => authenticate(headers.get('x-test-subject') ?? 'nobody'),
      audit: (entry) => (entry.entry === 'request' ? gate.promise : Promise.resolve()),
    });
    return { pipeline: createPipeline(made.dependencies), release: () => gate.resolve(undefined) };
  }

  const by = (subject: string, names: readonly string[], bodyRead: string[]): Client => {
    const exchange = batch(listOf(names), bodyRead);
    return {
      ...exchange,
      raw: { ...exchange.raw, rawHeaders: [...exchange.raw.rawHeaders, 'x-test-subject', subject] },
    };
  };
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await nextTurn();
  };

  it('wait for each other before they take memory, and for nobody else; others go on', async () => {
    const { pipeline, release } = held();
    const steps = Array.from({ length: 5 }, (): string[] => []);
    const subjects = ['alice', 'alice', 'alice', 'alice', 'bob'];
    const running = subjects.map((subject, index) => pipeline(by(subject, keys, steps[index] ?? [])));
    await turns();
    assert.deepEqual(
      steps.map((own) => own.includes('body read')),
      [true, true, false, false, true],
    );
    release();
    await Promise.all(running);
    assert.ok(steps.every((own) => own.includes('answer 200')));
  });

  it('that are small go together', async () => {
    const { pipeline, release } = held();
    const steps = Array.from({ length: 8 }, (): string[] => []);
    const running = steps.map((own) => pipeline(by('alice', keys.slice(0, 20), own)));
    await turns();
    assert.ok(steps.every((own) => own.includes('body read')));
    release();
    await Promise.all(running);
  });

  it('give their turn on also where they fail', async () => {
    const made = world({ audit: () => Promise.reject(new Error('the disk')) });
    const pipeline = createPipeline(made.dependencies);
    const exchanges = Array.from({ length: 6 }, () => batch(listOf(keys)));
    await Promise.all(exchanges.map((exchange) => pipeline(exchange)));
    assert.ok(exchanges.every((exchange) => (exchange.status() ?? 0) >= 500));
  });
});

describe('lookups for listings', () => {
  it('are charged to the identity that lists: a third large page waits, another identity does not', async () => {
    const listing =
      '<ListBucketResult><Name>box</Name><Prefix></Prefix><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>';
    const made = world({
      answer: () => ({ status: 200, body: chunks(listing) }),
      principalOf: ({ headers }) => ({ ...principal, subject: headers.get('x-test-subject') ?? 'nobody' }),
    });
    const gate = Promise.withResolvers<undefined>();
    let inFlight = 0;
    const reader: typeof made.dependencies.reader = {
      ...made.dependencies.reader,
      sizes: async (_, entries, admit) => {
        await admit?.(MOST);
        inFlight += 1;
        await gate.promise;
        return entries;
      },
    };
    const pipeline = createPipeline({ ...made.dependencies, reader });
    const list = (subject: string): Client => client('GET', '/moving?list-type=2', ['x-test-subject', subject]);
    const clients = ['alice', 'alice', 'alice', 'bob'].map(list);
    const running = clients.map((exchange) => pipeline(exchange));
    for (let turn = 0; turn < 20; turn += 1) await nextTurn();
    assert.equal(inFlight, 3);
    gate.resolve(undefined);
    await Promise.all(running);
    assert.ok(clients.every((exchange) => exchange.status() === 200));
    assert.equal(inFlight, 4);
  });
});
