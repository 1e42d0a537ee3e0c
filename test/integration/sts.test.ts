/**
 * Clients that sign, through the real edge: the SDK's own providers trade a token for credentials, and what they sign is
 * verified, bound to a role, recorded, and as little as policy grants.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { AssumeRoleWithWebIdentityCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { fromWebToken } from '@aws-sdk/credential-providers';
import { startStack, type Stack } from '../support/stack/stack.ts';

const ROLE = 'arn:aws:iam::000000000000:role';
const codeOf = (error: unknown) => (error as Error).name;

describe('clients that sign, through the edge', function () {
  this.timeout(60_000);
  let stack: Stack;
  let token: string;
  let base: {
    readonly region: string;
    readonly endpoint: string;
    readonly requestHandler: { readonly httpsAgent: Agent };
    readonly maxAttempts: number;
  };

  before(async () => {
    stack = await startStack('embedded', { cors: { origins: ['https://app.example.com'] } });
    token = await stack.token('alice');
    const { host, port, ca } = stack.client.options({ method: 'GET', target: '/' });
    const httpsAgent = new Agent({ ca: ca as string, keepAlive: false });
    base = {
      region: 'us-east-1',
      endpoint: `https://${String(host)}:${String(port)}`,
      requestHandler: { httpsAgent },
      maxAttempts: 1,
    };
  });
  after(() => stack.stop());

  const s3 = (role: string) =>
    new S3Client({
      ...base,
      forcePathStyle: true,
      credentials: fromWebToken({
        roleArn: `${ROLE}/${role}`,
        roleSessionName: 'a-session',
        webIdentityToken: token,
        clientConfig: base,
      }),
    });
  const assume = (input: { RoleArn?: string; WebIdentityToken?: string } = {}, endpoint = base.endpoint) =>
    new STSClient({ ...base, endpoint }).send(
      new AssumeRoleWithWebIdentityCommand({
        RoleArn: `${ROLE}/analytics`,
        RoleSessionName: 'a-session',
        WebIdentityToken: token,
        ...input,
      }),
    );

  it('get credentials by the web identity provider of their SDK, and use them', async () => {
    const client = s3('sallyport');
    await client.send(new PutObjectCommand({ Bucket: 'reports', Key: '2026/signed.txt', Body: 'signed' }));
    const { Body } = await client.send(new GetObjectCommand({ Bucket: 'reports', Key: '2026/signed.txt' }));
    assert.equal(await Body?.transformToString(), 'signed');
    const { Contents } = await client.send(new ListObjectsV2Command({ Bucket: 'reports', Prefix: '2026/' }));
    assert.deepEqual(
      Contents?.map(({ Key, Size }) => [Key, Size]),
      [['2026/signed.txt', 6]],
    );
  });

  it('may do no more than their token may', async () => {
    await assert.rejects(
      s3('analytics').send(new PutObjectCommand({ Bucket: 'artifacts', Key: 'x', Body: 'x' })),
      (error) => codeOf(error) === 'AccessDenied',
    );
  });

  it('find the endpoint at the root and under its own path', async () => {
    for (const endpoint of [base.endpoint, `${base.endpoint}/-/sts`]) {
      const { Credentials, AssumedRoleUser } = await assume({}, endpoint);
      assert.match(Credentials?.AccessKeyId ?? '', /^SPLY/);
      assert.equal(AssumedRoleUser?.Arn, 'arn:aws:sts::000000000000:assumed-role/analytics/a-session');
      assert(Credentials?.Expiration instanceof Date && Credentials.Expiration.getTime() > Date.now());
    }
  });

  it('learn who they are', async () => {
    const { Credentials } = await assume();
    const client = new STSClient({
      ...base,
      endpoint: `${base.endpoint}/-/sts`,
      credentials: {
        accessKeyId: Credentials?.AccessKeyId ?? '',
        secretAccessKey: Credentials?.SecretAccessKey ?? '',
        sessionToken: Credentials?.SessionToken ?? '',
      },
    });
    const { Arn } = await client.send(new GetCallerIdentityCommand({}));
    assert.equal(Arn, 'arn:aws:sts::000000000000:assumed-role/analytics/alice');
  });

  it('get errors that their SDK tells apart', async () => {
    for (const [input, name] of [
      [{ WebIdentityToken: `${token.slice(0, -8)}AAAAAAAA` }, 'InvalidIdentityTokenException'],
      [{ WebIdentityToken: await stack.forge({ exp: 1_700_000_000 }) }, 'ExpiredTokenException'],
      [{ RoleArn: `${ROLE}/admins` }, 'AccessDenied'],
      [{ RoleArn: `${ROLE}/nothing` }, 'AccessDenied'],
    ] as const) {
      await assert.rejects(assume(input), (error) => {
        assert.equal(codeOf(error), name);
        return true;
      });
    }
  });

  it('get credentials in containers, and leave no token or secret in any log', async () => {
    const answer = await stack.client.call({
      method: 'GET',
      target: '/-/credentials?role=analytics',
      headers: { authorization: token },
    });
    assert.equal(answer.status, 200);
    const issued = JSON.parse(answer.body.toString()) as Record<string, string>;
    const client = new S3Client({
      ...base,
      forcePathStyle: true,
      credentials: {
        accessKeyId: issued['AccessKeyId']!,
        secretAccessKey: issued['SecretAccessKey']!,
        sessionToken: issued['Token']!,
      },
    });
    await client.send(new ListObjectsV2Command({ Bucket: 'reports', Prefix: '2026/' }));
    const access = (await stack.audit()).find(
      ({ accessKeyId, operation }) => accessKeyId === issued['AccessKeyId'] && operation === 'ListObjectsV2',
    );
    assert.deepEqual([access?.subject, access?.binding, access?.result], ['alice', 'analytics', 'completed']);
    for (const path of stack.logs()) {
      const log = await readFile(path, 'utf8');
      for (const secret of [token, issued['SecretAccessKey']!, issued['Token']!])
        assert.equal(log.includes(secret), false, path);
    }
  });

  it('get credentials by parameters in the query of a POST or a GET, and leave the token in no log', async () => {
    const query = new URLSearchParams({
      WebIdentityToken: token,
      Version: '2011-06-15',
      RoleSessionName: 'a-session',
      RoleArn: `${ROLE}/analytics`,
      Action: 'AssumeRoleWithWebIdentity',
    }).toString();
    const tokens = [token];
    for (const [method, path, more, status] of [
      ['POST', '/', '', 200],
      ['GET', '/', '', 200],
      ['POST', '/-/sts', '', 200],
      ['GET', '/-/sts', '', 200],
      ['GET', '/', '&DurationSeconds=1', 400],
      ['GET', '/', '&WebIdentityToken=a', 400],
      ['GET', '/reports', '', 501],
      ['PUT', '/', '', 405],
      ['HEAD', '/-/sts', '', 404],
    ] as const) {
      const answer = await stack.client.call({ method, target: `${path}?${query}${more}` });
      assert.equal(answer.status, status, `${method} ${path}: ${answer.body.toString()}`);
      const issued = /<SessionToken>([^<]+)</.exec(answer.body.toString())?.[1];
      assert.equal(issued !== undefined, status === 200);
      if (issued !== undefined) tokens.push(issued);
    }
    const audit = JSON.stringify(await stack.audit());
    const metrics = await stack.metrics();
    for (const secret of tokens) {
      assert.equal(audit.includes(secret), false, 'audit');
      assert.equal(metrics.includes(secret), false, 'metrics');
      for (const path of stack.logs()) assert.equal((await readFile(path, 'utf8')).includes(secret), false, path);
    }
    // The logs were the right ones: they name the paths.
    const logs = await Promise.all(stack.logs().map((path) => readFile(path, 'utf8')));
    assert(logs.some((log) => /"path":"[/\\]+-[/\\]+sts"/.test(log)));
  });

  it('have every issue and every refusal on record', async () => {
    const accesses = await stack.audit();
    const results = accesses
      .filter(({ operation }) =>
        ['AssumeRoleWithWebIdentity', 'GetCallerIdentity', 'GetCredentials'].includes(operation),
      )
      .map(({ operation, decision, result }) => `${operation} ${decision} ${result}`);
    for (const expected of [
      'AssumeRoleWithWebIdentity allow completed',
      'AssumeRoleWithWebIdentity deny denied',
      'GetCallerIdentity allow completed',
      'GetCredentials allow completed',
    ]) {
      assert(results.includes(expected), expected);
    }
  });

  it('meet browsers by their origin: a preflight passes the edge without an identity', async () => {
    const requested = (origin: string) =>
      stack.client.call({
        method: 'OPTIONS',
        target: '/reports/2026/signed.txt',
        headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' },
      });
    const answer = await requested('https://app.example.com');
    assert.deepEqual([answer.status, answer.headers['access-control-allow-origin']], [200, 'https://app.example.com']);
    assert.equal((await requested('https://evil.example.com')).status, 403);
  });
});

describe('a gateway without keys for sessions', function () {
  this.timeout(60_000);
  let stack: Stack;
  before(async () => (stack = await startStack('embedded', { sessions: undefined })));
  after(() => stack.stop());

  it('takes tokens, and tells clients that sign what it does not do', async () => {
    const token = await stack.token('alice');
    assert.equal((await stack.client.call({ method: 'GET', target: '/', token })).status, 200);
    const signed = await stack.client.call({
      method: 'GET',
      target: '/',
      headers: {
        authorization:
          'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=' +
          '0'.repeat(64),
        'x-amz-date': '20260101T000000Z',
        'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
      },
    });
    assert.deepEqual([signed.status, signed.code], [501, 'NotImplemented']);
    const credentials = await stack.client.call({ method: 'GET', target: '/-/credentials', token });
    assert.equal(credentials.status, 501);
  });
});
