/** Loaded into a process under test: from SIGWINCH on, what it writes to files of the disk takes for ever, as on a disk that hangs. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

let isStalled = false;
const { write } = fs;

fs.write = Object.assign(
  (...args: Parameters<typeof write>): void => {
    if (!isStalled) write(...args);
  },
  { __promisify__: write.__promisify__ },
) as typeof write;
syncBuiltinESMExports();
process.on('SIGWINCH', () => {
  isStalled = true;
});
