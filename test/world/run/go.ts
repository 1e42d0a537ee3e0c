/** Clients of the Go module proxy: `lanes/go/<folder>/main.go`, in one module. */
import { join } from 'node:path';
import type { Lane, Manners } from './lane.ts';

interface GoProgram extends Manners {
  readonly folder: string;
  readonly parameters?: readonly string[];
}

/** A program's name, its manners, and its folder. */
export function go(programs: Readonly<Record<string, GoProgram>>): Lane {
  const folders = [...new Set(Object.values(programs).map(({ folder }) => folder))];
  return {
    name: 'go',
    locks: ['go.mod', 'go.sum'],
    install: async (_folder, run) => {
      await run('go', ['mod', 'download']);
    },
    build: async (folder, run) => {
      for (const name of folders) await run('go', ['build', '-o', join(folder, 'bin', name), `./${name}`]);
    },
    programs: Object.entries(programs).map(([name, { folder: main, parameters = [], ...manners }]) => ({
      name,
      ...manners,
      command: (folder) => [join(folder, 'bin', main), ...parameters],
    })),
  };
}
