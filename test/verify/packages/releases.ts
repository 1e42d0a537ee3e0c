/** Two releases of one commit, side by side, made in worlds that differ in all that must not matter. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Check } from '../packages.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../../..');

const WORLDS = [
  { umask: '022', TZ: 'UTC', LC_ALL: 'C.UTF-8' },
  { umask: '077', TZ: 'Pacific/Kiritimati', LC_ALL: 'C' },
] as const;

/** Makes both, and gives the paths of the first one's packages. */
export async function checkReleases(
  check: Check,
  work: string,
): Promise<{ readonly tgz: string; readonly deb: string }> {
  const folders = await Promise.all(
    WORLDS.map(async ({ umask, ...variables }, index) => {
      const temporary = join(work, `build${'-longer'.repeat(index)}`);
      const out = join(work, `release-${index}`);
      await mkdir(temporary);
      const command = `umask ${umask} && exec node scripts/release.ts --out ${out}`;
      const env = { ...process.env, ...variables, TMPDIR: temporary };
      await execute('sh', ['-c', command], { cwd: root, env, maxBuffer: 16 * 1024 * 1024 });
      return out;
    }),
  );
  const [first = '', second = ''] = folders;
  const names = (await readdir(first)).sort();
  await check('a release is a package of npm, one of Debian, an SBOM and their hashes', async () => {
    const forms = names.map((name) => name.replace(/\d+\.\d+\.\d+/, 'VERSION'));
    const expected = [
      'SHA256SUMS',
      'sallyport-VERSION.cdx.json',
      'sallyport-VERSION.tgz',
      'sallyport_VERSION_amd64.deb',
    ];
    assert.deepEqual(forms, expected);
    await execute('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: first });
  });
  for (const name of names) {
    await check(`two builds of one commit are byte-equal: ${name}`, async () => {
      assert(
        Buffer.compare(await readFile(join(first, name)), await readFile(join(second, name))) === 0,
        'they differ',
      );
    });
  }
  const named = (end: string): string => join(first, names.find((name) => name.endsWith(end)) ?? end);
  await check('the SBOM names every package that the lock file has for those who run it, and Node', async () => {
    const bom = JSON.parse(await readFile(named('.cdx.json'), 'utf8')) as {
      specVersion: string;
      components: { purl: string; hashes?: unknown[] }[];
    };
    const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { version: string; dev?: true; devOptional?: true; optional?: true }>;
    };
    const wanted = Object.entries(lock.packages)
      .filter(([path, { dev, devOptional, optional }]) => path !== '' && !dev && !devOptional && !optional)
      .map(([path, { version }]) => `${path.split('node_modules/').at(-1) ?? ''}@${version}`);
    const told = new Set(bom.components.map(({ purl }) => decodeURIComponent(purl).replace(/^pkg:\w+\//, '')));
    assert(wanted.length > 50);
    assert.deepEqual(
      wanted.filter((name) => !told.has(name)),
      [],
    );
    assert([...told].some((name) => name.startsWith('node@24.')));
  });
  return { tgz: named('.tgz'), deb: named('.deb') };
}
