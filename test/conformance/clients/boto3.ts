/** boto3 since default checksums: the Python program beside this file, told everything by the standard variables. */
import { fileURLToPath } from 'node:url';
import type { Client } from '../run/cell.ts';
import { atLeast, findProgram, attributesOf } from '../run/runner.ts';
import { sdkVariables } from '../run/auth-methods.ts';

const program = fileURLToPath(new URL('boto3_program.py', import.meta.url));

export const boto3: Client = {
  name: 'boto3',
  optional: 'no boto3 >= 1.36 is on this machine',
  find: () =>
    findProgram(
      attributesOf('python3').map((path) => [path, '-c', 'import boto3; print("boto3", boto3.__version__)'] as const),
      /boto3 (\d+\.\d+\.\d+)/,
      (version) => atLeast(version, [1, 36]),
    ),
  ca: '`AWS_CA_BUNDLE`',
  authMethods: {
    bearer: 'signs every request',
    'web identity': true,
    'container credentials': true,
    'session keys': true,
  },
  exercise: async ({ access, upstream, run, step, fixtures, buckets, prefix, folder, storedUrl, program: python }) => {
    const said = await run(
      python.path,
      [program, JSON.stringify({ upstream, fixtures, buckets, prefix, folder, storedUrl })],
      {
        ...sdkVariables(access),
        ...(access.caFile === undefined ? {} : { AWS_CA_BUNDLE: access.caFile }),
      },
    );
    const steps = said.stdout.trim().split('\n');
    if (steps.pop() !== 'done') throw new Error(`ended early: ${said.stdout}`);
    for (const name of steps) await step(name, () => Promise.resolve());
  },
};
