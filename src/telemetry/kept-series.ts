/**
 * Counters and histograms that every request touches. What enters: numbers, kept by their labels in plain objects and arrays.
 * What leaves: the same series that prom-client's own would have, when it is asked for them; these look at the labels of each
 * observation, and make objects and texts for it. It is asked by names from closed sets alone.
 */
import { Counter, Histogram, type CounterConfiguration, type HistogramConfiguration } from 'prom-client';
import type { TraceIds } from '../contracts/tracing.ts';
import type { Exemplar } from './exposition.ts';

/** How often something happened. */
export interface Count {
  total: number;
}

/** Makes a counter; gives what counts for some labels, whose series is there from then on. */
export function keptCounter<Label extends string>(
  configuration: CounterConfiguration<Label>,
): (labels: Readonly<Record<Label, string>>) => Count {
  const series: { readonly labels: Readonly<Record<Label, string>>; readonly count: Count }[] = [];
  new Counter({
    ...configuration,
    collect() {
      this.reset();
      for (const { labels, count } of series) this.inc(labels, count.total);
    },
  });
  return (labels) => {
    const count = { total: 0 };
    series.push({ labels, count });
    return count;
  };
}

/** A distribution: of each bucket the observations in it alone, and the sum of all. */
export class Observations {
  readonly #bounds: readonly number[];
  /** One more than there are bounds: what is above them. */
  readonly counts: Float64Array;
  readonly #sum = new Float64Array(1);
  /** By bucket, of the last observation in it that somebody traces. */
  readonly exemplars: (Exemplar | undefined)[] = [];

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  get sum(): number {
    return this.#sum[0] ?? 0;
  }

  /** Takes a finite number. `trace`: where that stands which took so long, if it is recorded. */
  observe(value: number, trace?: TraceIds): void {
    let bucket = 0;
    while (value > (this.#bounds[bucket] ?? Infinity)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.#sum[0] = this.sum + value;
    if (trace === undefined) return;
    const labelSet = { trace_id: trace.traceId, span_id: trace.spanId ?? '' };
    this.exemplars[bucket] = { labelSet, value, timestamp: Date.now() / 1000 };
  }
}

type Described = Awaited<ReturnType<Histogram['get']>>;

/** A histogram whose observations come by way of `series`. */
export class KeptHistogram<Label extends string> extends Histogram<Label> {
  readonly #configuration: HistogramConfiguration<Label>;
  readonly #bounds: readonly number[];
  readonly #series: { readonly labels: Readonly<Record<Label, string>>; readonly observations: Observations }[] = [];

  constructor(configuration: HistogramConfiguration<Label>, bounds: readonly number[]) {
    super({ ...configuration, buckets: [...bounds] });
    this.#configuration = configuration;
    this.#bounds = bounds;
  }

  /** Gives what observes for some labels, whose series is there from then on. */
  series(labels: Readonly<Record<Label, string>>): Observations {
    const observations = new Observations(this.#bounds);
    this.#series.push({ labels, observations });
    return observations;
  }

  override get(): Promise<Described> {
    const { name, help, aggregator = 'sum' } = this.#configuration;
    const values = this.#series.flatMap(({ labels, observations: { counts, sum, exemplars } }) => {
      let total = 0;
      const buckets = Array.from(counts, (count, index) => {
        total += count;
        const le = this.#bounds[index] ?? '+Inf';
        const exemplar = exemplars[index];
        const bucket = { metricName: `${name}_bucket`, labels: { le, ...labels }, value: total };
        return exemplar === undefined ? bucket : { ...bucket, exemplar };
      });
      const all = { metricName: `${name}_count`, labels, value: total };
      return [...buckets, { metricName: `${name}_sum`, labels, value: sum }, all];
    });
    // Its types have the type as a number, and demand what its own histograms do not give.
    return Promise.resolve({ name, help, type: 'histogram', aggregator, values } as unknown as Described);
  }

  /** What the registry renders, where a metric has it. */
  getForPromString(): Promise<Described> {
    return this.get();
  }
}
