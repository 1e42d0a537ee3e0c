import assert from 'node:assert/strict';
import aws4 from 'aws4';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { NOW_MS, PRINCIPAL, startWorld, TOKEN, type Behaviour, type World } from './fixture.ts';

describe('the endpoint that says who somebody is', () => {
  let world: World;
  afterEach(() => world.close());
  const start = async (behaviour?: Behaviour): Promise<void> => {
    world = await startWorld(behaviour);
  };
  const get = (headers: Record<string, string>, target = '/-/whoami') => world.agent.get(target).set(headers);
  const bearer = { authorization: `Bearer ${TOKEN}` };
  const codeOf = (answer: { text: string }) => (JSON.parse(answer.text) as { code: string }).code;
  const signed = async (changes: Record<string, string> = {}): Promise<Record<string, string>> => {
    const issued = await world.agent.get('/-/credentials?role=analytics').set(bearer);
    const keys = JSON.parse(issued.text) as Record<string, string>;
    world.entries.length = 0;
    const { headers } = aws4.sign(
      {
        service: 's3',
        host: `127.0.0.1:${world.port()}`,
        region: 'us-east-1',
        method: 'GET',
        path: '/-/whoami',
        headers: { 'X-Amz-Date': new Date(NOW_MS).toISOString().replace(/[-:]|\.\d{3}/g, ''), ...changes },
      },
      {
        accessKeyId: keys['AccessKeyId']!,
        secretAccessKey: keys['SecretAccessKey']!,
        sessionToken: keys['Token']!,
      },
    );
    return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]));
  };

  it('tells a bearer who it is, until when, and what policy gives it', async () => {
    await start({ principal: { actor: { subject: 'agent' } } });
    const answer = await get(bearer);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(JSON.parse(answer.text), {
      subject: PRINCIPAL.subject,
      issuer: PRINCIPAL.issuer,
      issuerName: 'test',
      groups: ['team'],
      actor: { subject: 'agent' },
      expiresAt: '2026-01-02T05:04:05Z',
      role: 'sallyport',
      roles: ['sallyport', 'analytics', 'reports'],
      buckets: [{ name: 'reports', grants: [{ effect: 'allow', verbs: ['GET', 'LIST'], prefix: '2026/' }] }],
      policyVersion: 'v1',
      clientAddress: '127.0.0.1',
    });
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.match(String(answer.headers['content-type']), /^application\/json/);
  });

  it('tells a session that it is bound to its role', async () => {
    await start();
    const answer = await get(await signed());
    assert.equal(answer.status, 200, answer.text);
    const { subject, role, roles, accessKeyId } = JSON.parse(answer.text) as Record<string, unknown>;
    assert.deepEqual([subject, role, roles], [PRINCIPAL.subject, 'analytics', ['analytics']]);
    assert.match(String(accessKeyId), /^SPLY/);
  });

  it('is on record, with its intent before its answer', async () => {
    await start();
    await get(bearer);
    assert.deepEqual(
      world.entries.map((entry) => [entry.entry, entry.entry === 'intent' && [entry.operation, entry.rule]]),
      [
        ['intent', ['WhoAmI', 'own-identity']],
        ['outcome', false],
      ],
    );
  });

  it('tells nobody anything whom it does not know, and keeps them out of the audit', async () => {
    await start();
    for (const [headers, status, code] of [
      [{}, 401, 'AccessDenied'],
      [{ authorization: 'Bearer other.token.here' }, 401, 'InvalidToken'],
      [{ authorization: 'Bearer' }, 401, 'InvalidToken'],
      [{ authorization: `Basic ${TOKEN}` }, 401, 'AccessDenied'],
      [{ authorization: 'AWS4-HMAC-SHA256 Credential=x' }, 400, 'AuthorizationHeaderMalformed'],
    ] as const) {
      const answer = await get(headers);
      assert.deepEqual([answer.status, codeOf(answer)], [status, code]);
      assert.deepEqual(Object.keys(JSON.parse(answer.text) as object), ['code', 'message']);
    }
    assert.equal(world.entries.length, 0);
    assert.equal(world.refusals.length, 5);
  });

  it('refuses a signature that was made for something else', async () => {
    await start();
    const right = await signed();
    const authorization = right['Authorization'] ?? '';
    for (const headers of [
      { ...right, Authorization: authorization.replace(/.$/, (last) => (last === '0' ? '1' : '0')) },
      { ...right, 'X-Amz-Date': '20260102T030406Z' },
      await signed({ 'X-Amz-Content-Sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' }),
      await signed({ 'X-Amz-Content-Sha256': 'a'.repeat(64) }),
    ]) {
      const answer = await get(headers);
      assert([400, 403].includes(answer.status), `${answer.status} ${answer.text}`);
    }
    assert.equal(world.entries.length, 0);
  });

  it('takes no query, neither a token nor a presigned signature, and no body', async () => {
    await start();
    for (const target of [`/-/whoami?token=${TOKEN}`, '/-/whoami?X-Amz-Signature=0']) {
      assert.equal((await get(bearer, target)).status, 400, target);
    }
    assert.equal((await world.agent.get('/-/whoami').set(bearer).send('body')).status, 400);
    assert.equal(world.entries.length, 0);
  });

  it('answers to no other method and under no other name', async () => {
    await start();
    assert.equal((await world.agent.post('/-/whoami').set(bearer)).status, 404);
    assert.equal((await get(bearer, '/-/whoami/')).status, 404);
    assert.equal((await get(bearer, '/-/WhoAmI')).status, 404);
  });

  it('says nothing that cannot be recorded', async () => {
    await start({ record: () => Promise.reject(new GatewayError('AuditUnavailable')) });
    const answer = await get(bearer);
    assert.equal(answer.status, 503);
    assert.equal(answer.text.includes('alice'), false);
  });

  it('works for bearers where no sessions are configured, and says so to those who sign', async () => {
    await start({ sessions: false });
    assert.equal((await get(bearer)).status, 200);
    const answer = await get({ authorization: 'AWS4-HMAC-SHA256 Credential=x' });
    assert.deepEqual([answer.status, codeOf(answer)], [501, 'NotImplemented']);
  });
});
