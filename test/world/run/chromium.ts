/** Debian's Chromium: `lanes/chromium/<name>.mjs` serves a page of another origin and starts the browser on it. */
import { join } from 'node:path';
import { debianPackages } from './debian-packages.ts';
import type { Lane, Manners } from './lane.ts';

/** A program's name and its manners. */
export function chromium(programs: Readonly<Record<string, Manners>>): Lane {
  return {
    name: 'chromium',
    locks: [],
    install: async (_folder, run) => {
      await debianPackages(run, ['chromium', 'libnss3-tools']);
    },
    programs: Object.entries(programs).map(([name, manners]) => ({
      name,
      ...manners,
      command: (folder) => [process.execPath, join(folder, `${name}.mjs`)],
      environment: ({ pagePort }) => ({ WORLD_PAGE_PORT: String(pagePort) }),
    })),
  };
}
