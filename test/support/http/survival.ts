/** Whether the processes of a gateway have lived through something: the same ones, with nothing left behind, and serving. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stack } from '../stack/stack.ts';
import { KEPT } from './wire-samples.ts';
import { workerIds } from '../stack/worker-ids.ts';

const SETTLED_MS = 30_000;

export interface Vitals {
  readonly primary: number;
  readonly workers: readonly number[];
  /** Resident memory of the workers together. */
  readonly rssMb: number;
}

export async function vitalsOf(stack: Stack): Promise<Vitals> {
  const primary = stack.gateway.pid();
  const workers = await workerIds(primary);
  let rssMb = 0;
  for (const pid of workers) rssMb += await rssMbOf(pid);
  return { primary, workers, rssMb };
}

/** Resident memory of a process. */
export async function rssMbOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}

/** Puts what the samples look for where they look. */
export async function prepare(stack: Stack, token: string): Promise<void> {
  for (const bucket of ['reports', 'artifacts']) {
    const put = { method: 'PUT', target: `/${bucket}/${KEPT}`, token, body: 'k'.repeat(20_000) };
    assert.equal((await stack.client.call(put)).status, 200);
  }
}

/** @throws AssertionError where a process ended, a place is held for ever, or an ordinary request is not served */
export async function assertAlive(stack: Stack, before: Vitals, token: string): Promise<Vitals> {
  for (const since = Date.now(); ;) {
    const inFlight = /^sallyport_in_flight(?:\{[^}]*\})? (\d+)$/m.exec(await stack.metrics())?.[1];
    if (inFlight === '0') break;
    assert.ok(Date.now() - since < SETTLED_MS, `${inFlight} requests are in flight for ever`);
    await sleep(100);
  }
  const after = await vitalsOf(stack);
  assert.deepEqual([after.primary, after.workers], [before.primary, before.workers], 'the same processes');
  const metrics = await stack.metrics();
  for (const count of metrics.matchAll(/^sallyport_(?:uncaught_errors|workers_replaced)_total\{[^}]*\} (\d+)$/gm)) {
    assert.equal(count[1], '0', count[0]);
  }
  const body = `ordinary ${Date.now()}`;
  const target = '/reports/wire/ordinary';
  const put = await stack.client.call({ method: 'PUT', target, token, body });
  assert.equal(put.status, 200, put.body.toString());
  assert.equal((await stack.client.call({ method: 'GET', target, token })).body.toString(), body);
  return after;
}
