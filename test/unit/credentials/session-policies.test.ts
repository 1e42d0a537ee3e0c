import assert from 'node:assert/strict';
import type { Access, Grant } from '../../../src/contracts/authorizer.ts';
import { createPolicyPlanner } from '../../../src/credentials/plan-policy.ts';
import type { IamTraits } from '../../../src/credentials/iam-dialect.ts';
import { policyDocument, sessionPolicies } from '../../../src/credentials/session-policies.ts';
import { VERBS } from '../../../src/s3/operations/verb.ts';
import { admin, allow, bucket, deny, listing, object, scope, uploads } from './fixture.ts';

const AWS: IamTraits = { escapes: true, unknownActions: new Set() };
const RGW: IamTraits = {
  escapes: false,
  unknownActions: new Set(['s3:GetObjectAttributes', 's3:GetObjectVersionAttributes', 's3:GetEncryptionConfiguration']),
};
const bucketArn = 'arn:aws:s3:::reports';
const policiesOf = (grants: readonly Grant[], iam: IamTraits) => {
  const { shared, exact } = sessionPolicies(grants, { bucketArn, iam });
  return {
    shared: shared && policyDocument([shared]),
    sharedCovers: (...accesses: Access[]) => shared?.covers(accesses) === true,
    exact: (...accesses: Access[]) => policyDocument([exact(accesses)]),
  };
};
const onAws = (...grants: Grant[]) => policiesOf(grants, AWS);
const onRgw = (...grants: Grant[]) => policiesOf(grants, RGW);
/** What is asked of STS in the end, within what it takes. */
const planned = (grants: readonly Grant[], ...accesses: Access[]) =>
  createPolicyPlanner(AWS, () => false).widest([scope(bucket(), grants, ...accesses)]);
const policy = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements });

const READ = ['s3:GetObject', 's3:GetObjectAttributes'];
const ALLOW_2026 = { Effect: 'Allow', Action: READ, Resource: 'arn:aws:s3:::reports/2026/*' };
const ALLOW_2026_ON_RGW = { ...ALLOW_2026, Action: 's3:GetObject' };
const LIST = { Effect: 'Allow', Action: 's3:ListBucket', Resource: 'arn:aws:s3:::reports' };
const LIST_ALL = { ...LIST, Action: ['s3:ListBucket', 's3:ListBucketMultipartUploads'] };
const actionsOf = (document: string | undefined): readonly string[] =>
  (JSON.parse(document ?? '') as { Statement: { Action: string | string[] }[] }).Statement.flatMap(
    ({ Action }) => Action,
  );

describe('session policies', () => {
  it('say each verb as the actions that it needs, in one compact document', () => {
    const { shared } = onAws(
      allow(['GET', 'PUT', 'DELETE', 'LIST'], { prefix: '2026/' }),
      allow(['GET'], { key: 'x' }),
    );
    const write = ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'];
    assert.equal(
      shared,
      policy(
        { ...ALLOW_2026, Action: [...READ, ...write, 's3:DeleteObject'] },
        { Effect: 'Allow', Action: READ, Resource: 'arn:aws:s3:::reports/x' },
        { ...LIST, Condition: { StringLike: { 's3:prefix': '2026/*' } } },
      ),
    );
  });

  it('give each verb alone its own actions and no other', () => {
    const expected = {
      GET: READ,
      PUT: ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
      DELETE: ['s3:DeleteObject'],
      LIST: LIST_ALL.Action,
      GET_VERSION: ['s3:GetObjectVersion', 's3:GetObjectVersionAttributes'],
      DELETE_VERSION: ['s3:DeleteObjectVersion'],
      LIST_VERSIONS: ['s3:ListBucketVersions'],
      GET_TAGS: ['s3:GetObjectTagging'],
      PUT_TAGS: ['s3:PutObjectTagging', 's3:DeleteObjectTagging'],
      GET_ACL: ['s3:GetObjectAcl'],
      PUT_ACL: ['s3:PutObjectAcl'],
      GET_LOCK: ['s3:GetObjectRetention', 's3:GetObjectLegalHold'],
      PUT_LOCK: ['s3:PutObjectRetention', 's3:PutObjectLegalHold', 's3:BypassGovernanceRetention'],
      // A policy must say something.
      PUT_STORAGE_CLASS: ['s3:GetBucketLocation'],
      PUT_SSE: ['s3:GetBucketLocation'],
      ADMIN: [
        ...['s3:CreateBucket', 's3:DeleteBucket', 's3:GetBucketVersioning', 's3:PutBucketVersioning'],
        ...['s3:GetBucketTagging', 's3:PutBucketTagging', 's3:PutBucketObjectLockConfiguration'],
      ],
    };
    for (const verb of VERBS) assert.deepEqual(actionsOf(onAws(allow([verb], { prefix: '' })).shared), expected[verb]);
  });

  it('give no action on the bucket itself unless ADMIN is granted, on all of it and denied nowhere', () => {
    const ordinary = VERBS.filter((verb) => verb !== 'ADMIN');
    const { shared, sharedCovers, exact } = onAws(allow(ordinary, { prefix: '' }));
    assert.ok(!actionsOf(shared).some((action) => /^s3:(Create|Delete|Put|Get)Bucket/.test(action)));
    assert.equal(sharedCovers(admin), false);
    assert.throws(() => exact(admin), { code: 'AccessDenied' });
    for (const grants of [
      [allow(['ADMIN'], { prefix: 'a/' })],
      [allow(['ADMIN'], { key: 'a' })],
      [allow(['ADMIN'], { prefix: '' }), deny(['ADMIN'], { prefix: '' })],
    ]) {
      assert.equal(onAws(...grants).sharedCovers(admin), false);
      assert.throws(() => onAws(...grants).exact(admin), { code: 'AccessDenied' });
      assert.deepEqual(actionsOf(onAws(...grants).shared), ['s3:GetBucketLocation']);
    }
    assert.equal(onAws(allow(['ADMIN'], { prefix: '' })).sharedCovers(admin), true);
    assert.doesNotMatch(onAws(allow(VERBS, { prefix: '' })).exact(admin), /s3:[A-Z][a-z]+Object/);
  });

  it('give an action that needs two verbs where both are, and deny it where either is', () => {
    const apart = onAws(allow(['GET_TAGS'], { prefix: 'a/' }), allow(['GET_VERSION'], { prefix: '' }));
    assert.ok(!actionsOf(apart.shared).includes('s3:GetObjectVersionTagging'));
    const requested = [object('GET_TAGS', 'a/x'), object('GET_VERSION', 'a/x')];
    assert.equal(apart.sharedCovers(...requested), false);
    assert.ok(actionsOf(apart.exact(...requested)).includes('s3:GetObjectVersionTagging'));
    const others = [object('GET_TAGS', 'a/x'), object('GET_VERSION', 'a/y')];
    assert.equal(apart.sharedCovers(...others), true);
    assert.ok(!actionsOf(apart.exact(...others)).includes('s3:GetObjectVersionTagging'));
    assert.throws(() => apart.exact(object('GET_TAGS', 'b'), object('GET_VERSION', 'b')), { code: 'AccessDenied' });

    const both = allow(['GET_TAGS', 'GET_VERSION'], { prefix: '' });
    assert.equal(onAws(both).sharedCovers(...requested), true);
    for (const verb of ['GET_TAGS', 'GET_VERSION'] as const) {
      const { Statement } = JSON.parse(onAws(both, deny([verb], { prefix: 'a/' })).shared ?? '') as {
        Statement: { Effect: string; Action: string[] }[];
      };
      const denied = Statement.find(({ Effect }) => Effect === 'Deny');
      assert.ok(denied?.Action.includes('s3:GetObjectVersionTagging'), verb);
    }
  });

  it('name on Ceph no action that makes it refuse the whole policy', () => {
    assert.ok(!(onRgw(allow(VERBS, { prefix: '' })).shared ?? '').includes('Attributes'));
    assert.equal(onRgw(allow(['GET'], { prefix: '2026/' })).shared, policy(ALLOW_2026_ON_RGW));
  });

  it('leave out of allows and denies what the IAM does not know, and never say nothing', () => {
    const unknownActions = new Set(['s3:GetObjectAcl', 's3:PutObjectAcl']);
    const grants = [
      allow(['GET', 'GET_ACL'], { prefix: '' }),
      allow(['PUT_ACL'], { prefix: 'a/' }),
      deny(['GET_ACL', 'GET'], { prefix: 'b/' }),
      deny(['PUT_ACL'], { key: 'a/x' }),
    ];
    const { shared, sharedCovers, exact } = policiesOf(grants, { escapes: true, unknownActions });
    assert.equal(
      shared,
      policy(
        { ...ALLOW_2026, Resource: 'arn:aws:s3:::reports/*' },
        { Effect: 'Deny', Action: READ, Resource: 'arn:aws:s3:::reports/b/*' },
      ),
    );
    assert.equal(sharedCovers(object('GET', 'x'), object('GET_ACL', 'x')), true);
    const nothing = policy({ Effect: 'Allow', Action: 's3:GetBucketLocation', Resource: bucketArn });
    assert.equal(exact(object('GET_ACL', 'x')), nothing);
    assert.equal(policiesOf([allow(['PUT_ACL'], { prefix: '' })], { escapes: true, unknownActions }).shared, nothing);
  });

  it('keep versions and objects apart in listings', () => {
    const grants = [allow(['LIST'], { prefix: 'a/' }), allow(['LIST_VERSIONS'], { prefix: 'b/' })];
    const { shared, sharedCovers } = onAws(...grants, deny(['LIST_VERSIONS'], { prefix: 'a/' }));
    const prefix = (value: string) => ({ Condition: { StringLike: { 's3:prefix': value } } });
    assert.equal(
      shared,
      policy({ ...LIST, ...prefix('a/*') }, { ...LIST, Action: 's3:ListBucketVersions', ...prefix('b/*') }),
    );
    assert.equal(sharedCovers(listing('a/'), listing('b/', 'LIST_VERSIONS')), true);
    assert.equal(sharedCovers(listing('a/', 'LIST_VERSIONS')), false);
    assert.equal(sharedCovers(listing('b/')), false);
  });

  it('list for a filtered listing the prefixes that it is made of, and no other', () => {
    const filtered = (prefix: string, more = {}): Access => ({ ...listing(prefix), filtered: true, ...more }) as Access;
    const grants = [
      allow(['LIST'], { prefix: 'a/' }),
      allow(['LIST'], { prefix: 'b/' }),
      deny(['LIST'], { prefix: 'a/secret/' }),
    ];
    const { exact, sharedCovers } = onAws(...grants);
    assert.equal(
      exact(filtered('a/'), filtered('b/')),
      policy({ ...LIST, Condition: { StringEquals: { 's3:prefix': ['a/', 'b/'] } } }),
    );
    // What all of a caller's requests share says nothing of a prefix below which something is hidden.
    assert.equal(sharedCovers(filtered('a/')), false);
    assert.equal(sharedCovers(filtered('b/')), true);
    for (const prefix of ['', 'a/secret/', 'a/secret/x', 'c/']) {
      assert.throws(() => exact(filtered(prefix)), { code: 'AccessDenied' }, prefix);
    }
    // Not filtered, the same listing would show what is denied.
    assert.throws(() => exact(listing('a/')), { code: 'AccessDenied' });
    const Action = 's3:ListBucketMultipartUploads';
    assert.equal(
      exact(filtered('a/', { uploads: true }), filtered('b/', { uploads: true })),
      policy({ ...LIST, Action }),
    );
  });

  it('give the listing of uploads to whom everything may be listed, else only to a request that asks for it', () => {
    assert.equal(onAws(allow(['LIST'], { prefix: '' })).sharedCovers(uploads('a/')), true);
    const { shared, sharedCovers, exact } = onAws(allow(['LIST'], { prefix: 'a/' }));
    assert.ok(!shared?.includes('Uploads'));
    assert.equal(sharedCovers(uploads('a/')), false);
    assert.equal(exact(uploads('a/')), policy({ ...LIST, Action: 's3:ListBucketMultipartUploads' }));
    assert.ok(!exact(listing('a/')).includes('Uploads'));
    for (const prefix of ['', 'a', 'b/']) assert.throws(() => exact(uploads(prefix)), { code: 'AccessDenied' });
  });

  it('let a listing without a prefix through where everything may be listed', () => {
    assert.equal(onAws(allow(['LIST'], { prefix: '' }), allow(['LIST'], { prefix: 'a/' })).shared, policy(LIST_ALL));
  });

  it('deny what a deny takes away from an allow, and leave out what no allow gives', () => {
    const { shared } = onAws(
      allow(['GET'], { prefix: '2026/' }),
      deny(['GET', 'PUT'], { prefix: '2026/secret/' }),
      deny(['GET'], { key: 'elsewhere' }),
    );
    const denied = { Effect: 'Deny', Action: READ, Resource: 'arn:aws:s3:::reports/2026/secret/*' };
    assert.equal(shared, policy(ALLOW_2026, denied));
  });

  it('name a listing exactly where a deny takes part of what surrounds it', () => {
    const { sharedCovers, exact } = onAws(allow(['LIST'], { prefix: '' }), deny(['LIST'], { prefix: '2026/secret/' }));
    assert.equal(sharedCovers(listing('2026/q3/')), false);
    assert.equal(
      exact(listing('2026/q3/')),
      policy({ ...LIST, Condition: { StringEquals: { 's3:prefix': '2026/q3/' } } }),
    );
  });

  it('refuse a listing that would show what a deny hides, above it and below it', () => {
    const { exact } = onAws(allow(['LIST'], { prefix: '' }), deny(['LIST'], { prefix: 'a/b/' }));
    for (const prefix of ['', 'a', 'a/', 'a/b/', 'a/b/c']) {
      assert.throws(() => exact(listing(prefix)), { code: 'AccessDenied' });
    }
  });

  it('give a scope of one key no listing, since longer names would show', () => {
    const { sharedCovers, exact } = onAws(allow(['LIST', 'GET'], { key: '2026' }));
    assert.equal(sharedCovers(listing('2026')), false);
    assert.throws(() => exact(listing('2026')), { code: 'AccessDenied' });
  });

  it('name wildcards and variables literally where IAM has escapes', () => {
    const { shared } = onAws(allow(['GET', 'LIST'], { prefix: 'a*?${aws:username}$' }));
    const escaped = 'a${*}${?}${$}{aws:username}${$}*';
    assert.equal(
      shared,
      policy(
        { ...ALLOW_2026, Resource: `arn:aws:s3:::reports/${escaped}` },
        { ...LIST, Condition: { StringLike: { 's3:prefix': escaped } } },
      ),
    );
  });

  it('never let a key act as a pattern where IAM has no escapes: they narrow, or refuse', () => {
    for (const prefix of ['a*b/', 'a?b/', 'a[bc]/', 'a\\b/', 'a${b}/', 'a:b/']) {
      const { sharedCovers, exact } = onRgw(allow(['GET'], { prefix }), allow(['GET'], { prefix: 'plain/' }));
      assert.equal(sharedCovers(object('GET', `${prefix}x`)), false);
      assert.equal(sharedCovers(object('GET', 'plain/x')), true);
      assert.throws(() => exact(object('GET', `${prefix}x`)), { code: 'AccessDenied' });
    }
  });

  it('serve hostile keys below a plain prefix where IAM has no escapes', () => {
    const { shared, sharedCovers } = onRgw(allow(['GET'], { prefix: '2026/' }));
    assert.equal(shared, policy(ALLOW_2026_ON_RGW));
    assert.equal(sharedCovers(object('GET', '2026/a*b?${x}:y')), true);
  });

  it('name one access at a time where a deny cannot be said', () => {
    const { shared, exact } = onRgw(allow(['GET'], { prefix: '2026/' }), deny(['GET'], { prefix: '2026/a*/' }));
    assert.equal(shared, undefined);
    assert.equal(
      exact(object('GET', '2026/x')),
      policy({ ...ALLOW_2026_ON_RGW, Resource: 'arn:aws:s3:::reports/2026/x' }),
    );
    assert.throws(() => exact(object('GET', '2026/a*/x')), { code: 'AccessDenied' });
  });

  it('refuse keys whose policy of their own is too long', () => {
    const grants = [
      allow(['GET'], { prefix: '' }),
      ...Array.from({ length: 100 }, (_, index) => deny(['GET'], { prefix: `project-${index}/` })),
    ];
    assert.throws(() => planned(grants, object('GET', '漢'.repeat(341))), { code: 'InvalidRequest' });
    assert.throws(() => planned(grants, object('GET', 'x'.repeat(1024)), object('GET', 'y'.repeat(1024))), {
      code: 'InvalidRequest',
    });
    const one = planned(grants, object('GET', 'x'.repeat(1024)));
    assert.ok(one.length <= 2048 && one.includes('x'.repeat(1024)));
  });

  it('hold nothing but visible ASCII, whatever the key', () => {
    const { shared } = onAws(allow(['GET'], { key: 'ü漢😀\u007f\n\u0001"\\' }));
    assert.match(shared ?? '', /^[\x21-\x7e]+$/);
    assert.ok(shared?.includes(String.raw`\u00fc\u6f22\ud83d\ude00\u007f\n\u0001\"\\`));
  });

  it('grant nothing for a bucket without allows', () => {
    const { sharedCovers, exact } = onAws(deny(['GET'], { prefix: '' }));
    assert.equal(sharedCovers(object('GET', 'x')), false);
    assert.throws(() => exact(object('GET', 'x')), { code: 'AccessDenied' });
    assert.throws(() => exact({ kind: 'bucket', bucket: 'reports' }), { code: 'AccessDenied' });
  });
});
