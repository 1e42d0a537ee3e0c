/**
 * Loaded with `--import` before a gateway: each of its processes counts the promises that are made between two SIGUSR2, and writes them into
 * the file of BENCH_PROMISES. One of ours is one made in a function of the gateway's own, be it by `await`.
 */
import { createHook } from 'node:async_hooks';
import { renameSync, writeFileSync } from 'node:fs';

export interface PromiseCount {
  readonly all: number;
  readonly ours: number;
}

const FRAMES = 10;
const file = process.env['BENCH_PROMISES'];

if (file !== undefined) {
  let all = 0;
  let ours = 0;
  let isCounting = false;
  const hook = createHook({
    init: (_id, type) => {
      if (type !== 'PROMISE') return;
      all += 1;
      if (isOurs()) ours += 1;
    },
  });
  process.on('SIGUSR2', () => {
    isCounting = !isCounting;
    if (isCounting) {
      [all, ours] = [0, 0];
      hook.enable();
      return;
    }
    hook.disable();
    // Whoever waits for the file reads all of it.
    writeFileSync(`${file}.new`, JSON.stringify({ all, ours } satisfies PromiseCount));
    renameSync(`${file}.new`, file);
  });
}

/** Whether the function that makes a promise now, on top of the stack, is the gateway's. */
function isOurs(): boolean {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = FRAMES;
  const { stack = '' } = new Error();
  Error.stackTraceLimit = stackTraceLimit;
  const frame = stack
    .split('\n')
    .slice(1)
    .find((line) => !line.includes(import.meta.url) && !/node:internal\/async_hooks|<anonymous>/.test(line));
  return frame !== undefined && /\/(dist|src)\//.test(frame) && !frame.includes('/node_modules/');
}
