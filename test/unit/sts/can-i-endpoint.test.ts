import assert from 'node:assert/strict';
import aws4 from 'aws4';
import { createAuthorizer } from '../../../src/policy/authorizer.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { setOf } from '../policy/fixture.ts';
import { NOW_MS, PRINCIPAL, startWorld, TOKEN, type Behaviour, type World } from './fixture.ts';

const OWNER = 'storage@example.com';
const SET = setOf(
  {
    ...{ id: 'team', description: 'Of the tests.', owner: OWNER, subjects: [{ issuer: 'test', group: 'team' }] },
    rules: [
      { id: 'work', allow: ['GET', 'PUT', 'LIST'], bucket: 'reports', prefix: '2026/' },
      { id: 'parts', allow: ['LIST'], bucket: 'people', prefix: 'a/', listing: 'filtered' },
      { id: 'kept', deny: ['DELETE'], bucket: 'reports', everything: true, reason: 'Reports are kept.' },
      { id: 'small', allow: ['PUT'], bucket: 'uploads', prefix: 'in/', when: { size: { max: 10 }, createOnly: true } },
      { id: 'session', allow: ['PUT'], bucket: 'uploads', prefix: 'session/', when: { wayIn: ['session'] } },
      { id: 'no-scripts', deny: ['PUT'], bucket: 'uploads', prefix: 'in/', when: { contentTypes: ['text/html'] } },
      { id: 'dot', allow: ['GET'], bucket: 'reports', prefix: '.sallyport/' },
      { id: 'admin', allow: ['ADMIN'], bucket: 'own', everything: true },
    ],
  },
  {
    ...{ id: 'secret', description: 'Of others.', subjects: [{ issuer: 'test', group: 'board' }] },
    rules: [{ id: 'board', allow: ['GET'], bucket: 'reports', prefix: 'board/' }],
  },
);

describe('the endpoint that says whether somebody may do something', () => {
  let world: World;
  afterEach(() => world.close());
  const start = async (behaviour: Behaviour = {}): Promise<void> => {
    world = await startWorld({ authorizer: createAuthorizer({ current: () => SET }), ...behaviour });
  };
  const bearer = { authorization: `Bearer ${TOKEN}` };
  const get = (query: string, headers: Record<string, string> = bearer) =>
    world.agent.get(`/-/can-i?${query}`).set(headers);
  const ask = async (verb: string, resource: string, more = '') => {
    const answer = await get(`verb=${verb}&resource=${encodeURIComponent(resource)}${more}`);
    assert.equal(answer.status, 200, answer.text);
    return JSON.parse(answer.text) as Record<string, unknown>;
  };

  it('tells what policy decides, by which rule, why, whom to ask and where one may instead', async () => {
    await start();
    assert.deepEqual(await ask('PUT', 's3://reports/2026/q3.csv'), {
      ...{ decision: 'allow', verb: 'PUT', bucket: 'reports', key: '2026/q3.csv', rule: 'team/work' },
      ...{ reason: 'Rule team/work allows GET, PUT and LIST on everything in reports under 2026/.', owner: OWNER },
      policyVersion: SET.version,
    });
    const denied = await ask('GET', 's3://reports/2025/q3.csv');
    assert.deepEqual(
      [denied['decision'], denied['rule'], denied['owner'], denied['unknown']],
      ['deny', 'default-deny', OWNER, []],
    );
    assert.match(String(denied['instead']), /nearest prefix of yours for GET: .*2026\//);
    const kept = await ask('DELETE', 's3://reports/2026/q3.csv');
    assert.deepEqual([kept['decision'], kept['rule'], kept['reason']], ['deny', 'team/kept', 'Reports are kept.']);
    assert.equal((await ask('LIST', 's3://people/'))['decision'], 'filtered');
    assert.equal((await ask('LIST', 's3://reports/2026/'))['decision'], 'allow');
    assert.equal((await ask('ADMIN', 's3://own'))['decision'], 'allow');
    assert.equal((await ask('ADMIN', 's3://reports/'))['decision'], 'deny');
  });

  it('takes what would be stored as it is said, and names what a denial rests on that is not', async () => {
    await start();
    const put = async (more: string) => {
      const { decision, rule, unknown } = await ask('PUT', 's3://uploads/in/a', more);
      return [decision, rule, unknown];
    };
    const whole = '&size=10&contentType=image%2Fpng&tags=&createOnly=true';
    assert.deepEqual(await put(whole), ['allow', 'team/small', undefined]);
    assert.deepEqual(await put(whole.replace('10', '11')), ['deny', 'default-deny', []]);
    assert.deepEqual(await put(whole.replace('image', 'text').replace('png', 'html')), ['deny', 'team/no-scripts', []]);
    assert.deepEqual(await put('&size=10&createOnly=true'), ['deny', 'team/no-scripts', ['contentTypes']]);
    const [decision, , unknown] = await put('');
    assert.equal(decision, 'deny');
    assert.deepEqual(new Set(unknown as string[]), new Set(['contentTypes', 'size', 'createOnly']));
    assert.deepEqual(await put('&size=11'), ['deny', 'team/no-scripts', []]);
    // A PUT with tags needs the verb of tags as well, whatever else is not known.
    const tagged = await put('&size=10&contentType=image%2Fpng&tags=a%3D1');
    assert.deepEqual(tagged, ['deny', 'default-deny', []]);
  });

  it('knows how it is asked, and from where', async () => {
    await start();
    const denied = await ask('PUT', 's3://uploads/session/a');
    assert.deepEqual([denied['decision'], denied['unknown']], ['deny', []]);
    assert.match(String(denied['reason']), /`wayIn` is not met \(it is "bearer"\)/);
  });

  it('takes the signature of a session for what it is, and for this question alone', async () => {
    await start();
    const issued = await world.agent.get('/-/credentials').set(bearer);
    const keys = JSON.parse(issued.text) as Record<'AccessKeyId' | 'SecretAccessKey' | 'Token', string>;
    const query = `resource=${encodeURIComponent('s3://uploads/session/a b')}&verb=PUT`;
    const { headers = {} } = aws4.sign(
      {
        ...{ service: 's3', host: `127.0.0.1:${world.port()}`, region: 'us-east-1', method: 'GET' },
        path: `/-/can-i?${query}`,
        headers: { 'X-Amz-Date': new Date(NOW_MS).toISOString().replace(/[-:]|\.\d{3}/g, '') },
      },
      { accessKeyId: keys.AccessKeyId, secretAccessKey: keys.SecretAccessKey, sessionToken: keys.Token },
    );
    const signed = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    const answer = await get(query, signed);
    assert.equal(answer.status, 200, answer.text);
    assert.equal((JSON.parse(answer.text) as { rule: string }).rule, 'team/session');
    assert.equal((await get(query.replace('PUT', 'GET'), signed)).status, 403);
  });

  it('decides on keys as they are: dots, slashes and escapes mean nothing', async () => {
    await start();
    assert.equal((await ask('GET', 's3://reports/2026/../2025/q3.csv'))['rule'], 'team/work');
    for (const key of ['2025/../2026/q3.csv', '/2026/q3.csv', '2026%2Fq3.csv', '2026', '2026/ü'.normalize('NFD')]) {
      const answer = await ask('GET', `s3://reports/${key}`);
      assert.equal(answer['key'], key);
      assert.equal(answer['decision'], key.startsWith('2026/') ? 'allow' : 'deny', key);
    }
    assert.equal((await ask('GET', 's3://reports/.sallyport/x'))['rule'], 'reserved-keys');
  });

  it('tells nothing of what others may: neither rules nor buckets, and of nobody else than the bearer', async () => {
    await start();
    for (const resource of ['s3://reports/board/plan', 's3://no-such-bucket/board/plan']) {
      const answer = await ask('GET', resource);
      assert.deepEqual([answer['decision'], answer['rule']], ['deny', 'default-deny']);
      assert.ok(!JSON.stringify(answer).includes('secret'));
    }
    for (const more of ['as=bob', 'subject=bob', 'groups=board', 'claims={}', 'Verb=GET']) {
      assert.equal((await get(`verb=GET&resource=s3://reports/board/plan&${more}`)).status, 400, more);
    }
    await world.close();
    await start({ principal: { groups: ['board'] } });
    assert.equal((await ask('GET', 's3://reports/board/plan'))['rule'], 'secret/board');
  });

  it('is on record as a decision and nothing more, also of what is denied', async () => {
    await start();
    await ask('PUT', 's3://reports/2026/q3.csv', '&size=5');
    await ask('DELETE', 's3://reports/2026/q3.csv');
    const shown = world.entries.map(({ entry, ...rest }) => {
      const { operation, dryRun, verb, bucket, key, decision, rule, subject, result } = rest as Record<string, unknown>;
      return [entry, operation, dryRun, verb, bucket, key, decision, rule, subject, result];
    });
    assert.deepEqual(shown, [
      ['intent', 'CanI', true, 'PUT', 'reports', '2026/q3.csv', 'allow', 'team/work', PRINCIPAL.subject, undefined],
      ['outcome', undefined, true, undefined, undefined, undefined, undefined, undefined, undefined, 'completed'],
      ['denial', 'CanI', true, 'DELETE', 'reports', '2026/q3.csv', 'deny', 'team/kept', PRINCIPAL.subject, 'denied'],
    ]);
    assert.deepEqual(world.toS3, []);
  });

  it('refuses whoever it does not know, and keeps them out of the audit', async () => {
    await start();
    const query = 'verb=GET&resource=s3://reports/2026/a';
    for (const [headers, status] of [
      [{}, 401],
      [{ authorization: 'Bearer other.token.here' }, 401],
      [{ authorization: `Basic ${TOKEN}` }, 401],
      [{ authorization: 'AWS4-HMAC-SHA256 Credential=x' }, 400],
    ] as const) {
      const answer = await get(query, headers);
      assert.equal(answer.status, status);
      assert.deepEqual(Object.keys(JSON.parse(answer.text) as object), ['code', 'message']);
    }
    assert.equal((await get(`${query}&X-Amz-Signature=0`, {})).status, 401);
    assert.equal((await get(`${query}&token=${TOKEN}`, {})).status, 401);
    assert.equal(world.entries.length, 0);
  });

  it('refuses the revoked, and who asks too much at once', async () => {
    await start({
      check: () => {
        throw new GatewayError('RevokedToken');
      },
    });
    assert.equal((await get('verb=GET&resource=s3://reports/2026/a')).status, 401);
  });

  it('refuses what could be read in two ways, or is no question', async () => {
    await start();
    const resource = 'resource=s3://reports/2026/a';
    for (const query of [
      ...['', 'verb=GET', resource, `verb=get&${resource}`, `verb=&${resource}`, `verb=read&${resource}`],
      ...[
        `verb=GET&verb=PUT&${resource}`,
        `verb=GET&${resource}&${resource}`,
        `verb=GET&${resource}&`,
        `verb&${resource}`,
      ],
      ...[
        `verb=%47ET&${resource}&%76erb=PUT`,
        `verb=GET&${resource}%ff`,
        `verb=GET&${resource}%`,
        `verb=GET&${resource}+b`,
      ],
      ...[
        `verb=GET&${resource}%00`,
        `verb=GET&${resource}%ed%a0%80`,
        `verb=GET&resource=s3://reports/${'a'.repeat(1025)}`,
      ],
      `verb=GET&resource=s3://reports/${'%C3%BC'.repeat(513)}`,
      `verb=GET&${resource}&${'x'.repeat(9000)}`,
      ...[
        's3://reports',
        's3://reports/',
        's3:///a',
        'reports/a',
        's3://Reports/a',
        'https://reports/a',
        's3://../a',
      ].map((odd) => `verb=GET&resource=${odd}`),
      ...['s3://rep*rts/a', 's3://reports?x/a', 'arn:aws:s3:::reports/a'].map((odd) => `verb=GET&resource=${odd}`),
      ...[
        'size=-1',
        'size=1e3',
        'size=',
        'size=9999999999999999',
        'createOnly=1',
        'createOnly=',
        'tags=a%3D1%26a%3D2',
      ].map((odd) => `verb=PUT&${resource}&${odd}`),
      `verb=PUT&${resource}&tags=${Array.from({ length: 11 }, (_, each) => `${each}%3D1`).join('%26')}`,
      `verb=GET&${resource}&size=1`,
      `verb=ADMIN&${resource}`,
    ]) {
      assert.equal((await get(query)).status, 400, query.slice(0, 100));
    }
    assert.equal((await world.agent.get('/-/can-i').set(bearer)).status, 400);
    assert.equal((await get(`verb=GET&${resource}`).send('body')).status, 400);
    assert.equal(world.entries.length, 0);
    for (const path of ['/-/can-i/', '/-/Can-I', '/-/can-i%3Fverb=GET']) {
      assert.equal((await world.agent.get(path).set(bearer)).status, 404, path);
    }
    assert.equal((await world.agent.post(`/-/can-i?verb=GET&${resource}`).set(bearer)).status, 404);
  });

  it('says nothing that cannot be recorded', async () => {
    await start({ record: () => Promise.reject(new GatewayError('AuditUnavailable')) });
    for (const verb of ['GET', 'DELETE']) {
      const answer = await get(`verb=${verb}&resource=s3://reports/2026/a`);
      assert.equal(answer.status, 503);
      assert.ok(!answer.text.includes('team'));
    }
  });
});
