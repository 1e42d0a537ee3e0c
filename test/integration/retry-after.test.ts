/** Whether a client of today waits as a refusal asks: boto3 with the retries of 2026, which read `x-amz-retry-after`. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { GatewayError } from '../../src/errors/gateway-error.ts';
import { retryHeaders } from '../../src/errors/retry-headers.ts';
import { triedWhere } from '../support/needs.ts';

/** Longer than boto3's own first wait for a throttle, a second at most. */
const WAIT_MS = 1500;
const PROGRAM = `
import sys, boto3, botocore.retries.standard as standard
from botocore.config import Config
assert standard.NEW_RETRIES_ENABLED
s3 = boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b",
                  config=Config(retries={"mode": "standard", "max_attempts": 3}))
s3.head_bucket(Bucket="box")
`;

describe('x-amz-retry-after', function () {
  this.timeout(30_000);
  const arrivedMs: number[] = [];
  let server: Server;

  before(async () => {
    server = createServer((_request, response) => {
      arrivedMs.push(performance.now());
      const refusal = new GatewayError('SlowDown', { retryAfterMs: WAIT_MS });
      if (arrivedMs.length === 1) response.writeHead(refusal.row.status, retryHeaders(refusal)).end();
      else response.end();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  it('is how long boto3 waits', async function () {
    const environment = { ...process.env, AWS_NEW_RETRIES_2026: 'true', AWS_EC2_METADATA_DISABLED: 'true' };
    const python = (program: string, ...args: string[]) =>
      promisify(execFile)('python3', ['-c', program, ...args], { env: environment });
    const knows = 'import boto3, botocore.retries.standard as s; assert s.NEW_RETRIES_ENABLED';
    triedWhere(
      this,
      await python(knows).then(
        () => true,
        () => false,
      ),
    );
    await python(PROGRAM, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const [first = 0, second = 0] = arrivedMs;
    assert.equal(arrivedMs.length, 2);
    assert.ok(second - first >= WAIT_MS, String(second - first));
  });
});
