/**
 * What docs/operations.md says, done to the letter: every block of it that is marked `sh run`, in order, on a fresh Debian 12
 * that systemd runs, with the names of the page. `packages.ts` starts it in a network of its own, where nothing but loopback
 * is: so the ports are those of the page, and nothing else of this machine is in the way. Ceph and the issuer, which the page
 * says one has, run beside that Debian. Needs root. Exits 1 with what went wrong.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { makeKey, sendJson, signToken } from '../support/identity/issuer.ts';
import { startCeph, type Ceph } from '../support/store/ceph.ts';

const execute = promisify(execFile);
const repository = join(import.meta.dirname, '../..');
const ISSUER = 'https://idp.example.com:8443/realms/corp';
const [debian = '', deb = '', work = ''] = process.argv.slice(2);
const signingKey = makeKey('ES256', 'k1');
const home = join(debian, 'root');

/** Processes, mounts, names and control groups of its own: systemd is the first process, as on a machine. */
const OWN = ['--mount', '--pid', '--fork', '--uts', '--ipc', '--cgroup', '--kill-child=SIGKILL'];
const BOOT = `
root=$0
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mountpoint -q "$root/sys/fs/cgroup" || mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for name in run tmp; do mount -t tmpfs tmpfs "$root/$name"; done
exec chroot "$root" env -i container=other /lib/systemd/systemd --system --show-status=no --unit=multi-user.target`;

interface Block {
  /** Of the page. */
  readonly line: number;
  readonly text: string;
}

await execute('ip', ['link', 'set', 'lo', 'up']);
process.env['CEPHLAB_DIR'] = join(work, 'ceph');
process.env['CEPHLAB_NAME'] = 'rgw.example.com';
const ceph = await startCeph();
const lab = join(work, 'ceph/tls');
const issuer = await startIssuer();
const systemd = spawn('unshare', [...OWN, 'sh', '-ec', BOOT, debian], { stdio: ['ignore', 'pipe', 'pipe'] });
let inside: number | undefined;
try {
  await prepare(ceph);
  inside = await booted();
  for (const { line, text } of await blocks()) {
    console.log(`# docs/operations.md:${line}`);
    await runInside(inside, text);
  }
  await assertEncrypted(ceph);
  await assertConfined(inside);
} catch (error) {
  if (inside !== undefined) await runInside(inside, 'journalctl --no-pager --lines=60');
  throw error;
} finally {
  systemd.kill('SIGKILL');
  issuer.closeAllConnections();
  issuer.close();
  await ceph.stop();
}

/** What the page asks to be run. */
async function blocks(): Promise<Block[]> {
  const page = await readFile(join(repository, 'docs/operations.md'), 'utf8');
  const found = [...page.matchAll(/^```sh run\n(.*?)^```$/gms)].map(({ index, 1: text = '' }) => ({
    line: page.slice(0, index).split('\n').length + 1,
    text,
  }));
  assert(found.length > 5, 'the page has no blocks to run');
  return found;
}

/** What the page says one has: the package, certificates that this machine trusts, keys of the store, a token; and names. */
async function prepare({ lab: { gateway, owner } }: Ceph): Promise<void> {
  await copyFile(deb, join(home, 'sallyport_0.1.0_amd64.deb'));
  await copyFile(join(lab, 'ca.crt'), join(debian, 'usr/local/share/ca-certificates/lab.crt'));
  await execute('chroot', [debian, 'update-ca-certificates']);
  const { certificate, key } = await certificateOf('s3.example.com');
  await writeFile(join(home, 'site.pem'), certificate + key);
  await writeFile(join(home, 'store-access-key-id'), gateway.accessKeyId);
  await writeFile(join(home, 'store-secret-access-key'), gateway.secretAccessKey);
  await writeFile(join(home, 'owner.curl'), `user = "${owner.accessKeyId}:${owner.secretAccessKey}"\n`);
  await writeFile(join(home, 'token'), token());
  const names = ['s3', 'idp', 'rgw'].map((name) => `${name}.example.com`);
  await appendFile(join(debian, 'etc/hosts'), `127.0.0.1 ${names.join(' ')}\n`);
}

function token(): string {
  const now = Math.floor(Date.now() / 1000);
  const life = { iat: now, exp: now + 3600 };
  return signToken(signingKey, {
    iss: ISSUER,
    aud: 'sallyport',
    sub: 'ada',
    jti: 'a-1',
    groups: ['analytics'],
    ...life,
  });
}

async function startIssuer(): Promise<Server> {
  const { certificate, key } = await certificateOf('idp.example.com');
  const server = createServer({ cert: certificate, key }, ({ url }, res) =>
    sendJson(
      res,
      url?.endsWith('/jwks') === true
        ? { keys: [signingKey.publicJwk] }
        : { issuer: ISSUER, jwks_uri: `${ISSUER}/jwks` },
    ),
  );
  await once(server.listen(8443, '127.0.0.1'), 'listening');
  return server;
}

/** By the authority of the lab's Ceph. */
async function certificateOf(name: string): Promise<{ readonly certificate: string; readonly key: string }> {
  const path = join(work, name);
  const request = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`];
  await execute('openssl', [...request, '-keyout', `${path}.key`, '-out', `${path}.csr`]);
  await writeFile(`${path}.ext`, `subjectAltName=DNS:${name}\n`);
  const signed = ['-CA', join(lab, 'ca.crt'), '-CAkey', join(lab, 'ca.key'), '-CAcreateserial', '-days', '30'];
  const files = ['-in', `${path}.csr`, '-out', `${path}.crt`, '-extfile', `${path}.ext`];
  await execute('openssl', ['x509', '-req', ...files, ...signed]);
  return { certificate: await readFile(`${path}.crt`, 'utf8'), key: await readFile(`${path}.key`, 'utf8') };
}

/** Waits until systemd is there. Gives its process. @throws AssertionError with what it said */
async function booted(): Promise<number> {
  let said = '';
  for (const stream of [systemd.stdout, systemd.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()));
  for (let attempt = 0; attempt < 120; attempt += 1) {
    await sleep(500);
    assert.equal(systemd.exitCode, null, said);
    const child = Number(await readFile(`/proc/${systemd.pid}/task/${systemd.pid}/children`, 'utf8').catch(() => ''));
    if (child === 0) continue;
    const state = await runInside(child, 'systemctl is-system-running || true', 'quietly').catch(() => '');
    if (/^(running|degraded)$/m.test(state)) return child;
  }
  return assert.fail(`systemd is not up after a minute: ${said}`);
}

/** Runs a shell script as root of that Debian. Gives what it said. @throws Error with it where a command of it failed */
async function runInside(process: number, text: string, how?: 'quietly'): Promise<string> {
  const environment = ['-i', 'HOME=/root', 'DEBIAN_FRONTEND=noninteractive', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin'];
  const enter = ['--target', `${process}`, '--mount', '--pid', '--uts', '--ipc', '--cgroup', '--root'];
  const child = spawn('nsenter', [...enter, 'env', '--chdir=/root', ...environment, 'bash', '-e', '-o', 'pipefail'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()));
  child.stdin.end(text);
  const [code] = (await once(child, 'close')) as [number | null];
  if (how === undefined) console.log(said);
  assert.equal(code, 0, how === undefined ? `a command of the block above failed:\n${text}` : said);
  return said;
}

/** What Ceph has of the first object is not what was sent; and both accesses are on record. */
async function assertEncrypted({ readStored }: Ceph): Promise<void> {
  const { body, headers } = await readStored('reports', '2026/q3.csv');
  assert(headers['x-amz-meta-sallyport'] !== undefined);
  assert(!body.includes('region'), 'it is stored as it was sent');
  const folder = join(debian, 'var/lib/sallyport/audit');
  const names = (await readdir(folder)).filter((name) => name.startsWith('access-'));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  const lines = texts.join('').trim().split('\n');
  const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const operation of ['PutObject', 'GetObject']) {
    const of = entries.filter((entry) => entry['subject'] === 'ada' && entry['operation'] === operation);
    assert(
      of.some(({ entry }) => entry === 'intent'),
      `${operation} is not on record`,
    );
  }
}

/** The units run under systemd's confinement, not beside it. */
async function assertConfined(inside: number): Promise<void> {
  for (const unit of ['sallyport', 'sallyport-haproxy-sync']) {
    const said = await runInside(
      inside,
      `systemctl is-active ${unit}; grep -E '^(NoNewPrivs|Seccomp|CapBnd|Uid)' /proc/$(systemctl show -P MainPID ${unit})/status`,
    );
    assert.match(said, /^active$/m, unit);
    assert.match(said, /^CapBnd:\s0+$/m, unit);
    assert.match(said, /^NoNewPrivs:\s1$/m, unit);
    assert.match(said, /^Seccomp:\s2$/m, unit);
    assert.doesNotMatch(said, /^Uid:\s0/m, unit);
  }
}
