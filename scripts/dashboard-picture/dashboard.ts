/** The dashboard that is shipped, as far as its queries and its grid go. */
import { readFile } from 'node:fs/promises';

const FILE = new URL('../../deploy/grafana/sallyport.json', import.meta.url);

export interface Target {
  readonly expr: string;
  readonly legendFormat: string;
}

export interface Panel {
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  /** Absent of a row. */
  readonly targets?: readonly Target[];
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit: string;
      readonly custom?: { readonly stacking?: { readonly mode: 'normal' | 'none' } };
    };
  };
}

/** What Grafana puts into queries. */
export interface Variables {
  readonly job: string;
  readonly instance: string;
  /** A duration of Prometheus: four scrapes at least. */
  readonly rateInterval: string;
}

/** Gives the panels, with the variables of their queries filled in. */
export async function readDashboard({ job, instance, rateInterval }: Variables): Promise<readonly Panel[]> {
  const { panels } = JSON.parse(await readFile(FILE, 'utf8')) as { readonly panels: readonly Panel[] };
  const filled = (expr: string): string =>
    expr.replaceAll('$job', job).replaceAll('$instance', instance).replaceAll('$__rate_interval', rateInterval);
  return panels.map((panel) => ({
    ...panel,
    ...(panel.targets && { targets: panel.targets.map((one) => ({ ...one, expr: filled(one.expr) })) }),
  }));
}

/** Gives the labels that a legend shows. */
export function shownLabels(legend: string): readonly string[] {
  return [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
}

/** Gives the legend of one series. */
export function legendOf({ legendFormat }: Target, metric: Readonly<Record<string, string>>): string {
  return legendFormat.replaceAll(/\{\{(\w+)\}\}/g, (_all, label: string) => metric[label] ?? '');
}
