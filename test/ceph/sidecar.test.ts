/** A sidecar before a real Ceph RADOS Gateway: unchanged clients in, ciphertext there. */
import assert from 'node:assert/strict';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { awsCli } from '../conformance/clients/aws-cli.ts';
import { boto3 } from '../conformance/clients/boto3.ts';
import { startCeph, type Ceph } from '../support/store/ceph.ts';
import {
  exerciseAwsCli,
  exerciseBoto3,
  exerciseCurl,
  exerciseSdk,
  sdkClient,
} from '../support/sidecar/sidecar-clients.ts';
import { keyVariables, startSidecar, type SidecarWorld } from '../support/sidecar/sidecar-world.ts';

describe('sallyport sidecar on Ceph', function () {
  this.timeout(120_000);
  let ceph: Ceph;
  let world: SidecarWorld;
  let bucket: string;

  before(async () => {
    ceph = await startCeph();
    const { endpoint, region, owner } = ceph.lab;
    bucket = `sidecar-${Date.now()}`;
    assert.equal((await ceph.request(owner, { method: 'PUT', bucket })).status, 200);
    const port = Number(new URL(endpoint).port);
    world = await startSidecar({ port, region, buckets: [bucket], variables: keyVariables(owner) });
  });

  after(async () => {
    await world.stop();
    await ceph.stop();
  });

  it('serves clients that know nothing of it, and gives nothing of their signatures away', async () => {
    await exerciseSdk(world, bucket);
    await exerciseCurl(world, bucket);
    for (const [client, exercise] of [
      [awsCli, exerciseAwsCli],
      [boto3, exerciseBoto3],
    ] as const) {
      const found = await client.find();
      if (typeof found !== 'string') await exercise(found.path, world, bucket);
    }
    assert.deepEqual(world.proxy.leaks, []);
  });

  it('stores ciphertext', async () => {
    const client = sdkClient(world);
    const object = { Bucket: bucket, Key: 'sidecar/figures' };
    await client.send(new PutObjectCommand({ ...object, Body: 'the quarterly figures' }));
    const { body, headers } = await ceph.readStored(bucket, object.Key);
    assert.ok(!body.includes('quarterly'));
    assert.ok(typeof headers['x-amz-meta-sallyport'] === 'string');
    const read = await client.send(new GetObjectCommand(object));
    assert.equal(await read.Body?.transformToString(), 'the quarterly figures');
    await client.send(new DeleteObjectCommand(object));
    client.destroy();
  });
});
