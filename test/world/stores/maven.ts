/** What `pom.xml` in a folder names, and all that this needs, as files in `lib` beside it. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { debianPackages } from '../run/debian-packages.ts';
import type { Run } from '../run/lane.ts';

export async function installJars(folder: string, run: Run): Promise<void> {
  await debianPackages(run, ['openjdk-17-jdk-headless', 'maven']);
  await rm(join(folder, 'lib'), { recursive: true, force: true });
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=lib'];
  await run('mvn', ['-B', '-q', ...goal], { folder });
}
