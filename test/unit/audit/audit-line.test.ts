import assert from 'node:assert/strict';
import fc from 'fast-check';
import { intentLine, refusalLine, requestLine } from '../../../src/audit/audit-line.ts';
import type { RequestFacts } from '../../../src/contracts/authorizer.ts';
import type { AuditEntry, AuditRefusal } from '../../../src/contracts/audit-sink.ts';
import { denial, intent, itemDenial, itemIntent, outcome, refusal, request } from './entries.ts';
import { auditLine } from './lines.ts';

const parse = (line: string): Record<string, unknown> => JSON.parse(line) as Record<string, unknown>;

describe('a line of the audit', () => {
  it('has the version first and its fields in a fixed order', () => {
    assert.deepEqual(Object.keys(parse(auditLine(intent('A')))), [
      ...['v', 'entry', 'time', 'requestId', 'issuer', 'issuerName', 'subject', 'groups', 'tokenIdHash'],
      ...[
        'clientAddress',
        'operation',
        'bucket',
        'key',
        'decision',
        'rule',
        'reason',
        'policyVersion',
        'role',
        'sessionName',
      ],
    ]);
    assert.deepEqual(Object.keys(parse(auditLine(outcome('A', { error: 'SlowDown', versionId: '1' })))), [
      ...['v', 'entry', 'time', 'requestId', 'result', 'status', 'bytesIn', 'bytesOut', 'durationMs'],
      ...['error', 'upstreamRequestId', 'versionId', 'keyId'],
    ]);
  });

  it('says of a signed request which session it came by, and of one of several accesses which one it is', () => {
    const session = { accessKeyId: 'SPLYABCDEFGHIJKLMNOP', binding: 'analytics', item: 0, versionIdAsked: 'null' };
    assert.deepEqual(Object.keys(parse(auditLine(intent('A', session)))), [
      ...['v', 'entry', 'time', 'requestId', 'issuer', 'issuerName', 'subject', 'groups', 'tokenIdHash', 'accessKeyId'],
      ...[
        'binding',
        'clientAddress',
        'operation',
        'item',
        'versionIdAsked',
        'bucket',
        'key',
        'decision',
        'rule',
        'reason',
      ],
      ...['policyVersion', 'role', 'sessionName'],
    ]);
    assert.deepEqual(parse(auditLine(intent('A', session))), { v: 1, ...intent('A', session) });
    assert.deepEqual(parse(auditLine(denial('A', session))), { v: 1, ...denial('A', session) });
    assert.equal(parse(auditLine(outcome('A', { item: 999 })))['item'], 999);
  });

  it('says which token of its caller a store was asked with, last of what was meant', () => {
    const entry = parse(auditLine(intent('A', { storeTokenIdHash: '0'.repeat(32) })));
    assert.deepEqual(Object.entries(entry).at(-1), ['storeTokenIdHash', '0'.repeat(32)]);
  });

  it('says who acted in the name of the subject, and bounds what they may be called', () => {
    const delegated = { actor: 'agent', actorIssuer: 'https://agents.example' };
    const entry = parse(auditLine(intent('A', delegated)));
    assert.deepEqual(entry, { v: 1, ...intent('A', delegated) });
    const names = Object.keys(entry);
    assert.deepEqual(names.slice(names.indexOf('groups') + 1, names.indexOf('tokenIdHash')), ['actor', 'actorIssuer']);
    const long = parse(auditLine(intent('A', { actor: 'a'.repeat(1000), actorIssuer: 'i'.repeat(1000) })));
    assert.deepEqual(long['clipped'], ['actor', 'actorIssuer']);
  });

  it('bounds what a client can put into the version that it asks for', () => {
    const entry = parse(auditLine(intent('A', { versionIdAsked: 'v'.repeat(5000) })));
    assert.deepEqual([(entry['versionIdAsked'] as string).length, entry['clipped']], [1024, ['versionIdAsked']]);
  });

  it('holds intent and outcome of a denial at once', () => {
    const { v, ...fields } = parse(auditLine(denial('A')));
    assert.equal(v, 1);
    assert.deepEqual(fields, denial('A'));
  });

  it('says of a request of several accesses who asks, and of each of these the rest, under a version of their own', () => {
    for (const entry of [request('A', 2), itemIntent('A', 0, 'a'), itemDenial('A', 1, 'b')]) {
      assert.deepEqual(parse(auditLine(entry)), { v: 2, ...entry });
    }
  });

  it('leaves out whatever an entry holds beyond its schema', () => {
    const smuggled = { ...intent('A'), authorization: 'Bearer secret' };
    assert.equal('authorization' in parse(auditLine(smuggled)), false);
  });

  it('stays one line whatever a key holds', () => {
    const key = 'a\nb\rc\u2028d\u0000e"f\\g';
    const line = auditLine(intent('A', { key }));
    assert.equal(line.indexOf('\n'), line.length - 1);
    assert.equal(parse(line)['key'], key);
  });

  it('names the fields that it had to cut, and cuts between characters', () => {
    const entry = parse(auditLine(intent('A', { subject: `${'a'.repeat(511)}€`, key: 'k'.repeat(1024) })));
    assert.deepEqual(entry['clipped'], ['subject']);
    assert.equal(entry['subject'], 'a'.repeat(511));
    assert.equal(entry['key'], 'k'.repeat(1024));
  });

  it('bounds the groups in number and length', () => {
    const groups = Array.from({ length: 5000 }, (_, index) => `${index}-${'g'.repeat(1000)}`);
    const entry = parse(auditLine(intent('A', { groups })));
    assert.equal((entry['groups'] as string[]).length, 512);
    assert.deepEqual(entry['clipped'], ['groups']);
  });

  it('holds the claims by name, whole, and leaves out what would be too long together', () => {
    const claims = { team: 'red', level: 3, verified: true, roles: ['a', 'b"c'] };
    const entry = parse(auditLine(intent('A', { claims })));
    assert.deepEqual(entry['claims'], claims);
    const names = Object.keys(entry);
    assert.deepEqual(names.slice(names.indexOf('groups'), names.indexOf('tokenIdHash')), ['groups', 'claims']);
    const long = { first: 'é'.repeat(8000), second: 'x'.repeat(600), third: 'x' };
    const cut = parse(auditLine(intent('A', { claims: long })));
    assert.deepEqual(cut['claims'], { first: long.first, third: 'x' });
    assert.deepEqual(cut['clipped'], ['claims']);
    const none = parse(auditLine(intent('A', { claims: { only: '"'.repeat(8200) } })));
    assert.equal('claims' in none, false);
    assert.deepEqual(none['clipped'], ['claims']);
  });

  it('holds what the token was made as, where it is known', () => {
    assert.equal(parse(auditLine(intent('A', { tokenKind: 'access_token' })))['tokenKind'], 'access_token');
    assert.equal('tokenKind' in parse(auditLine(intent('A', {}))), false);
  });

  it('holds how a credential came and what a PUT would store, as far as it was known', () => {
    const stored = { sizeBytes: 5, contentType: 'a/b', tags: new Map([['a', '1']]), createsOnly: true };
    const base = { origin: { requestId: 'A', clientAddress: '' }, startedMs: 0, principal: somebody } as const;
    const access = {
      ...{ item: undefined, target: { bucket: 'b', key: 'k', versionId: undefined } },
      decision: { effect: 'allow', rule: '', reason: '', policyVersion: '' },
    } as const;
    const of = (facts: RequestFacts) =>
      parse(intentLine({ ...base, operation: 'PutObject', facts }, access, undefined, false));
    const { wayIn, size, contentType, tags, createOnly } = of({ nowMs: 1, wayIn: 'presigned', stored });
    assert.deepEqual([wayIn, size, contentType, tags, createOnly], ['presigned', 5, 'a/b', ['a=1'], true]);
    const long = of({ stored: { contentType: 'x'.repeat(999), createsOnly: false, tags: new Map() } });
    assert.deepEqual(long['clipped'], ['contentType']);
    assert.ok(!('wayIn' in long) && !('size' in long));
    assert.deepEqual([long['tags'], long['createOnly']], [[], false]);
    const unknown = of({ stored: {} });
    assert.ok(!('tags' in unknown) && !('createOnly' in unknown));
    assert.deepEqual(of({ stored: { tags: new Map([['a=b%', 'c=d']]) } })['tags'], ['a%3Db%25=c=d']);
  });

  it('notes what a previewed set would have decided, where that is something else', () => {
    const preview = { decision: 'deny', rule: 'r'.repeat(2000), policyVersion: 'next' } as const;
    const target = { bucket: 'b', key: 'k', versionId: undefined, preview };
    const decision = { effect: 'allow', rule: '', reason: '', policyVersion: '' } as const;
    const request = { origin: { requestId: 'A', clientAddress: '' }, startedMs: 0, principal: somebody } as const;
    const line = intentLine(
      { ...request, operation: 'GetObject' },
      { item: undefined, target, decision },
      undefined,
      false,
    );
    const entry = parse(line);
    assert.deepEqual([entry['previewDecision'], entry['previewVersion']], ['deny', 'next']);
    assert.deepEqual([(entry['previewRule'] as string).length, entry['clipped']], [1024, ['previewRule']]);
  });

  it('holds which verbs were decided, the markers of a listing, and how long after its arrival', () => {
    const entry = parse(auditLine(intent('A', { verbs: ['PUT', 'PUT_TAGS'], decidedAfterMs: 7 })));
    assert.deepEqual([entry['verbs'], entry['decidedAfterMs']], [['PUT', 'PUT_TAGS'], 7]);
    const names = Object.keys(entry);
    assert.deepEqual(names.slice(names.indexOf('key'), names.indexOf('decision')), ['key', 'verbs']);
    const listed = parse(
      auditLine(intent('A', { verbs: ['LIST'], after: ['a', 'm'.repeat(2000)], decidedAfterMs: 0 })),
    );
    assert.deepEqual(
      (listed['after'] as string[]).map(({ length }) => length),
      [1, 1024],
    );
    assert.deepEqual([listed['clipped'], 'decidedAfterMs' in listed], [['after'], false]);
    assert.deepEqual(parse(auditLine(intent('A', { verbs: [] })))['verbs'], []);
    assert.equal('verbs' in parse(auditLine(intent('A'))), false);
  });

  it('bounds what a stranger can put into a refusal', () => {
    const line = refusalLine(refusal('x'.repeat(9999), { method: 'M'.repeat(9999), clientAddress: 'a'.repeat(9999) }));
    assert.ok(line.length < 500);
  });

  it('is what JSON says of the entry, byte for byte, whatever its texts are', () => {
    fc.assert(
      fc.property(anyEntry, (entry) => {
        assert.equal(auditLine(entry), expected(entry));
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(anyRefusal, (entry) => {
        assert.equal(refusalLine(entry), expected(entry));
      }),
    );
  });

  it('is the same when it remembers who asks, why, and by what session', () => {
    fc.assert(
      fc.property(text, fc.array(text, { maxLength: 3 }), text, (subject, groups, rule) => {
        const request = {
          origin: { requestId: 'A', clientAddress: '127.0.0.1' },
          startedMs: 0,
          principal: Object.freeze({ ...somebody, subject, groups: Object.freeze(groups) }),
          operation: 'GetObject',
        } as const;
        const decision = Object.freeze({ effect: 'allow', rule, reason: '', policyVersion: '' } as const);
        const access = { item: undefined, target: { bucket: 'b', key: 'k', versionId: undefined }, decision };
        const plan = Object.freeze({ ...somePlan, roleArn: rule, sessionName: subject });
        const first = intentLine(request, access, plan, false);
        assert.equal(intentLine(request, access, plan, false), first);
        const anew = { ...request, principal: { ...request.principal } };
        assert.equal(intentLine(anew, { ...access, decision: { ...decision } }, { ...plan }, false), first);
      }),
    );
  });

  it('never remembers what could still change', () => {
    const principal = { ...somebody, subject: 'alice' };
    const request = { origin: { requestId: 'A', clientAddress: '' }, startedMs: 0, principal } as const;
    const subject = () => parse(requestLine({ ...request, operation: 'DeleteObjects' }, 2))['subject'];
    assert.equal(subject(), 'alice');
    principal.subject = 'bob';
    assert.equal(subject(), 'bob');
  });
});

const somePlan = {
  ...{ storeName: '', sourceIdentity: undefined, sessionPolicy: '', sessionKey: '', notAfterMs: 0 },
};
const somebody = { issuerName: '', issuer: '', subject: '', groups: [], claims: {}, tokenIdHash: '', expiresAtMs: 0 };

/** Short and long, with what JSON escapes, what UTF-8 writes in several bytes, and halves of characters. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom('a', '"', '\\', '\n', '\0', '\u001f', '\u007f', '\u2028', '\ud800', '\udc00', '€', '😀'),
  }),
  fc
    .tuple(fc.string({ unit: 'binary', maxLength: 5 }), fc.constantFrom('a', '€', '😀', '\ud800', '"'), fc.nat(3000))
    .map(([start, unit, count]) => start + unit.repeat(count)),
);
const count = fc.oneof(fc.nat(), fc.constantFrom(-1, 0.5, 1e21, Number.MAX_SAFE_INTEGER));
const time = fc.date({ min: new Date(0), max: new Date(Date.UTC(9999, 11, 31)), noInvalidDate: true });
const optional: { requiredKeys: [] } = { requiredKeys: [] };

const short = fc.string({ unit: fc.constantFrom('a', '"', '\n', '\ud800', '€', '.', '__proto__'), maxLength: 8 });
const claims = fc.dictionary(short, fc.oneof(short, count, fc.boolean(), fc.array(short, { maxLength: 3 })), {
  maxKeys: 4,
  noNullPrototype: true,
});
const traced = fc.oneof(
  fc.constant({}),
  fc.record({ traceId: fc.constant('a1'.repeat(16)) }),
  fc.record({ traceId: fc.constant('b2'.repeat(16)), spanId: fc.constant('c3'.repeat(8)) }),
);
const head = fc
  .tuple(fc.record({ time: time.map((date) => date.toISOString()), requestId: text }), traced)
  .map(([known, trace]) => ({ ...known, ...trace }));
const caller = fc
  .tuple(
    fc.record({
      issuer: text,
      issuerName: text,
      subject: text,
      groups: fc.array(text, { maxLength: 4 }),
      tokenIdHash: text,
    }),
    fc.record({ actor: text, claims }, optional),
    fc.record({ actorIssuer: text, accessKeyId: text, binding: text, edgeRequestId: text }, optional),
    fc.record({ clientAddress: text, operation: fc.constantFrom('GetObject', 'DeleteObjects', 'WhoAmI') }),
  )
  .map(([who, { actor, claims: carried = {} }, { actorIssuer, ...more }, where]) => ({
    ...{ ...who, ...more, ...where },
    ...(Object.keys(carried).length === 0 ? {} : { claims: carried }),
    ...(actor === undefined ? {} : { actor, ...(actorIssuer === undefined ? {} : { actorIssuer }) }),
  }));
const item = fc.record({ item: fc.nat(999) }, optional);
const meant = fc
  .tuple(
    fc.record({ bucket: text, key: text, decision: fc.constantFrom('allow', 'deny') }),
    fc.record({ rule: text, reason: text, policyVersion: text }),
    fc.record({ versionIdAsked: text, filtered: fc.constant(true) }, optional),
  )
  .map(([what, why, which]) => ({ ...what, ...why, ...which }));
const session = fc
  .tuple(fc.record({ role: text, sessionName: text }), fc.record({ storeTokenIdHash: text }, optional))
  .map(([known, token]) => ({ ...known, ...token }));
const ended = fc
  .tuple(
    fc.record({ result: fc.constantFrom('completed', 'denied', 'failed', 'aborted'), status: count }),
    fc.record({ bytesIn: count, bytesOut: count, durationMs: fc.nat(1_000_000) }),
    fc.record({ error: text, upstreamRequestId: text, versionId: text, keyId: text }, optional),
  )
  .map(([how, counts, more]) => ({ ...how, ...counts, ...more }));

const anyEntry = fc
  .oneof(
    fc.tuple(fc.constant({ entry: 'request' }), head, caller, fc.record({ items: fc.nat() })),
    fc.tuple(fc.constant({ entry: 'intent' }), head, caller, item, meant, fc.oneof(session, fc.constant({}))),
    fc.tuple(fc.constant({ entry: 'intent' }), head, item, meant, fc.oneof(session, fc.constant({}))),
    fc.tuple(fc.constant({ entry: 'outcome' }), head, item, ended),
    fc.tuple(fc.constant({ entry: 'denial' }), head, caller, item, meant, ended),
    fc.tuple(fc.constant({ entry: 'denial' }), head, item, meant, ended),
  )
  .map((parts) => Object.assign({}, ...parts) as AuditEntry);
const anyRefusal = fc
  .tuple(
    head,
    fc.record({ clientAddress: text, method: text, status: count, error: text }),
    fc.record({ edgeRequestId: text }, optional),
  )
  .map(([first, more, edge]): AuditRefusal => ({ entry: 'refusal', ...first, ...more, ...edge }));

/** In the order of the schema. */
const LONGEST: Readonly<Record<string, number>> = {
  ...{
    requestId: 64,
    issuer: 512,
    issuerName: 256,
    subject: 512,
    actor: 512,
    actorIssuer: 512,
    tokenIdHash: 64,
    accessKeyId: 64,
  },
  ...{ binding: 64, clientAddress: 64, edgeRequestId: 64, bucket: 255, key: 1024, rule: 1024, reason: 512 },
  ...{ policyVersion: 128, role: 2048, sessionName: 64, storeTokenIdHash: 64, method: 16, error: 64 },
  ...{ upstreamRequestId: 256, versionId: 1024, versionIdAsked: 1024, keyId: 256 },
};
const ORDER = [
  ...[
    'v',
    'entry',
    'time',
    'requestId',
    'traceId',
    'spanId',
    'issuer',
    'issuerName',
    'subject',
    'groups',
    'claims',
    'actor',
  ],
  ...[
    'actorIssuer',
    'tokenIdHash',
    'accessKeyId',
    'binding',
    'clientAddress',
    'edgeRequestId',
    'operation',
    'items',
    'item',
    'versionIdAsked',
  ],
  ...[
    'bucket',
    'key',
    'decision',
    'rule',
    'reason',
    'policyVersion',
    'filtered',
    'role',
    'sessionName',
    'storeTokenIdHash',
  ],
  ...['result', 'method', 'status', 'bytesIn', 'bytesOut', 'durationMs', 'error', 'upstreamRequestId', 'versionId'],
  ...['keyId'],
];

/** The line as the schema has it: the fields in their order through `JSON.stringify`, long texts cut between characters. */
function expected(entry: AuditEntry | AuditRefusal): string {
  const isOfBatch = entry.entry === 'request' || (/intent|denial/.test(entry.entry) && !('subject' in entry));
  const fields: Readonly<Record<string, unknown>> = { v: isOfBatch ? 2 : 1, ...entry };
  const line: Record<string, unknown> = {};
  const clipped: string[] = [];
  for (const name of ORDER) {
    const value = fields[name];
    if (name === 'groups' && Array.isArray(value)) {
      line[name] = (value as string[]).map((group) => cut(group, 256));
      if ((value as string[]).some((group) => cut(group, 256) !== group)) clipped.push(name);
    } else if (typeof value === 'string' && name in LONGEST) {
      line[name] = cut(value, LONGEST[name] ?? 0);
      if (line[name] !== value) clipped.push(name);
    } else if (value !== undefined) line[name] = value;
  }
  if (clipped.length > 0) line['clipped'] = clipped;
  return `${JSON.stringify(line)}\n`;
}

/** Cuts as what reads UTF-8 would; what fits stays as it is, halves of characters among it. */
function cut(value: string, maxBytes: number): string {
  if (Buffer.byteLength(value) <= maxBytes) return value;
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.from(value).subarray(0, maxBytes), {
    stream: true,
  });
}
