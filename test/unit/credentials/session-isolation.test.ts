import assert from 'node:assert/strict';
import type { Grant } from '../../../src/contracts/authorizer.ts';
import type { Bucket } from '../../../src/contracts/bucket.ts';
import type { StoreCredentials } from '../../../src/contracts/credential-broker.ts';
import type { Principal } from '../../../src/contracts/principal.ts';
import { fixedSource } from '../../../src/credentials/base-credentials.ts';
import { createCredentialBroker } from '../../../src/credentials/broker.ts';
import { allow, bucket, deny, object, principal, rememberingObserver, scope } from './given.ts';
import { startStsDouble, type StsDouble } from './sts-double.ts';

const BASE = allow(['GET', 'PUT'], { prefix: '2026/' });

interface Asking {
  readonly who?: Partial<Principal>;
  readonly at?: Partial<Bucket>;
  readonly grants?: readonly Grant[];
}

/** Each differs from all others in one thing that may give, or may come to give, other rights. */
const ASKING: Readonly<Record<string, Asking>> = {
  alice: {},
  bob: { who: { subject: 'bob' } },
  'an alice of another issuer': { who: { issuer: 'https://other.example' } },
  'a subject that takes in the end of the issuer': { who: { issuer: 'https://idp.exampl', subject: 'ealice' } },
  'alice in no group': { who: { groups: [] } },
  'alice in two groups': { who: { groups: ['analytics', 'admins'] } },
  'alice in one group with the names of two': { who: { groups: ['analytics,admins'] } },
  'alice in another group': { who: { groups: ['admins'] } },
  'alice of another department': { who: { claims: { department: 'sales' } } },
  'alice of two departments': { who: { claims: { department: ['sales'] } } },
  'alice through an agent': { who: { actor: { subject: 'agent' } } },
  'alice through another agent': { who: { actor: { subject: 'other-agent' } } },
  'alice through an agent of another issuer': { who: { actor: { issuer: 'https://a.example', subject: 'agent' } } },
  'the agent itself': { who: { subject: 'agent' } },
  'alice bound to a policy': { who: { binding: 'analytics' } },
  'alice bound to another policy': { who: { binding: 'admins' } },
  'alice bound to a policy without a name': { who: { binding: '' } },
  'another role': { at: { roleArn: 'arn:aws:iam::123456789012:role/other' } },
  'the role in another partition': { at: { roleArn: 'arn:aws-cn:iam::123456789012:role/sallyport' } },
  'another bucket': { at: { name: 'artifacts', storeBucket: 'artifacts' } },
  'another store': { at: { store: { name: 'other', endpoint: 'http://127.0.0.1:1', region: 'us-east-1' } } },
  'a version of the policy with fewer verbs': { grants: [allow(['GET'], { prefix: '2026/' })] },
  'a version of the policy with another prefix': { grants: [allow(['GET', 'PUT'], { prefix: '20' })] },
  'a version of the policy with a deny': { grants: [BASE, deny(['GET'], { prefix: '2026/secret/' })] },
};

describe('the cache of sessions', () => {
  let sts: StsDouble;
  let broker: ReturnType<typeof createCredentialBroker>;

  const ask = async ({ who = {}, at = {}, grants = [BASE] }: Asking): Promise<StoreCredentials> =>
    broker.credentials(broker.plan(principal(who), [scope(bucket(at), grants, object('GET', '2026/q3.csv'))]));

  beforeEach(async () => {
    const clock = { now: () => Date.now() };
    sts = await startStsDouble(clock);
    broker = createCredentialBroker({
      stores: ['main', 'other'].map((name) => ({
        ...{ name, endpoint: sts.endpoint, region: 'us-east-1', iamEscapes: true },
        base: fixedSource({ accessKeyId: 'AKIABASE', secretAccessKey: 'secret' }),
        sourceIdentity: false,
        sessionSeconds: 3600,
        sessionTags: { dept: 'department' },
      })),
      clock,
      observer: rememberingObserver(),
    });
  });
  afterEach(async () => {
    broker.close();
    await sts.close();
  });

  it('serves nobody what was got for another: all pairs of askers, at once and again afterwards', async () => {
    const askers = Object.entries(ASKING);
    const first = await Promise.all(askers.map(async ([, asking]) => ask(asking)));
    const again = await Promise.all(askers.map(async ([, asking]) => ask(asking)));
    for (const [at, [one]] of askers.entries()) {
      assert.equal(again[at], first[at], `${one} is served from the cache`);
      for (const [other, [name]] of askers.entries()) {
        if (at !== other) assert.notEqual(first[at]?.accessKeyId, first[other]?.accessKeyId, `${one} and ${name}`);
      }
    }
    assert.equal(sts.calls.length, askers.length);
  });

  it('shares a session between two tokens of one identity, in whatever order these name the groups', async () => {
    const one = await ask({ who: { groups: ['a', 'b'], tokenIdHash: '1'.repeat(32) } });
    assert.equal(await ask({ who: { groups: ['b', 'a'], tokenIdHash: '2'.repeat(32) } }), one);
    assert.equal(sts.calls.length, 1);
  });

  it('names the sessions of an identity and of its agents differently at the store', async () => {
    await ask({});
    await ask({ who: { actor: { subject: 'agent' } } });
    const names = sts.calls.map((form) => form.get('RoleSessionName'));
    assert.equal(new Set(names).size, 2);
    for (const name of names) assert.match(String(name), /^alice-/);
  });
});
