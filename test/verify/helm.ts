/**
 * `npm run verify:helm`: the chart in deploy/helm and the manifests in examples/kubernetes. A program in Go lints, renders and validates
 * them by Helm's own packages (test/helm/check); then the parts of each set of values must fit together, and the programs of the
 * pod, `sallyport serve --check` and `haproxy -c`, must take what is mounted for them. Needs Go, HAProxy and `npm run build`.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { podOf, the, type Manifest } from './helm/manifests.ts';
import { asPod, mount, within } from './helm/mounted.ts';
import { PROPERTIES } from './helm/properties.ts';

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

let passed = 0;
const failures: string[] = [];
async function check(what: string, look: () => void | Promise<void>): Promise<void> {
  try {
    await look();
    passed += 1;
    console.log(`ok ${what}`);
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    failures.push(`${what}: ${(stderr ?? '') || message}`);
  }
}

/** Lints, renders and validates; writes the manifests of each values file into the folder. */
async function checkByHelm(folder: string): Promise<void> {
  const program = join(folder, 'check');
  // It runs for a second and is built anew in CI: without optimizations that takes two thirds of the CPU.
  const flags = ['-gcflags=all=-N -l', '-ldflags=-s -w'];
  console.log('building test/helm/check, about a minute where Go has not built it before');
  await run('go', ['build', ...flags, '-o', program, '.'], { cwd: join(ROOT, 'test/helm/check') });
  const { stdout } = await run(program, [ROOT, folder], { maxBuffer: 64 * 1024 * 1024 }).catch(
    (error: unknown) => error as { stdout: string },
  );
  for (const line of stdout.split('\n').filter((one) => one !== '')) {
    if (line.startsWith('ok ')) passed += 1;
    else failures.push(line.replace(/^FAILED /, ''));
  }
  console.log(`${passed} by Helm's own packages`);
}

/** The programs of the pod on what the pod mounts for them. */
async function checkPrograms(name: string, manifests: readonly Manifest[], folder: string): Promise<void> {
  const { pod, container } = podOf(manifests);
  const gateway = container('gateway');
  const text = the(manifests, 'ConfigMap', '-config').data?.['sallyport.yaml'] ?? '';
  const config = parse(text) as { issuers: object; keyring?: { vault?: object } };
  const issuer = Object.keys(config.issuers)[0] ?? '';
  await check(`${name}: sallyport takes the configuration and the policies of its pod`, async () => {
    const place = join(folder, `${name}-gateway`);
    await mount({ pod, container: gateway, manifests, issuer }, place);
    const file = join(folder, `${name}.yaml`);
    await writeFile(file, within(place, gateway, text));
    const failed = await run(process.execPath, [join(ROOT, 'bin/sallyport.js'), 'serve', '--config', file, '--check'], {
      env: { PATH: process.env['PATH'] },
      ...asPod(pod),
    }).then(
      () => undefined,
      (error: unknown) => error as Error & { code: number; stderr: string },
    );
    // No Vault is there to answer: that is its own code, after the configuration and the policies were taken.
    if (failed !== undefined && !(failed.code === 1 && config.keyring?.vault !== undefined)) throw failed;
  });
  if (!pod.containers.some((one) => one.name === 'edge')) return;
  const edge = container('edge');
  await check(`${name}: HAProxy takes the configuration, the maps and the certificate of its pod`, async () => {
    const place = join(folder, `${name}-edge`);
    await mount({ pod, container: edge, manifests, issuer }, place);
    const variables = (edge.env ?? []).map(({ name: variable, value }) => [
      variable,
      value === undefined ? '0123456789abcdef'.repeat(4) : within(place, edge, value),
    ]);
    const [program = '', ...args] = edge.command ?? [];
    await run(program, ['-c', ...args.filter((one) => one !== '-db').map((one) => within(place, edge, one))], {
      env: {
        PATH: `${process.env['PATH'] ?? ''}:/usr/sbin`,
        ...(Object.fromEntries(variables) as Record<string, string>),
      },
      ...asPod(pod),
    });
  });
}

const folder = await mkdtemp(join(tmpdir(), 'sallyport-helm-'));
// The programs of the pods run as others than root.
await chmod(folder, 0o755);
try {
  await checkByHelm(folder);
  const files = (await readdir(join(ROOT, 'test/helm/values'))).toSorted();
  for (const name of files.map((file) => file.replace('.yaml', ''))) {
    const manifests = JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8')) as readonly Manifest[];
    for (const [property, look] of Object.entries(PROPERTIES))
      await check(`${name}: ${property}`, () => look(manifests));
    await checkPrograms(name, manifests, folder);
  }
} catch (error) {
  failures.push(error instanceof Error ? error.message : String(error));
} finally {
  await rm(folder, { recursive: true, force: true });
}
for (const failure of failures) console.log(`FAILED ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;
