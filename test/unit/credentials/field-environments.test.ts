/** The gateway's own credentials, found as they are found on EKS, ECS, EC2 and a machine with keys in its environment. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentialsOf, brokerOf } from './broker-fixture.ts';
import { giveSession, refuse, SESSION_TOKEN, startStsDouble, type StsDouble } from './sts-double.ts';

const ROLE = 'arn:aws:iam::123456789012:role/gateway';
const SECRET = 'asecretasecretasecretasecretasecretasecr';

describe("the gateway's own credentials", () => {
  const before = { ...process.env };
  let directory: string;
  let sts: StsDouble;
  let metadata: Server;
  let answerMetadata: (request: IncomingMessage, response: ServerResponse) => void;
  let metadataUrl: string;
  let closers: (() => void)[];

  const broker = (
    changes: Partial<Parameters<typeof brokerOf>[0]> = {},
    options: Parameters<typeof brokerOf>[1] = {},
  ) => {
    const made = brokerOf({ endpoint: sts.endpoint, ...changes }, options);
    closers.push(() => made.close());
    return made;
  };
  /** As Kubernetes does it: whoever reads sees the old or the new, never a half. */
  const rotate = async (name: string, content: string): Promise<void> => {
    await writeFile(join(directory, 'next'), content, { mode: 0o600 });
    await rename(join(directory, 'next'), join(directory, name));
  };
  /** Sessions of ever new callers: each is a call of STS, for which the gateway's own credentials are asked. */
  const callUntil = async (requested: Parameters<typeof credentialsOf>[0], holds: () => boolean): Promise<void> => {
    for (let caller = 0; !holds(); caller += 1) await credentialsOf(requested, { subject: `caller ${caller}` });
  };
  const containerAnswer = (accessKeyId: string, lifeMs: number): string =>
    JSON.stringify({
      AccessKeyId: accessKeyId,
      SecretAccessKey: SECRET,
      Token: 'container-token',
      Expiration: new Date(Date.now() + lifeMs).toISOString(),
    });

  beforeEach(async () => {
    closers = [];
    directory = await mkdtemp(join(tmpdir(), 'sallyport-base-'));
    sts = await startStsDouble({ now: () => Date.now() });
    metadata = createServer((request, response) => answerMetadata(request, response));
    metadata.listen(0, '127.0.0.1');
    await once(metadata, 'listening');
    metadataUrl = `http://127.0.0.1:${(metadata.address() as AddressInfo).port}`;
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) Reflect.deleteProperty(process.env, name);
    Object.assign(process.env, {
      AWS_REGION: 'eu-central-1',
      AWS_CONFIG_FILE: join(directory, 'none'),
      AWS_SHARED_CREDENTIALS_FILE: join(directory, 'none'),
      AWS_EC2_METADATA_DISABLED: 'true',
    });
  });
  afterEach(async () => {
    for (const close of closers) close();
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) Reflect.deleteProperty(process.env, name);
    Object.assign(process.env, before);
    metadata.closeAllConnections();
    metadata.close();
    await sts.close();
    await rm(directory, { recursive: true });
  });

  describe('on EKS with IRSA', () => {
    const tokens = () =>
      sts.calls.flatMap((form) =>
        form.get('Action') === 'AssumeRoleWithWebIdentity' ? form.get('WebIdentityToken') : [],
      );
    let lifeMs: number;

    beforeEach(async () => {
      lifeMs = 3_600_000;
      await rotate('token', 'first.token.x');
      Object.assign(process.env, {
        AWS_WEB_IDENTITY_TOKEN_FILE: join(directory, 'token'),
        AWS_ROLE_ARN: ROLE,
        AWS_ENDPOINT_URL_STS: sts.endpoint,
      });
      const give = sts.answer;
      sts.answer = (response, form) => {
        if (form.get('Action') === 'AssumeRole') give(response, form);
        else giveSession(response, Date.now() + lifeMs, `ASIAIRSA${tokens().length}`, 'AssumeRoleWithWebIdentity');
      };
    });

    it('come for the token of the service account, and assume the role of the caller', async () => {
      await credentialsOf(broker());
      assert.deepEqual(tokens(), ['first.token.x']);
      assert.equal(sts.calls[0]?.get('RoleArn'), ROLE);
      assert.deepEqual(sts.signers, [
        { accessKeyId: '', sessionToken: '' },
        { accessKeyId: 'ASIAIRSA1', sessionToken: SESSION_TOKEN },
      ]);
    });

    it('are kept while they last, and come anew, for the token that was rotated on disk, ahead of their end', async () => {
      const one = broker();
      await credentialsOf(one, { subject: 'alice' });
      await credentialsOf(one, { subject: 'bob' });
      assert.deepEqual(tokens(), ['first.token.x']);

      lifeMs = 60_000;
      const other = broker();
      await credentialsOf(other, { subject: 'alice' });
      await rotate('token', 'second.token.x');
      await callUntil(other, () => tokens().includes('second.token.x'));
    });

    it('assume roles for an hour at most, whatever is configured: STS gives a chained session no more', async () => {
      await credentialsOf(broker({ sourceIdentity: false, sessionSeconds: 43_200 }));
      assert.equal(sts.calls[1]?.get('DurationSeconds'), '3600');
    });

    it('are requested once more where STS refuses those that it gave', async () => {
      const give = sts.answer;
      sts.answer = (response, form) => {
        const first = sts.signers.at(-1)?.accessKeyId === 'ASIAIRSA1';
        (first ? refuse(403, 'ExpiredToken') : give)(response, form);
      };
      await credentialsOf(broker());
      assert.deepEqual(
        sts.signers.map(({ accessKeyId }) => accessKeyId),
        ['', 'ASIAIRSA1', '', 'ASIAIRSA2'],
      );
    });

    it('are not requested again where STS refuses the role, nor by every caller where it refuses them', async () => {
      const give = sts.answer;
      let code = 'AccessDenied';
      sts.answer = (response, form) => {
        (form.get('Action') === 'AssumeRole' ? refuse(403, code) : give)(response, form);
      };
      const one = broker();
      for (const subject of ['a', 'b', 'c']) await assert.rejects(credentialsOf(one, { subject }));
      assert.equal(tokens().length, 1);
      code = 'InvalidClientTokenId';
      for (const subject of ['d', 'e', 'f']) await assert.rejects(credentialsOf(one, { subject }));
      assert.equal(tokens().length, 2);
    });

    it('that cannot be had end in ServiceUnavailable, and can be had again once the file is there', async () => {
      await rm(join(directory, 'token'));
      const one = broker();
      await assert.rejects(credentialsOf(one), { code: 'ServiceUnavailable' });
      await rotate('token', 'late.token.x');
      await credentialsOf(one, { subject: 'bob' });
      assert.deepEqual(tokens(), ['late.token.x']);
    });
  });

  describe('on EKS with Pod Identity, and on ECS', () => {
    it('come from the endpoint of the container, for the content of the token file as it is at that time', async () => {
      const seen: unknown[] = [];
      answerMetadata = (request, response) => {
        seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
        response.end(containerAnswer(`ASIAPOD${seen.length}`, 60_000));
      };
      await rotate('pod-token', 'pod-token-one');
      process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = `${metadataUrl}/v1/credentials`;
      process.env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'] = join(directory, 'pod-token');
      const one = broker();
      await credentialsOf(one, { subject: 'alice' });
      assert.deepEqual(sts.signers, [{ accessKeyId: 'ASIAPOD1', sessionToken: 'container-token' }]);
      await rotate('pod-token', 'pod-token-two');
      await callUntil(one, () => seen.includes('GET /v1/credentials pod-token-two'));
      assert.equal(seen[0], 'GET /v1/credentials pod-token-one');
    });

    it('never come from an endpoint in plain http beyond this machine', async () => {
      process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = 'http://192.0.2.1/v1/credentials';
      await assert.rejects(credentialsOf(broker()), { code: 'ServiceUnavailable' });
      assert.equal(sts.calls.length, 0);
    });

    it('that do not come in time end in ServiceUnavailable when the time of the call is up', async () => {
      answerMetadata = () => undefined;
      process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = metadataUrl;
      const startedMs = Date.now();
      await assert.rejects(credentialsOf(broker({}, { stsTimeoutMs: 300 })), { code: 'ServiceUnavailable' });
      assert.ok(Date.now() - startedMs < 900);
    });
  });

  describe('on EC2', () => {
    it('come from the metadata service by its version 2: a token first, and everything else with it', async () => {
      const seen: unknown[] = [];
      answerMetadata = (request, response) => {
        seen.push([request.method, request.url]);
        if (request.method === 'PUT' && request.headers['x-aws-ec2-metadata-token-ttl-seconds'] !== undefined) {
          response.end('imds-token');
        } else if (request.headers['x-aws-ec2-metadata-token'] !== 'imds-token') {
          response.writeHead(401).end();
        } else if (request.url?.endsWith('/security-credentials/') === true) {
          response.end('instance-role');
        } else {
          response.end(JSON.stringify({ Code: 'Success', ...JSON.parse(containerAnswer('ASIAEC2', 3_600_000)) }));
        }
      };
      Reflect.deleteProperty(process.env, 'AWS_EC2_METADATA_DISABLED');
      process.env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] = metadataUrl;
      await credentialsOf(broker());
      assert.deepEqual(sts.signers, [{ accessKeyId: 'ASIAEC2', sessionToken: 'container-token' }]);
      assert.deepEqual(seen, [
        ['PUT', '/latest/api/token'],
        ['GET', '/latest/meta-data/iam/security-credentials/'],
        ['GET', '/latest/meta-data/iam/security-credentials/instance-role'],
      ]);
    });
  });

  it('may stand in the environment', async () => {
    process.env['AWS_ACCESS_KEY_ID'] = 'AKIAFROMENV';
    process.env['AWS_SECRET_ACCESS_KEY'] = SECRET;
    await credentialsOf(broker({ sourceIdentity: false, sessionSeconds: 7200 }));
    assert.deepEqual(sts.signers, [{ accessKeyId: 'AKIAFROMENV', sessionToken: '' }]);
    assert.equal(sts.calls[0]?.get('DurationSeconds'), '7200');
  });

  it('that are nowhere end in ServiceUnavailable', async () => {
    await assert.rejects(credentialsOf(broker()), { code: 'ServiceUnavailable' });
  });
});
