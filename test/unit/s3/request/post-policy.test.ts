import assert from 'node:assert/strict';
import { holdToPolicy, parsePostPolicy } from '../../../../src/s3/request/post-policy.ts';
import { refused } from '../fixture.ts';

/** Holds a form into the bucket `box` to a policy of these conditions. */
function hold(fields: Readonly<Record<string, string>>, ...conditions: readonly unknown[]): void {
  const document = { expiration: '2030-01-01T00:00:00Z', conditions: [{ bucket: 'box' }, ...conditions] };
  const policy = parsePostPolicy(Buffer.from(JSON.stringify(document)).toString('base64'));
  holdToPolicy(policy, { bucket: 'box', fields: new Map(Object.entries(fields)), fileBytes: 3 }, 0);
}

describe('s3/post-policy', () => {
  const PREFIX = ['starts-with', '$key', 'user/'];

  it('holds a key to its prefix letter by letter', () => {
    hold({ key: 'user/a' }, PREFIX);
    for (const key of [' user/a', '\tuser/a', 'User/a', 'users', 'x,user/a', 'user', ''])
      refused('PolicyConditionFailed', () => hold({ key }, PREFIX));
  });

  it('holds each type of a list to its condition', () => {
    const types = ['starts-with', '$Content-Type', 'image/'];
    hold({ key: 'user/a', 'content-type': 'image/png, image/gif' }, PREFIX, types);
    refused('PolicyConditionFailed', () =>
      hold({ key: 'user/a', 'content-type': 'image/png,text/html' }, PREFIX, types),
    );
  });

  const parsed = (document: unknown) =>
    parsePostPolicy(Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)).toString('base64'));
  const EXPIRATION = '2030-01-01T00:00:00Z';

  it('is an end in time and conditions, in base64, and nothing else', () => {
    const good = Buffer.from(JSON.stringify({ expiration: EXPIRATION, conditions: [] })).toString('base64');
    assert.equal(parsePostPolicy(`${good.slice(0, 20)}\r\n${good.slice(20)}`).expiresAtMs, Date.parse(EXPIRATION));
    for (const text of [
      '',
      '*',
      `${good}!`,
      good.replace(/.$/, '-'),
      Buffer.from([0x22, 0xff, 0x22]).toString('base64'),
    ])
      refused('InvalidPolicyDocument', () => parsePostPolicy(text));
    for (const document of [
      ...['{', 'null', '"text"', '1', []],
      ...[{}, { expiration: EXPIRATION }, { conditions: [] }, { expiration: EXPIRATION, conditions: {} }],
      ...[
        { expiration: EXPIRATION, conditions: [], more: 1 },
        { expiration: 1, conditions: [] },
      ],
      ...['2030-01-01', '2030-01-01T00:00:00+00:00', '2030-13-01T00:00:00Z', 'never'].map((expiration) => ({
        ...{ expiration, conditions: [] },
      })),
    ])
      refused('InvalidPolicyDocument', () => parsed(document));
  });

  it('refuses a condition that it does not know, and one that is half', () => {
    for (const condition of [
      ...['text', 1, null, {}, { key: null }, { key: ['a'] }, { key: { a: 1 } }, { key: true }],
      ...[[], ['eq'], ['eq', '$key'], ['eq', 'key', 'a'], ['eq', 1, 'a'], ['eq', '$key', 'a', 'b'], [1, '$key', 'a']],
      ...[
        ['ends-with', '$key', 'a'],
        ['content-length-range', 1],
        ['content-length-range', '-1', 5],
      ],
      ...[
        ['content-length-range', 0, '1'.repeat(16)],
        ['content-length-range', 0.5, 1],
      ],
    ])
      refused('InvalidPolicyDocument', () => parsed({ expiration: EXPIRATION, conditions: [condition] }));
  });

  it('takes names and operators in any letters, numbers for text, and several conditions in one', () => {
    hold({ key: 'a', 'x-amz-meta-n': '7' }, { KEY: 'a', 'X-Amz-Meta-N': 7 });
    hold({ key: 'a' }, ['EQ', '$KEY', 'a'], ['Content-Length-Range', '3', 3]);
    refused('PolicyConditionFailed', () => hold({ key: 'b' }, ['eq', '$key', 'a']));
  });

  it('holds the file to its sizes', () => {
    refused('EntityTooLarge', () => hold({}, ['content-length-range', 0, 2]));
    refused('PostTooSmall', () => hold({}, ['content-length-range', 4, 9]));
  });

  it('covers every field but the policy, its signature and what is to be ignored', () => {
    hold({ policy: 'p', 'x-amz-signature': 's', 'x-ignore-this': 'x' });
    refused('PolicyConditionFailed', () => hold({ 'x-amz-meta-more': '1' }));
    const policy = parsed({ expiration: EXPIRATION, conditions: [{ key: 'a' }] });
    const form = { bucket: 'box', fields: new Map([['key', 'a']]), fileBytes: 3 };
    refused('PolicyConditionFailed', () => holdToPolicy(policy, form, 0));
  });

  it('ends at its time, and says both times', () => {
    const policy = parsed({ expiration: EXPIRATION, conditions: [{ bucket: 'box' }] });
    const form = { bucket: 'box', fields: new Map<string, string>(), fileBytes: 3 };
    const endMs = Date.parse(EXPIRATION);
    holdToPolicy(policy, form, endMs - 1);
    const { clientFields } = refused('RequestExpired', () => holdToPolicy(policy, form, endMs));
    assert.equal(clientFields['Expires'], '2030-01-01T00:00:00.000Z');
  });
});
