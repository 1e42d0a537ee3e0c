import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { createBackgroundProbes, type BackgroundProbes } from '../../../src/compose/background-probes.ts';
import type { HealthProbe, HealthReport } from '../../../src/contracts/health.ts';

class Asked implements HealthProbe {
  checkedAtMs: number | undefined;
  state: HealthReport['state'] = 'unknown';
  times = 0;
  atOnce = 0;
  most = 0;
  report = (): HealthReport => ({
    ...{ name: 'keyring:vault', state: this.state },
    ...(this.checkedAtMs === undefined ? {} : { checkedAtMs: this.checkedAtMs }),
  });
  ask = async (): Promise<void> => {
    this.times += 1;
    this.atOnce += 1;
    this.most = Math.max(this.most, this.atOnce);
    await sleep(50);
    this.atOnce -= 1;
    this.checkedAtMs = Date.now();
    this.state = 'ok';
  };
}

describe('probes in the background', function () {
  this.timeout(30_000);
  let probes: BackgroundProbes;
  afterEach(() => probes.close());

  const begin = (probe: HealthProbe, usualMs: number): void => {
    probes = createBackgroundProbes([probe], { clock: { now: Date.now }, usualMs });
    probes.start();
  };
  async function until(holds: () => boolean): Promise<void> {
    const since = Date.now();
    while (!holds()) {
      assert.ok(Date.now() - since < 20_000);
      await sleep(10);
    }
  }

  it('ask again and again, one question at a time, and no more once they are closed', async () => {
    const asked = new Asked();
    begin(asked, 20);
    await until(() => asked.times >= 4);
    assert.equal(asked.most, 1);
    probes.close();
    const { times } = asked;
    await sleep(300);
    assert.ok(asked.times <= times);
  });

  it('ask nothing of what requests have told', async () => {
    const asked = new Asked();
    asked.state = 'ok';
    const traffic = setInterval(() => {
      asked.checkedAtMs = Date.now();
    }, 10);
    try {
      asked.checkedAtMs = Date.now();
      begin(asked, 60_000);
      await sleep(1000);
      assert.equal(asked.times, 0);
    } finally {
      clearInterval(traffic);
    }
  });

  it('ask at once what was never heard of', async () => {
    const asked = new Asked();
    begin(asked, 60_000);
    await until(() => asked.times === 1);
  });
});
