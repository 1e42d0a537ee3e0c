import assert from 'node:assert/strict';
import fc from 'fast-check';
import { AggregatorRegistry, Counter, Histogram, Registry } from 'prom-client';
import { keptCounter, KeptHistogram } from '../../../src/telemetry/kept-series.ts';

const BOUNDS = [0.005, 0.01, 0.25, 1, 10];
const described = { name: 'seconds', help: 'How long "it" took,\nin seconds.' };
const counted = { name: 'happened_total', help: 'How often.', labelNames: ['what', 'how'] };

const name = fc.constantFrom('GetObject', 'PutObject', 'a "quoted"\nname\\', '7');
const observation = fc.record({
  name,
  value: fc.oneof(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.constantFrom(0, ...BOUNDS)),
});

/** The same observations, once in prom-client's own metrics, once in those that are kept apart. */
function both(observations: readonly { readonly name: string; readonly value: number }[]): {
  readonly theirs: Registry;
  readonly ours: Registry;
} {
  const theirs = new Registry();
  const histogram = new Histogram({ ...described, labelNames: ['stage'], buckets: BOUNDS, registers: [theirs] });
  const counter = new Counter({ ...counted, registers: [theirs] });
  const ours = new Registry();
  const kept = new KeptHistogram({ ...described, labelNames: ['stage'], registers: [ours] }, BOUNDS);
  const counts = keptCounter({ ...counted, registers: [ours] });
  const known = new Map<string, readonly [ReturnType<typeof kept.series>, ReturnType<typeof counts>]>();
  for (const { name: stage, value } of observations) {
    histogram.observe({ stage }, value);
    counter.inc({ what: stage, how: 'well' });
    const [series, count] = known.get(stage) ?? [kept.series({ stage }), counts({ what: stage, how: 'well' })];
    known.set(stage, [series, count]);
    series.observe(value);
    count.total += 1;
  }
  return { theirs, ours };
}

/** What the primary says for two processes, whose series come to it as messages. */
async function together(processes: readonly Registry[]): Promise<string> {
  const messages = await Promise.all(processes.map((registry) => registry.getMetricsAsJSON()));
  return AggregatorRegistry.aggregate(JSON.parse(JSON.stringify(messages)) as object[]).metrics();
}

describe('series that are kept apart from prom-client', () => {
  it('read as its own do: sums exact, buckets cumulative, in the same order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(observation), async (observations) => {
        const { theirs, ours } = both(observations);
        assert.equal(await ours.metrics(), await theirs.metrics());
      }),
    );
  });

  it('are the same a second time, and grow from one scrape to the next', async () => {
    const registry = new Registry();
    const kept = new KeptHistogram({ ...described, labelNames: ['stage'], registers: [registry] }, BOUNDS);
    const series = kept.series({ stage: 'seal' });
    const count = keptCounter({ ...counted, registers: [registry] })({ what: 'a', how: 'b' });
    for (let scrapes = 1; scrapes <= 3; scrapes += 1) {
      series.observe(0.5);
      count.total += 1;
      const text = await registry.metrics();
      assert.ok(text.includes(`seconds_count{stage="seal"} ${scrapes}\n`));
      assert.ok(text.includes(`happened_total{what="a",how="b"} ${scrapes}\n`));
      assert.equal(await registry.metrics(), text);
    }
  });

  it('are added up over processes as its own are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(observation), fc.array(observation), async (first, second) => {
        const [one, other] = [both(first), both(second)];
        assert.equal(await together([one.ours, other.ours]), await together([one.theirs, other.theirs]));
      }),
    );
  });
});
