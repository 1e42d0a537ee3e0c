/** Keycloak, as its makers serve it on Maven Central: `test/world/keycloak/main.ts` starts it once, and a gateway of its own. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { debianPackages } from './debian-packages.ts';
import type { Lane } from './lane.ts';

const SERVER = 'server';

export const keycloak: Lane = {
  name: 'keycloak',
  locks: ['pom.xml'],
  install: async (folder, run) => {
    await debianPackages(run, ['openjdk-17-jdk-headless', 'maven', 'chromium', 'libnss3-tools', 'awscli']);
    await rm(join(folder, SERVER), { recursive: true, force: true });
    await run('mvn', ['-B', '-q', 'dependency:unpack-dependencies', `-DoutputDirectory=${SERVER}`]);
    await run('bash', ['-c', `exec bash ${SERVER}/keycloak-*/bin/kc.sh build --db=dev-file`]);
  },
  programs: [
    {
      name: 'keycloak',
      login: 'its own',
      limitSeconds: 600,
      // Who somebody is has nothing to do with how objects lie.
      buckets: ['encrypted'],
      command: (folder) => [
        process.execPath,
        fileURLToPath(new URL('../keycloak/main.ts', import.meta.url)),
        join(folder, SERVER),
      ],
    },
  ],
};
