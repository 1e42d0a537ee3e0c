/**
 * `npm run bench`: what the gateway costs, as ratios to a bare Node relay, both in front of the same store in one run. CPU is
 * the process's own, so that the figure holds on a busy machine. `-- --help` says what there is.
 */
import { createBench, type Bench } from './bench.ts';
import { readOptions, type Options } from './options.ts';
import { showBatches } from './sections/batches.ts';
import { showBusy } from './sections/busy.ts';
import { showCipher } from './sections/cipher.ts';
import { showColdKeys } from './sections/cold-keys.ts';
import { showExact } from './sections/exact.ts';
import { showFair } from './sections/fair.ts';
import { showLatency } from './sections/latency.ts';
import { showMarkCompacts } from './sections/mark-compacts.ts';
import { showMemory } from './sections/memory.ts';
import { showPolicy } from './sections/policy.ts';
import { showReload } from './sections/reload.ts';
import { showRequests } from './sections/requests.ts';
import { showSigned } from './sections/signed.ts';
import { showUploads } from './sections/uploads.ts';
import { showWorkers } from './sections/workers.ts';

interface Section {
  readonly name: string;
  readonly what: string;
  readonly show: (bench: Bench) => Promise<void>;
}

const SECTIONS: readonly Section[] = [
  { name: 'requests', what: 'CPU and rate of GET and PUT, 1 KiB and 256 MiB', show: showRequests },
  {
    name: 'busy',
    what: 'CPU of 256 MiB while other processes want all cores, x of the same without them',
    show: showBusy,
  },
  { name: 'signed', what: 'what SigV4 adds to a small request', show: showSigned },
  { name: 'cold-keys', what: 'CPU of a small GET where no data key is remembered', show: showColdKeys },
  {
    name: 'batches',
    what: 'CPU of listings and DeleteObjects of 1,000 keys, and of a part of 8 MiB',
    show: showBatches,
  },
  { name: 'latency', what: 'p50 and p99 of small requests at 500 per second', show: showLatency },
  { name: 'fair', what: 'small requests of 20 callers beside 500 large uploads of one', show: showFair },
  { name: 'exact', what: 'heap, promises and requests to the store per small request', show: showExact },
  { name: 'mark-compacts', what: 'collections of the whole heap while 2 GiB pass', show: showMarkCompacts },
  { name: 'cipher', what: 'CPU of sealing and opening, beside AES-256-GCM alone', show: showCipher },
  {
    name: 'policy',
    what: 'a decision, a preview and a diff of policies, with 1,000 rules over 200 bindings',
    show: showPolicy,
  },
  { name: 'reload', what: 'a reload of 1,000 rules of 200 policies, and requests meanwhile', show: showReload },
  { name: 'uploads', what: 'peak memory with 64 and with 16 uploads of 256 MiB at once', show: showUploads },
  { name: 'memory', what: 'memory when idle, and after 200,000 small requests', show: showMemory },
  { name: 'workers', what: 'requests per second and CPU of two workers, x of one', show: showWorkers },
];

const HELP = `npm run bench -- [options]

Measures this checkout's build against a bare Node relay, with Node's default flags and with the gateway's, in turns, and
ends with a table in Markdown.

  --against <checkout>  measures the build in another checkout too (npm run build there first)
  --peers               measures versitygw and nginx too, where they are: \`npm run stores -- --store versitygw\` builds the
                        one, Debian's nginx-light and libnginx-mod-http-js are the other
  --only <names>        only these sections, with commas between them
  --rounds <n>          rounds of which medians are shown (5)
  --quick               smaller loads and one round: some minutes
  --smoke               the least of everything, which shows that all of it runs and judges nothing: some seconds
  --help                this

Sections:
${SECTIONS.map(({ name, what }) => `  ${name.padEnd(20)}  ${what}`).join('\n')}

A missed target ends the run with 1; a goal is what is aimed at, and only shown. The process's own figures (heap, promises,
Mark-Compacts, requests to the store) are exact on a busy machine; of CPU, compare the ratios.`;

async function main(options: Options): Promise<void> {
  if (options.isHelp) {
    console.log(HELP);
    return;
  }
  const unknown = options.only?.find((name) => !SECTIONS.some((section) => section.name === name));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: there is no such section; --help names them`);
  const bench = await createBench(options);
  try {
    console.log(`medians of ${options.rounds} rounds, in turns; in brackets the range of the rounds`);
    for (const { name, what, show } of SECTIONS) {
      if (options.only !== undefined && !options.only.includes(name)) continue;
      console.log(`\n${name}: ${what}`);
      const began = performance.now();
      await show(bench);
      console.log(`(${name} took ${((performance.now() - began) / 1000).toFixed(0)} s)`);
    }
    const { stsCalls } = await bench.environment.counters();
    console.log(`\nSTS calls in the whole run: ${stsCalls} (one identity, ${bench.gatewaysStarted()} gateways)`);
  } finally {
    // Of a run that failed, what was measured until then.
    console.log(`\n${bench.report.table()}`);
    await bench.environment.close();
  }
}

await main(readOptions(process.argv.slice(2)));
