/** curl: with a bearer token, or signing by `--aws-sigv4` with keys that it asked our endpoints for itself. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { CellContext, Client, SessionKeys } from '../run/cell.ts';
import { assertSameFile } from '../run/fixtures.ts';
import { findProgram, attributesOf } from '../run/runner.ts';
import { keysOf } from '../run/auth-methods.ts';

export const curl: Client = {
  name: 'curl',
  optional: undefined,
  find: () =>
    findProgram(
      attributesOf('curl').map((path) => [path, '--version'] as const),
      /curl (\d+\.\d+\.\d+)/,
    ),
  ca: '`--cacert`',
  authMethods: { bearer: true, 'web identity': true, 'container credentials': true, 'session keys': true },
  exercise: async (context) => {
    const { access, step, run, program } = context;
    const trust = access.caFile === undefined ? [] : ['--cacert', access.caFile];
    const tool = async (...args: readonly string[]) =>
      (await run(program.path, ['-q', '-sS', '--fail-with-body', '--path-as-is', ...trust, ...args])).stdout;
    const config = join(context.folder, 'curlrc');
    const arrange = (lines: readonly string[]) => writeFile(config, `${lines.join('\n')}\n`, { mode: 0o600 });

    if (access.auth === 'bearer') {
      await arrange([`header = "Authorization: Bearer ${access.token}"`]);
      await exercise(context, (...args) => tool('-K', config, ...args));
      return;
    }
    const keys = await issued(context, tool);
    await arrange([
      'aws-sigv4 = "aws:amz:us-east-1:s3"',
      `user = "${keys.accessKeyId}:${keys.secretAccessKey}"`,
      ...(keys.sessionToken === '' ? [] : [`header = "x-amz-security-token: ${keys.sessionToken}"`]),
      // Before 8.x it gives uploads no hash of their own.
      'header = "x-amz-content-sha256: UNSIGNED-PAYLOAD"',
    ]);
    await exercise(context, (...args) => tool('-K', config, ...args));
    await step('presigned GET and PUT', async () => {
      const client = new S3Client({
        endpoint: access.endpoint,
        region: 'us-east-1',
        forcePathStyle: true,
        credentials: keys,
        // Else the URL would hold the checksum of no body.
        requestChecksumCalculation: 'WHEN_REQUIRED',
      });
      const object = { Bucket: context.buckets.sealed, Key: `${context.prefix}presigned ü+%` };
      const put = await getSignedUrl(client, new PutObjectCommand(object), { expiresIn: 60 });
      await tool('-T', context.fixtures.small, put);
      const get = await getSignedUrl(client, new GetObjectCommand(object), { expiresIn: 60 });
      await tool('-o', join(context.folder, 'presigned'), get);
      await assertSameFile(join(context.folder, 'presigned'), context.fixtures.small);
      client.destroy();
    });
  },
};

async function issued(
  { access, step }: CellContext,
  tool: (...args: readonly string[]) => Promise<string>,
): Promise<SessionKeys> {
  if (access.auth === 'web identity') {
    return step('POST / of AssumeRoleWithWebIdentity', async () =>
      keysOf(
        await tool(
          ...['--data', 'Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=conformance'],
          ...['--data-urlencode', `RoleArn=${access.roleArn}`],
          ...['--data-urlencode', `WebIdentityToken@${access.tokenFile}`, `${access.endpoint}/`],
        ),
      ),
    );
  }
  if (access.auth === 'container credentials') {
    return step('GET /-/credentials', async () => {
      const answer = JSON.parse(
        await tool('-H', `Authorization: ${access.token}`, `${access.endpoint}/-/credentials`),
      ) as { AccessKeyId: string; SecretAccessKey: string; Token: string };
      return {
        accessKeyId: answer.AccessKeyId,
        secretAccessKey: answer.SecretAccessKey,
        sessionToken: answer.Token,
      };
    });
  }
  return access.keys;
}

async function exercise(
  { access, buckets, prefix, fixtures, folder, step }: CellContext,
  tool: (...args: readonly string[]) => Promise<string>,
): Promise<void> {
  const got = join(folder, 'got');
  for (const bucket of [buckets.sealed, buckets.open]) {
    const where = bucket === buckets.sealed ? 'encrypted' : 'plain';
    const object = `${access.endpoint}/${bucket}/${prefix}small.txt`;
    const body = await readFile(fixtures.small);
    await step(`PUT, ${where}`, () => tool('-T', fixtures.small, object));
    await step(`GET, ${where}`, async () => {
      await tool('-o', got, object);
      await assertSameFile(got, fixtures.small);
    });
    await step(`range, ${where}`, async () => {
      if ((await tool('-H', 'Range: bytes=2-5', object)) !== body.toString('latin1', 2, 6)) throw new Error('differs');
    });
    await step(`HEAD, ${where}`, async () => {
      const head = await tool('-I', object);
      if (!head.toLowerCase().includes(`content-length: ${body.length}\r`)) throw new Error(head);
    });
    await step(`list, ${where}`, async () => {
      // curl signs a query as it stands: names in order.
      const listed = await tool(`${access.endpoint}/${bucket}?list-type=2&prefix=${encodeURIComponent(prefix)}`);
      if (!listed.includes(`<Key>${prefix}small.txt</Key>`)) throw new Error(listed.slice(0, 500));
    });
    await step(`DELETE, ${where}`, async () => {
      await tool('-X', 'DELETE', object);
      const status = await tool('-o', '/dev/null', '-w', '%{http_code}', object).catch((error: unknown) =>
        String(error),
      );
      if (!status.includes('404')) throw new Error(`still there: ${status}`);
    });
  }
  await step('PUT of more than 16 MiB, encrypted', async () => {
    const large = `${access.endpoint}/${buckets.sealed}/${prefix}large`;
    await tool('-T', fixtures.large, large);
    await tool('-o', got, large);
    await assertSameFile(got, fixtures.large);
    await tool('-X', 'DELETE', large);
  });
}
