/** Real clients, over HTTP/1.1 and HTTP/2, through haproxy/sallyport-backend.cfg in HAProxy configurations that were there before it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureCertificates } from '../../demo/certificates.ts';
import type { Child } from '../../demo/child.ts';
import { freePort } from '../../demo/free-port.ts';
import { findHaproxy, startHaproxy } from '../../demo/haproxy.ts';
import { additionsOf, manySites, tcpEdge } from '../support/edge/existing-haproxy.ts';
import { needs, needsProgram } from '../support/needs.ts';
import { sharedStack, type Stack } from '../support/stack/stack.ts';
import { awsCli, awsCliOld } from './clients/aws-cli.ts';
import { boto3 } from './clients/boto3.ts';
import { curl } from './clients/curl.ts';
import { rclone } from './clients/rclone.ts';
import type { Ran } from './run/cell.ts';
import { createRunner } from './run/runner.ts';

const MIB = 1024 * 1024;
/** More than the AWS CLI, boto3 and rclone send in one piece. */
const SIZE = 20 * MIB;
const ROUND_TRIP = `
import boto3, sys
s3 = boto3.client("s3", endpoint_url=sys.argv[1])
s3.upload_file("file", "reports", "2026/edges/boto3")
s3.download_file("reports", "2026/edges/boto3", "back")
`;

for (const [kind, write] of [
  ['many sites on one port', manySites],
  ['a TCP edge that speaks the PROXY protocol', tcpEdge],
] as const)
  describe(`clients of a gateway behind ${kind}`, function () {
    this.timeout(120_000);
    let stack: Stack;
    let folder: string;
    let haproxy: Child | undefined;
    let endpoint: string;
    let caFile: string;
    let token: string;
    let variables: Record<string, string>;
    let content: Buffer;

    const run = (command: string, args: readonly string[], environment = {}): Promise<Ran> =>
      createRunner(folder)(command, args, { ...variables, ...environment });

    before(async function () {
      stack = await sharedStack();
      token = await stack.token('alice');
      folder = await mkdtemp(join(tmpdir(), 'sallyport-edges-'));
      const program = await findHaproxy(join(folder, 'haproxy'), process.env);
      needs(this, 'haproxy', program !== undefined);
      const tls = await ensureCertificates(join(folder, 'tls'), process.env);
      ({ caFile } = tls);
      const [port, configFile] = [await freePort(), join(folder, 'haproxy.cfg')];
      endpoint = `https://localhost:${port}`;
      await writeFile(configFile, write(await additionsOf([stack.gatewaySocket])));
      haproxy = await startHaproxy({
        ...program,
        ...{ configFile, port, certificateFile: tls.serverFile, gatewaySocket: stack.gatewaySocket },
        edgeSecret: (await readFile(join(stack.seedFile, '..', 'edge-secret'), 'utf8')).trim(),
        ...{ logFile: join(folder, 'haproxy.log'), environment: process.env },
      });
      content = randomBytes(SIZE);
      await writeFile(join(folder, 'file'), content);
      const { body } = await stack.client.call({ method: 'GET', target: '/-/credentials', token });
      const issued = JSON.parse(body.toString()) as Record<'AccessKeyId' | 'SecretAccessKey' | 'Token', string>;
      variables = {
        ...{ AWS_ACCESS_KEY_ID: issued.AccessKeyId, AWS_SECRET_ACCESS_KEY: issued.SecretAccessKey },
        AWS_SESSION_TOKEN: issued.Token,
      };
    });
    after(async () => {
      await haproxy?.stop(5000);
      await rm(folder, { recursive: true });
    });

    const back = async (): Promise<void> => {
      assert.ok(content.equals(await readFile(join(folder, 'back'))));
      await rm(join(folder, 'back'));
    };

    for (const version of ['1.1', '2'] as const) {
      it(`curl over HTTP/${version}`, async function () {
        const program = await curl.find();
        needsProgram(this, 'curl', program);
        const url = `${endpoint}/reports/2026/edges/curl-${version}`;
        const ask = (...more: readonly string[]): Promise<Ran> =>
          run(program.path, [
            ...['--silent', '--show-error', '--fail', '--cacert', caFile, version === '2' ? '--http2' : '--http1.1'],
            ...['--header', `Authorization: Bearer ${token}`, '--write-out', '%{http_version}', ...more, url],
          ]);
        assert.equal((await ask('--upload-file', 'file', '--output', '/dev/null')).stdout, version);
        assert.equal((await ask('--output', 'back')).stdout, version);
        await back();
      });
    }

    for (const client of [awsCliOld, awsCli]) {
      it(client.name, async function () {
        const program = await client.find();
        needsProgram(this, client.name, program);
        const copy = (from: string, to: string): Promise<Ran> =>
          run(program.path, ['--endpoint-url', endpoint, 's3', 'cp', from, to], { AWS_CA_BUNDLE: caFile });
        await copy('file', 's3://reports/2026/edges/aws');
        await copy('s3://reports/2026/edges/aws', 'back');
        await back();
      });
    }

    it('boto3', async function () {
      const program = await boto3.find();
      needsProgram(this, 'boto3', program);
      await run(program.path, ['-c', ROUND_TRIP, endpoint], { AWS_CA_BUNDLE: caFile });
      await back();
    });

    it('rclone', async function () {
      const program = await rclone.find();
      needsProgram(this, 'rclone', program);
      const environment = {
        ...{ RCLONE_CONFIG: join(folder, 'rclone.conf'), RCLONE_CA_CERT: caFile, RCLONE_CONFIG_SP_TYPE: 's3' },
        ...{ RCLONE_CONFIG_SP_PROVIDER: 'Other', RCLONE_CONFIG_SP_ENDPOINT: endpoint, RCLONE_S3_UPLOAD_CUTOFF: '8M' },
        ...{ RCLONE_CONFIG_SP_ENV_AUTH: 'true', RCLONE_CONFIG_SP_NO_CHECK_BUCKET: 'true' },
      };
      const copy = (from: string, to: string): Promise<Ran> =>
        run(program.path, ['--retries', '1', '--low-level-retries', '1', 'copyto', from, to], environment);
      await copy('file', 'sp:reports/2026/edges/rclone');
      await copy('sp:reports/2026/edges/rclone', 'back');
      await back();
    });

    it('are on record with the address that they have at the edge', async () => {
      const ofEdges = (await stack.audit()).filter(({ key }) => key.startsWith('2026/edges/'));
      assert.ok(ofEdges.length >= 12, `${ofEdges.length} accesses`);
      for (const { clientAddress } of ofEdges) assert.match(clientAddress, /^(?:::ffff:)?127\.0\.0\.1$|^::1$/);
    });
  });
