/**
 * Programs of others that sign for a store, started where this machine has them: versitygw in its `s3` mode, which checks the
 * signatures of its callers, and nginx with njs, which lets everybody in. Neither encrypts, neither keeps an audit.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../../demo/free-port.ts';
import { workerIds } from '../support/stack/worker-ids.ts';
import { packageCache } from '../world/run/cache.ts';
import type { Environment } from './environment.ts';
import { adopt, end } from './processes.ts';
import type { Report } from './show.ts';
import type { Target } from './target.ts';

interface Peer {
  readonly name: string;
  /** The files without which it cannot run, and how they are had. */
  readonly needs: readonly string[];
  readonly hadBy: string;
  readonly start: (environment: Environment) => Promise<Target>;
}

const STARTS_WITHIN_MS = 10_000;
const OWNER = { accessKeyId: 'BENCHOWNER', secretAccessKey: 'x'.repeat(40) };
const VERSITYGW = join(packageCache(), 'stores', 'versitygw', 'bin', 'versitygw');
const NGINX = '/usr/sbin/nginx';
const NJS = '/usr/lib/nginx/modules/ngx_http_js_module.so';

const PEERS: readonly Peer[] = [
  {
    name: 'versitygw',
    needs: [VERSITYGW],
    hadBy: '`npm run stores -- --store versitygw` builds it',
    start: async ({ storeOrigin }) => {
      const port = await freePort();
      return startPeer(
        'versitygw',
        port,
        VERSITYGW,
        [
          ...['--port', `127.0.0.1:${port}`, '--quiet', 's3', '--endpoint', storeOrigin, '--use-path-style'],
          ...['--access', 'AKIABENCH', '--secret', 'x'.repeat(40)],
          // Without these its SDK wants TLS to the store.
          ...['--disable-checksum', '--disable-data-integrity-check'],
        ],
        { ROOT_ACCESS_KEY: OWNER.accessKeyId, ROOT_SECRET_KEY: OWNER.secretAccessKey },
        OWNER,
      );
    },
  },
  {
    name: 'nginx',
    needs: [NGINX, NJS],
    hadBy: "it is Debian's nginx-light and libnginx-mod-http-js",
    start: async ({ folder, storeOrigin }) => {
      const port = await freePort();
      const config = join(folder, 'nginx.conf');
      await writeFile(join(folder, 'sign.js'), signScript(new URL(storeOrigin).host));
      await writeFile(config, nginxConfig(folder, port, new URL(storeOrigin).host));
      return startPeer('nginx', port, NGINX, ['-p', folder, '-e', '/dev/null', '-c', config]);
    },
  },
];

/** Starts those that are there, and says which are not. */
export async function startPeers(environment: Environment, report: Report): Promise<Target[]> {
  const started: Target[] = [];
  for (const { name, needs, hadBy, start } of PEERS) {
    const isThere = await Promise.all(needs.map((file) => access(file))).then(
      () => true,
      () => false,
    );
    if (isThere) started.push(await start(environment));
    else report.skip(name, `it is not here: ${hadBy}`);
  }
  return started;
}

async function startPeer(
  name: string,
  port: number,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  keys?: Target['keys'],
): Promise<Target> {
  const child = spawn(program, args, {
    env: { PATH: process.env['PATH'], ...env },
    stdio: 'ignore',
  });
  adopt(child);
  await once(child, 'spawn');
  const origin = `http://127.0.0.1:${port}`;
  for (const began = performance.now(); ;) {
    const answers = await fetch(origin).then(
      () => true,
      () => false,
    );
    if (answers) break;
    if (child.exitCode !== null || performance.now() - began > STARTS_WITHIN_MS) {
      await end(child);
      throw new Error(`${name} did not start`);
    }
    await wait(50);
  }
  const pid = child.pid ?? 0;
  return {
    ...{ name, origin, headers: {}, pids: [pid, ...(await workerIds(pid))] },
    ...(keys === undefined ? {} : { keys }),
  };
}

function nginxConfig(folder: string, port: number, store: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/nginx-${name};`,
  );
  return `
user root;
load_module ${NJS};
worker_processes 1;
daemon off;
pid ${folder}/nginx.pid;
error_log /dev/null crit;
events { worker_connections 1024; }
http {
  ${temporary.join('\n  ')}
  access_log off;
  js_import s3 from ${folder}/sign.js;
  js_set $s3_date s3.date;
  js_set $s3_authorization s3.authorization;
  upstream store { server ${store}; keepalive 256; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port};
    keepalive_requests 1000000;
    client_max_body_size 0;
    location / {
      proxy_pass http://store;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      proxy_set_header Connection "";
      proxy_set_header Host ${store};
      proxy_set_header X-Amz-Date $s3_date;
      proxy_set_header X-Amz-Content-Sha256 UNSIGNED-PAYLOAD;
      proxy_set_header Authorization $s3_authorization;
    }
  }
}
`;
}

/** SigV4 for njs; the signing key is kept for its day, as nginx-s3-gateway keeps it. */
function signScript(store: string): string {
  return `
import crypto from 'crypto';
var kept = { day: '', key: null };
function hmac(key, text) { return crypto.createHmac('sha256', key).update(text).digest(); }
function date() { return new Date().toISOString().replace(/[-:]|\\.\\d+/g, ''); }
function authorization(r) {
  var now = r.variables.s3_date;
  var day = now.slice(0, 8);
  var scope = day + '/us-east-1/s3/aws4_request';
  if (kept.day !== day) {
    var key = hmac(hmac(hmac(hmac('AWS4${OWNER.secretAccessKey}', day), 'us-east-1'), 's3'), 'aws4_request');
    kept = { day: day, key: key };
  }
  var names = 'host;x-amz-content-sha256;x-amz-date';
  var canonical = [r.method, r.uri, r.variables.args || '', 'host:${store}', 'x-amz-content-sha256:UNSIGNED-PAYLOAD',
    'x-amz-date:' + now, '', names, 'UNSIGNED-PAYLOAD'].join('\\n');
  var hash = crypto.createHash('sha256').update(canonical).digest('hex');
  var signature = crypto.createHmac('sha256', kept.key).update(['AWS4-HMAC-SHA256', now, scope, hash].join('\\n')).digest('hex');
  return 'AWS4-HMAC-SHA256 Credential=${OWNER.accessKeyId}/' + scope + ', SignedHeaders=' + names + ', Signature=' + signature;
}
export default { date, authorization };
`;
}
