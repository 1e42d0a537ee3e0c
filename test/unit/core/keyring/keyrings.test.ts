import assert from 'node:assert/strict';
import { createSecretKey, randomBytes } from 'node:crypto';
import type { Keyring } from '../../../../src/contracts/keyring.ts';
import { createKeyrings } from '../../../../src/core/keyring/keyrings.ts';
import { createLocalKeyring } from '../../../../src/core/keyring/local-keyring.ts';
import { HERE, unavailable } from './fixture.ts';

/** A local keyring that goes by another name. */
function named(keyringId: string): Keyring {
  const local = createLocalKeyring({ current: 1, versions: new Map([[1, randomBytes(32)]]) });
  return {
    newDataKey: async (context) => ({ ...(await local.newDataKey(context)), keyringId }),
    wrap: async (dataKey, context) => ({ ...(await local.wrap(dataKey, context)), keyringId }),
    unwrap: ({ kekVersion, wrapped }, context) => local.unwrap({ kekVersion, wrapped }, context),
    current: async () => ({ ...(await local.current()), keyringId }),
  };
}

describe('several keyrings', () => {
  const local = createLocalKeyring({ current: 1, versions: new Map([[1, randomBytes(32)]]) });
  const all = new Map([
    ['local', local],
    ['vault', named('vault')],
    ['kms', named('kms')],
  ]);

  for (const [id, keyring] of all) {
    it(`wrap by ${id} where it is the current one, and unwrap by whichever wrapped`, async () => {
      const keyrings = createKeyrings(all, id);
      assert.deepEqual(await keyrings.current(), await keyring.current());
      const made = await keyrings.newDataKey(HERE);
      assert.equal(made.keyringId, id === 'local' ? undefined : id);
      assert.ok((await keyring.unwrap(made, HERE)).equals(made.dataKey));
      for (const other of all.values()) {
        const theirs = await other.wrap(made.dataKey, HERE);
        assert.ok((await keyrings.unwrap(theirs, HERE)).equals(made.dataKey));
      }
    });
  }

  it('call a key of a keyring that is not configured unavailable, not lost', async () => {
    const keyrings = createKeyrings(new Map([['vault', named('vault')]]), 'vault');
    const { wrapped } = await local.wrap(createSecretKey(randomBytes(32)), HERE);
    for (const keyringId of [undefined, 'local', 'kms', 'constructor', '']) {
      const envelope = { kekVersion: 1, wrapped, ...(keyringId === undefined ? {} : { keyringId }) };
      await assert.rejects(async () => keyrings.unwrap(envelope, HERE), unavailable);
    }
  });

  it('know the local keyring by no name in an envelope', async () => {
    const made = await local.newDataKey(HERE);
    await assert.rejects(
      async () => createKeyrings(all, 'local').unwrap({ ...made, keyringId: 'local' }, HERE),
      unavailable,
    );
  });

  it('are not built without a current one', () => {
    assert.throws(() => createKeyrings(all, 'pkcs11'), /^Error: keyring: there is no keyring pkcs11/);
  });
});
