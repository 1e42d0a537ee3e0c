/** Plans are kept between requests: attacks that try to get by one a session of something else. The broker and the policies are real. */
import assert from 'node:assert/strict';
import type { AuditIntent } from '../../../src/contracts/audit-sink.ts';
import type { Principal } from '../../../src/contracts/principal.ts';
import type { TemporaryGrant } from '../../../src/contracts/temporary-grants.ts';
import { createStoreSessions } from '../../../src/core/upstream/store-sessions.ts';
import { fixedSource } from '../../../src/credentials/base-credentials.ts';
import { createCredentialBroker } from '../../../src/credentials/broker.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { createAuthorizer } from '../../../src/policy/authorizer.ts';
import type { Verb } from '../../../src/s3/operations/verb.ts';
import { rememberingObserver } from '../credentials/fixture.ts';
import { refuse, startStsDouble, type StsDouble } from '../credentials/sts-double.ts';
import { principalWith, setOf, written } from '../policy/fixture.ts';
import { client, world } from './world.ts';

const allow = (verbs: readonly Verb[], bucket: string, prefix: string) => ({
  ...{ allow: verbs, bucket },
  ...(prefix === '' ? { everything: true } : { prefix }),
});
const reads = (bucket: string, prefix: string) => allow(['GET'], bucket, prefix);
const deletes = (bucket: string, prefix: string) => allow(['GET', 'DELETE'], bucket, prefix);

describe('a kept plan', () => {
  const clock = { now: () => 1000 };
  let sts: StsDouble;
  let broker: ReturnType<typeof createCredentialBroker>;
  beforeEach(async () => {
    sts = await startStsDouble(clock);
    broker = createCredentialBroker({
      stores: [
        {
          ...{ name: 's', endpoint: sts.endpoint, region: 'r', iamEscapes: true, sourceIdentity: false },
          base: fixedSource({ accessKeyId: 'AKIABASE', secretAccessKey: 'secret' }),
          sessionSeconds: 3600,
        },
      ],
      clock,
      observer: rememberingObserver(),
    });
  });
  afterEach(async () => {
    broker.close();
    await sts.close();
  });

  /** A gateway whose policies, caller and revocations a test changes between requests. */
  function gateway(...rules: Parameters<typeof written>[1]) {
    const callers = {
      policies: setOf(written('p', rules)),
      principal: principalWith({ expiresAtMs: 7_200_000 }),
      revoked: new Set<Principal>(),
      grants: [] as readonly TemporaryGrant[],
    };
    const made = world({ principalOf: () => callers.principal });
    const signedBy: string[] = [];
    const sessions = createStoreSessions({
      upstream: {
        send: () =>
          Promise.resolve({
            ...{ status: 204, headers: new Map<string, string>(), body: (async function* () {})() },
            ...{ whole: () => Promise.resolve(Buffer.alloc(0)), discard: () => Promise.resolve() },
          }),
      },
      signer: {
        sign: ({ bucket, method }, { accessKeyId }) => {
          signedBy.push(accessKeyId);
          return { store: bucket.store, origin: bucket.store.endpoint, method, target: '/', headers: {} };
        },
      },
      ...{ broker, clock },
    });
    const run = createPipeline({
      ...made.dependencies,
      ...{ broker, sessions },
      authorizer: createAuthorizer({ current: () => callers.policies }, { of: () => callers.grants }),
      revocations: {
        check: (principal) => {
          if (callers.revoked.has(principal)) throw new GatewayError('RevokedToken');
        },
      },
    });
    /** Its status, and what STS was told of the session that it was done in. */
    const request = async (target: string) => {
      const exchange = client('DELETE', target);
      const before = signedBy.length;
      await run(exchange);
      const session =
        signedBy.length > before ? sts.calls[Number(signedBy.at(-1)?.slice('ASIA'.length)) - 1] : undefined;
      return { status: exchange.status(), policy: session?.get('Policy') ?? '', role: session?.get('RoleArn') };
    };
    const intents = () => made.entries.filter((entry): entry is AuditIntent => entry.entry === 'intent');
    return { callers, request, intents };
  }

  it('is never that of policies from before a reload: neither wider, nor narrower when they come back', async () => {
    const { callers, request } = gateway(deletes('box', ''));
    const wide = await request('/box/a/k');
    assert.ok(wide.policy.includes('"arn:aws:s3:::box/*"'));
    for (const prefix of ['a/', '', 'a/']) {
      callers.policies = setOf(written('p', [deletes('box', prefix)]));
      const { status, policy } = await request('/box/a/k');
      assert.deepEqual([status, policy.includes(`"arn:aws:s3:::box/${prefix}*"`)], [204, true], policy);
      assert.equal((await request('/box/b/k')).status, prefix === '' ? 204 : 403);
    }
    callers.policies = setOf(written('p', [reads('box', '')]));
    assert.deepEqual(await request('/box/a/k'), { status: 403, policy: '', role: undefined });
  });

  it('is never that of a grant which is over, nor without one which is in force', async () => {
    const { callers, request, intents } = gateway(deletes('box', 'a/'));
    const given = { bucket: 'box', verbs: ['DELETE'], reason: 'INC-1' } as const;
    const alone = await request('/box/a/k');
    assert.ok(!alone.policy.includes('box/b/'));
    callers.grants = [{ ...given, id: 'g1', scope: { prefix: 'b/' } }];
    const both = await request('/box/b/k');
    assert.deepEqual([both.status, both.policy.includes('"arn:aws:s3:::box/b/*"')], [204, true]);
    assert.deepEqual([intents().at(-1)?.rule, intents().at(-1)?.reason], ['grant/g1', 'INC-1']);
    // Another one in its place, as narrow as it says.
    callers.grants = [{ ...given, id: 'g2', scope: { key: 'c/k' } }];
    assert.equal((await request('/box/b/k')).status, 403);
    const other = await request('/box/c/k');
    assert.deepEqual(
      [other.status, other.policy.includes('box/b/'), other.policy.includes('"arn:aws:s3:::box/c/k"')],
      [204, false, true],
    );
    assert.equal((await request('/box/c/k2')).status, 403);
    callers.grants = [];
    for (const target of ['/box/b/k', '/box/c/k']) {
      assert.deepEqual(await request(target), { status: 403, policy: '', role: undefined });
    }
    // Back to the session of before: nothing of the grants is in it, and STS is not asked again.
    const calls = sts.calls.length;
    assert.equal((await request('/box/a/k')).policy, alone.policy);
    assert.equal(sts.calls.length, calls);
  });

  it('is never that of another bucket, of other grants there, or of another role', async () => {
    const { request, intents } = gateway(deletes('box', 'a/'), deletes('chest', 'b/'), deletes('far', 'a/'));
    const targets = ['/box/a/k', '/far/a/k', '/box/a/k', '/chest/b/k', '/box/a/k'];
    for (const target of targets) {
      const { status, policy, role } = await request(target);
      assert.equal(status, 204, target);
      const [, bucket = '', prefix = ''] = target.split('/');
      // `far` is the same bucket of the store as `box`, with the same grants, by another role.
      const arn = `arn:aws:s3:::${bucket === 'chest' ? 'stored-chest' : 'box'}`;
      assert.ok(policy.includes(`"${arn}/${prefix}/*"`), policy);
      assert.deepEqual(
        policy.match(/arn:aws:s3:::[\w-]+/g)?.filter((one) => one !== arn),
        [],
      );
      assert.equal(role, bucket === 'far' ? 'arn:aws:iam:::role/other' : 'arn:aws:iam:::role/r');
      assert.equal(intents().at(-1)?.role, role);
    }
    for (const target of ['/box/b/k', '/chest/a/k', '/far/b/k']) assert.equal((await request(target)).status, 403);
    assert.equal(sts.calls.length, 3);
  });

  it('lasts as long as its own token, whatever another token of the subject has kept', async () => {
    const { callers, request, intents } = gateway(deletes('box', ''));
    const [long, over] = [callers.principal, principalWith({ tokenIdHash: '01', expiresAtMs: clock.now() })];
    assert.equal((await request('/box/k')).status, 204);
    callers.principal = over;
    assert.equal((await request('/box/k')).status, 401);
    callers.principal = long;
    assert.equal((await request('/box/k')).status, 204);
    assert.equal(sts.calls.length, 1);
    assert.deepEqual(
      intents().map(({ tokenIdHash }) => tokenIdHash),
      ['00', '01', '00'],
    );
  });

  it('is of no use to a token that was revoked since', async () => {
    const { callers, request, intents } = gateway(deletes('box', ''));
    assert.equal((await request('/box/k')).status, 204);
    callers.revoked.add(callers.principal);
    assert.deepEqual(await request('/box/k'), { status: 401, policy: '', role: undefined });
    assert.equal(intents().length, 1);
  });

  it('holds nothing of a request: where its policy is refused, each is narrowed to its own accesses', async () => {
    const { request } = gateway(deletes('box', ''));
    const give = sts.answer;
    sts.answer = (response, form) => {
      const isWide = form.get('Policy')?.includes('/*') === true;
      (isWide ? refuse(400, 'PackedPolicyTooLarge') : give)(response, form);
    };
    const served = await Promise.all(['/box/a', '/box/b'].map(async (target) => request(target)));
    for (const { status } of served) assert.equal(status, 204);
    const exact = sts.calls.flatMap((form) => form.get('Policy')?.match(/arn:aws:s3:::box\/\w+(?=")/g) ?? []);
    assert.deepEqual(exact.toSorted(), ['arn:aws:s3:::box/a', 'arn:aws:s3:::box/b']);
  });
});
