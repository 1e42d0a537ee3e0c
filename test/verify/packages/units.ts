/** The units of systemd, as systemd itself judges them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Check } from '../packages.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const folder = join(root, 'packaging/systemd');
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
    const unit = await readFile(join(folder, name), 'utf8');
    await check(`${name} starts a command that there is, with options that it has`, async () => {
      const [program, ...words] = (/^ExecStart=(.+)$/m.exec(unit)?.[1] ?? '').split(' ');
      assert.equal(program, '/usr/bin/sallyport');
      const command = words.filter((word, at) => !word.startsWith('-') && words[at - 1]?.startsWith('-') !== true);
      const { stdout } = await execute(process.execPath, [join(root, 'bin/sallyport.js'), ...command, '--help']);
      assert(stdout.startsWith(`Usage: sallyport ${command.join(' ')} `), stdout);
      for (const option of words.filter((word) => word.startsWith('-')))
        assert(stdout.includes(`  ${option} `), option);
    });
    if (!unit.includes('drainMs')) continue;
    await check(`${name} gives requests the time to drain that the configuration gives them`, async () => {
      const page = await readFile(join(root, 'docs/configuration.md'), 'utf8');
      const timeoutMs = (name: string): number =>
        Number(
          new RegExp(`^\\| .timeouts\\.${name}\\b[^|]*\\| ([\\d,]+) ms`, 'm').exec(page)?.[1]?.replaceAll(',', ''),
        );
      const seconds = Number(/^TimeoutStopSec=(\d+)s$/m.exec(unit)?.[1]);
      assert(seconds * 1000 > timeoutMs('drainDelayMs') + timeoutMs('drainMs'), `${seconds} s`);
    });
  }
}
