/**
 * The keyring of KMS against moto, whose KMS we did not write, and the whole gateway with moto as keyring, store and STS. Moto
 * checks no signatures; our own double does.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createKmsKeyring } from '../../src/core/keyring/kms-keyring.ts';
import type { RemoteKeyring } from '../../src/core/keyring/remote-keyring.ts';
import { createRequestSigner } from '../../src/sigv4/signer.ts';
import { freePort } from '../../demo/free-port.ts';
import { triedWhere } from '../support/needs.ts';
import { startOperatorWorld, type OperatorWorld } from '../support/stack/operator-world.ts';
import { send } from '../support/store/store-client.ts';
import { ELSEWHERE, HERE, integrity, observer, unavailable } from '../unit/core/keyring/fixture.ts';

const CREDENTIALS = { accessKeyId: 'AKIAMOTO', secretAccessKey: 'moto', sessionToken: undefined };
const REGION = 'eu-central-1';
const START_SECONDS = 30;

describe('the keyring of AWS KMS on moto', function () {
  this.timeout(60_000);
  let moto: ChildProcess | undefined;
  let endpoint: string;
  let keyring: RemoteKeyring | undefined;
  let keyId: string;

  const control = async (operation: string, content: object): Promise<Record<string, Record<string, string>>> => {
    const body = JSON.stringify(content);
    const { host } = new URL(endpoint);
    const { headers } = createRequestSigner('kms')(
      {
        ...{ method: 'POST', host, path: '/', query: [], region: REGION },
        headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `TrentService.${operation}` },
        payloadHash: createHash('sha256').update(body).digest('hex'),
      },
      CREDENTIALS,
      Date.now(),
    );
    const answer = await fetch(endpoint, { method: 'POST', headers, body });
    return (await answer.json()) as Record<string, Record<string, string>>;
  };

  const open = (current: number): RemoteKeyring =>
    createKmsKeyring({
      ...{ id: 'kms', endpoint, region: REGION, timeoutMs: 10_000, clock: { now: Date.now }, observer },
      ...{ credentials: () => Promise.resolve(CREDENTIALS), current },
      versions: new Map([
        [1, keyId],
        [2, `${keyId.slice(0, -12)}000000000000`],
      ]),
    });

  before(async function () {
    triedWhere(this, spawnSync('python3', ['-c', 'import moto.server']).status === 0);
    const port = await freePort();
    endpoint = `http://127.0.0.1:${port}`;
    moto = spawn('python3', ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
    for (let tries = 0; tries < START_SECONDS * 5; tries += 1) {
      if (
        await fetch(`${endpoint}/moto-api/`).then(
          ({ ok }) => ok,
          () => false,
        )
      )
        break;
      await sleep(200);
    }
    keyId = (await control('CreateKey', {}))['KeyMetadata']?.['Arn'] ?? '';
    keyring = open(1);
  });

  after(async () => {
    await keyring?.close();
    if (moto === undefined) return;
    moto.kill();
    await once(moto, 'exit');
  });

  it('makes, wraps and unwraps data keys, each in its place alone', async () => {
    assert.ok(keyring !== undefined);
    const made = await keyring.newDataKey(HERE);
    assert.ok((await keyring.unwrap(made, HERE)).equals(made.dataKey));
    const moved = await keyring.wrap(made.dataKey, ELSEWHERE);
    assert.ok((await keyring.unwrap(moved, ELSEWHERE)).equals(made.dataKey));
    await assert.rejects(keyring.unwrap(moved, HERE), integrity);
    await assert.rejects(keyring.unwrap(made, ELSEWHERE), integrity);
  });

  it('is unavailable, not lost, where KMS knows no such key', async () => {
    assert.ok(keyring !== undefined);
    const made = await keyring.newDataKey(HERE);
    const other = open(2);
    await assert.rejects(other.newDataKey(HERE), unavailable);
    await assert.rejects(other.unwrap({ ...made, kekVersion: 2 }, HERE), unavailable);
    assert.ok((await other.unwrap(made, HERE)).equals(made.dataKey));
    await other.close();
  });

  describe('of a gateway whose store and STS moto is too', () => {
    let world: OperatorWorld;
    let second: string;

    /** Writes the configuration: `current` is what wraps the keys of new objects. */
    const configure = async (current: 1 | 2): Promise<void> => {
      const text = await readFile(world.configPath, 'utf8');
      const kms = {
        ...{ region: REGION, endpoint, allowHttp: true, current },
        credentials: { accessKeyIdFile: 'kms-id', secretAccessKeyFile: 'kms-secret' },
        versions: { 1: { keyId }, 2: { keyId: second } },
      };
      const written = text
        .replaceAll(world.store.endpoint, endpoint)
        .replace(/keyring:[^]*?(?=policies:)/, `keyring: ${JSON.stringify({ kms })}\n`);
      await writeFile(world.configPath, written);
      await world.restart();
    };

    before(async () => {
      second = (await control('CreateKey', {}))['KeyMetadata']?.['Arn'] ?? '';
      const secrets = { 'kms-id': CREDENTIALS.accessKeyId, 'kms-secret': CREDENTIALS.secretAccessKey };
      world = await startOperatorWorld({ box: '{}' }, secrets);
      const port = Number(new URL(endpoint).port);
      const { accessKeyId, secretAccessKey } = CREDENTIALS;
      assert.equal(
        (await send(port, { method: 'PUT', bucket: 'box', keys: { accessKeyId, secretAccessKey } })).status,
        200,
      );
      await configure(1);
    });
    after(() => world.stop());

    it('writes, reads, and wraps the keys of objects anew by another KMS key', async () => {
      const body = randomBytes(100_000);
      assert.equal(await world.put('/box/kept', body), 200);
      const stored = await fetch(`${endpoint}/box/kept`);
      assert.equal(Buffer.from(await stored.arrayBuffer()).includes(body.subarray(0, 32)), false);
      const needed = async (): Promise<unknown> => {
        const { code, stdout, stderr } = await world.command(
          'keys',
          'status',
          '--config',
          world.configPath,
          's3://box',
        );
        assert.equal(code, 0, stdout + stderr);
        return /wrapped by (\S+)/.exec(stdout)?.[1];
      };
      assert.equal(await needed(), 'kms:1');
      await configure(2);
      assert.deepEqual(await world.get('/box/kept'), { status: 200, body });
      const where = ['--config', world.configPath, 's3://box'];
      const rewrapped = await world.command('keys', 'rewrap', '--force', ...where);
      assert.equal(rewrapped.code, 0, rewrapped.stdout + rewrapped.stderr);
      assert.equal(await needed(), 'kms:2');
      assert.deepEqual(await world.get('/box/kept'), { status: 200, body });
    });
  });
});
