/** Clients of Maven Central: `lanes/java/<Class>.java`, each against the packages of one of the lists beside it. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { debianPackages } from './debian-packages.ts';
import type { Lane, Manners } from './lane.ts';

const LISTS = ['current', 'old', 'minio'] as const;
/** Java has a list of certificates of its own. */
const START = `
set -e
unset HTTP_PROXY HTTPS_PROXY https_proxy
# set-up
keytool -importcert -noprompt -alias world -file "$WORLD_CA_FILE" -keystore trust.p12 -storepass changeit >/dev/null 2>&1
exec java -Djavax.net.ssl.trustStore=trust.p12 -Djavax.net.ssl.trustStorePassword=changeit "$@"
# end of set-up`;
/** With several HTTP clients in reach the SDK wants to be told which one asks STS. */
const CALLS_STS = '-Dsoftware.amazon.awssdk.http.service.impl=software.amazon.awssdk.http.apache.ApacheSdkHttpService';

interface JavaProgram extends Manners {
  readonly list: (typeof LISTS)[number];
  readonly main: string;
  readonly parameters?: readonly string[];
}

/** A program's name, its manners, its class, and its packages. */
export function java(programs: Readonly<Record<string, JavaProgram>>): Lane {
  return {
    name: 'java',
    locks: LISTS.map((list) => `${list}/pom.xml`),
    install: async (folder, run) => {
      await debianPackages(run, ['openjdk-17-jdk-headless', 'maven']);
      for (const list of LISTS) {
        await rm(join(folder, list, 'lib'), { recursive: true, force: true });
        const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=lib'];
        await run('mvn', ['-B', '-q', ...goal], { folder: join(folder, list) });
      }
    },
    build: async (folder, run) => {
      const mains = new Map(Object.values(programs).map(({ list, main }) => [`${list}/${main}`, { list, main }]));
      for (const { list, main } of mains.values()) {
        const out = join(folder, list, 'classes');
        await mkdir(out, { recursive: true });
        await run('javac', [
          '-nowarn',
          '-encoding',
          'UTF-8',
          '-cp',
          join(folder, list, 'lib', '*'),
          '-d',
          out,
          'Step.java',
          `${main}.java`,
        ]);
      }
    },
    programs: Object.entries(programs).map(([name, { list, main, parameters = [], ...manners }]) => ({
      name,
      ...manners,
      command: (folder) => [
        ...(['bash', '-c', START, 'start', '-cp'] as const),
        `${join(folder, list, 'classes')}:${join(folder, list, 'lib', '*')}`,
        ...[CALLS_STS, main, ...parameters],
      ],
    })),
  };
}
