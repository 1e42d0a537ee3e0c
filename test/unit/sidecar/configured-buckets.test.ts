import assert from 'node:assert/strict';
import type { Access } from '../../../src/contracts/authorizer.ts';
import type { Principal } from '../../../src/contracts/principal.ts';
import { granted } from '../../../src/credentials/granted.ts';
import { VERBS } from '../../../src/s3/operations/verb.ts';
import { createConfiguredBuckets } from '../../../src/sidecar/configured-buckets.ts';

const workload: Principal = {
  issuerName: 'sidecar',
  issuer: 'urn:sallyport:sidecar',
  subject: 'workload',
  groups: [],
  claims: {},
  tokenIdHash: '',
  expiresAtMs: Infinity,
};
const authorizer = createConfiguredBuckets(['ledger']);

const accesses = (bucket: string): Access[] => [
  { kind: 'bucket', bucket },
  ...VERBS.map((verb): Access => {
    if (verb === 'ADMIN') return { kind: 'admin', verb, bucket };
    if (verb === 'LIST' || verb === 'LIST_VERSIONS') return { kind: 'listing', verb, bucket, prefix: '', after: [] };
    return { kind: 'object', verb, bucket, key: 'any' };
  }),
];

describe('the authorizer of a sidecar without policies', () => {
  it('allows everything in the configured buckets', () => {
    for (const access of accesses('ledger')) assert.equal(authorizer.decide(workload, access).effect, 'allow');
  });

  it('denies everything elsewhere', () => {
    for (const bucket of ['other', '', 'Ledger', 'ledger.', 'constructor', '__proto__']) {
      for (const access of accesses(bucket)) assert.equal(authorizer.decide(workload, access).effect, 'deny');
      assert.deepEqual(authorizer.grants(workload, bucket), []);
    }
  });

  it('grants what it allows, so that credentials can be had for it', () => {
    for (const access of accesses('ledger').slice(1)) {
      assert.ok(granted(authorizer.grants(workload, 'ledger'), access));
    }
  });

  it('shows the configured buckets alone', () => {
    assert.deepEqual(authorizer.visibleBuckets(workload, ['a', 'ledger', 'z']), ['ledger']);
  });
});
