import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chainSource } from '../../../src/credentials/base-credentials.ts';
import { giveSession } from './sts-double.ts';

describe('the default chain of the AWS SDK as a source of base credentials', () => {
  const before = { ...process.env };
  let folder: string;
  let server: Server | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-chain-'));
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) Reflect.deleteProperty(process.env, name);
    process.env['AWS_CONFIG_FILE'] = join(folder, 'config');
    process.env['AWS_SHARED_CREDENTIALS_FILE'] = join(folder, 'credentials');
    process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
  });
  afterEach(async () => {
    for (const name of Object.keys(process.env)) if (!(name in before)) Reflect.deleteProperty(process.env, name);
    Object.assign(process.env, before);
    server?.closeAllConnections();
    server?.close();
    server = undefined;
    await rm(folder, { recursive: true });
  });

  const setKeys = (id: string): void => {
    process.env['AWS_ACCESS_KEY_ID'] = id;
    process.env['AWS_SECRET_ACCESS_KEY'] = `secret of ${id}`;
  };

  it('keeps what it found, and looks again when it is told that it was refused, now and then', async () => {
    setKeys('ONE');
    const source = chainSource('eu-test-1');
    assert.equal((await source.current()).accessKeyId, 'ONE');
    setKeys('TWO');
    assert.equal((await source.current()).accessKeyId, 'ONE');
    assert.equal(await source.renew(), true);
    assert.equal((await source.current()).secretAccessKey, 'secret of TWO');
    setKeys('THREE');
    assert.equal(await source.renew(), false);
    assert.equal((await source.current()).accessKeyId, 'TWO');
  });

  it('fails where there are none, and has nothing new to say of it', async () => {
    const source = chainSource('eu-test-1');
    await assert.rejects(source.current(), { name: 'CredentialsProviderError' });
    assert.equal(await source.renew(), false);
    setKeys('LATE');
    assert.equal((await source.current()).accessKeyId, 'LATE');
  });

  it('has roles of profiles assumed in its region', async () => {
    const regions: (string | undefined)[] = [];
    server = createServer((request, response) => {
      request.resume();
      regions.push(/Credential=KEY\/\d+\/([^/]+)\/sts/.exec(request.headers.authorization ?? '')?.[1]);
      giveSession(response, Date.now() + 3_600_000, `ASIA${regions.length}`);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    process.env['AWS_ENDPOINT_URL_STS'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    process.env['AWS_PROFILE'] = 'gateway';
    const role = '[profile gateway]\nrole_arn = arn:aws:iam::000000000000:role/gateway\nsource_profile = keys\n';
    const keys = '[keys]\naws_access_key_id = KEY\naws_secret_access_key = SECRET\n';
    await writeFile(join(folder, 'credentials'), keys);
    await writeFile(join(folder, 'config'), role);
    const source = chainSource('eu-test-1');
    const found = await source.current();
    assert.equal(found.accessKeyId, 'ASIA1');
    assert.ok(found.expiration !== undefined && found.sessionToken !== undefined);
    assert.equal((await source.current()).accessKeyId, 'ASIA1');
    assert.equal(await source.renew(), true);
    assert.deepEqual(regions, ['eu-test-1', 'eu-test-1']);
  });
});
