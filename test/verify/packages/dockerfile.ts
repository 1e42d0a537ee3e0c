/**
 * The steps of the Dockerfile, done in folders of Debian 12 in place of images: each COPY, RUN and WORKDIR of both stages, then
 * the ENTRYPOINT as the user that the file names. The base is Debian with this machine's Node 24 and npm, as node:24-slim is.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, readFile, realpath, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Check } from '../packages.ts';
import { IN_ROOT, inRoot, runIn } from './debian-root.ts';
import { assertServes, freeAddresses, writeSmallest } from './gateway.ts';

const execute = promisify(execFile);
const repository = join(import.meta.dirname, '../../..');

interface Image {
  readonly root: string;
  workdir: string;
  user: string;
  entrypoint: readonly string[];
  command: readonly string[];
  readonly environment: Record<string, string>;
}

/** Builds the image's folder, and runs it. */
export async function checkDockerfile(
  check: Check,
  { debian, work }: { readonly debian: string; readonly work: string },
): Promise<void> {
  let image: Image | undefined;
  await check('every step of the Dockerfile runs', async () => {
    const base = await baseImage(debian, join(work, 'image-base'));
    image = await build(await readFile(join(repository, 'Dockerfile'), 'utf8'), base, work);
  });
  await check('the image serves by its ENTRYPOINT, as its user', async () => {
    assert(image !== undefined, 'it was not built');
    const { root, workdir, user, entrypoint, command, environment } = image;
    const uid = Number(user.split(':')[0]);
    assert(uid > 0, user);
    const addresses = await freeAddresses();
    await writeSmallest(join(root, 'etc/sallyport'), addresses, { seenAs: '/etc/sallyport', uid });
    const start = ['sh', '-c', 'cd "$0" && exec "$@"', workdir, ...entrypoint, ...command];
    await assertServes(IN_ROOT, inRoot(root, start, user), addresses, {
      PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
      ...environment,
    });
  });
}

async function baseImage(debian: string, root: string): Promise<string> {
  await copyTree(debian, root);
  await copyFile(join(repository, 'node_modules/node/bin/node'), join(root, 'usr/local/bin/node'));
  await chmod(join(root, 'usr/local/bin/node'), 0o755);
  const npm = dirname(dirname(await realpath((await execute('sh', ['-c', 'command -v npm'])).stdout.trim())));
  await mkdir(join(root, 'usr/local/lib/node_modules'), { recursive: true });
  await copyTree(npm, join(root, 'usr/local/lib/node_modules/npm'));
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'));
  // How this machine reaches the registry.
  const registry = (await execute('npm', ['config', 'get', 'registry'])).stdout.trim();
  const cache = (await execute('npm', ['config', 'get', 'cache'])).stdout.trim();
  await copyFile('/etc/ssl/certs/ca-certificates.crt', join(root, 'etc/ssl/certs/ca-certificates.crt'));
  await copyTree(cache, join(root, 'root/.npm')).catch(() => undefined);
  const settings = [`registry=${registry}`, 'cafile=/etc/ssl/certs/ca-certificates.crt', 'audit=false', 'fund=false'];
  await execute('sh', ['-c', `printf '%s\\n' "$@" >"$0"`, join(root, 'root/.npmrc'), ...settings]);
  return root;
}

const copyTree = async (from: string, to: string): Promise<void> => {
  await execute('cp', ['--archive', '--reflink=auto', from, to]);
};

async function build(text: string, base: string, work: string): Promise<Image> {
  const lines = text.replaceAll(/\\\n\s*/g, ' ').split('\n');
  const stages = new Map<string, Image>();
  let image: Image | undefined;
  for (const line of lines.filter((each) => each !== '' && !each.startsWith('#'))) {
    const [instruction = '', ...rest] = line.split(' ');
    const words = rest.join(' ');
    if (instruction === 'ARG') continue;
    if (instruction === 'FROM') {
      const root = join(work, `image-${stages.size}`);
      await copyTree(base, root);
      image = { root, workdir: '/', user: '0:0', entrypoint: [], command: [], environment: {} };
      stages.set(/ AS (\w+)$/.exec(words)?.[1] ?? 'final', image);
      continue;
    }
    assert(image !== undefined, `${instruction} before FROM`);
    await step(image, instruction, words, stages);
  }
  assert(image !== undefined);
  return image;
}

async function step(
  image: Image,
  instruction: string,
  words: string,
  stages: ReadonlyMap<string, Image>,
): Promise<void> {
  switch (instruction) {
    case 'WORKDIR':
      image.workdir = words;
      await mkdir(join(image.root, words), { recursive: true });
      return;
    case 'ENV':
      for (const [, name = '', value = ''] of words.matchAll(/(\w+)=(\S+)/g)) image.environment[name] = value;
      return;
    case 'USER':
      image.user = words;
      return;
    case 'ENTRYPOINT':
      image.entrypoint = JSON.parse(words) as string[];
      return;
    case 'CMD':
      image.command = JSON.parse(words) as string[];
      return;
    case 'COPY':
      return copy(image, words, stages);
    case 'RUN': {
      const { code, said } = await runIn(
        image.root,
        ['sh', '-c', `cd ${image.workdir} && ${words}`],
        image.environment,
      );
      assert.equal(code, 0, `RUN ${words}: ${said.slice(-2000)}`);
      return;
    }
    case 'EXPOSE':
    case 'STOPSIGNAL':
      return;
    default:
      assert.fail(`${instruction} is not known here`);
  }
}

/** What stands in a folder goes into it; a folder that is copied to a name is that name (as Docker has it). */
async function copy({ root, workdir }: Image, words: string, stages: ReadonlyMap<string, Image>): Promise<void> {
  const parts = words.split(/\s+/);
  const stage = /^--from=(\w+)$/.exec(parts[0] ?? '')?.[1];
  if (stage !== undefined) parts.shift();
  const from = stage === undefined ? repository : stages.get(stage)?.root;
  assert(from !== undefined, words);
  const to = parts.pop() ?? '.';
  for (const source of parts) {
    const target = to.endsWith('/') ? join(root, workdir, to, basename(source)) : join(root, workdir, to);
    await copyTree(join(from, source), target);
  }
}
