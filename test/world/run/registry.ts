/** distribution's registry, built from the Go module proxy; `lanes/registry/registry.sh` drives it by curl. */
import { join } from 'node:path';
import { debianPackages } from './debian-packages.ts';
import type { Lane, Manners } from './lane.ts';

/** Its one program has these manners. */
export const registry = (manners: Manners): Lane => ({
  name: 'registry',
  locks: ['go.mod', 'go.sum'],
  install: async (folder, run) => {
    await debianPackages(run, ['curl']);
    await run('go', [
      'build',
      '-o',
      join(folder, 'bin', 'registry'),
      'github.com/distribution/distribution/v3/cmd/registry',
    ]);
  },
  programs: [
    {
      name: 'distribution',
      ...manners,
      command: (folder) => ['bash', join(folder, 'registry.sh')],
      environment: () => ({ OTEL_TRACES_EXPORTER: 'none' }),
    },
  ],
});
