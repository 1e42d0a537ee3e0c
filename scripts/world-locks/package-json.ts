/** `package.json` and `package-lock.json` of npm. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchText, type LockKind } from './lock.ts';

interface Wanted {
  readonly dependencies?: Readonly<Record<string, string>>;
}
interface Locked {
  readonly packages: Readonly<Record<string, { readonly version?: string }>>;
}

const read = async <Content>(folder: string, name: string): Promise<Content> =>
  JSON.parse(await readFile(join(folder, name), 'utf8')) as Content;

export const packageJson: LockKind = {
  is: (name) => name === 'package.json',
  files: () => ['package.json', 'package-lock.json'],
  versions: async (folder, name) => {
    const { dependencies = {} } = await read<Wanted>(folder, name);
    const { packages } = await read<Locked>(folder, 'package-lock.json');
    const further = Object.entries(packages)
      .map(([path, { version = '' }]) => [path.replace(/^node_modules\//, ''), version] as const)
      .filter(([path]) => path !== '' && dependencies[path] === undefined);
    return { requested: new Map(Object.entries(dependencies)), further: new Map(further) };
  },
  move: async (folder, name) => {
    const { dependencies = {} } = await read<Wanted>(folder, name);
    const wanted = Object.keys(dependencies).map((one) => `${one}@latest`);
    const options = ['--package-lock-only', '--ignore-scripts', '--save-exact', '--no-audit', '--no-fund'];
    await fetchText(folder, 'npm', ['install', ...options, ...wanted]);
  },
};
