/** What the tests of this room are about: alice, a bucket, her grants, and observers that remember. */
import type { Access, Grant } from '../../../src/contracts/authorizer.ts';
import type { Bucket } from '../../../src/contracts/bucket.ts';
import type { AccessScope } from '../../../src/contracts/credential-broker.ts';
import type { Observer } from '../../../src/contracts/observer.ts';
import type { Principal } from '../../../src/contracts/principal.ts';

export const principal = (changes: Partial<Principal> = {}): Principal => ({
  issuerName: 'demo',
  issuer: 'https://idp.example',
  subject: 'alice',
  groups: ['analytics'],
  claims: {},
  tokenIdHash: '0'.repeat(32),
  expiresAtMs: Date.now() + 8 * 3_600_000,
  ...changes,
});

export const bucket = (changes: Partial<Bucket> = {}): Bucket => ({
  name: 'reports',
  id: 'reports',
  store: { name: 'main', endpoint: 'http://127.0.0.1:1', region: 'us-east-1' },
  storeBucket: 'reports',
  style: 'path',
  roleArn: 'arn:aws:iam::123456789012:role/sallyport',
  encryption: 'required',
  prefixes: [],
  ...changes,
});

export const allow = (verbs: Grant['verbs'], scope: Grant['scope']): Grant => ({ effect: 'allow', verbs, scope });
export const deny = (verbs: Grant['verbs'], scope: Grant['scope']): Grant => ({ effect: 'deny', verbs, scope });

export const object = (verb: Grant['verbs'][number], key: string): Access => ({
  kind: 'object',
  verb,
  bucket: 'reports',
  key,
});
export const listing = (prefix: string, verb: 'LIST' | 'LIST_VERSIONS' = 'LIST'): Access => ({
  kind: 'listing',
  verb,
  bucket: 'reports',
  prefix,
  after: [],
});
export const uploads = (prefix: string): Access => ({
  kind: 'listing',
  verb: 'LIST',
  bucket: 'reports',
  prefix,
  after: [],
  uploads: true,
});
export const admin: Access = { kind: 'admin', verb: 'ADMIN', bucket: 'reports' };

/** What a request does in one bucket. */
export const scope = (at: Bucket, grants: readonly Grant[], ...accesses: readonly Access[]): AccessScope => ({
  bucket: at,
  grants,
  accesses,
});

export interface RememberingObserver extends Observer {
  readonly hits: boolean[];
  readonly stsCalls: ('ok' | 'error')[];
  readonly said: unknown[];
}

export function rememberingObserver(): RememberingObserver {
  const hits: boolean[] = [];
  const stsCalls: ('ok' | 'error')[] = [];
  const said: unknown[] = [];
  const silent = (): void => undefined;
  return {
    hits,
    stsCalls,
    said,
    stage: silent,
    request: silent,
    lookup: silent,
    leftOut: silent,
    queued: silent,
    clockOffset: silent,
    failure: (requestId, error) => said.push([requestId, error]),
    cache: (_cache, hit) => hits.push(hit),
    call: (_service, outcome) => stsCalls.push(outcome),
    event: (...words) => said.push(words),
  };
}
