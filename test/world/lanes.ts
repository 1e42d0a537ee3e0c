/** Every lane, and a line for each of its clients. First what takes longest to have: two are installed at once. */
import { chromium } from './run/chromium.ts';
import { debian } from './run/debian.ts';
import { go } from './run/go.ts';
import { java } from './run/java.ts';
import { keycloak } from './run/keycloak.ts';
import type { Lane, Manners, Trust } from './run/lane.ts';
import { npm } from './run/npm.ts';
import { python } from './run/python.ts';
import { registry } from './run/registry.ts';

const BUNDLE: Trust = { variables: ['AWS_CA_BUNDLE'] };
const SSL: Trust = { variables: ['SSL_CERT_FILE'] };
const NODE: Trust = { variables: ['NODE_EXTRA_CA_CERTS'] };
const MACHINE: Trust = { machine: true };
const STORE: Trust = { option: '`-Djavax.net.ssl.trustStore`' };

const by = (login: Manners['login'], trust: Trust, client: string): Manners => ({ client, login, trust });

export const LANES: readonly Lane[] = [
  debian({
    'aws-cli': { ...by('web identity', BUNDLE, 'AWS CLI'), parameters: ['classic'] },
    'aws-cli-crt': { ...by('web identity', BUNDLE, 'AWS CLI, CRT transfers'), file: 'aws-cli', parameters: ['crt'] },
    rclone: by('web identity', { variables: ['AWS_CA_BUNDLE'], option: '`--ca-cert`' }, 'rclone'),
    restic: by('container credentials', { option: '`--cacert`' }, 'restic'),
    duckdb: by('session keys', { option: '`ca_cert_file`' }, 'DuckDB'),
    gdal: by('session keys', { variables: ['CURL_CA_BUNDLE'] }, 'GDAL'),
  }),
  npm({
    'aws-sdk-v2': by('web identity', NODE, 'AWS SDK for JavaScript 2'),
    'aws-sdk-v3': by('container credentials', NODE, 'AWS SDK for JavaScript 3'),
    aws4fetch: by('session keys', NODE, 'aws4fetch'),
    minio: by('session keys', NODE, 'MinIO for JavaScript'),
  }),
  python({
    boto3_classic: by('web identity', BUNDLE, 'boto3'),
    boto3_crt: by('session keys', { ...BUNDLE, ...MACHINE }, 'boto3, CRT transfers'),
    s3torch: by('session keys', MACHINE, 'PyTorch connector for S3 (mountpoint)'),
    obstore_client: by('web identity', SSL, 'obstore'),
    pyarrow_client: by('session keys', { option: '`tls_ca_file_path`' }, 'pyarrow'),
    s3fs_client: { ...by('web identity', BUNDLE, 's3fs'), environment: 's3fs' },
    minio_client: by('web identity', { option: '`ca_certs` of its `http_client`' }, 'MinIO for Python'),
    s5cmd_client: by('session keys', BUNDLE, 's5cmd'),
    polars_client: by('web identity', { variables: ['SSL_CERT_FILE', 'AWS_CA_BUNDLE'] }, 'polars'),
    deltalake_client: by('web identity', SSL, 'delta-rs'),
    tiledb_client: by('session keys', { option: '`vfs.s3.ca_file`' }, 'TileDB'),
    iceberg_client: by('session keys', SSL, 'pyiceberg'),
  }),
  java({
    'sdk2-apache': { ...java2('current', 'apache.ApacheHttpClient', 'Apache 4'), login: 'web identity' },
    'sdk2-apache5': { ...java2('current', 'apache5.Apache5HttpClient', 'Apache 5'), login: 'container credentials' },
    'sdk2-netty': { ...java2('current', 'nio.netty.NettyNioAsyncHttpClient', 'Netty'), login: 'session keys' },
    'sdk2-crt': { ...crt('current'), login: 'web identity' },
    'sdk2.29-apache': { ...java2('old', 'apache.ApacheHttpClient', 'Apache 4'), login: 'web identity' },
    'sdk2.29-netty': { ...java2('old', 'nio.netty.NettyNioAsyncHttpClient', 'Netty'), login: 'session keys' },
    'sdk2.29-crt': { ...crt('old'), login: 'session keys' },
    minio: { ...by('web identity', STORE, 'MinIO for Java'), list: 'minio', main: 'MinioClientProgram' },
  }),
  go({
    'aws-sdk': { ...by('web identity', BUNDLE, 'AWS SDK for Go 2'), folder: 'aws' },
    minio: { ...by('web identity', SSL, 'MinIO for Go'), folder: 'minio' },
    'minio-trailing': {
      ...by('web identity', SSL, 'MinIO for Go, trailing headers'),
      folder: 'minio',
      parameters: ['trailing'],
    },
  }),
  registry(by('session keys', SSL, 'distribution (Docker registry)')),
  keycloak,
  chromium({ 'if-range': by('bearer', { option: 'certificate store' }, 'Chromium') }),
];

/** The same program over another HTTP client. */
function java2(list: 'current' | 'old', http: string, called: string) {
  const parameters = [`software.amazon.awssdk.http.${http}`];
  return { client: `AWS SDK for Java 2, ${called}`, trust: STORE, list, main: 'Sdk2', parameters } as const;
}

/** The CRT reads no trust store; what asks STS does. */
function crt(list: 'current' | 'old') {
  const trust: Trust = { machine: true, ...STORE };
  return { client: 'AWS SDK for Java 2, CRT and transfer manager', trust, list, main: 'Sdk2Crt' } as const;
}
