/** The AWS CLI, old (as Debian has it, told its endpoint by `--endpoint-url`) and new (told everything by variables). */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { CellContext, Client, Ran } from '../run/cell.ts';
import { assertCiphertext, assertSameFile } from '../run/fixtures.ts';
import { atLeast, findProgram, attributesOf } from '../run/runner.ts';
import { keysOf, keyVariables, sdkVariables } from '../run/auth-methods.ts';

const VERSION = /aws-cli\/(\d+\.\d+\.\d+)/;
const candidates = () => attributesOf('aws').map((path) => [path, '--version'] as const);

type Aws = (...args: readonly string[]) => Promise<Ran>;

/** AWS CLI 2.9, the one of Debian 12. */
export const awsCliOld: Client = {
  name: 'AWS CLI 2.9',
  optional: undefined,
  find: () => findProgram(candidates(), VERSION, ([major, minor]) => major === 2 && minor === 9),
  ca: '`AWS_CA_BUNDLE`',
  authMethods: {
    bearer: 'signs every request',
    'web identity': true,
    'container credentials': true,
    'session keys': true,
  },
  exercise: async (context) => {
    const { access, run, program } = context;
    const base = access.caFile === undefined ? {} : { AWS_CA_BUNDLE: access.caFile };
    const aws =
      (environment: Record<string, string>): Aws =>
      (...args) =>
        run(program.path, ['--endpoint-url', access.endpoint, ...args], { ...base, ...environment });
    if (access.auth === 'web identity') {
      // Its provider for the standard variables knows the STS of AWS alone: the command asks ours.
      const keys = await context.step('sts assume-role-with-web-identity', async () => {
        const said = await aws({})(
          ...['sts', 'assume-role-with-web-identity', '--role-arn', access.roleArn],
          ...['--role-session-name', 'conformance', '--web-identity-token', access.token, '--output', 'json'],
        );
        const { Credentials: issued } = JSON.parse(said.stdout) as { Credentials: Record<string, string> };
        return keysOf(
          Object.entries(issued)
            .map(([name, value]) => `<${name}>${value}</${name}>`)
            .join(''),
        );
      });
      await exercise(context, aws(keyVariables(keys)));
      return;
    }
    const variables = sdkVariables(access);
    // It reads no file.
    if (access.auth === 'container credentials') variables['AWS_CONTAINER_AUTHORIZATION_TOKEN'] = access.token;
    await exercise(context, aws(variables));
  },
};

/** AWS CLI since default checksums. */
export const awsCli: Client = {
  name: 'AWS CLI',
  optional: 'no AWS CLI >= 1.37 is on this machine',
  find: () =>
    findProgram(
      candidates(),
      VERSION,
      (version) => atLeast(version, version[0] === 1 ? [1, 37] : [2, 23]) || (version[0] ?? 0) > 2,
    ),
  ca: '`AWS_CA_BUNDLE`',
  authMethods: {
    bearer: 'signs every request',
    'web identity': true,
    'container credentials': true,
    'session keys': true,
  },
  exercise: async (context) => {
    const { access, run, program, folder } = context;
    // In the regions that had it, version 1 presigns by Signature Version 2 unless told otherwise.
    const config = join(folder, 'aws-config');
    await writeFile(config, '[default]\ns3 =\n  signature_version = s3v4\n');
    const variables = {
      ...sdkVariables(access),
      AWS_CONFIG_FILE: config,
      ...(access.caFile === undefined ? {} : { AWS_CA_BUNDLE: access.caFile }),
    };
    const aws: Aws = (...args) => run(program.path, args, variables);
    await context.step('sts get-caller-identity', async () => {
      const { Arn: arn } = JSON.parse((await aws('sts', 'get-caller-identity', '--output', 'json')).stdout) as {
        Arn: string;
      };
      if (!arn.startsWith('arn:aws:')) throw new Error(`is ${arn}`);
    });
    await exercise(context, aws);
  },
};

async function exercise(context: CellContext, aws: Aws): Promise<void> {
  const { step, fixtures, buckets, prefix, folder } = context;
  const local = join(folder, 'got');
  // A second for each command: where only the transport is another some of them will do, and where only the credentials are
  // another one bucket as well.
  const { auth, transport } = context.access;
  const tried = auth === 'session keys' ? [buckets.sealed, buckets.open] : [buckets.sealed];
  const thorough = auth === 'session keys' && transport === 'tls';
  for (const bucket of tried) {
    const root = `s3://${bucket}/${prefix}`;
    const where = bucket === buckets.sealed ? 'encrypted' : 'plain';
    await step(`s3 cp, ${where}`, async () => {
      await aws('s3', 'cp', '--no-progress', fixtures.small, `${root}small.txt`);
      await aws('s3', 'cp', '--no-progress', `${root}small.txt`, local);
      await assertSameFile(local, fixtures.small);
    });
    await step(`s3api, ${where}`, async () => {
      const object = ['--bucket', bucket, '--key', `${prefix}api`];
      const body = await readFile(fixtures.small);
      const md5 = createHash('md5').update(body).digest('base64');
      await aws('s3api', 'put-object', ...object, '--body', fixtures.small, '--content-md5', md5);
      const head = JSON.parse((await aws('s3api', 'head-object', ...object)).stdout) as { ContentLength: number };
      if (head.ContentLength !== body.length) throw new Error(`has ${head.ContentLength} bytes`);
      await aws('s3api', 'get-object', ...object, '--range', 'bytes=3-12', local);
      if (!(await readFile(local)).equals(body.subarray(3, 13))) throw new Error('the range differs');
      const listing = await aws('s3api', 'list-objects-v2', '--bucket', bucket, '--prefix', `${prefix}api`);
      if (!listing.stdout.includes(`"Size": ${body.length}`)) throw new Error(`the listing says ${listing.stdout}`);
      const doomed = join(folder, 'doomed.json');
      await writeFile(doomed, JSON.stringify({ Objects: [{ Key: `${prefix}api` }] }));
      const gone = await aws('s3api', 'delete-objects', '--bucket', bucket, '--delete', `file://${doomed}`);
      if (!gone.stdout.includes('"Deleted"')) throw new Error(gone.stdout);
    });
    await step(`s3 cp of several parts, ${where}`, async () => {
      await aws('s3', 'cp', '--no-progress', fixtures.large, `${root}large`);
      await aws('s3', 'cp', '--no-progress', `${root}large`, local);
      await assertSameFile(local, fixtures.large);
      if (bucket === buckets.sealed) await assertCiphertext(context, `${prefix}large`, fixtures.large);
    });
    if (!thorough) continue;
    await step(`s3 sync twice, ${where}`, async () => {
      await aws('s3', 'sync', '--no-progress', fixtures.tree, `${root}tree`);
      const again = await aws('s3', 'sync', '--no-progress', fixtures.tree, `${root}tree`);
      if (again.stdout.trim() !== '') throw new Error(`the second transferred ${again.stdout}`);
      const back = join(folder, `tree-${where}`);
      await aws('s3', 'sync', '--no-progress', `${root}tree`, back);
      for (const name of fixtures.treeFiles) await assertSameFile(join(back, name), join(fixtures.tree, name));
    });
    await step(`s3 ls --recursive, ${where}`, async () => {
      const listed = (await aws('s3', 'ls', '--recursive', `${root}tree/`)).stdout;
      for (const name of fixtures.treeFiles) {
        if (!listed.includes(`${prefix}tree/${name}\n`)) throw new Error(`${name} is not in ${listed}`);
      }
    });
    await step(`s3 presign, ${where}`, async () => {
      const url = (await aws('s3', 'presign', '--expires-in', '60', `${root}small.txt`)).stdout.trim();
      const trust = context.access.caFile === undefined ? [] : ['--cacert', context.access.caFile];
      await context.run('curl', ['-sSf', ...trust, '-o', local, url]);
      await assertSameFile(local, fixtures.small);
    });
    await step(`s3 sync twice of several parts, ${where}`, async () => {
      const only = ['--exclude', '*', '--include', basename(fixtures.large)];
      const sync = () => aws('s3', 'sync', '--no-progress', dirname(fixtures.large), `${root}parts`, ...only);
      if ((await sync()).stdout.trim() === '') throw new Error('the first transferred nothing');
      const again = (await sync()).stdout.trim();
      if (again !== '') throw new Error(`the second transferred ${again}`);
    });
    await step(`s3 mv between keys, of several parts too, ${where}`, async () => {
      for (const [name, file] of [
        ['small.txt', fixtures.small],
        ['large', fixtures.large],
      ] as const) {
        await aws('s3', 'mv', '--no-progress', `${root}${name}`, `${root}moved-${name}`);
        await aws('s3', 'cp', '--no-progress', `${root}moved-${name}`, local);
        await assertSameFile(local, file);
      }
    });
  }
  if (thorough) {
    await step('s3 mv to a file and from one', async () => {
      await writeFile(local, await readFile(fixtures.small));
      await aws('s3', 'mv', '--no-progress', local, `s3://${buckets.sealed}/${prefix}small.txt`);
      await aws('s3', 'mv', '--no-progress', `s3://${buckets.sealed}/${prefix}small.txt`, local);
      await assertSameFile(local, fixtures.small);
    });
  }
  for (const bucket of tried) {
    await step(`s3 rm --recursive, ${bucket === buckets.sealed ? 'encrypted' : 'plain'}`, async () => {
      await aws('s3', 'rm', '--recursive', `s3://${bucket}/${prefix}`);
      const left = JSON.parse(
        (await aws('s3api', 'list-objects-v2', '--bucket', bucket, '--prefix', prefix, '--output', 'json')).stdout ||
          '{}',
      ) as { Contents?: unknown[] };
      if ((left.Contents ?? []).length > 0) throw new Error('something is left');
    });
  }
}
