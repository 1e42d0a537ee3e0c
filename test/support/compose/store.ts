/** In place of MinIO in docker-compose.yml, and of what sets it up: the store of the demo behind TLS at the same address. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createServer } from 'node:tls';
import { createEmbeddedStore } from '../../../demo/store/embedded-store.ts';

const INNER_PORT = 9001;
const keyOf = (name: string): string => readFileSync(`/keys/${name}`, 'utf8').trim();
const store = await createEmbeddedStore({
  ...{ folder: '/data', port: INNER_PORT, hosts: ['store:9000'], buckets: ['reports', 'artifacts'] },
  gatewayKeys: { accessKeyId: keyOf('store-access-key-id'), secretAccessKey: keyOf('store-secret-access-key') },
  ownerKeys: { accessKeyId: 'root', secretAccessKey: process.env['MINIO_ROOT_PASSWORD'] ?? '' },
  ...{ roleArn: 'arn:aws:iam:::role/sallyport', log: console.log },
});
await store.start();
const tls = { cert: readFileSync('/certs/public.crt'), key: readFileSync('/certs/private.key') };
createServer(tls, (client) => {
  const inner = connect(INNER_PORT, '127.0.0.1');
  client.pipe(inner).pipe(client);
  for (const one of [client, inner]) {
    one.on('error', () => {
      client.destroy();
      inner.destroy();
    });
  }
}).listen(9000);
