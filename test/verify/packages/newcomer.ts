/** What docs/operations.md says, done by `../newcomer.ts` in a network that is cut off from everything. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Check } from '../packages.ts';
import { runIn } from './debian-root.ts';

const execute = promisify(execFile);
/** What the page installs beside our package. */
const PACKAGES = ['haproxy', 'openssl', 'curl', 'python3-cryptography'];

const NONINTERACTIVE = { DEBIAN_FRONTEND: 'noninteractive' };

/** Checks it, on a copy of the fresh Debian. */
export async function checkNewcomer(
  check: Check,
  { debian, work, deb }: { readonly debian: string; readonly work: string; readonly deb: string },
): Promise<void> {
  await check(
    'a newcomer does what docs/operations.md says, on a fresh Debian 12, and the first object goes through',
    async () => {
      const root = join(work, 'newcomer');
      await execute('cp', ['--archive', '--reflink=auto', debian, root]);
      await copyFile(deb, join(root, 'tmp/sallyport.deb'));
      // There is no way to a mirror from there: apt finds the packages in its cache.
      const command = 'apt-get update -q && exec apt-get install -yq --download-only --no-install-recommends "$@"';
      const packages = ['/tmp/sallyport.deb', ...PACKAGES];
      const fetched = await runIn(root, ['sh', '-c', command, 'sh', ...packages], NONINTERACTIVE);
      assert.equal(fetched.code, 0, fetched.said);
      await mkdir(join(work, 'newcomer-lab'));
      const script = join(import.meta.dirname, '../newcomer.ts');
      const said = await execute(
        'unshare',
        ['--net', process.execPath, script, root, deb, join(work, 'newcomer-lab')],
        {
          maxBuffer: 16 * 1024 * 1024,
          timeout: 480_000,
        },
      ).catch((error: unknown) => {
        const { stdout, stderr } = error as { stdout: string; stderr: string };
        return assert.fail(`${stdout}\n${stderr}`.slice(-4000));
      });
      assert.match(said.stdout, /^# docs/m);
    },
  );
}
