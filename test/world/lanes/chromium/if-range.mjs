/**
 * Chromium and its cache: a page of another origin reads ranges of an object of which some lie in the cache, which asks for
 * the rest with If-Range. Each read must be all of its range, and nothing else.
 */
import { spawn, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { request } from 'node:https';
import { buffer } from 'node:stream/consumers';

const { HOME, WORLD_ENDPOINT, WORLD_CA_FILE, WORLD_TOKEN_FILE, WORLD_BUCKET, WORLD_PREFIX, WORLD_PAGE_PORT } =
  process.env;
const PORT_WAIT_MS = 120_000;
const LIMIT_MS = 100_000;
const SIZE = 5_500_000;
const token = readFileSync(WORLD_TOKEN_FILE, 'utf8');
const ca = readFileSync(WORLD_CA_FILE);
const url = (name) => `${WORLD_ENDPOINT}/${WORLD_BUCKET}/${WORLD_PREFIX}${name}`;
const authorization = `Bearer ${token}`;

async function put(name, body, headers) {
  const asked = request(url(name), {
    method: 'PUT',
    ca,
    headers: { authorization, 'content-length': body.length, ...headers },
  });
  asked.end(body);
  const [answer] = await once(asked, 'response');
  const text = await buffer(answer);
  if (answer.statusCode !== 200) throw new Error(`PUT: ${answer.statusCode} ${text}`);
}

/** What byte stands where, so that the page can tell. */
const expected = (at) => (at * 7 + (at >> 8)) & 255;
const object = Buffer.from(Uint8Array.from({ length: SIZE }, (_, at) => expected(at)));

/** Runs in the page. */
async function page(given) {
  const told = [];
  const byte = (at) => (at * 7 + (at >> 8)) & 255;
  const read = async (name, first, last, more = {}) => {
    const headers = { authorization: given.authorization, range: `bytes=${first}-${last}` };
    const answer = await fetch(given.base + name, { headers, ...more });
    const seen = new Uint8Array(await answer.arrayBuffer());
    const wanted = last - first + 1;
    if (answer.status !== 206) throw new Error(`${answer.status} for bytes ${first}-${last}`);
    if (seen.length !== wanted) throw new Error(`${seen.length} bytes of ${wanted}, with a 206`);
    const wrong = seen.findIndex((value, index) => value !== byte(first + index));
    if (wrong >= 0) throw new Error(`byte ${first + wrong} is another`);
  };
  const step = async (name, run) => {
    try {
      await run();
      told.push(`ok ${name}`);
    } catch (error) {
      told.push(`FAIL ${name}: ${error}`);
    }
  };
  for (const kind of ['plain', 'cached']) {
    await step(`the end is cached, then a range that begins before it (${kind})`, async () => {
      await read(`${kind}-1`, 1000, 1999);
      await read(`${kind}-1`, 500, 1999);
    });
    await step(`the middle is cached, then a range around it (${kind})`, async () => {
      await read(`${kind}-2`, 70_000, 80_000);
      await read(`${kind}-2`, 60_000, 90_000);
      await read(`${kind}-2`, 0, given.size - 1);
    });
    await step(`the beginning is cached, then a range that ends behind it (${kind})`, async () => {
      await read(`${kind}-3`, 0, 999);
      await read(`${kind}-3`, 500, 1499);
    });
    await step(`the whole is read by ranges as a player does (${kind})`, async () => {
      for (const from of [0, 5_000_000, 1_000_000, 2_000_000, 500_000]) await read(`${kind}-4`, from, from + 499_999);
      await read(`${kind}-4`, 0, 2_999_999);
    });
  }
  await step('an object that was replaced is not mixed with the old one', async () => {
    const fill = async (value) => {
      const headers = { authorization: given.authorization };
      const answer = await fetch(`${given.base}changed`, {
        method: 'PUT',
        headers,
        body: new Uint8Array(3000).fill(value),
      });
      if (!answer.ok) throw new Error(`PUT: ${answer.status}`);
    };
    const headers = (first, last) => ({ authorization: given.authorization, range: `bytes=${first}-${last}` });
    await fill(1);
    await (await fetch(`${given.base}changed`, { headers: headers(1000, 1999) })).arrayBuffer();
    await fill(2);
    const answer = await fetch(`${given.base}changed`, { headers: headers(500, 1999) });
    const seen = new Set(new Uint8Array(await answer.arrayBuffer()));
    if (seen.size !== 1) throw new Error('old and new bytes in one answer');
  });
  await fetch('/told', { method: 'POST', body: told.join('\n') });
}

for (const kind of ['plain', 'cached']) {
  for (const number of [1, 2, 3, 4]) {
    await put(`${kind}-${number}`, object, kind === 'cached' ? { 'cache-control': 'private, max-age=600' } : {});
  }
}
const given = { authorization, base: url(''), size: SIZE };
let finish;
const told = new Promise((resolve) => (finish = resolve));
const server = createServer((asked, answer) => {
  if (asked.method === 'POST') {
    buffer(asked).then((body) => {
      answer.end();
      finish(body.toString());
    });
    return;
  }
  answer.setHeader('content-type', 'text/html');
  answer.end(`<!doctype html><title>world</title><script>(${page.toString()})(${JSON.stringify(given)});</script>`);
});
// The run in the other bucket has the same origin.
for (const until = Date.now() + PORT_WAIT_MS; ;) {
  server.listen(Number(WORLD_PAGE_PORT), 'localhost');
  try {
    await once(server, 'listening');
    break;
  } catch (error) {
    if (Date.now() > until) throw error;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
const said = execFileSync('chromium', ['--version', '--no-sandbox'], { encoding: 'utf8' });
console.log(`version ${/[\d.]+/.exec(said)?.[0] ?? ''}`);
mkdirSync(`${HOME}/.pki/nssdb`, { recursive: true });
const database = `sql:${HOME}/.pki/nssdb`;
execFileSync('certutil', ['-d', database, '-N', '--empty-password']);
execFileSync('certutil', ['-d', database, '-A', '-t', 'C,,', '-n', 'world', '-i', WORLD_CA_FILE]);
const flags = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--no-proxy-server',
  '--no-first-run',
];
const browser = spawn(
  'chromium',
  [...flags, `--user-data-dir=${HOME}/profile`, `http://localhost:${WORLD_PAGE_PORT}/`],
  {
    stdio: 'ignore',
  },
);
const late = new Promise((resolve) => setTimeout(resolve, LIMIT_MS, 'FAIL the page: told nothing')).then(String);
console.log(await Promise.race([told, late]));
browser.kill('SIGKILL');
process.exit(0);
