/**
 * The secrets of one demo: random, made at first run, kept in its folder with mode 0600. Nothing in here is worth
 * anything outside of that demo.
 */
import { generateKeyPair, randomBytes, type JsonWebKey } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { replaceFile } from '../src/platform/durable-file.ts';
import type { DemoPerson } from './identity-provider/identity-provider.ts';
import type { KeyPair } from './store/store-keys.ts';

export interface DemoSecrets {
  readonly people: readonly DemoPerson[];
  readonly robot: { readonly clientId: string; readonly clientSecret: string };
  /** The gateway's keys at the embedded store: good for assuming the role. */
  readonly gatewayKeys: KeyPair;
  /** The owner's keys at the embedded store, for whoever wants to look at what is stored. */
  readonly ownerKeys: KeyPair;
  readonly signingKey: JsonWebKey & { readonly kid: string };
  readonly cookieKey: string;
}

/** The first line of the demo's seed, by which `serve` knows it. */
const DEMO_SEED_LINE = 'sallyport-demo-seed:';

/** Reads the secrets in `folder`, or makes them. @throws Error in one line when the file is damaged */
export async function ensureDemoSecrets(folder: string): Promise<DemoSecrets> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const text = await ensureFile(join(folder, 'demo.json'), async () => JSON.stringify(await makeSecrets(), null, 2));
  try {
    return JSON.parse(text) as DemoSecrets;
  } catch {
    throw new Error(`${join(folder, 'demo.json')} is damaged; remove the demo's folder to start afresh`);
  }
}

/** The file of the seed from which the demo's key-encryption key is derived. */
export function ensureDemoSeed(folder: string): Promise<string> {
  return ensureSeed(join(folder, 'keyring-seed-1'));
}

/** The file of the key that seals the demo's sessions. */
export function ensureDemoSessionKey(folder: string): Promise<string> {
  return ensureSeed(join(folder, 'session-key-1'));
}

/** The secret by which the demo's gateway knows its HAProxy, and its file. */
export async function ensureEdgeSecret(folder: string): Promise<{ readonly file: string; readonly secret: string }> {
  const file = join(folder, 'edge-secret');
  const text = await ensureFile(file, () => Promise.resolve(`${randomBytes(32).toString('hex')}\n`));
  return { file, secret: text.trim() };
}

async function ensureSeed(path: string): Promise<string> {
  await ensureFile(path, () => Promise.resolve(`${DEMO_SEED_LINE}\n${randomBytes(32).toString('hex')}\n`));
  return path;
}

/** Writes a secret into a file of its own. */
export async function writeSecretFile(path: string, secret: string): Promise<string> {
  await replaceFile(path, `${secret}\n`);
  return path;
}

async function ensureFile(path: string, make: () => Promise<string>): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const text = await make();
  await replaceFile(path, text);
  return text;
}

async function makeSecrets(): Promise<DemoSecrets> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  const keyPair = (): KeyPair => ({
    accessKeyId: `AKIA${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(30).toString('base64url'),
  });
  const password = () => randomBytes(18).toString('base64url');
  return {
    people: [
      { name: 'alice', password: password(), groups: ['analytics'] },
      { name: 'bob', password: password(), groups: ['admins'] },
    ],
    robot: { clientId: 'ci-bot', clientSecret: randomBytes(32).toString('base64url') },
    gatewayKeys: keyPair(),
    ownerKeys: keyPair(),
    signingKey: { ...privateKey.export({ format: 'jwk' }), kid: `demo-${randomBytes(4).toString('hex')}` },
    cookieKey: randomBytes(32).toString('base64url'),
  };
}
