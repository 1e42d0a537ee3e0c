/** The units of systemd, as systemd itself judges them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Check } from '../packages.ts';

const execute = promisify(execFile);
const folder = join(import.meta.dirname, '../../../packaging/systemd');
const MOST_EXPOSURE = 2;

/** Checks each unit that the package ships. */
export async function checkUnits(check: Check): Promise<void> {
  for (const name of await readdir(folder)) {
    await check(`systemd-analyze gives ${name} an exposure of ${MOST_EXPOSURE.toFixed(1)} at most`, async () => {
      const args = ['security', '--offline=true', '--no-pager', join(folder, name)];
      const { stdout } = await execute('systemd-analyze', args, { env: { ...process.env, LC_ALL: 'C.UTF-8' } });
      const level = /Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1];
      assert(level !== undefined && Number(level) <= MOST_EXPOSURE, `it is ${level ?? 'not known'}`);
    });
    await check(`${name} gives requests the time to drain that the configuration gives them`, async () => {
      const unit = await readFile(join(folder, name), 'utf8');
      const page = await readFile(join(folder, '../../docs/configuration.md'), 'utf8');
      const timeoutMs = (name: string): number =>
        Number(new RegExp(`^\\| .timeouts\\.${name}. \\| ([\\d,]+) ms`, 'm').exec(page)?.[1]?.replaceAll(',', ''));
      const seconds = Number(/^TimeoutStopSec=(\d+)s$/m.exec(unit)?.[1]);
      assert(seconds * 1000 > timeoutMs('drainDelayMs') + timeoutMs('drainMs'), `${seconds} s`);
    });
  }
}
