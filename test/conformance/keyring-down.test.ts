/**
 * A keyring outside of the gateway that goes down, hangs up or talks nonsense in the middle of things: what was read before
 * is still read, nothing is written, and above all nothing is written as it is.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer, Client } from '../support/client/client.ts';
import { ObjectCalls, partQuery } from '../support/store/object-calls.ts';
import { startTwinGateways, type TwinGateways } from '../support/stack/twin-gateways.ts';
import { VaultDouble } from '../support/core/vault-double.ts';

const UNIT = randomBytes(16);
const bodyOf = (sizeBytes: number): Buffer => Buffer.alloc(sizeBytes, UNIT);
const WRITES = /^(?:PutObject|CreateMultipartUpload|UploadPart|CompleteMultipartUpload|CopyObject)/;

describe('when the keyring is down', function () {
  this.timeout(120_000);
  let vault: VaultDouble;
  let twins: TwinGateways;
  let token: string;
  let folder: string;
  let keys = 0;
  const at = (key: string, client: Client = twins.clients[1]): ObjectCalls =>
    new ObjectCalls(() => client, token, 'reports', key);
  const fresh = (): ObjectCalls => at(`2026/down-${(keys += 1)}`);

  const faults: Readonly<Record<string, () => void>> = {
    'is sealed': () => {
      vault.sealed = true;
    },
    'hangs up': () => {
      vault.fault = (request) => {
        request.socket.destroy();
        return true;
      };
    },
    'talks nonsense': () => {
      vault.fault = (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Down for maintenance</html>');
        return true;
      };
    },
    denies: () => {
      vault.permitted = /^never$/;
    },
  };
  const up = (): void => {
    vault.sealed = false;
    vault.fault = () => false;
    vault.permitted = /^(?:transit\/|auth\/token\/(?:lookup|renew)-self$)/;
  };

  before(async () => {
    vault = await new VaultDouble().start();
    vault.createKey('sallyport');
    folder = await mkdtemp(join(tmpdir(), 'sallyport-vault-'));
    const tokenFile = join(folder, 'vault-token');
    await writeFile(tokenFile, vault.createToken(), { mode: 0o600 });
    const keyring = { vault: { address: vault.address, allowHttp: true, key: 'sallyport', auth: { tokenFile } } };
    twins = await startTwinGateways({ reports: {}, artifacts: {} }, { config: { keyring } });
    token = await twins.token('alice');
    twins.proxy.forbidden = { plaintext: UNIT.subarray(0, 8) };
  });
  afterEach(up);
  after(async () => {
    await twins.stop();
    await vault.stop();
    await rm(folder, { recursive: true, force: true });
  });

  for (const [what, breakIt] of Object.entries(faults)) {
    it(`and ${what}, writes are 503 before the store is asked, reads of known keys go on, others are 503`, async () => {
      const known = fresh();
      await known.must('PUT', '', {}, bodyOf(5000));
      await known.must('GET');
      const unknown = fresh();
      await at(unknown.key, twins.clients[0]).must('PUT', '', {}, bodyOf(5000));
      const upload = fresh();
      const uploadId = await at(upload.key, twins.clients[0]).create();
      const source = { 'x-amz-copy-source': `/reports/${unknown.key}` };
      const [put, created, copied] = [fresh(), fresh(), fresh()];
      breakIt();
      twins.proxy.reset();
      const refused: Readonly<Record<string, Promise<Answer>>> = {
        put: put.call('PUT', '', {}, bodyOf(1000)),
        'large put': put.call('PUT', '', {}, bodyOf(3_000_000)),
        create: created.call('POST', 'uploads'),
        'upload part': upload.call('PUT', partQuery(uploadId, 1), {}, bodyOf(6_000_000)),
        complete: upload.complete(uploadId, [{ number: 1, etag: '"00000000000000000000000000000000-1"' }]),
        copy: copied.call('PUT', '', source),
        'part copy': upload.call('PUT', partQuery(uploadId, 2), source),
        get: unknown.call('GET'),
      };
      for (const [operation, answer] of Object.entries(refused)) {
        const { status, code } = await answer;
        assert.equal(status, 503, `${operation}: ${status} ${code ?? ''}`);
      }
      assert.deepEqual(
        twins.proxy.calls.filter(({ operation }) => WRITES.test(operation)),
        [],
      );
      assert.ok((await known.must('GET')).body.equals(bodyOf(5000)));
      assert.equal((await unknown.call('HEAD')).status, 200, 'a size needs no key');
      up();
      assert.ok((await unknown.must('GET')).body.equals(bodyOf(5000)), 'recovers without a restart');
      for (const object of [put, created, copied]) assert.equal((await object.call('HEAD')).status, 404);
      assert.deepEqual(twins.proxy.leaks, []);
    });
  }

  it('between two parts, the upload goes on when it is back, on another gateway too', async () => {
    const object = fresh();
    const uploadId = await object.create();
    const parts = [await object.uploadPart(uploadId, 1, bodyOf(5 * 1024 ** 2))];
    vault.sealed = true;
    const other = at(object.key, twins.clients[0]);
    assert.equal((await other.call('PUT', partQuery(uploadId, 2), {}, bodyOf(100))).status, 503);
    vault.sealed = false;
    parts.push(await other.uploadPart(uploadId, 2, bodyOf(100)));
    assert.equal((await object.complete(uploadId, parts)).status, 200);
    assert.equal((await other.must('GET')).body.length, 5 * 1024 ** 2 + 100);
    assert.deepEqual(twins.proxy.leaks, []);
  });
});
