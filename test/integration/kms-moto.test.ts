/** The keyring of KMS against moto, whose KMS we did not write. Moto checks no signatures; our own double does. */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createKmsKeyring } from '../../src/core/keyring/kms-keyring.ts';
import type { RemoteKeyring } from '../../src/core/keyring/remote-keyring.ts';
import { createRequestSigner } from '../../src/sigv4/signer.ts';
import { freeLoopbackPort } from '../support/free-loopback-port.ts';
import { triedWhere } from '../support/needs.ts';
import { ELSEWHERE, HERE, integrity, observer, unavailable } from '../unit/core/keyring/given.ts';

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
    const port = await freeLoopbackPort();
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
});
