/**
 * `npm run test:ceph`: the end-to-end suite and the tests of credentials on a real Ceph RADOS Gateway, which is started for
 * them and stopped after them.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const mocha = spawn('mocha', ['test/ceph/**/*.test.ts', 'test/conformance/**/*.test.ts', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, SALLYPORT_TEST_STORE: 'ceph' },
});
mocha.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
