/** The Debian package on a fresh Debian 12: what it makes, what it refuses, and that what it installed serves. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Check } from '../packages.ts';
import { IN_ROOT, inRoot, runIn } from './debian-root.ts';
import { assertServes, freeAddresses, writeSmallest } from './gateway.ts';

const NONINTERACTIVE = { DEBIAN_FRONTEND: 'noninteractive' };

/** Checks it; leaves it purged. */
export async function checkDebian(
  check: Check,
  { root, deb }: { readonly root: string; readonly work: string; readonly deb: string },
): Promise<void> {
  await copyFile(deb, join(root, 'root/sallyport.deb'));
  await check('apt installs the package on a fresh Debian 12', async () => {
    const args = ['apt-get', 'install', '-yq', '--no-install-recommends', '/root/sallyport.deb'];
    const { code, said } = await runIn(root, args, NONINTERACTIVE);
    assert.equal(code, 0, said);
  });
  await check(
    'it makes a user who cannot log in, and folders for secrets and audit that are that user’s alone',
    async () => {
      const line = (await readFile(join(root, 'etc/passwd'), 'utf8'))
        .split('\n')
        .find((text) => text.startsWith('sallyport:'));
      assert(line?.endsWith(':/usr/sbin/nologin') === true, line);
      for (const folder of ['etc/sallyport/keys', 'var/lib/sallyport']) {
        const { mode, uid } = await stat(join(root, folder));
        assert.equal(mode & 0o777, 0o700, folder);
        assert.equal(uid, Number(line.split(':')[2]), folder);
      }
    },
  );
  await check('it starts and enables nothing', async () => {
    const { said } = await runIn(root, ['systemctl', 'is-enabled', 'sallyport', 'sallyport-sidecar']);
    assert.deepEqual(said.trim().split('\n'), ['disabled', 'disabled']);
  });
  await check('its sample configuration is refused by lines that say what is missing, until it is edited', async () => {
    const args = ['sallyport', 'serve', '--config', '/etc/sallyport/sallyport.yaml', '--check'];
    const { code, said } = await runIn(root, args);
    assert.equal(code, 2, said);
    assert.match(said, /^ {2}sallyport\.yaml:\d+: keyring\.local\.versions\.1\.seedFile: /m);
  });
  await check('the command serves with the Node of the package, as its user', async () => {
    const folder = join(root, 'srv/gateway');
    await mkdir(folder);
    const addresses = await freeAddresses();
    const uid = Number((await runIn(root, ['id', '-u', 'sallyport'])).said);
    await writeSmallest(folder, addresses, { seenAs: '/srv/gateway', uid });
    const command = ['sallyport', 'serve', '--config', '/srv/gateway/sallyport.yaml'];
    const args = inRoot(root, command, `${uid}:${uid}`);
    await assertServes(IN_ROOT, args, addresses, { PATH: '/usr/bin:/usr/sbin:/bin:/sbin' });
  });
  await check('a purge takes it away, and leaves what holds secrets and records', async () => {
    assert.equal((await runIn(root, ['touch', '/etc/sallyport/keys/seed-1'])).code, 0);
    const { code, said } = await runIn(root, ['apt-get', 'purge', '-yq', 'sallyport'], NONINTERACTIVE);
    assert.equal(code, 0, said);
    await stat(join(root, 'etc/sallyport/keys/seed-1'));
    await assert.rejects(stat(join(root, 'usr/lib/sallyport/node')));
  });
}
