import { holdToPolicy, parsePostPolicy } from '../../../src/s3/post-policy.ts';
import { refused } from './fixture.ts';

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
});
