/**
 * `npm run verify:semantics [-- --only NAME] [--pair current]`: what S3 does, checked on Ceph RGW itself and through the gateway into
 * the same store, in an encrypted and in a plain prefix. Of the checks that the store itself passes at least 99 % must pass
 * through the gateway; those that do not are named in `semantics/expected.json` with a reason, or the run fails.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VERBS } from '../../src/s3/operations/verb.ts';
import { keysOf } from '../conformance/run/auth-methods.ts';
import { startCeph, type Ceph, type CephKeys } from '../support/store/ceph.ts';
import { pairOptions } from '../support/store/pair-options.ts';
import {
  runChecks,
  SEMANTICS_BUCKETS as BUCKETS,
  type CheckResult as Result,
  type SemanticsMode as Mode,
} from '../support/store/semantics.ts';
import { startStack, type Stack } from '../support/stack/stack.ts';

const EXPECTED = join(import.meta.dirname, 'semantics', 'expected.json');
const ROLE = 'arn:aws:iam::000000000000:role/sallyport';
const SHARE = 0.99;

const requested = await pairOptions(
  `Usage: npm run verify:semantics -- [options]

What S3 does, on Ceph itself and through the gateway into the same store, encrypted and plain.

  --only NAME   only the checks whose name has this in it`,
  { only: { type: 'string' } },
);

/** Makes the buckets that the checks ask for beside those of the lab. */
async function prepare({ request, lab }: Ceph): Promise<void> {
  const demand = async (requested: Parameters<Ceph['request']>[1]): Promise<void> => {
    const { status, body } = await request(lab.owner, requested);
    if (status >= 300) throw new Error(`${requested.method} ${requested.bucket}: ${status} ${body.toString()}`);
  };
  await demand({ method: 'PUT', bucket: BUCKETS.locked, headers: { 'x-amz-bucket-object-lock-enabled': 'true' } });
  await demand({ method: 'PUT', bucket: BUCKETS.suspended });
  const versioning = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
  await demand({ method: 'PUT', bucket: BUCKETS.versioned, query: 'versioning=', body: versioning });
}

async function gatewayKeys(stack: Stack): Promise<CephKeys> {
  const token = await stack.forge({ sub: 'semantics', groups: ['semantics'] });
  const answer = await stack.client.call({
    method: 'POST',
    target: '/',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: ROLE,
      RoleSessionName: 'semantics',
      WebIdentityToken: token,
    }).toString(),
  });
  return keysOf(answer.body.toString());
}

const folder = await mkdtemp(join(tmpdir(), 'sallyport-semantics-'));
const ceph = await startCeph();
const results = new Map<Mode, ReadonlyMap<string, Result>>();
try {
  await prepare(ceph);
  const rule = { allow: VERBS, bucket: '', everything: true };
  const policy = {
    id: 'semantics',
    description: 'Everything that the checks do.',
    subjects: [{ issuer: 'demo', group: 'semantics' }],
    rules: Object.values(BUCKETS).map((bucket) => ({ ...rule, id: bucket, bucket })),
  };
  await writeFile(join(folder, 'semantics.yaml'), JSON.stringify(policy));
  const kept = { encryption: 'required', prefixes: { 'plain/': 'off' } };
  const stack = await startStack('ceph', {
    policies: { directory: folder },
    buckets: Object.fromEntries(Object.values(BUCKETS).map((bucket) => [bucket, kept])),
  });
  try {
    const through = { endpoint: stack.frontUrl, ca: stack.caFile, keys: await gatewayKeys(stack) };
    const direct = { endpoint: ceph.lab.endpoint, ca: null, keys: ceph.lab.owner };
    for (const mode of ['direct', 'encrypted', 'plain'] as const) {
      const store = { region: 'us-east-1', ...(mode === 'direct' ? direct : through) };
      const all = await runChecks(mode, store, { only: requested.only });
      results.set(mode, new Map(all.map((result) => [result.name, result])));
    }
  } finally {
    await stack.stop();
  }
} finally {
  await ceph.stop();
  await rm(folder, { recursive: true });
}

const expected = JSON.parse(await readFile(EXPECTED, 'utf8')) as Record<string, Record<string, string>>;
const passedBy = (mode: Mode): readonly string[] =>
  [...(results.get(mode)?.values() ?? [])].filter(({ ok }) => ok).map(({ name }) => name);
/** What Ceph adds to S3 and Amazon S3 itself refuses: told, and no part of the share. */
const isOfCeph = (name: string): boolean => name.startsWith('ceph_');
const direct = passedBy('direct').filter((name) => !isOfCeph(name));
let failed = 0;
for (const mode of ['encrypted', 'plain'] as const) {
  const passed = direct.filter((name) => results.get(mode)?.get(name)?.ok === true);
  const lost = direct.filter((name) => !passed.includes(name));
  const share = passed.length / direct.length;
  console.log(
    `${mode}: ${passed.length} of the ${direct.length} checks that Ceph itself passes (${(share * 100).toFixed(1)} %)`,
  );
  for (const name of lost) {
    const reason = expected[mode]?.[name];
    console.log(
      `  ${reason === undefined ? 'FAIL' : 'expected'} ${name}: ${results.get(mode)?.get(name)?.error ?? ''}${reason === undefined ? '' : ` (${reason})`}`,
    );
    if (reason === undefined) failed += 1;
  }
  if (requested.only === undefined && share < SHARE) {
    console.log(`  FAIL less than ${SHARE * 100} %`);
    failed += 1;
  }
}
const all = results.get('direct')?.size ?? 0;
const better = [...(results.get('direct')?.values() ?? [])].filter(({ ok }) => !ok).map(({ name }) => name);
const extensions = passedBy('direct').filter(isOfCeph);
console.log(`Ceph itself: ${all - better.length} of ${all} checks, ${extensions.length} of them of its own extensions`);
for (const mode of ['encrypted', 'plain'] as const) {
  const passed = extensions.filter((name) => results.get(mode)?.get(name)?.ok === true);
  console.log(`  ${mode}: ${passed.length} of these ${extensions.length} extensions`);
}
for (const name of better) {
  console.log(`  ${name}: ${results.get('direct')?.get(name)?.error ?? ''}`);
  for (const mode of ['encrypted', 'plain'] as const)
    if (results.get(mode)?.get(name)?.ok !== true)
      console.log(`    ${mode}: ${results.get(mode)?.get(name)?.error ?? ''}`);
}
console.log(`${direct.length * 2 - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
