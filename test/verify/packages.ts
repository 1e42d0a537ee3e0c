/**
 * `npm run verify:packages`: makes the release twice, in two worlds, and compares; then runs what was made: the npm package
 * installed, the Debian package on a fresh Debian 12, the image's steps. Needs root, mmdebstrap and a registry of npm. Ends
 * with "N passed, N failed".
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkDebian } from './packages/debian.ts';
import { checkDockerfile } from './packages/dockerfile.ts';
import { makeDebian } from './packages/debian-root.ts';
import { checkNewcomer } from './packages/newcomer.ts';
import { checkNpmPackage } from './packages/npm-package.ts';
import { checkReleases } from './packages/releases.ts';
import { checkUnits } from './packages/units.ts';

assert.equal(process.getuid?.(), 0, 'a folder of Debian is made by root alone');

const counts = { passed: 0, failed: 0 };
/** Tries one property; what fails is told and counted, and the others are tried all the same. */
const check = async (title: string, property: () => Promise<void>): Promise<void> => {
  try {
    await property();
    counts.passed += 1;
    console.log(`ok  ${title}`);
  } catch (error) {
    counts.failed += 1;
    console.log(`FAILED ${title}: ${error instanceof Error ? error.message : String(error)}`);
  }
};
export type Check = typeof check;

const execute = promisify(execFile);
const work = await mkdtemp(join(tmpdir(), 'sallyport-packages-'));
// Users of the packages look into it.
await chmod(work, 0o755);
const debian = makeDebian(join(work, 'debian'));
try {
  debian.catch(() => undefined);
  const release = await checkReleases(check, work);
  await checkUnits(check);
  await checkNpmPackage(check, { work, tgz: release.tgz });
  await checkNewcomer(check, { debian: await debian, work, deb: release.deb });
  await checkDebian(check, { root: await debian, work, deb: release.deb });
  await checkDockerfile(check, { debian: await debian, work });
} catch (error) {
  counts.failed += 1;
  console.log(`FAILED ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
} finally {
  await debian.catch(() => undefined);
  // Whatever may still be mounted there is not ours to empty.
  await execute('rm', ['--recursive', '--force', '--one-file-system', work]);
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 ? 0 : 1;
