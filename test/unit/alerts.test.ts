/** The alerts that are shipped: their unit tests by promtool, and that each has its tests, its paragraph and metrics that there are. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { readDashboard } from '../../scripts/dashboard-picture/dashboard.ts';
import { ERRORS } from '../../src/errors/codes.ts';
import { OPERATIONS } from '../../src/s3/operations/operations.ts';
import { METRICS } from '../../src/telemetry/metric-table.ts';
import { needs } from '../support/needs.ts';

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'deploy/prometheus');
const run = promisify(execFile);

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
interface Tests {
  readonly tests: readonly {
    readonly name: string;
    readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly object[] }[];
  }[];
}

describe('the alerts of deploy/prometheus', () => {
  let rules: readonly Rule[];
  let alerts: readonly Rule[];

  before(async () => {
    const file = parse(await readFile(join(folder, 'sallyport.rules.yml'), 'utf8')) as {
      readonly groups: readonly { readonly rules: readonly Rule[] }[];
    };
    rules = file.groups.flatMap((group) => group.rules);
    alerts = rules.filter(({ alert }) => alert !== undefined);
    assert.ok(alerts.length >= 20);
  });

  it('pass their unit tests', async function () {
    this.timeout(120_000);
    needs(this, 'promtool', spawnSync('promtool', ['--version']).status === 0);
    const { stdout } = await run('promtool', ['test', 'rules', 'sallyport.rules.test.yml'], { cwd: folder });
    assert.match(stdout, /SUCCESS/);
  });

  it('are each seen firing and silent in these', async () => {
    const { tests } = parse(await readFile(join(folder, 'sallyport.rules.test.yml'), 'utf8')) as Tests;
    const cases = tests.flatMap((test) => test.alert_rule_test);
    const names = (isFiring: boolean) =>
      new Set(cases.filter(({ exp_alerts: of }) => of.length > 0 === isFiring).map(({ alertname }) => alertname));
    const expected = new Set(alerts.map(({ alert }) => alert));
    assert.deepEqual(names(true), expected);
    assert.deepEqual(names(false), expected);
  });

  it('have each a severity, and a paragraph in the runbook that they name; it has no other', async () => {
    const page = await readFile(join(root, 'docs/runbook.md'), 'utf8');
    const paragraphs = [...page.matchAll(/^## (\w+)$/gm)].map(([, name]) => name);
    assert.deepEqual(paragraphs.toSorted(), alerts.map(({ alert }) => alert).toSorted());
    for (const { alert = '', labels, annotations } of alerts) {
      assert.ok(['page', 'ticket'].includes(labels?.['severity'] ?? ''), alert);
      assert.ok(annotations?.['summary'], alert);
      assert.equal(annotations['runbook_url'], `docs/runbook.md#${alert.toLowerCase()}`);
    }
  });

  it('ask for metrics and labels that there are, and so does the dashboard', async () => {
    const recorded = new Set(rules.flatMap(({ record }) => record ?? []));
    const panels = await readDashboard({ job: '.+', instance: '.+', rateInterval: '1m' });
    const queries = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ about: title, expr })));
    assert.ok(queries.length > 50);
    let looked = 0;
    const asked = rules.map(({ expr, alert, record }) => ({ about: alert ?? record, expr }));
    for (const { expr, about } of [...asked, ...queries]) {
      for (const [, name = ''] of expr.matchAll(/\b(job:[a-z_]+:[a-z0-9]+)/g)) assert.ok(recorded.has(name), name);
      const plain = expr.replaceAll(/job:[a-z_]+:[a-z0-9]+/g, '');
      for (const [, name = '', matchers = ''] of plain.matchAll(
        /\b((?:sallyport|http_server)_[a-z_]+?)(?:_bucket|_count)?\b(?:\{([^}]*)\})?/g,
      )) {
        assert.ok(Object.hasOwn(METRICS, name), `${about}: ${name}`);
        const labels: readonly string[] = [...METRICS[name as keyof typeof METRICS].labels, 'le', 'job', 'instance'];
        for (const [, label = ''] of matchers.matchAll(/(\w+)(?==~|!~|=|!=)/g))
          assert.ok(labels.includes(label), `${about}: ${label}`);
        looked += 1;
      }
    }
    assert.ok(looked > 100);
  });

  it('count as errors what is a fault of the service: all of 500 and 503 but SlowDown', () => {
    const faults = Object.entries(ERRORS)
      .filter(([code, { status }]) => (status === 500 || status === 503) && code !== 'SlowDown')
      .map(([code]) => code);
    const counted = rules.flatMap(({ expr }) => [...expr.matchAll(/error_type=~"([^"]*)"/g)].map(([, codes]) => codes));
    assert.deepEqual([...new Set(counted)], [faults.toSorted().join('|')]);
  });

  it('expect of classes that there are that they are fast, and of none that reads or writes an object', () => {
    const classes = new Set<string>(Object.values(OPERATIONS).map(({ operationClass }) => operationClass));
    const named = rules.flatMap(({ expr }) => [...expr.matchAll(/operation_class=~"([^"]*)"/g)].map(([, of]) => of));
    const [fast = '', ...others] = new Set(named);
    assert.deepEqual(others, []);
    for (const one of fast.split('|')) assert.ok(one === 'IDENTITY' || classes.has(one), one);
    for (const slow of ['READ', 'WRITE', 'COPY', 'UPLOAD', 'FORM', 'BATCH']) {
      assert.ok(classes.has(slow) && !fast.split('|').includes(slow), slow);
    }
    assert.equal(OPERATIONS.HeadObject.operationClass, 'READ');
  });
});
