#!/usr/bin/env -S node --max-semi-space-size=4 --initial-old-space-size=64 --heap-growing-percent=50 --expose-gc
// Plain JavaScript that any Node can read: says which Node is wanted, then hands over to the program. The first flag (MiB)
// has the garbage of requests collected early, which keeps resident memory small. The second (MiB) keeps V8 from marking
// the whole heap each time that some 30 MiB of buffers have passed. The third (percent) has the
// heap marked when it has grown by half, not by three times: some 70 MB less after many small requests. The last lets what
// serves give back the memory that only its start needed.
import { existsSync } from 'node:fs';

if (Number(process.versions.node.split('.')[0]) < 24) {
  console.error(
    `sallyport: needs Node 24 or newer, this is ${process.versions.node}; in a checkout run it as "npx sallyport" or "npm run demo", which bring their own.`,
  );
  process.exitCode = 2;
} else {
  // A checkout runs its sources and has the demo; a release has only dist/.
  const source = new URL('../src/main.ts', import.meta.url);
  const demo = new URL('../demo/command.ts', import.meta.url);
  const { main } = await import(existsSync(source) ? source : new URL('../dist/main.js', import.meta.url));
  if (existsSync(demo)) await main(new Map([['demo', async () => (await import(demo)).registerDemo]]));
  else if (process.argv[2] !== 'demo') await main();
  else {
    console.error('sallyport: the demo is not part of a release; run it in a checkout: npm ci && npm run demo');
    process.exitCode = 2;
  }
}
