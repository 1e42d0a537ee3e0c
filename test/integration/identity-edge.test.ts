/** Opaque and delegated tokens of a real provider through HAProxy: what callers see of rights, refusals and a provider that is away. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { target, type Answer } from '../support/client/client.ts';
import { startFront, type Front } from '../support/identity/fault-front.ts';
import { startProvider, type TestProvider } from '../support/identity/issuer.ts';
import { startStack, type Stack } from '../support/stack/stack.ts';

const POLICIES = {
  'team.yaml': `
id: team
description: People of the team work under 2026/.
subjects: [{ issuer: corp, group: analytics }]
rules: [{ id: work, allow: [GET, PUT, LIST], bucket: reports, prefix: 2026/ }]
`,
  'agents.yaml': `
id: agents
description: The report agent reads for people of the team.
subjects: [{ issuer: corp, group: analytics, actor: report-agent }]
rules: [{ id: read, allow: [GET], bucket: reports, prefix: 2026/ }]
`,
};

describe('opaque and delegated tokens, through the edge', function () {
  this.timeout(60_000);
  let folder: string;
  let front: Front;
  let provider: TestProvider;
  let stack: Stack;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-edge-tokens-'));
    front = await startFront({ port: () => provider.port });
    provider = await startProvider(front.url);
    const { id, secret } = provider.introspector;
    for (const [name, text] of Object.entries({ ...POLICIES, 'client-id': id, 'client-secret': secret })) {
      await writeFile(join(folder, name), text, { mode: 0o600 });
    }
    const files = { clientIdFile: join(folder, 'client-id'), clientSecretFile: join(folder, 'client-secret') };
    const audiences = [provider.resource, provider.opaqueResource];
    stack = await startStack('embedded', {
      issuers: {
        corp: { issuer: provider.url, audiences, allowHttp: true, introspection: { ...files, cacheSeconds: 0 } },
      },
      policies: { directory: folder },
      timeouts: { jwksMs: 500, drainDelayMs: 0 },
    });
  });
  after(async () => {
    await stack.stop();
    await Promise.all([provider.stop(), front.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  const send = (token: string, method: string, key: string, body?: string): Promise<Answer> =>
    stack.client.call({ method, target: target('reports', key), token, ...(body !== undefined && { body }) });
  const opaque = async (name: string, agent?: string): Promise<string> =>
    (await provider.logIn(name, provider.opaqueResource, agent)).accessToken;

  it('do what policy gives them, and are on record as whom the provider says', async () => {
    const [own, agent] = [await opaque('petra'), await opaque('petra', 'report-agent')];
    assert.equal((await send(own, 'PUT', '2026/edge', 'hello')).status, 200);
    assert.equal((await send(own, 'GET', '2026/edge')).body.toString(), 'hello');
    assert.equal((await send(agent, 'GET', '2026/edge')).body.toString(), 'hello');
    const refused = [await send(own, 'GET', '2025/edge'), await send(agent, 'PUT', '2026/edge', 'x')];
    for (const { status, code } of refused) assert.deepEqual([status, code], [403, 'AccessDenied']);
    const accesses = (await stack.auditLines()).filter(({ subject }) => subject === 'petra');
    assert.deepEqual([...new Set(accesses.map(({ actor }) => actor))], [undefined, 'report-agent']);
  });

  it('are refused at once when the provider has revoked them, where nothing is kept', async () => {
    const token = await opaque('paul');
    assert.equal((await send(token, 'GET', '2026/edge')).status, 200);
    await provider.revoke(token);
    const refused = await send(token, 'GET', '2026/edge');
    assert.deepEqual([refused.status, refused.code], [401, 'InvalidToken']);
    assert.match(String(refused.headers['www-authenticate']), /^Bearer .*error="invalid_token"/);
  });

  it('are told to come again while the provider is away, and pass when it is back', async () => {
    const token = await opaque('pia');
    await front.refuse();
    const away = await send(token, 'GET', '2026/edge');
    assert.deepEqual([away.status, away.code], [503, 'ServiceUnavailable']);
    assert.ok(Number(away.headers['retry-after']) > 0);
    assert.ok(away.requestId);
    await front.listen();
    assert.equal((await send(token, 'GET', '2026/edge')).status, 200);
  });
});
