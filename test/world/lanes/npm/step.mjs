/** What every program of this lane shares: the product's variables, bytes to send, its version, and a line per step. */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

export const { WORLD_ENDPOINT: endpoint, WORLD_BUCKET: bucket, WORLD_PREFIX: prefix } = process.env;

const SHOWN = 400;

export const SIZES = [0, 1, 5 * 1024 * 1024 + 1];
export const LARGE_BYTES = 20_000_003;
export const PART_BYTES = 5 * 1024 * 1024;

/** Names that clients and servers like to spell differently. */
export const ODD_KEYS = [
  'a b+c',
  'ü',
  'a//b',
  'photo (1).jpg',
  "it's",
  'x=1/y',
  'a:b@c',
  'a!b*c.txt',
  '100%',
  'q?x#y&z',
];

/** Says the version of its package. */
export function version(name) {
  const file = new URL(`node_modules/${name}/package.json`, import.meta.url);
  console.log(`version ${JSON.parse(readFileSync(file, 'utf8')).version}`);
}

/** Does it and says how it went. */
export async function step(name, run) {
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (error) {
    const code = error?.$metadata?.httpStatusCode ?? error?.statusCode ?? '';
    const text = `${code} ${error?.code ?? error?.name ?? ''} ${error?.message ?? error}`;
    console.log(`FAIL ${name}: ${text.replaceAll(/\s+/g, ' ').trim().slice(0, SHOWN)}`);
  }
}

export const bytes = (size) => randomBytes(size);

/** @throws unless both are the same bytes */
export function same(seen, wanted) {
  const [left, right] = [Buffer.from(seen), Buffer.from(wanted)];
  if (!left.equals(right)) throw new Error(`${left.length} bytes came back of ${right.length}, or others`);
}

/** @throws unless they are equal as JSON */
export function equal(seen, wanted) {
  const [left, right] = [JSON.stringify(seen), JSON.stringify(wanted)];
  if (left !== right) throw new Error(`${left} came back, not ${right}`);
}

/** @throws unless it is refused by one of these codes */
export async function refused(codes, run) {
  try {
    await run();
  } catch (error) {
    const seen = [error?.code, error?.name, error?.statusCode, error?.$metadata?.httpStatusCode];
    if (codes.some((code) => seen.includes(code))) return;
    throw error;
  }
  throw new Error(`was not refused with ${codes[0]}`);
}

export const digest = (algorithm, body) => createHash(algorithm).update(body).digest('base64');
