/** Draws the dashboard of deploy/grafana from what a Prometheus answers to its queries, for docs/dashboard.md. */
import { writeFile } from 'node:fs/promises';
import { readOptions, usage } from './command-line.ts';
import { legendOf, readDashboard, type Target } from './dashboard-picture/dashboard.ts';
import { draw, type Series } from './dashboard-picture/draw.ts';

const HELP = `npm run dashboard-picture -- --prometheus URL --out FILE.svg [--seconds N] [--job REGEX] [--instance REGEX] [--rate-interval 1m]
  The last N seconds (3600) of the dashboard deploy/grafana/sallyport.json, drawn from the answers of a Prometheus.`;
const POINTS = 60;

const options = readOptions(HELP, {
  prometheus: { type: 'string' },
  out: { type: 'string' },
  seconds: { type: 'string', default: '3600' },
  job: { type: 'string', default: '.+' },
  instance: { type: 'string', default: '.+' },
  'rate-interval': { type: 'string', default: '1m' },
});
const { prometheus, out, job, instance } = options;
const seconds = Number(options.seconds);
if (prometheus === undefined || out === undefined) usage(HELP, '--prometheus and --out are needed');
if (!(seconds > 0)) usage(HELP, '--seconds is a positive number');

interface Matrix {
  readonly error?: string;
  readonly data?: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly values: readonly (readonly [number, string])[];
    }[];
  };
}

const to = Date.now() / 1000;
const from = to - seconds;
const step = Math.max(1, seconds / POINTS);

async function ask(target: Target): Promise<readonly Series[]> {
  const body = new URLSearchParams({ query: target.expr, start: `${from}`, end: `${to}`, step: `${step}` });
  const response = await fetch(new URL('/api/v1/query_range', prometheus), { method: 'POST', body });
  const { error, data } = (await response.json()) as Matrix;
  if (data === undefined) throw new Error(`${error ?? response.status}: ${target.expr}`);
  return data.result.map(({ metric, values }) => {
    const known = new Map(values.map(([time, value]) => [Math.round((time - from) / step), Number(value)]));
    const points = Array.from(
      { length: Math.floor(seconds / step) + 1 },
      (_none, index) => [from + index * step, known.get(index) ?? NaN] as const,
    );
    return { legend: legendOf(target, metric), points };
  });
}

const panels = await readDashboard({ job, instance, rateInterval: options['rate-interval'] });
const answers = await Promise.all(
  panels.map(async (panel) => ({ panel, series: (await Promise.all((panel.targets ?? []).map(ask))).flat() })),
);
await writeFile(out, draw(answers, [from, to]));
