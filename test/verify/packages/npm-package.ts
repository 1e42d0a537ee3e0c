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
  // npm heeds the list that a package brings where it comes from a registry, not where it is a file.
  await check('npm ci in its folder gives it the very versions that were tested', async () => {
    const args = ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
    await execute('npm', args, { cwd: installed });
    const lock = JSON.parse(await readFile(join(installed, 'npm-shrinkwrap.json'), 'utf8')) as {
      packages: Record<string, { version: string; dev?: true; devOptional?: true; optional?: true }>;
    };
    const wanted = Object.entries(lock.packages).filter(
      ([path, { dev, devOptional, optional }]) => path !== '' && !dev && !devOptional && !optional,
    );
    assert(wanted.length > 50);
    for (const [path, { version }] of wanted) {
      const found = JSON.parse(await readFile(join(installed, path, 'package.json'), 'utf8')) as { version: string };
      assert.equal(found.version, version, path);
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
