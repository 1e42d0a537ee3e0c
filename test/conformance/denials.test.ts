import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from '../../demo/child.ts';
import { needsProgram } from '../support/needs.ts';
import { target } from '../support/client/client.ts';
import { attributesOf, createRunner, findProgram } from './run/runner.ts';
import { sharedStack, type Stack } from '../support/stack/stack.ts';
import { releaseOf, versionOf } from '../support/store/versions.ts';

describe('what is refused, through HAProxy over TLS', function () {
  this.timeout(60_000);
  let stack: Stack;
  let alice: string;
  let robot: string;

  before(async () => {
    stack = await sharedStack();
    [alice, robot] = await Promise.all([stack.token('alice'), stack.token('ci-bot')]);
    const bob = await stack.token('bob');
    for (const path of ['/reports/2026/kept', '/reports/2025/old', '/artifacts/build.tar']) {
      await stack.client.call({ method: 'PUT', target: path, token: bob, body: 'kept' });
    }
  });

  describe('policy', () => {
    const denied: readonly [string, () => string, string, string][] = [
      ["alice's DELETE", () => alice, 'DELETE', '/reports/2026/kept'],
      ["alice's GET outside of 2026/", () => alice, 'GET', '/reports/2025/old'],
      ["alice's GET with a way out of 2026/ in the key", () => alice, 'GET', '/reports/2026/../2025/old'],
      ["alice's PUT to artifacts", () => alice, 'PUT', '/artifacts/build.tar'],
      ["alice's listing of everything", () => alice, 'GET', '/reports?list-type=2'],
      ["alice's listing of 2026 without the slash", () => alice, 'GET', '/reports?list-type=2&prefix=2026'],
      [
        "alice's listing that starts outside of the prefix",
        () => alice,
        'GET',
        '/reports?list-type=2&prefix=2026/&start-after=1999/',
      ],
      ["ci-bot's PUT", () => robot, 'PUT', '/artifacts/build.tar'],
      ["ci-bot's listing", () => robot, 'GET', '/artifacts?list-type=2'],
      ["ci-bot's GET in reports", () => robot, 'GET', '/reports/2026/kept'],
    ];
    for (const [title, token, method, path] of denied) {
      it(`${title} is 403 AccessDenied, names the rule, and never reaches STS`, async () => {
        const before = await stack.stsCalls();
        const answer = await stack.client.call({
          method,
          target: path,
          token: token(),
          ...(method === 'PUT' ? { body: 'x' } : {}),
        });
        if (path.includes('..')) {
          // A key with dots in it is a key: 2026/../2025/old lies under 2026/, and nothing resolves it.
          assert.equal(answer.status, 404);
          return;
        }
        assert.equal(answer.status, 403);
        assert.equal(answer.code, 'AccessDenied');
        assert.match(answer.body.toString(), /<Rule>[^<]+<\/Rule>/);
        assert.match(answer.body.toString(), /<Reason>[^<]+<\/Reason>/);
        await waitUntil(
          async () => (await stack.stsCalls()) <= before,
          () => false,
          5000,
          'STS was asked',
        );
      });
    }

    it('leaves what it protects as it was', async () => {
      const bob = await stack.token('bob');
      for (const path of ['/reports/2026/kept', '/artifacts/build.tar']) {
        assert.equal((await stack.client.call({ method: 'GET', target: path, token: bob })).body.toString(), 'kept');
      }
    });
  });

  describe('tells people why and what to do next, in their own tools', () => {
    let home: string;
    let variables: Record<string, string>;
    before(async () => {
      home = await mkdtemp(join(tmpdir(), 'sallyport-denials-'));
      const { body } = await stack.client.call({ method: 'GET', target: '/-/credentials', token: alice });
      const issued = JSON.parse(body.toString()) as Record<'AccessKeyId' | 'SecretAccessKey' | 'Token', string>;
      variables = {
        ...{ AWS_ACCESS_KEY_ID: issued.AccessKeyId, AWS_SECRET_ACCESS_KEY: issued.SecretAccessKey },
        ...{ AWS_SESSION_TOKEN: issued.Token, AWS_CA_BUNDLE: stack.caFile },
      };
      await writeFile(join(home, 'file'), 'x');
    });
    after(() => rm(home, { recursive: true }));

    const WHY = /\(rule default-deny\): No rule allows (?:GET|PUT|LIST) on /;
    const KEPT = /\(rule analytics\/never-delete\): Reports are kept; ask an administrator\./;
    const NEXT = /nearest prefix of yours for (?:GET|PUT|LIST): reports\/2026\//;

    /** What a tool says that ends with a failure. */
    const said = async (command: string, args: readonly string[], environment: Readonly<Record<string, string>>) => {
      const ran = createRunner(home)(command, args, environment);
      return ran.then(
        ({ stdout }) => assert.fail(`was not refused: ${stdout}`),
        (error: unknown) => String(error),
      );
    };

    it('in the AWS CLI', async function () {
      const program = await findProgram(
        attributesOf('aws').map((path) => [path, '--version'] as const),
        /aws-cli\/(\d+\.\d+\.\d+)/,
      );
      needsProgram(this, 'the AWS CLI', program);
      const aws = (...args: readonly string[]) =>
        said(program.path, ['--endpoint-url', stack.frontUrl, ...args], variables);
      const [get, list, put, remove] = await Promise.all([
        aws('s3api', 'get-object', '--bucket', 'reports', '--key', '2025/old', 'got'),
        aws('s3', 'ls', 's3://reports/2025/'),
        aws('s3', 'cp', 'file', 's3://reports/2025/new'),
        aws('s3', 'rm', 's3://reports/2026/kept'),
      ]);
      for (const text of [get, list, put]) {
        assert.match(text, WHY);
        assert.match(text, NEXT);
      }
      assert.match(remove, KEPT);
    });

    it('in boto3', async function () {
      const program = await findProgram(
        attributesOf('python3').map((path) => [path, '-c', 'import boto3; print("boto3", boto3.__version__)'] as const),
        /boto3 (\d+\.\d+\.\d+)/,
      );
      needsProgram(this, 'boto3', program);
      const boto = (call: string) =>
        said(
          program.path,
          ['-c', `import boto3, sys; s3 = boto3.client("s3", endpoint_url=sys.argv[1]); ${call}`, stack.frontUrl],
          variables,
        );
      const get = await boto('s3.get_object(Bucket="reports", Key="2025/old")');
      assert.match(get, WHY);
      assert.match(get, NEXT);
      assert.match(await boto('s3.delete_object(Bucket="reports", Key="2026/kept")'), KEPT);
      // HEAD has no body, and its error no text: a header says why.
      const head =
        'from botocore.exceptions import ClientError\n' +
        'try: s3.head_object(Bucket="reports", Key="2025/old")\n' +
        'except ClientError as error: sys.exit(str(error.response["ResponseMetadata"]["HTTPHeaders"]))';
      assert.match(await boto(`\n${head}`), /No rule allows GET .*nearest prefix of yours for GET/);
    });

    it('in rclone', async function () {
      const program = await findProgram(
        attributesOf('rclone').map((path) => [path, 'version'] as const),
        /rclone v(\d+\.\d+\.\d+)/,
      );
      needsProgram(this, 'rclone', program);
      const { AWS_CA_BUNDLE: ca = '', ...keys } = variables;
      const environment = {
        ...{ ...keys, RCLONE_CONFIG: join(home, 'rclone.conf'), RCLONE_CA_CERT: ca, RCLONE_CONFIG_SP_TYPE: 's3' },
        ...{ RCLONE_CONFIG_SP_PROVIDER: 'Other', RCLONE_CONFIG_SP_ENDPOINT: stack.frontUrl },
        ...{ RCLONE_CONFIG_SP_ENV_AUTH: 'true', RCLONE_CONFIG_SP_NO_CHECK_BUCKET: 'true' },
      };
      const tool = (...args: readonly string[]) =>
        said(program.path, ['--retries', '1', '--low-level-retries', '1', ...args], environment);
      for (const text of [
        await tool('lsf', 'sp:reports/2025/'),
        await tool('copyto', '--no-check-dest', 'file', 'sp:reports/2025/new'),
      ]) {
        assert.match(text, WHY);
        assert.match(text, NEXT);
      }
      assert.match(await tool('deletefile', 'sp:reports/2026/kept'), KEPT);
    });
  });

  describe('tokens', () => {
    const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const parts = (token: string): { header: Record<string, unknown>; payload: Record<string, unknown> } => {
      const [header = '', payload = ''] = token.split('.');
      return {
        header: JSON.parse(Buffer.from(header, 'base64url').toString()) as Record<string, unknown>,
        payload: JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>,
      };
    };
    const get = (token: string | undefined) =>
      stack.client.call({ method: 'GET', target: '/reports/2026/kept', token });

    it('no token is 401 AccessDenied and asks for a bearer token', async () => {
      const answer = await get(undefined);
      assert.equal(answer.status, 401);
      assert.equal(answer.code, 'AccessDenied');
      assert.match(String(answer.headers['www-authenticate']), /^Bearer/);
    });

    it('garbage is 401 InvalidToken', async () => {
      for (const token of ['garbage', 'a.b.c', 'eyJhbGciOiJSUzI1NiJ9.e30.', `${alice}x`, alice.slice(0, -8)]) {
        const answer = await get(token);
        assert.equal(answer.status, 401);
        assert.equal(answer.code, 'InvalidToken');
      }
    });

    it('alg none is 401 InvalidToken', async () => {
      const { payload } = parts(alice);
      for (const alg of ['none', 'None', 'NONE']) {
        const answer = await get(`${encode({ alg, typ: 'at+jwt' })}.${encode(payload)}.`);
        assert.equal(answer.status, 401);
        assert.equal(answer.code, 'InvalidToken');
      }
    });

    it('HS256 with the public key as its secret is 401 InvalidToken', async () => {
      const { header, payload } = parts(alice);
      const signed = `${encode({ ...header, alg: 'HS256' })}.${encode(payload)}`;
      const secret = JSON.stringify(stack.publicKey());
      const answer = await get(`${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`);
      assert.equal(answer.status, 401);
      assert.equal(answer.code, 'InvalidToken');
    });

    it('an expired token is 401 ExpiredToken', async () => {
      const answer = await get(await stack.forge({ exp: Math.floor(Date.now() / 1000) - 3600 }));
      assert.equal(answer.status, 401);
      assert.equal(answer.code, 'ExpiredToken');
    });

    it('a token for another audience, of another issuer, or not yet valid is 401 InvalidToken', async () => {
      const later = Math.floor(Date.now() / 1000) + 3600;
      for (const claims of [{ aud: 'somebody-else' }, { iss: 'https://issuer.invalid' }, { nbf: later }]) {
        const answer = await get(await stack.forge(claims));
        assert.equal(answer.status, 401);
        assert.equal(answer.code, 'InvalidToken');
      }
    });

    it('a token that the issuer itself signed with these claims is accepted', async () => {
      assert.equal((await get(await stack.forge({}))).status, 200);
    });

    it('a token in the query or in another header counts for nothing', async () => {
      const query = await stack.client.call({
        method: 'GET',
        target: `/reports?list-type=2&prefix=2026/&access_token=${alice}`,
      });
      assert.ok(query.status === 501 || query.status === 401);
      for (const name of [
        'x-forwarded-access-token',
        'x-auth-request-user',
        'x_remote_user',
        'x-amz-security-token',
        'cookie',
      ]) {
        const answer = await stack.client.call({
          method: 'GET',
          target: '/reports/2026/kept',
          headers: { [name]: alice },
        });
        assert.ok(answer.status === 401 || answer.status === 501, `${name}: ${answer.status}`);
      }
    });
  });

  describe('requests that are not what they seem', () => {
    const refused: readonly [string, string, Record<string, string>][] = [
      ['a bad escape', '/reports/2026/%zz', {}],
      ['bytes that are no UTF-8', '/reports/2026/%ff%fe', {}],
      ['a NUL', '/reports/2026/%00', {}],
      ['a key over 1,024 bytes', target('reports', `2026/${'k'.repeat(1020)}`), {}],
      ['a bucket of ours', '/-/anything', {}],
    ];
    for (const [title, path, headers] of refused) {
      it(`${title} is refused with an S3 error and a request id`, async () => {
        const answer = await stack.client.call({ method: 'GET', target: path, token: alice, headers });
        assert.ok(answer.status >= 400 && answer.status < 500, String(answer.status));
        assert.ok(answer.code !== undefined);
        assert.match(answer.requestId, /^[A-Za-z0-9-]{8,64}$/);
      });
    }

    it('an absolute-form target never gets past the edge', async () => {
      const answer = await stack.client.call({
        method: 'GET',
        target: 'http://elsewhere.example/reports/2026/kept',
        token: alice,
      });
      assert.equal(answer.status, 400);
    });

    it('headers beyond the limit never get past the edge', async () => {
      const answer = await stack.client.call({
        method: 'GET',
        target: '/reports/2026/kept',
        token: alice,
        headers: { 'x-amz-meta-a': 'a'.repeat(40_000) },
      });
      assert.equal(answer.status, releaseOf(await versionOf('haproxy')) >= 3 ? 431 : 400);
    });

    it("a client's own request id and address are replaced", async () => {
      const answer = await stack.client.call({
        method: 'GET',
        target: '/reports/2026/kept',
        token: alice,
        headers: {
          'x-request-id': 'forged-request-id',
          'x-forwarded-for': '203.0.113.9',
          X_Request_Id: 'forged-request-id',
        },
      });
      assert.notEqual(answer.requestId, 'forged-request-id');
      const [entry] = (await stack.audit()).filter(({ requestId }) => requestId === answer.requestId);
      assert.match(String(entry?.clientAddress), /^(127\.0\.0\.1|::1)$/);
    });
  });
});
