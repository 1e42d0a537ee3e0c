import assert from 'node:assert/strict';
import { ownEnvironment } from '../../../src/cli/own-environment.ts';

describe('the environment of a process', () => {
  it('keeps the seed for the gateway alone, and takes it from programs that are started', () => {
    const environment: Record<string, string | undefined> = { SALLYPORT_KEYRING_SEED: 'seed', PATH: '/bin' };
    assert.deepEqual(ownEnvironment(environment), { SALLYPORT_KEYRING_SEED: 'seed', PATH: '/bin' });
    assert.deepEqual(environment, { PATH: '/bin' });
  });
});
