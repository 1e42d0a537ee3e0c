import assert from 'node:assert/strict';
import { compileSessionPolicy } from '../../../../demo/store/session-policy.ts';

const policy = (...statements: object[]) =>
  compileSessionPolicy(JSON.stringify({ Version: '2012-10-17', Statement: statements }));
const get = (key: string) => ({ action: 's3:GetObject', resource: `arn:aws:s3:::b/${key}` });
const allow = (key: string) => ({ Effect: 'Allow', Action: 's3:GetObject', Resource: `arn:aws:s3:::b/${key}` });
const listing = (operator: string, value: string) => ({
  Effect: 'Allow',
  Action: 's3:ListBucket',
  Resource: 'arn:aws:s3:::b',
  Condition: { [operator]: { 's3:prefix': value } },
});

describe('a session policy', () => {
  it('allows nothing that no statement allows', () => {
    assert.equal(policy(allow('a'))(get('b')), false);
    assert.equal(policy(allow('a'))({ ...get('a'), action: 's3:PutObject' }), false);
  });

  it('lets a Deny win over any Allow', () => {
    const decide = policy({ ...allow('secret/*'), Effect: 'Deny' }, allow('*'));
    assert.deepEqual([decide(get('x')), decide(get('secret/x'))], [true, false]);
  });

  it('matches `*` over slashes and `?` over one character, also outside the basic plane', () => {
    assert.equal(policy(allow('a*z'))(get('a/b/c/z')), true);
    assert.equal(policy(allow('a?z'))(get('a🚀z')), true);
    assert.equal(policy(allow('a?z'))(get('az')), false);
    assert.equal(policy(allow('a*b*c'))(get('a-b-b-c')), true);
    assert.equal(policy(allow('a*b*c'))(get('a-b-b-cd')), false);
  });

  it('takes ${*}, ${?} and ${$} literally', () => {
    const decide = policy(allow('a${*}b${?}${$}{c}'));
    assert.equal(decide(get('a*b?${c}')), true);
    assert.equal(decide(get('aXb?${c}')), false);
  });

  it('bounds listings by StringLike and StringEquals on s3:prefix, and denies a listing without a prefix', () => {
    const listingOf = (prefix?: string) => ({
      action: 's3:ListBucket',
      resource: 'arn:aws:s3:::b',
      ...(prefix === undefined ? {} : { prefix }),
    });
    const like = policy(listing('StringLike', '2026/*'));
    assert.deepEqual([like(listingOf('2026/q')), like(listingOf('2026')), like(listingOf())], [true, false, false]);
    const equals = policy(listing('StringEquals', '2026/*'));
    assert.deepEqual([equals(listingOf('2026/*')), equals(listingOf('2026/q'))], [true, false]);
  });

  it('answers a pattern made to backtrack without delay', () => {
    assert.equal(policy(allow('*a'.repeat(400)))(get(`${'a'.repeat(1000)}b`)), false);
  });

  it('is refused whole when any part of it is not understood', () => {
    const statements: object[] = [
      { ...allow('a'), NotAction: 's3:GetObject' },
      { ...allow('a'), Principal: '*' },
      { ...allow('a'), Action: 'ec2:Run' },
      { ...allow('a'), Action: 's3:ListMultipartUploads' },
      { ...allow('a'), Resource: 'arn:aws:ec2:::x' },
      { ...allow('a'), Effect: 'allow' },
      { ...allow('a'), Condition: { IpAddress: { 'aws:SourceIp': '::1' } } },
      { ...allow('a'), Condition: { StringLike: { 's3:delimiter': '/' } } },
      { ...allow('a${aws:username}') },
      { Effect: 'Allow', Action: 's3:GetObject' },
    ];
    for (const statement of statements)
      assert.throws(() => policy(allow('a'), statement), { code: 'MalformedPolicyDocument' });
    assert.throws(() => compileSessionPolicy('{'), { code: 'MalformedPolicyDocument' });
    assert.throws(() => compileSessionPolicy('{"Version":"2008-10-17","Statement":[]}'), {
      code: 'MalformedPolicyDocument',
    });
  });
});
