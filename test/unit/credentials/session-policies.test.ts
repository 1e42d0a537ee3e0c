import assert from 'node:assert/strict';
import { sessionPolicies } from '../../../src/credentials/session-policies.ts';
import type { Grant } from '../../../src/contracts/authorizer.ts';
import { allow, deny, listing, object } from './given.ts';

const bucketArn = 'arn:aws:s3:::reports';
const onAws = (...grants: Grant[]) => sessionPolicies(grants, { bucketArn, iamEscapes: true });
const onRgw = (...grants: Grant[]) => sessionPolicies(grants, { bucketArn, iamEscapes: false });
const policy = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements });

const ALLOW_2026 = { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::reports/2026/*' };
const LIST = { Effect: 'Allow', Action: 's3:ListBucket', Resource: 'arn:aws:s3:::reports' };

describe('session policies', () => {
  it('say each verb as the action that it needs, in one compact document', () => {
    const { shared } = onAws(
      allow(['GET', 'PUT', 'DELETE', 'LIST'], { prefix: '2026/' }),
      allow(['GET'], { key: 'x' }),
    );
    assert.equal(
      shared,
      policy(
        { ...ALLOW_2026, Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'] },
        { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::reports/x' },
        { ...LIST, Condition: { StringLike: { 's3:prefix': '2026/*' } } },
      ),
    );
  });

  it('let a listing without a prefix through where everything may be listed', () => {
    assert.equal(onAws(allow(['LIST'], { prefix: '' }), allow(['LIST'], { prefix: 'a/' })).shared, policy(LIST));
  });

  it('deny what a deny takes away from an allow, and leave out what no allow gives', () => {
    const { shared } = onAws(
      allow(['GET'], { prefix: '2026/' }),
      deny(['GET', 'PUT'], { prefix: '2026/secret/' }),
      deny(['GET'], { key: 'elsewhere' }),
    );
    const denied = { Effect: 'Deny', Action: 's3:GetObject', Resource: 'arn:aws:s3:::reports/2026/secret/*' };
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
    for (const prefix of ['a*b/', 'a?b/', 'a${b}/', 'a:b/']) {
      const { sharedCovers, exact } = onRgw(allow(['GET'], { prefix }), allow(['GET'], { prefix: 'plain/' }));
      assert.equal(sharedCovers(object('GET', `${prefix}x`)), false);
      assert.equal(sharedCovers(object('GET', 'plain/x')), true);
      assert.throws(() => exact(object('GET', `${prefix}x`)), { code: 'AccessDenied' });
    }
  });

  it('serve hostile keys below a plain prefix where IAM has no escapes', () => {
    const { shared, sharedCovers } = onRgw(allow(['GET'], { prefix: '2026/' }));
    assert.equal(shared, policy(ALLOW_2026));
    assert.equal(sharedCovers(object('GET', '2026/a*b?${x}:y')), true);
  });

  it('name one access at a time where a deny cannot be said', () => {
    const { shared, exact } = onRgw(allow(['GET'], { prefix: '2026/' }), deny(['GET'], { prefix: '2026/a*/' }));
    assert.equal(shared, undefined);
    assert.equal(exact(object('GET', '2026/x')), policy({ ...ALLOW_2026, Resource: 'arn:aws:s3:::reports/2026/x' }));
    assert.throws(() => exact(object('GET', '2026/a*/x')), { code: 'AccessDenied' });
  });

  it('name one access at a time where the grants take more than 2,048 characters', () => {
    const grants = Array.from({ length: 100 }, (_, index) => allow(['GET'], { prefix: `project-${index}/` }));
    const { shared, exact } = onAws(...grants);
    assert.equal(shared, undefined);
    assert.equal(
      exact(object('GET', 'project-7/x')),
      policy({ ...ALLOW_2026, Resource: 'arn:aws:s3:::reports/project-7/x' }),
    );
    assert.throws(() => exact(object('PUT', 'project-7/x')), { code: 'AccessDenied' });
    assert.throws(() => exact(object('GET', 'project-x')), { code: 'AccessDenied' });
  });

  it('refuse a key whose policy of its own is too long', () => {
    const { shared, sharedCovers, exact } = onAws(
      allow(['GET'], { prefix: '' }),
      ...Array.from({ length: 100 }, (_, index) => deny(['GET'], { prefix: `project-${index}/` })),
    );
    assert.equal(shared, undefined);
    assert.equal(sharedCovers(object('GET', '漢'.repeat(341))), true);
    assert.throws(() => exact(object('GET', '漢'.repeat(341))), { code: 'AccessDenied' });
    assert.ok(exact(object('GET', 'x'.repeat(1024))).length <= 2048);
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
