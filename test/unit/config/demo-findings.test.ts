import assert from 'node:assert/strict';
import { DEMO_SEED_LINE, demoFindings } from '../../../src/config/demo-findings.ts';
import { Sample } from './sample.ts';

describe('config/demo-findings', () => {
  let sample: Sample;
  before(async () => {
    sample = await Sample.create();
  });
  after(() => sample.remove());

  it('finds nothing in a configuration that has nothing of the demo', async () => {
    const config = await sample.load({ 'issuers.corp.issuer': 'https://idp.example/sallyport-demonstration' });
    assert.deepEqual(demoFindings(config), []);
  });

  it("finds the demo's session key, also where it only opens", async () => {
    await sample.write('demo', `${DEMO_SEED_LINE}\n${'x'.repeat(32)}`);
    const keys = { current: { id: 'k2', keyFile: 'seed' }, previous: { id: 'k1', keyFile: 'demo' } };
    assert.equal(demoFindings(await sample.load({ sessions: { deploymentId: 'test', keys } })).length, 1);
  });

  it("finds the demo's issuer wherever it runs", async () => {
    for (const issuer of ['https://idp.example/sallyport-demo', 'https://idp.example:8191/sallyport-demo/']) {
      const config = await sample.load({ 'issuers.corp.issuer': issuer });
      assert.equal(demoFindings(config).length, 1);
    }
  });

  it("finds the demo's key, text or bytes, also where it is no longer current", async () => {
    await sample.write('demo', Buffer.concat([Buffer.from(`${DEMO_SEED_LINE}\n`), Buffer.alloc(32, 0xff)]));
    const config = await sample.load({
      'keyring.local': { current: 2, versions: { 1: { seedFile: 'demo' }, 2: { seedFile: 'seed' } } },
    });
    assert.equal(demoFindings(config).length, 1);
    const inline = { SALLYPORT_KEYRING_SEED: `${DEMO_SEED_LINE} ${'x'.repeat(32)}` };
    assert.equal(demoFindings(await sample.load({ keyring: undefined }, inline)).length, 1);
  });

  it("finds the role of the demo's store", async () => {
    const config = await sample.load({ 'buckets.reports.roleArn': 'arn:aws:iam:::role/sallyport-demo' });
    assert.equal(demoFindings(config).length, 1);
  });

  it('names no key in what it says', async () => {
    const seed = `${DEMO_SEED_LINE} ${'k'.repeat(32)}`;
    const config = await sample.load({ keyring: undefined }, { SALLYPORT_KEYRING_SEED: seed });
    assert(!demoFindings(config).join().includes('kkkk'));
  });
});
