/** Clients of the npm registry: `lanes/npm/<name>.mjs`, run by the Node that runs this. */
import { join } from 'node:path';
import type { Lane, Manners } from './lane.ts';

/** A program's name and its manners. */
export function npm(programs: Readonly<Record<string, Manners>>): Lane {
  return {
    name: 'npm',
    locks: ['package.json', 'package-lock.json'],
    install: async (_folder, run) => {
      await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
    },
    programs: Object.entries(programs).map(([name, manners]) => ({
      name,
      ...manners,
      command: (folder) => [process.execPath, join(folder, `${name}.mjs`)],
    })),
  };
}
