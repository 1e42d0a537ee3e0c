/** s3cmd, told everything by a configuration file. It knows session keys alone: its STS is the one of AWS. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '../run/cell.ts';
import { assertCiphertext, assertSameFile } from '../run/fixtures.ts';
import { findProgram, attributesOf } from '../run/runner.ts';

const PART_MIB = 5;

export const s3cmd: Client = {
  name: 's3cmd',
  optional: undefined,
  find: () =>
    findProgram(
      attributesOf('s3cmd').map((path) => [path, '--version'] as const),
      /version (\d+\.\d+\.\d+)/,
    ),
  ca: '`--ca-certs`',
  authMethods: {
    bearer: 'signs every request',
    'web identity': 'its STS is sts.amazonaws.com and cannot be set',
    'container credentials': 'asks 169.254.170.2 alone',
    'session keys': true,
  },
  exercise: async (context) => {
    const { access, program, run, step, fixtures, buckets, prefix, folder } = context;
    const { host, protocol } = new URL(access.endpoint);
    const settings = {
      access_key: access.keys.accessKeyId,
      secret_key: access.keys.secretAccessKey,
      access_token: access.keys.sessionToken,
      host_base: host,
      host_bucket: host,
      bucket_location: 'us-east-1',
      use_https: protocol === 'https:' ? 'True' : 'False',
      ...(access.caFile === undefined ? {} : { ca_certs_file: access.caFile }),
    };
    const config = join(folder, 's3cfg');
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
    await writeFile(config, `[default]\n${lines.join('\n')}\n`, { mode: 0o600 });
    const tool = (...args: readonly string[]) => run(program.path, ['--config', config, '--no-progress', ...args]);
    const got = join(folder, 'got');

    for (const bucket of [buckets.sealed, buckets.open]) {
      const where = bucket === buckets.sealed ? 'encrypted' : 'plain';
      const root = `s3://${bucket}/${prefix}`;
      await step(`put, ${where}`, () => tool('put', fixtures.small, `${root}small.txt`));
      await step(`get, ${where}`, async () => {
        await tool('get', '--force', `${root}small.txt`, got);
        await assertSameFile(got, fixtures.small);
      });
      await step(`sync twice, ${where}`, async () => {
        await tool('sync', `${fixtures.tree}/`, `${root}tree/`);
        const again = await tool('sync', `${fixtures.tree}/`, `${root}tree/`);
        if (/^upload:/m.test(again.stdout)) throw new Error(`the second transferred ${again.stdout}`);
        const back = `${join(folder, `tree-${where}`)}/`;
        await tool('sync', `${root}tree/`, back);
        for (const name of fixtures.treeFiles) await assertSameFile(join(back, name), join(fixtures.tree, name));
      });
      await step(`ls, ${where}`, async () => {
        const listed = (await tool('ls', '--recursive', `${root}tree/`)).stdout;
        for (const name of fixtures.treeFiles) {
          if (!listed.includes(`${root}tree/${name}\n`)) throw new Error(`${name} is not in ${listed}`);
        }
      });
      await step(`info, ${where}`, () => tool('info', `${root}small.txt`));
      // It compares MD5 sums with ETags, and with those that it keeps in metadata, and says so where they differ.
      await step(`put and get of several parts with MD5, ${where}`, async () => {
        const put = await tool('put', `--multipart-chunk-size-mb=${PART_MIB}`, fixtures.large, `${root}large`);
        const back = await tool('get', '--force', '--check-md5', `${root}large`, got);
        await assertSameFile(got, fixtures.large);
        if (/md5|checksum|mismatch/i.test(put.stderr + back.stderr)) throw new Error(put.stderr + back.stderr);
        if (bucket === buckets.sealed) await assertCiphertext(context, `${prefix}large`, fixtures.large);
      });
      await step(`cp and mv, ${where}`, async () => {
        await tool('cp', `${root}small.txt`, `${root}copied.txt`);
        await tool('mv', `${root}copied.txt`, `${root}moved.txt`);
        await tool('get', '--force', `${root}moved.txt`, got);
        await assertSameFile(got, fixtures.small);
      });
    }
    for (const bucket of [buckets.sealed, buckets.open]) {
      const where = bucket === buckets.sealed ? 'encrypted' : 'plain';
      await step(`del, ${where}`, () => tool('del', `s3://${bucket}/${prefix}small.txt`));
      await step(`del --recursive, ${where}`, async () => {
        await tool('del', '--recursive', '--force', `s3://${bucket}/${prefix}`);
        if ((await tool('ls', '--recursive', `s3://${bucket}/${prefix}`)).stdout !== '') {
          throw new Error('something is left');
        }
      });
    }
  },
};
