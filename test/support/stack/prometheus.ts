/**
 * A real Prometheus on a free port of loopback, with the rules that are shipped, 60 times faster: every range and every `for` of
 * the file is shortened by that (minutes to seconds), and nothing else of it is touched, so that what fires is what is shipped.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../demo/free-port.ts';

export const hasPrometheus = spawnSync('prometheus', ['--version']).status === 0;

const RULES = join(import.meta.dirname, '../../../deploy/prometheus/sallyport.rules.yml');
/** What a unit becomes that is a sixtieth of it. */
const SIXTIETH: Readonly<Record<string, (count: number) => string>> = {
  m: (count) => `${count}s`,
  h: (count) => `${count}m`,
  d: (count) => `${count * 24}m`,
};

/** One series of an answer. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [atSeconds: number, value: string];
}

export interface Prometheus {
  readonly url: string;
  /** @throws Error in its own words, where it does not take the query */
  readonly query: (expression: string) => Promise<readonly Sample[]>;
  /** Labels of the exemplars that the series of a query have had since it started. */
  readonly exemplars: (expression: string) => Promise<readonly Readonly<Record<string, string>>[]>;
  readonly stop: () => Promise<void>;
}

/** The rules as they are shipped, in less time. */
export async function shortenedRules(): Promise<string> {
  const shorter = (count: string, unit: string): string => SIXTIETH[unit]?.(Number(count)) ?? '';
  return (await readFile(RULES, 'utf8'))
    .replaceAll(/\[(\d+)([mhd])\]/g, (_all, count: string, unit: string) => `[${shorter(count, unit)}]`)
    .replaceAll(
      /^( +for: )(\d+)([mhd])$/gm,
      (_all, key: string, count: string, unit: string) => key + shorter(count, unit),
    );
}

/** Starts one that scrapes addresses by their jobs, and looks at the rules, once a second. */
export async function startPrometheus(jobs: Readonly<Record<string, readonly string[]>>): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-prometheus-'));
  const url = `http://127.0.0.1:${await freePort()}`;
  await writeFile(join(folder, 'rules.yml'), await shortenedRules());
  await writeFile(
    join(folder, 'prometheus.yml'),
    JSON.stringify({
      global: { scrape_interval: '1s', scrape_timeout: '900ms', evaluation_interval: '1s' },
      rule_files: ['rules.yml'],
      scrape_configs: Object.entries(jobs).map(([job, targets]) => ({ job_name: job, static_configs: [{ targets }] })),
    }),
  );
  const child = spawn(
    'prometheus',
    [
      ...[`--config.file=${join(folder, 'prometheus.yml')}`, `--storage.tsdb.path=${join(folder, 'data')}`],
      ...[`--web.listen-address=${new URL(url).host}`, '--log.level=warn', '--enable-feature=exemplar-storage'],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  for (let attempt = 0; !(await isReady(url)); attempt += 1) {
    if (attempt > 400 || child.exitCode !== null) throw new Error(`prometheus did not start: ${said}`);
    await sleep(50);
  }
  return {
    url,
    query: async (expression) => {
      const response = await fetch(`${url}/api/v1/query`, {
        method: 'POST',
        body: new URLSearchParams({ query: expression }),
      });
      const answer = (await response.json()) as { error?: string; data?: { result: readonly Sample[] } };
      if (answer.data === undefined) throw new Error(`${answer.error ?? response.status}: ${expression}`);
      return answer.data.result;
    },
    exemplars: async (query) => {
      const body = new URLSearchParams({ query, start: '0', end: String(Date.now() / 1000 + 60) });
      const response = await fetch(`${url}/api/v1/query_exemplars`, { method: 'POST', body });
      const { data = [] } = (await response.json()) as {
        data?: readonly { exemplars: readonly { labels: Readonly<Record<string, string>> }[] }[];
      };
      return data.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels));
    },
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function isReady(url: string): Promise<boolean> {
  return (await fetch(`${url}/-/ready`).catch(() => undefined))?.status === 200;
}
