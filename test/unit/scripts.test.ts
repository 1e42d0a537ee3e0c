import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a script to its end. */
function run(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: number; stdout: string; stderr: string }>();
  execFile(process.execPath, args, { cwd: root }, (error, stdout, stderr) => {
    resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
  });
  return promise;
}

describe('npm run conformance', function () {
  this.timeout(60_000);

  it('shows how it is used, and says what is wrong with its arguments in one line', async () => {
    const help = await run('scripts/conformance.ts', '--help');
    assert.deepEqual([help.code, help.stderr], [0, '']);
    assert.match(help.stdout, /--client NAME .*rclone/);
    for (const wrong of [['--nothing'], ['--client', 'nobody']]) {
      const { code, stdout, stderr } = await run('scripts/conformance.ts', ...wrong);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, /^conformance: [^\n]+\n$/);
    }
  });
});
