import assert from 'node:assert/strict';
import { chmod, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type { BaseSource } from '../../../src/credentials/base-credentials.ts';
import { createKeyFiles } from '../../../src/credentials/key-files.ts';
import { credentialsOf, brokerOf } from './broker-fixture.ts';
import { rememberingObserver } from './fixture.ts';
import { refuse, refuseWith, startStsDouble } from './sts-double.ts';

const FIRST = { accessKeyId: 'AKIAONE', secretAccessKey: 'secret-one' };

describe('keys in files', () => {
  let directory: string;
  let nowMs: number;
  let observer: ReturnType<typeof rememberingObserver>;

  const file = (name: string): string => join(directory, name);
  const put = async (name: string, content: string, mode = 0o600): Promise<void> => {
    await writeFile(file('next'), content);
    await chmod(file('next'), mode);
    await rename(file('next'), file(name));
  };
  const rotate = async (id: string, secret: string): Promise<void> => {
    await put('id', `${id}\n`);
    await put('secret', secret);
  };
  const source = (more: { sessionToken?: string } = {}): BaseSource =>
    createKeyFiles({
      whose: 'store main',
      paths: { accessKeyId: file('id'), secretAccessKey: file('secret'), ...more },
      first: FIRST,
      clock: { now: () => nowMs },
      observer,
    });
  /** The keys after a lookup that runs in the background has ended. */
  const settled = async (keys: BaseSource) => {
    await keys.current();
    await keys.renew();
    return keys.current();
  };

  beforeEach(async () => {
    nowMs = 1_000_000;
    observer = rememberingObserver();
    directory = await mkdtemp(join(tmpdir(), 'sallyport-keys-'));
    await rotate(FIRST.accessKeyId, FIRST.secretAccessKey);
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('that were rotated are found within five seconds of use, and nobody waits for the lookup', async () => {
    const keys = source();
    await rotate('AKIATWO', 'secret-two');
    nowMs += 4999;
    assert.deepEqual(await keys.current(), FIRST);
    nowMs += 1;
    assert.deepEqual(await keys.current(), FIRST);
    while ((await keys.current()).accessKeyId === 'AKIAONE') await new Promise(setImmediate);
    assert.deepEqual(await keys.current(), { accessKeyId: 'AKIATWO', secretAccessKey: 'secret-two' });
    assert.equal(observer.said.length, 1);
  });

  it('that were refused are looked at again at once, and whoever comes meanwhile waits for the answer', async () => {
    const keys = source();
    await rotate('AKIATWO', 'secret-two');
    const renewal = keys.renew();
    assert.equal((await keys.current()).accessKeyId, 'AKIATWO');
    assert.equal(await renewal, true);
    assert.equal(await keys.renew(), false);
  });

  it('may have a session token, and follow the link by which Kubernetes rotates all of them at once', async () => {
    await put('token', 'token-one');
    const keys = source({ sessionToken: file('token') });
    assert.equal((await settled(keys)).sessionToken, 'token-one');
    await put('elsewhere', 'AKIALINKED');
    await symlink(file('elsewhere'), file('link'));
    await rename(file('link'), file('id'));
    assert.equal((await settled(keys)).accessKeyId, 'AKIALINKED');
  });

  const UNUSABLE: readonly (readonly [string, () => Promise<void>])[] = [
    ['gone', () => rm(file('secret'))],
    ['empty', () => put('secret', '')],
    ['readable by others', () => put('secret', 'secret-two', 0o644)],
    ['of two lines', () => put('secret', 'secret-two\nmore')],
    ['of bytes', () => put('secret', 'secret\0two')],
    ['too long', () => put('secret', 'x'.repeat(16_385))],
    ['a directory', () => rm(file('secret')).then(() => symlink(tmpdir(), file('secret')))],
  ];
  for (const [what, spoil] of UNUSABLE) {
    it(`that are ${what} are left alone: the known keys serve on, and an operator is told once`, async () => {
      const keys = source();
      await put('id', 'AKIATWO');
      await spoil();
      assert.deepEqual(await settled(keys), FIRST);
      assert.deepEqual(await settled(keys), FIRST);
      assert.equal(observer.said.length, 1);
      const said = inspect(observer.said, { depth: 9 });
      assert.ok(!said.includes('secret-') && !said.includes(directory));
      await rm(file('secret'), { force: true });
      await rotate('AKIATHREE', 'secret-three');
      assert.equal((await settled(keys)).accessKeyId, 'AKIATHREE');
    });
  }

  for (const [dialect, answer] of [
    ['as AWS says it', refuse(403, 'InvalidClientTokenId')],
    ['as Ceph says it', refuseWith(403, 'InvalidAccessKeyId')],
  ] as const) {
    it(`that STS no longer takes, ${dialect}, are exchanged within the same request`, async () => {
      const sts = await startStsDouble({ now: () => Date.now() });
      const broker = brokerOf({ endpoint: sts.endpoint, base: source() });
      const give = sts.answer;
      sts.answer = (response, form) => {
        (sts.signers.at(-1)?.accessKeyId === 'AKIATWO' ? give : answer)(response, form);
      };
      try {
        await assert.rejects(credentialsOf(broker, { subject: 'early' }));
        await rotate('AKIATWO', 'secret-two');
        await credentialsOf(broker);
        assert.deepEqual(
          sts.signers.map(({ accessKeyId }) => accessKeyId),
          ['AKIAONE', 'AKIAONE', 'AKIATWO'],
        );
      } finally {
        broker.close();
        await sts.close();
      }
    });
  }
});
