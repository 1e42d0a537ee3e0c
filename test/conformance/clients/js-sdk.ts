/** The JS SDK v3: the program beside this file, in a process whose environment is all that it is told. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Client } from '../run/cell.ts';
import { sdkVariables } from '../run/auth-methods.ts';

const program = fileURLToPath(new URL('js-sdk-program.ts', import.meta.url));
const manifest = new URL('../../../node_modules/@aws-sdk/client-s3/package.json', import.meta.url);

export const jsSdk: Client = {
  name: 'JS SDK v3',
  optional: undefined,
  find: async () => {
    const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
    return { path: process.execPath, version };
  },
  ca: '`NODE_EXTRA_CA_CERTS`',
  authMethods: {
    bearer: 'signs every request',
    'web identity': true,
    'container credentials': true,
    'session keys': true,
  },
  exercise: async ({ access, upstream, run, step, fixtures, buckets, prefix, storedUrl, program: node }) => {
    const said = await run(
      node.path,
      [program, JSON.stringify({ auth: access.auth, upstream, fixtures, buckets, prefix, storedUrl })],
      {
        ...sdkVariables(access),
        // A client that trusts the CA can fetch credentials over TLS.
        ...(access.auth === 'container credentials'
          ? { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${access.endpoint}/-/credentials` }
          : {}),
        ...(access.caFile === undefined ? {} : { NODE_EXTRA_CA_CERTS: access.caFile }),
      },
    );
    const steps = said.stdout.trim().split('\n');
    if (steps.pop() !== 'done') throw new Error(`ended early: ${said.stdout}`);
    for (const name of steps) await step(name, () => Promise.resolve());
  },
};
