/** What the doctor of stores makes of what it finds; the trials themselves are tried in test/integration/store-doctor.test.ts. */
import assert from 'node:assert/strict';
import type { StoreSession } from '../../../src/contracts/store-session.ts';
import { GatewayError, type StoreRefusal } from '../../../src/errors/gateway-error.ts';
import {
  examineStore,
  isLacking,
  replyOf,
  TRIALS,
  type StoreDoctorDependencies,
  type StoreReport,
} from '../../../src/operate/store-doctor/store-doctor.ts';
import {
  lacks,
  TrialFailed,
  untried,
  works,
  type Outcome,
  type Trial,
} from '../../../src/operate/store-doctor/trial.ts';

const EMPTY = Buffer.from('<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>');

/** A store that refuses everything but the listing of versions. */
function refusing(requested: string[], refusal: StoreRefusal): StoreSession {
  return {
    bucket: { name: 'box' } as StoreSession['bucket'],
    send: ({ method, key, query }) => {
      requested.push(`${method} ${key}`);
      if (!query.some(([name]) => name === 'versions')) {
        return Promise.reject(new GatewayError('AccessDeniedByStore', { refusal }));
      }
      const body = (async function* () {
        await Promise.resolve();
        yield EMPTY;
      })();
      return Promise.resolve({
        status: 200,
        headers: new Map(),
        body,
        whole: () => Promise.resolve(EMPTY),
        discard: () => Promise.resolve(),
      });
    },
  };
}

const trial = (id: string, needed: boolean, run: Trial['run']): Trial => ({
  id,
  what: id,
  lost: `no ${id}`,
  needed,
  run,
});
const found = (...outcomes: readonly (Outcome & { readonly needed: boolean })[]): StoreReport => ({
  ...{ store: 'main', bucket: 'box', left: [], complete: true },
  findings: outcomes.map((outcome, index) => ({ id: String(index), what: '', lost: '', ...outcome })),
});

describe('the doctor of stores', () => {
  const DENIED: StoreRefusal = { by: 'store', status: 403, code: 'AccessDenied' };
  let requested: string[];
  let control: AbortController;
  const dependencies = (): StoreDoctorDependencies => ({
    ...{ bucket: 'box', scratch: '.sallyport-doctor/x/', storeName: 'main', method: 'static', checksums: 'headers' },
    conditionalDeletes: false,
    session: () => Promise.resolve(refusing(requested, DENIED)),
    narrow: () => Promise.resolve(undefined),
    source: (key) => `box/${key}`,
    cut: () => Promise.resolve(),
    webIdentity: () => Promise.resolve({ status: 501, code: undefined }),
    signal: control.signal,
    onTrial: () => undefined,
  });
  beforeEach(() => {
    requested = [];
    control = new AbortController();
  });

  it('fails a store for what the gateway needs, or what configuration says of it wrongly, and for nothing else', () => {
    assert.equal(isLacking(found({ ...works('x'), needed: true }, { ...lacks('x'), needed: false })), false);
    assert.equal(isLacking(found({ ...untried('x'), needed: true })), false);
    assert.equal(isLacking(found({ ...lacks('x'), needed: true })), true);
    assert.equal(isLacking(found({ ...lacks('x', 'stores.main.checksums: headers'), needed: false })), true);
    assert.equal(isLacking({ ...found({ ...works('x'), needed: true }), complete: false }), true);
  });

  it('names every trial once, and what is lost without it', () => {
    assert.equal(new Set(TRIALS.map(({ id }) => id)).size, TRIALS.length);
    for (const { id, what, lost } of TRIALS) assert.ok(what.length > 0 && lost.length > 0, id);
  });

  it('finds of a store that refuses everything that all that it needs is missing, and goes to the end', async () => {
    const report = await examineStore(dependencies());
    assert.equal(report.findings.length, TRIALS.length);
    const needed = report.findings.filter((finding) => finding.needed && finding.id !== 'session-policy');
    assert.deepEqual([...new Set(needed.map(({ state }) => state))], ['lacks']);
    assert.equal(report.findings.find(({ id }) => id === 'objects')?.found, 'PutObject: 403 AccessDenied');
    assert.ok(isLacking(report));
  });

  it('touches nothing beside its scratch prefix, whatever a trial asks for', async () => {
    await examineStore(dependencies());
    const outside = requested.filter((request) => !/^(GET $|[A-Z]+ \.sallyport-doctor\/x\/)/.test(request));
    assert.deepEqual(outside, []);
    assert.ok(requested.length > 40);
  });

  it('is at its end when it is stopped, takes away what was begun, and says that it is not complete', async () => {
    const report = await examineStore(dependencies(), [
      trial('one', true, (context) => {
        context.began(context.key('upload'), 'u1');
        control.abort();
        return Promise.resolve(works('done'));
      }),
      trial('two', true, () => Promise.reject(new Error('not reached'))),
    ]);
    assert.deepEqual([report.findings.map(({ id }) => id), report.complete], [['one'], false]);
    assert.deepEqual(requested, ['DELETE .sallyport-doctor/x/upload', 'GET ']);
  });

  it('takes a trial that the store breaks off for a lack, and one that breaks by itself for none', async () => {
    const { findings } = await examineStore(dependencies(), [
      trial('failed', true, () => Promise.reject(new TrialFailed('PutObject: 500'))),
      trial('gateway', true, () => Promise.reject(new GatewayError('InternalError', { detail: 'no document' }))),
      trial('own', true, () => Promise.reject(new TypeError('ours'))),
    ]);
    assert.deepEqual(
      findings.map(({ state, found: what }) => [state, what]),
      [
        ['lacks', 'PutObject: 500'],
        ['lacks', 'no document'],
        ['untried', 'ours'],
      ],
    );
  });

  it('takes a refusal of the store for an answer, and one of its STS for none', async () => {
    const request = { method: 'GET', key: 'k', query: [], headers: {} } as const;
    const { status, code } = await replyOf(refusing(requested, DENIED), request);
    assert.deepEqual([status, code], [403, 'AccessDenied']);
    await assert.rejects(replyOf(refusing(requested, { ...DENIED, by: 'sts' }), request), GatewayError);
  });
});
