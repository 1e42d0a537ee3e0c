/** The package of npm, installed as people do: into a prefix of its own, and run from there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { access, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Check } from '../packages.ts';
import { assertServes, freeAddresses, writeSmallest } from './gateway.ts';

const execute = promisify(execFile);

/** Checks it. */
export async function checkNpmPackage(
  check: Check,
  { work, tgz }: { readonly work: string; readonly tgz: string },
): Promise<void> {
  const prefix = join(work, 'prefix');
  const installed = join(prefix, 'lib/node_modules/sallyport');
  const program = join(prefix, 'bin/sallyport');
  await check('npm installs the package, and the command says its help', async () => {
    await execute('npm', [
      'install',
      '--global',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--prefix',
      prefix,
      tgz,
    ]);
    const { stdout } = await execute(program, ['--help']);
    assert.match(stdout, /\bserve\b/);
  });
  await check('the package has what its documents name', async () => {
    for (const name of [
      'dist/main.js',
      'docs/configuration.md',
      'examples/aws.yaml',
      'haproxy/haproxy.cfg',
      'haproxy/maps/limits.map',
      'policies/README.md',
      'tools/decrypt.py',
    ]) {
      await access(join(installed, name));
    }
  });
  await check('its dependencies are the versions of the lock file', async () => {
    const lock = JSON.parse(await readFile(join(installed, 'npm-shrinkwrap.json'), 'utf8')) as {
      packages: Record<string, { version: string } | undefined>;
    };
    const { stdout } = await execute('npm', ['ls', '--all', '--parseable', '--long'], { cwd: installed });
    const found = stdout
      .split('\n')
      .map((line) => line.split(':'))
      .filter(([path = '']) => path.startsWith(`${installed}/`));
    assert(found.length > 50);
    for (const [path = '', name = ''] of found) {
      const wanted = lock.packages[path.slice(installed.length + 1)]?.version;
      assert.equal(name.slice(name.lastIndexOf('@') + 1), wanted, path);
    }
  });
  await check('the installed command serves', async () => {
    const folder = join(work, 'npm-gateway');
    await mkdir(folder);
    const addresses = await freeAddresses();
    await writeSmallest(folder, addresses);
    const environment = { PATH: process.env['PATH'] ?? '' };
    await assertServes(program, ['serve', '--config', join(folder, 'sallyport.yaml')], addresses, environment);
  });
}
