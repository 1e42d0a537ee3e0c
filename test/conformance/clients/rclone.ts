/** rclone, told everything by variables of its own. `AWS_CA_BUNDLE` would end it. */
import { basename, dirname, join } from 'node:path';
import type { Client } from '../run/cell.ts';
import { assertCiphertext, assertSameFile } from '../run/fixtures.ts';
import { findProgram, attributesOf } from '../run/runner.ts';
import { sdkVariables } from '../run/auth-methods.ts';

export const rclone: Client = {
  name: 'rclone',
  optional: undefined,
  find: () =>
    findProgram(
      attributesOf('rclone').map((path) => [path, 'version'] as const),
      /rclone v(\d+\.\d+\.\d+)/,
    ),
  ca: '`--ca-cert`',
  authMethods: {
    bearer: true,
    'web identity': 'its SDK has no setting for the endpoint of STS',
    'container credentials': true,
    'session keys': true,
  },
  exercise: async (context) => {
    const { access, program, run, step, fixtures, buckets, prefix, folder } = context;
    const variables: Record<string, string> = {
      RCLONE_CONFIG: join(folder, 'rclone.conf'),
      RCLONE_CONFIG_SP_TYPE: 's3',
      RCLONE_CONFIG_SP_PROVIDER: 'Other',
      RCLONE_CONFIG_SP_ENDPOINT: access.endpoint,
      RCLONE_CONFIG_SP_REGION: 'us-east-1',
      // As rclone says for keys that may not create buckets: else a single file begins with PUT of the bucket.
      RCLONE_CONFIG_SP_NO_CHECK_BUCKET: 'true',
      ...(access.caFile === undefined ? {} : { RCLONE_CA_CERT: access.caFile }),
    };
    const options: string[] = [];
    if (access.auth === 'bearer') {
      options.push('--header', `Authorization: Bearer ${access.token}`);
    } else {
      variables['RCLONE_CONFIG_SP_ENV_AUTH'] = 'true';
      Object.assign(variables, sdkVariables(access));
      if (access.auth === 'container credentials') variables['AWS_CONTAINER_AUTHORIZATION_TOKEN'] = access.token;
    }
    const tool = (...args: readonly string[]) =>
      run(program.path, [...options, '--retries', '1', '--low-level-retries', '2', ...args], variables);

    for (const bucket of [buckets.sealed, buckets.open]) {
      const where = bucket === buckets.sealed ? 'encrypted' : 'plain';
      const root = `sp:${bucket}/${prefix}`;
      await step(`copy, ${where}`, async () => {
        await tool('copy', fixtures.tree, `${root}copied`);
        const back = join(folder, `back-${where}`);
        await tool('copy', `${root}copied`, back);
        for (const name of fixtures.treeFiles) await assertSameFile(join(back, name), join(fixtures.tree, name));
      });
      await step(`sync twice, ${where}`, async () => {
        if ((await transfers('sync', fixtures.tree, `${root}tree`)) !== fixtures.treeFiles.length) {
          throw new Error('the first did not transfer everything');
        }
        const again = await transfers('sync', fixtures.tree, `${root}tree`);
        if (again !== 0) throw new Error(`the second transferred ${again}`);
      });
      await step(`check, ${where}`, () => tool('check', fixtures.tree, `${root}tree`));
      await step(`check --download, ${where}`, () => tool('check', '--download', fixtures.tree, `${root}tree`));
      await step(`lsf, ${where}`, async () => {
        const listed = (await tool('lsf', '-R', '--files-only', `${root}tree`)).stdout.trim().split('\n').toSorted();
        if (JSON.stringify(listed) !== JSON.stringify(fixtures.treeFiles)) throw new Error(listed.join());
      });
      await step(`delete, ${where}`, async () => {
        await tool('delete', `${root}copied`);
        if ((await tool('lsf', '-R', `${root}copied`).catch(() => ({ stdout: '' }))).stdout !== '') {
          throw new Error('something is left');
        }
      });
      await step(`copyto and check of several parts, ${where}`, async () => {
        const cut = ['--s3-upload-cutoff', '5Mi', '--s3-chunk-size', '5Mi'];
        await tool('copyto', ...cut, fixtures.large, `${root}parts/large.bin`);
        await tool('copyto', `${root}parts/large.bin`, join(folder, 'large'));
        await assertSameFile(join(folder, 'large'), fixtures.large);
        if (bucket === buckets.sealed) await assertCiphertext(context, `${prefix}parts/large.bin`, fixtures.large);
        const only = ['--include', basename(fixtures.large)];
        await tool('check', ...only, dirname(fixtures.large), `${root}parts`);
        const again = await transfers('sync', ...cut, ...only, dirname(fixtures.large), `${root}parts`);
        if (again !== 0) throw new Error(`a sync transferred ${again}`);
      });
      await step(`moveto between keys, ${where}`, async () => {
        await tool('moveto', `${root}tree/a.txt`, `${root}moved.txt`);
        await tool('copyto', `${root}moved.txt`, join(folder, 'moved.txt'));
        await assertSameFile(join(folder, 'moved.txt'), join(fixtures.tree, 'a.txt'));
      });
    }
    for (const bucket of [buckets.sealed, buckets.open]) {
      await step(`purge, ${bucket}`, () => tool('purge', `sp:${bucket}/${prefix}`));
    }

    async function transfers(...args: readonly string[]): Promise<number> {
      const said = await tool('--use-json-log', '--stats-log-level', 'NOTICE', '--stats', '1h', ...args);
      const counts = [...said.stderr.matchAll(/"transfers":(\d+)/g)];
      const last = counts.at(-1)?.[1];
      if (last === undefined) throw new Error(`said nothing of transfers: ${said.stderr.slice(-500)}`);
      return Number(last);
    }
  },
};
