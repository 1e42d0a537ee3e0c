/** A client that goes away at every point at which the gateway waits, in every class of operation and in every refusal. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Socket, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditEntry } from '../../../src/contracts/audit-sink.ts';
import type { CopyResult } from '../../../src/contracts/stored-objects.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { createRequests } from '../../../src/telemetry/request-scope.ts';
import { createDataServer, type DataServer } from '../../../src/http/data-server.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import type { PipelineDependencies } from '../../../src/pipeline/dependencies.ts';
import { createCutter } from '../../support/http/cut-at-awaits.ts';
import { admissionOf, chunks, world, type Behaviour } from '../pipeline/world.ts';

const COPIED: CopyResult = {
  etag: '"9e107d9d372bb6826bd81d3542a419d6"',
  lastModified: '2026-11-21T12:00:00.000Z',
  versionId: undefined,
  sourceVersionId: undefined,
  keyId: 'local:1',
};
const DELETE_LIST = '<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object></Delete>';
const MD5 = createHash('md5').update(DELETE_LIST).digest('base64');
const PART_LIST =
  '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>';
const LISTING =
  '<ListBucketResult><Name>box</Name><Prefix></Prefix><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>';
const SOON = { afterMs: 1, everyMs: 1 };

interface Case {
  readonly request: string;
  readonly headers?: readonly string[];
  readonly body?: string;
  readonly behaviour?: Behaviour;
  readonly dependencies?: (dependencies: PipelineDependencies) => Partial<PipelineDependencies>;
  /** What is on record of it, whether or not its client waits for the answer. */
  readonly refused?: 'denial' | 'refusal';
}

type Answering = NonNullable<Behaviour['answer']>;
const object =
  (text: string): Answering =>
  () => ({
    status: 200,
    headers: new Map([
      ['content-length', String(text.length)],
      ['etag', '"e"'],
      ['last-modified', 'Sat, 21 Nov 2026 12:00:00 GMT'],
    ]),
    body: chunks(...(text.match(/.{1,8}/g) ?? [])),
  });
const missing: Answering = () => ({
  status: 404,
  body: chunks('<Error><Code>NoSuchKey</Code></Error>'),
});
const slowly =
  <Result>(result: Result) =>
  async (): Promise<Result> => {
    await sleep(20);
    return result;
  };

const CASES: Readonly<Record<string, Case>> = {
  'READ, whole in memory': { request: 'GET /box/k', behaviour: { answer: object('short') } },
  'READ, streamed': {
    request: 'GET /box/k',
    behaviour: { answer: object('a body that comes in several chunks') },
  },
  'READ, HEAD': { request: 'HEAD /box/k', behaviour: { answer: object('short') } },
  'READ of what is not there': { request: 'GET /box/k', behaviour: { answer: missing } },
  'HEAD of what is not there': { request: 'HEAD /box/k', behaviour: { answer: missing } },
  LIST: {
    request: 'GET /box?list-type=2',
    behaviour: { answer: () => ({ status: 200, body: chunks(LISTING) }) },
  },
  LOCAL: { request: 'GET /' },
  'WRITE, plain': { request: 'PUT /box/k', body: 'twenty bytes of body' },
  'WRITE, sealed': { request: 'PUT /safe/k', body: 'twenty bytes of body' },
  'WRITE, plain, whole in memory': { request: 'PUT /box/k', body: 'ten bytes.' },
  'WRITE, sealed, whole in memory': { request: 'PUT /safe/k', body: 'ten bytes.' },
  DELETE: { request: 'DELETE /box/k' },
  BATCH: {
    request: 'POST /box?delete',
    headers: [`content-md5: ${MD5}`],
    body: DELETE_LIST,
    behaviour: {
      answer: () => ({
        status: 200,
        body: chunks('<DeleteResult><Deleted><Key>a</Key></Deleted><Deleted><Key>b</Key></Deleted></DeleteResult>'),
      }),
    },
  },
  'COPY, with an answer that begins early': {
    request: 'PUT /safe/k',
    headers: ['x-amz-copy-source: safe/s'],
    dependencies: ({ copies }) => ({ copies: { ...copies, copyObject: slowly(COPIED) }, earlyAnswer: SOON }),
  },
  'COPY that fails behind an answer that began early': {
    request: 'PUT /safe/k',
    headers: ['x-amz-copy-source: safe/s'],
    dependencies: ({ copies }) => ({
      copies: {
        ...copies,
        copyObject: async () => {
          await sleep(20);
          throw new GatewayError('PreconditionFailed');
        },
      },
      earlyAnswer: SOON,
    }),
  },
  'UPLOAD that fails': {
    request: 'POST /safe/k?uploadId=u',
    body: PART_LIST,
    dependencies: ({ uploads }) => ({
      uploads: { ...uploads, complete: () => Promise.reject(new GatewayError('NoSuchUpload')) },
    }),
  },
  'a denial': { request: 'GET /box/k', behaviour: { decision: 'deny' }, refused: 'denial' },
  'a denial whose body nobody reads': {
    request: 'PUT /box/k',
    body: 'twenty bytes of body',
    behaviour: { decision: 'deny' },
    refused: 'denial',
  },
  'a batch of which one key is denied': {
    request: 'POST /box?delete',
    headers: [`content-md5: ${MD5}`],
    body: DELETE_LIST,
    behaviour: {
      denies: (access) => access.kind === 'object' && access.key === 'a',
      answer: () => ({
        status: 200,
        body: chunks('<DeleteResult><Deleted><Key>b</Key></Deleted></DeleteResult>'),
      }),
    },
  },
  'no identity': { request: 'GET /box/k', behaviour: { identity: 'none' }, refused: 'refusal' },
  'a bad token': { request: 'GET /box/k', behaviour: { identity: 'bad' }, refused: 'refusal' },
  'a fault of a stage': {
    request: 'GET /box/k',
    behaviour: {
      answer: () => {
        throw new TypeError('a fault of ours');
      },
    },
  },
};

interface Served {
  readonly entries: readonly AuditEntry[];
  readonly refusals: readonly { readonly status: number; readonly error: string }[];
  readonly permits: number;
  readonly wasCut: boolean;
}

describe('a client that goes away', function () {
  this.timeout(60_000);
  let server: DataServer | undefined;
  const uncaught: unknown[] = [];
  const onUncaught = (error: unknown): void => {
    uncaught.push(error);
  };

  before(() => {
    process.on('unhandledRejection', onUncaught);
    process.prependListener('uncaughtException', onUncaught);
  });
  after(() => {
    process.off('unhandledRejection', onUncaught);
    process.off('uncaughtException', onUncaught);
  });
  afterEach(async () => {
    const closing = server;
    server = undefined;
    if (closing === undefined) return;
    closing.server.close();
    closing.server.closeAllConnections();
    await once(closing.server, 'close').catch(() => undefined);
  });

  /** Serves one request whose connection is cut at a place; the gateway has noticed before it goes on, or not. */
  async function serve(fixture: Case, index: number, notices: boolean): Promise<Served> {
    const { dependencies, entries } = world(fixture.behaviour);
    const socket = new Socket();
    let gone: AbortSignal | undefined;
    let wasCut = false;
    const cutter = createCutter(async () => {
      wasCut = true;
      if (notices) {
        socket.resetAndDestroy();
        for (let waits = 0; gone?.aborted === false && waits < 200; waits += 1) await sleep(5);
      } else {
        // From this side, as a reset that arrives just now: the event comes later than what is done next.
        for (const each of sockets) each.destroy();
      }
    });
    const cut = cutter.wrap({ ...dependencies, ...fixture.dependencies?.(dependencies) });
    // A refusal of what is in memory waits for nothing: the place before it is the one at which its client can leave.
    const arrival = cutter.wrap(() => Promise.resolve());
    const pipeline = createPipeline({ ...cut, admission: admissionOf({ seats: 1, maxWaiting: 0 }) });
    const done = Promise.withResolvers<undefined>();
    const made = createDataServer({
      pipeline: async (exchange) => {
        gone = exchange.signal;
        await arrival();
        await pipeline(exchange).finally(() => done.resolve(undefined));
      },
      audit: dependencies.audit,
      requestId: () => 'request-1',
      ready: () => true,
      uncaught: onUncaught,
      requests: createRequests(),
      inFlight: () => undefined,
      turnedAway: () => undefined,
      limits: { headerBytes: 32_768, inFlight: 10 },
      timeouts: { idleMs: 5000, requestHeadersMs: 5000, keepAliveMs: 5000 },
    });
    const sockets = new Set<Socket>();
    made.server.on('connection', (each: Socket) => sockets.add(each));
    server = made;
    made.server.listen(0, '127.0.0.1');
    await once(made.server, 'listening');
    const { port } = made.server.address() as AddressInfo;
    cutter.arm(index);
    const { body } = fixture;
    const lines = ['host: localhost', 'connection: close', ...(fixture.headers ?? [])];
    if (body !== undefined) lines.push(`content-length: ${body.length}`);
    socket.connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.resume();
    socket.write(`${fixture.request} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body ?? ''}`);
    await done.promise;
    // Whatever is left behind in timers and events has its turn.
    await sleep(5);
    for (let waits = 0; made.inFlight() > 0 && waits < 200; waits += 1) await sleep(5);
    assert.equal(made.inFlight(), 0, 'no place is held for ever');
    socket.destroy();
    cutter.arm(0);
    const answer = await fetch(`http://127.0.0.1:${port}/-/ready`);
    assert.equal(answer.status, 200);
    made.server.close();
    made.server.closeAllConnections();
    await once(made.server, 'close');
    server = undefined;
    const all = entries.slice();
    return {
      entries: all.filter((entry): entry is AuditEntry => entry.entry !== 'refusal'),
      refusals: all.filter((entry) => entry.entry === 'refusal'),
      permits: cutter.passed(),
      wasCut,
    };
  }

  it('costs a request, and nobody else, what its handler failed to foresee', async () => {
    const reported: unknown[] = [];
    const made = createDataServer({
      pipeline: ({ raw }) => {
        if (raw.target === '/thrown') throw new TypeError('thrown');
        return Promise.reject(new TypeError('rejected'));
      },
      audit: world().dependencies.audit,
      requestId: () => 'request-1',
      ready: () => true,
      uncaught: (error, requestId) => reported.push(`${String(error)} ${String(requestId)}`),
      requests: createRequests(),
      inFlight: () => undefined,
      turnedAway: () => undefined,
      limits: { headerBytes: 32_768, inFlight: 10 },
      timeouts: { idleMs: 5000, requestHeadersMs: 5000, keepAliveMs: 5000 },
    });
    server = made;
    made.server.listen(0, '127.0.0.1');
    await once(made.server, 'listening');
    const origin = `http://127.0.0.1:${(made.server.address() as AddressInfo).port}`;
    // A path that cannot be parsed goes through the same catch.
    for (const path of ['/thrown', '/rejected', '/%']) await assert.rejects(fetch(`${origin}${path}`));
    assert.deepEqual(reported, [
      'TypeError: thrown request-1',
      'TypeError: rejected request-1',
      'TypeError: rejected request-1',
    ]);
    assert.equal(made.inFlight(), 0);
    assert.equal((await fetch(`${origin}/-/ready`)).status, 200);
  });

  for (const [name, fixture] of Object.entries(CASES)) {
    it(`ends nobody's process, and has a true end on record, wherever it leaves: ${name}`, async () => {
      let permits = 0;
      const completedAt: number[] = [];
      for (let index = 1; ; index += 1) {
        const noticed = await serve(fixture, index, true);
        const unnoticed = await serve(fixture, index, false);
        if (!noticed.wasCut) break;
        permits += 1;
        for (const served of [noticed, unnoticed]) checkRecord(served, `${name}, place ${index}`);
        checkTruth(noticed, fixture, `${name}, place ${index}`);
        if (resultOf(noticed) === 'completed') completedAt.push(index);
      }
      assert.ok(permits > 0, 'nothing was cut');
      // What was read reaches nobody; only whose end is on its way to the disk is too late to be aborted.
      if (/^(GET|HEAD) /.test(fixture.request))
        assert.ok(
          completedAt.every((index) => index === permits),
          completedAt.join(),
        );
      assert.deepEqual(uncaught.splice(0), []);
    });
  }
});

/** Each access has one end, and the end comes behind its intent. */
function checkRecord({ entries, refusals }: Served, where: string): void {
  if (entries.length === 0) {
    assert.equal(refusals.length, 1, where);
    return;
  }
  assert.equal(refusals.length, 0, where);
  // Who asks for a batch is said once, before everything else.
  const ofItems = entries.filter(({ entry }, index) => entry !== 'request' || index > 0);
  const items = new Set(ofItems.map(({ item }) => item ?? 0));
  for (const item of items) {
    const kinds = ofItems.filter((entry) => (entry.item ?? 0) === item).map(({ entry }) => entry);
    assert.ok(['intent,outcome', 'denial'].includes(kinds.join()), `${where}: ${kinds.join()}`);
  }
}

function checkTruth({ entries, refusals }: Served, { refused }: Case, where: string): void {
  if (refused === 'refusal') {
    assert.ok(refusals.length === 1 && refusals[0]?.status === 401, `${where}: ${JSON.stringify(refusals)}`);
  }
  for (const entry of entries) {
    if (entry.entry === 'intent' || entry.entry === 'request') continue;
    const { result, status, error } = entry;
    if (refused === 'denial') assert.deepEqual([result, status, error], ['denied', 403, 'AccessDenied'], where);
    // Of an answer that began early, the status that went out.
    if (result === 'aborted') assert.ok([0, 200, 206].includes(status), `${where}: ${status}`);
  }
}

function resultOf({ entries }: Served): string | undefined {
  const last = entries.at(-1);
  return last === undefined || !('result' in last) ? undefined : last.result;
}
