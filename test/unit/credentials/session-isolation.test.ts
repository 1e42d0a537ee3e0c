import assert from 'node:assert/strict';
import type { Grant } from '../../../src/contracts/authorizer.ts';
import type { Bucket } from '../../../src/contracts/bucket.ts';
import type { StoreCredentials } from '../../../src/contracts/credential-broker.ts';
import type { Principal } from '../../../src/contracts/principal.ts';
import { fixedSource } from '../../../src/credentials/base-credentials.ts';
import { createCredentialBroker } from '../../../src/credentials/broker.ts';
import { allow, bucket, deny, object, principal, rememberingObserver, scope } from './fixture.ts';
import { startStsDouble, type StsDouble } from './sts-double.ts';

const BASE = allow(['GET', 'PUT'], { prefix: '2026/' });

interface Caller {
  readonly caller?: Partial<Principal>;
  readonly at?: Partial<Bucket>;
  readonly grants?: readonly Grant[];
}

/** Each differs from all others in one thing that may give, or may come to give, other rights. */
const CALLERS: Readonly<Record<string, Caller>> = {
  alice: {},
  bob: { caller: { subject: 'bob' } },
  'an alice of another issuer': { caller: { issuer: 'https://other.example' } },
  'a subject that takes in the end of the issuer': { caller: { issuer: 'https://idp.exampl', subject: 'ealice' } },
  'alice in no group': { caller: { groups: [] } },
  'alice in two groups': { caller: { groups: ['analytics', 'admins'] } },
  'alice in one group with the names of two': { caller: { groups: ['analytics,admins'] } },
  'alice in another group': { caller: { groups: ['admins'] } },
  'alice of another department': { caller: { claims: { department: 'sales' } } },
  'alice of two departments': { caller: { claims: { department: ['sales'] } } },
  'alice through an agent': { caller: { actor: { subject: 'agent' } } },
  'alice through another agent': { caller: { actor: { subject: 'other-agent' } } },
  'alice through an agent of another issuer': { caller: { actor: { issuer: 'https://a.example', subject: 'agent' } } },
  'the agent itself': { caller: { subject: 'agent' } },
  'alice bound to a policy': { caller: { binding: 'analytics' } },
  'alice bound to another policy': { caller: { binding: 'admins' } },
  'alice bound to a policy without a name': { caller: { binding: '' } },
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

  const credentialsOf = async ({ caller = {}, at = {}, grants = [BASE] }: Caller): Promise<StoreCredentials> =>
    broker.credentials(broker.plan(principal(caller), [scope(bucket(at), grants, object('GET', '2026/q3.csv'))]));

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
    const callers = Object.entries(CALLERS);
    const first = await Promise.all(callers.map(async ([, caller]) => credentialsOf(caller)));
    const again = await Promise.all(callers.map(async ([, caller]) => credentialsOf(caller)));
    for (const [at, [one]] of callers.entries()) {
      assert.equal(again[at], first[at], `${one} is served from the cache`);
      for (const [other, [name]] of callers.entries()) {
        if (at !== other) assert.notEqual(first[at]?.accessKeyId, first[other]?.accessKeyId, `${one} and ${name}`);
      }
    }
    assert.equal(sts.calls.length, callers.length);
  });

  it('shares a session between two tokens of one identity, in whatever order these name the groups', async () => {
    const one = await credentialsOf({ caller: { groups: ['a', 'b'], tokenIdHash: '1'.repeat(32) } });
    assert.equal(await credentialsOf({ caller: { groups: ['b', 'a'], tokenIdHash: '2'.repeat(32) } }), one);
    assert.equal(sts.calls.length, 1);
  });

  it('names the sessions of an identity and of its agents differently at the store', async () => {
    await credentialsOf({});
    await credentialsOf({ caller: { actor: { subject: 'agent' } } });
    const names = sts.calls.map((form) => form.get('RoleSessionName'));
    assert.equal(new Set(names).size, 2);
    for (const name of names) assert.match(String(name), /^alice-/);
  });
});
