/**
 * The Debian package: the program with its packages and its own Node in /usr/lib/sallyport, what people read and copy in
 * /usr/share/sallyport, systemd's units, and a sample configuration.
 */
import { createHash } from 'node:crypto';
import { chmod, copyFile, cp, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from './run.ts';
import type { BundledNode } from './sbom.ts';
import type { Source } from './stage.ts';

const PROGRAM = ['bin', 'dist', 'node_modules', 'package.json'];
const FOR_PEOPLE = [
  'docs',
  'examples',
  'haproxy',
  'deploy',
  'policies',
  'tools',
  'CHANGELOG.md',
  'README.md',
  'SECURITY.md',
];

/** The Node of a file, which must be the one that `packaging/debian/node.sha256` of the commit names. @throws Error otherwise */
export async function checkNode({ folder }: Source, program: string): Promise<BundledNode> {
  const wanted = (await readFile(join(folder, 'packaging/debian/node.sha256'), 'utf8')).trim();
  const sha256 = createHash('sha256')
    .update(await readFile(program))
    .digest('hex');
  const found = `${sha256}  ${(await run(program, ['--version'])).trim().slice(1)}`;
  if (found !== wanted) {
    throw new Error(`${program} is not the Node of packaging/debian/node.sha256: "${found}", not "${wanted}"`);
  }
  return { version: wanted.slice(66), sha256 };
}

/** Makes it in `folder`, and gives its path. */
export async function makeDeb(
  { folder: source, version, time }: Source,
  {
    work,
    folder,
    sbom,
    node,
  }: { readonly work: string; readonly folder: string; readonly sbom: string; readonly node: string },
): Promise<string> {
  const root = join(work, 'deb');
  const debian = join(source, 'packaging/debian');
  const put = async (from: string, to: string, mode = 0o644): Promise<void> => {
    await mkdir(dirname(join(root, to)), { recursive: true });
    await copyFile(from, join(root, to));
    await chmod(join(root, to), mode);
  };

  await mkdir(join(root, 'usr/lib/sallyport'), { recursive: true });
  await mkdir(join(root, 'usr/share/sallyport'), { recursive: true });
  const link = { recursive: true, verbatimSymlinks: true };
  for (const name of PROGRAM) await cp(join(source, name), join(root, 'usr/lib/sallyport', name), link);
  for (const name of FOR_PEOPLE) await cp(join(source, name), join(root, 'usr/share/sallyport', name), link);
  await put(node, 'usr/lib/sallyport/node', 0o755);
  await mkdir(join(root, 'usr/bin'));
  await writeFile(join(root, 'usr/bin/sallyport'), await launcher(source));
  await chmod(join(root, 'usr/bin/sallyport'), 0o755);

  for (const name of await readdir(join(source, 'packaging/systemd'))) {
    await put(join(source, 'packaging/systemd', name), `usr/lib/systemd/system/${name}`);
  }
  await put(join(debian, 'sysusers.conf'), 'usr/lib/sysusers.d/sallyport.conf');
  await put(join(debian, 'tmpfiles.conf'), 'usr/lib/tmpfiles.d/sallyport.conf');
  await put(join(debian, 'sallyport.yaml'), 'etc/sallyport/sallyport.yaml');
  await put(join(debian, 'copyright'), 'usr/share/doc/sallyport/copyright');
  await put(sbom, 'usr/share/doc/sallyport/sbom.cdx.json');
  await symlink('../../sallyport/CHANGELOG.md', join(root, 'usr/share/doc/sallyport/changelog.md'));

  const size = await sizeOf(root);
  const control = await readFile(join(debian, 'control'), 'utf8');
  await mkdir(join(root, 'DEBIAN'));
  await writeFile(join(root, 'DEBIAN/control'), control.replace('@VERSION@', version).replace('@SIZE@', String(size)));
  await writeFile(join(root, 'DEBIAN/conffiles'), '/etc/sallyport/sallyport.yaml\n');
  for (const name of ['postinst', 'prerm', 'postrm']) await put(join(debian, name), `DEBIAN/${name}`, 0o755);
  // Whatever npm or git gave them.
  await run('chmod', ['--recursive', 'u=rwX,go=rX', root]);

  const deb = join(folder, `sallyport_${version}_amd64.deb`);
  // By one thread: with more, what is compressed depends on how many there are.
  await run('dpkg-deb', ['--root-owner-group', '-Zzstd', '-z10', '--threads-max=1', '--build', root, deb], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(time) },
  });
  return deb;
}

/** KiB of all files: what a file system makes of a folder depends on which it is. */
async function sizeOf(root: string): Promise<number> {
  const files = (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size));
  return Math.ceil(sizes.reduce((sum, size) => sum + size, 0) / 1024);
}

/** The command, by the package's own Node, with the flags of the script's first line. */
async function launcher(source: string): Promise<string> {
  const [first = ''] = (await readFile(join(source, 'bin/sallyport.js'), 'utf8')).split('\n');
  const flags = /^#!\/usr\/bin\/env -S node (.+)$/.exec(first)?.[1];
  if (flags === undefined) throw new Error('bin/sallyport.js: its first line is not "#!/usr/bin/env -S node FLAGS"');
  return `#!/bin/sh\nexec /usr/lib/sallyport/node ${flags} /usr/lib/sallyport/bin/sallyport.js "$@"\n`;
}
