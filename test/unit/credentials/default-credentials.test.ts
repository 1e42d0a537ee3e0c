import assert from 'node:assert/strict';
import { createDefaultCredentials } from '../../../src/credentials/default-credentials.ts';

describe('the default chain of credentials', () => {
  const before = { ...process.env };

  afterEach(() => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) {
      if (before[name] === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = before[name];
    }
  });

  it('begins with the variables of the environment, when it is asked', async () => {
    const chain = createDefaultCredentials('eu-central-1');
    process.env['AWS_ACCESS_KEY_ID'] = 'AKIAFROMENV';
    process.env['AWS_SECRET_ACCESS_KEY'] = 'a secret of the environment';
    process.env['AWS_SESSION_TOKEN'] = 'a token';
    const { accessKeyId, secretAccessKey, sessionToken } = await chain();
    assert.deepEqual(
      [accessKeyId, secretAccessKey, sessionToken],
      ['AKIAFROMENV', 'a secret of the environment', 'a token'],
    );
  });
});
