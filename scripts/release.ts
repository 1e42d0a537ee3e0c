/**
 * `npm run release`: what is given to others, made of one commit: the npm package, a Debian package for amd64, what they
 * consist of (CycloneDX), and the hashes of all three. Nothing of the working tree, the clock, the time zone, the locale, the
 * umask or a folder's name gets in: two runs of one commit are equal, byte for byte.
 */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { readOptions } from './command-line.ts';
import { checkNode, makeDeb } from './release/deb.ts';
import { run } from './release/run.ts';
import { makeSbom } from './release/sbom.ts';
import { buildIn, checkOut } from './release/stage.ts';

const HELP = `Usage: npm run release -- [--out FOLDER] [--commit COMMIT]

Makes the npm package, the Debian package (amd64), the SBOM and SHA256SUMS of a commit (HEAD) in a folder (release/).
Needs git, npm's registry, dpkg-deb of Debian 12 or newer, and the checkout's own packages (npm ci).
`;

const { out, commit } = readOptions(HELP, {
  out: { type: 'string', default: 'release' },
  commit: { type: 'string', default: 'HEAD' },
});
const root = join(import.meta.dirname, '..');
const folder = resolve(out);
const say = (what: string): void => console.log(`release: ${what}`);

// Whatever the caller's is: what is made is for everybody to read.
process.umask(0o022);
const work = await mkdtemp(join(tmpdir(), 'sallyport-release-'));
try {
  const source = await checkOut(root, commit, work);
  say(`${source.commit.slice(0, 12)}, version ${source.version}`);
  const node = join(root, 'node_modules/node/bin/node');
  const bundled = await checkNode(source, node);
  await buildIn(source, root);
  await mkdir(folder, { recursive: true });

  const sbom = join(folder, `sallyport-${source.version}.cdx.json`);
  await writeFile(sbom, await makeSbom(source, bundled));
  say(basename(sbom));

  // Who installs it gets the very versions that were tested, those of dependencies' dependencies too.
  await copyFile(join(source.folder, 'package-lock.json'), join(source.folder, 'npm-shrinkwrap.json'));
  await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: source.folder });
  const tgz = join(folder, `sallyport-${source.version}.tgz`);
  say(basename(tgz));

  const deb = await makeDeb(source, { work, folder, sbom, node });
  say(basename(deb));

  const lines = await Promise.all(
    [tgz, deb, sbom].map(async (path) => {
      const digest = createHash('sha256').update(await readFile(path));
      return `${digest.digest('hex')}  ${basename(path)}\n`;
    }),
  );
  await writeFile(join(folder, 'SHA256SUMS'), lines.join(''));
  say(`in ${folder}`);
} finally {
  await rm(work, { recursive: true, force: true });
}
