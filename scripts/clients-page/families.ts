/**
 * What docs/clients.md says of each family of clients beside what a run saw: which of its programs shows the set-up, and what
 * no run can tell.
 */

/** A program's environment, and the lines of its source between `set-up` and `end of set-up`. */
export interface Shown {
  readonly program: string;
  readonly environment?: true;
  /** Below test/world. */
  readonly source?: string;
  readonly language?: string;
}

export interface Family {
  readonly title: string;
  /** Programs of the lanes. Each is in one family. */
  readonly programs: readonly string[];
  readonly shows: readonly Shown[];
  readonly note: string;
}

const lane = (program: string, file: string, language: string, environment?: true): Shown => ({
  ...{ program, source: `lanes/${file}`, language },
  ...(environment === undefined ? {} : { environment }),
});

export const FAMILIES: readonly Family[] = [
  {
    title: 'AWS CLI and boto3',
    programs: ['debian/aws-cli', 'debian/aws-cli-crt', 'python/boto3_classic'],
    shows: [{ program: 'python/boto3_classic', environment: true }],
    note: `From AWS CLI 2.13 or 1.29 and boto3 1.28 on; container credentials and the profile of \`sallyport configure\` do as
well. Older ones know no variable for an endpoint and **send the token to AWS**: give them session keys, or a profile with
\`--endpoint-url\`. boto3 and version 1 of the AWS CLI presign by Signature Version 2 in older regions, \`us-east-1\` among
them: set \`signature_version\` to \`s3v4\`.`,
  },
  {
    title: 'boto3 with CRT transfers, PyTorch connector',
    programs: ['python/boto3_crt', 'python/s3torch'],
    shows: [
      lane('python/boto3_crt', 'python/boto3_crt.py', 'python'),
      lane('python/s3torch', 'python/s3torch.py', 'python'),
    ],
    note: `The CRT reads no setting for a CA, \`AWS_CA_BUNDLE\` neither: it trusts what the machine trusts
(\`update-ca-certificates\`). boto3 itself does all but transfers, and reads \`AWS_CA_BUNDLE\`: give it both. One process of a machine transfers by the CRT
at a time; others fall back to the classic transfers without a word. The CRT takes a proxy for localhost too.`,
  },
  {
    title: 's3fs (pandas, dask, zarr)',
    programs: ['python/s3fs_client'],
    shows: [lane('python/s3fs_client', 'python/s3fs_client.py', 'python', true)],
    note: 'It depends on aiobotocore and reads what boto3 reads.',
  },
  {
    title: 'AWS SDK for JavaScript',
    programs: ['npm/aws-sdk-v3', 'npm/aws-sdk-v2'],
    shows: [
      lane('npm/aws-sdk-v3', 'npm/aws-sdk-v3.mjs', 'js', true),
      lane('npm/aws-sdk-v2', 'npm/aws-sdk-v2.mjs', 'js'),
    ],
    note: `Version 3 logs in by web identity too. A URL that it presigns for a PUT holds the checksum of no body, unless
\`requestChecksumCalculation\` is \`WHEN_REQUIRED\`. Version 2 knows no variable for the endpoint of STS: name it in code.`,
  },
  {
    title: 'AWS SDK for Go 2, and what depends on it',
    programs: ['go/aws-sdk', 'registry/distribution', 'python/s5cmd_client'],
    shows: [
      lane('go/aws-sdk', 'go/aws/main.go', 'go', true),
      lane('registry/distribution', 'registry/registry.sh', 'sh'),
    ],
    note: `It logs in before it reads \`AWS_ENDPOINT_URL\`, so \`AWS_ENDPOINT_URL_STS\` must be set. By container credentials it
takes the CA from \`SSL_CERT_FILE\`. s5cmd and distribution's registry depend on version 1, which knows no variable for an
endpoint: \`--endpoint-url\`, or \`regionendpoint\`, with session keys.`,
  },
  {
    title: 'AWS SDK for Java 2',
    programs: [
      'java/sdk2-apache',
      'java/sdk2-apache5',
      'java/sdk2-netty',
      'java/sdk2-crt',
      'java/sdk2.29-apache',
      'java/sdk2.29-netty',
      'java/sdk2.29-crt',
    ],
    shows: [
      { program: 'java/sdk2-apache', environment: true },
      { program: 'java/sdk2-apache', source: 'run/java.ts', language: 'sh' },
      lane('java/sdk2-crt', 'java/Sdk2Crt.java', 'java'),
    ],
    note: `A trust store tells it of the CA; its CRT client reads none, but what the machine trusts. Path style is set in code.
Where nothing names a region its web identity **sends the token to AWS**, whatever \`AWS_ENDPOINT_URL_STS\` says: set \`AWS_REGION\`.
Up to 2.20 it knows no variable for an endpoint and does so always: session keys.`,
  },
  {
    title: 'polars, delta-rs, obstore, and others on object_store',
    programs: ['python/polars_client', 'python/deltalake_client', 'python/obstore_client'],
    shows: [
      { program: 'python/polars_client', environment: true },
      lane('python/polars_client', 'python/polars_client.py', 'python'),
      lane('python/deltalake_client', 'python/deltalake_client.py', 'python'),
      lane('python/obstore_client', 'python/obstore_client.py', 'python'),
    ],
    note: `Where boto3 is installed, polars logs in by it, and so wants \`AWS_CA_BUNDLE\` too. The others put the token into a
query; neither the gateway nor its edge logs it. What else is written in Rust: rust-s3 and
opendal have their STS fixed and **send the token to AWS**: session keys, with \`SSL_CERT_FILE\`.`,
  },
  {
    title: 'pyarrow, TileDB, Iceberg, and others on the AWS SDK for C++',
    programs: ['python/pyarrow_client', 'python/tiledb_client', 'python/iceberg_client'],
    shows: [
      lane('python/pyarrow_client', 'python/pyarrow_client.py', 'python'),
      lane('python/tiledb_client', 'python/tiledb_client.py', 'python'),
      lane('python/iceberg_client', 'python/iceberg_client.py', 'python'),
    ],
    note: `Session keys in the environment: their SDK does not let STS be named everywhere, and would send the token to AWS.
pyarrow takes \`SSL_CERT_FILE\` too, and so does what depends on it, pyiceberg among them.`,
  },
  {
    title: 'MinIO clients',
    programs: ['python/minio_client', 'java/minio', 'go/minio', 'go/minio-trailing', 'npm/minio'],
    shows: [
      lane('python/minio_client', 'python/minio_client.py', 'python'),
      lane('java/minio', 'java/MinioClientProgram.java', 'java'),
      lane('go/minio', 'go/minio/main.go', 'go'),
      lane('npm/minio', 'npm/minio.mjs', 'js'),
    ],
    note: `They log in by a provider of their own for web identities, which is named in code. The one for Java takes the CA from a
trust store, like the AWS SDK for Java; that for JavaScript has no such provider: session keys.`,
  },
  {
    title: 'rclone',
    programs: ['debian/rclone'],
    shows: [lane('debian/rclone', 'debian/rclone.sh', 'sh', true)],
    note: `Web identity from 1.75 on, session keys before; for that login it wants the CA by \`AWS_CA_BUNDLE\` too, while 1.60 takes
\`--ca-cert\` alone and ends at \`AWS_CA_BUNDLE\`. \`no_check_bucket\` where it may not create buckets.`,
  },
  {
    title: 'restic',
    programs: ['debian/restic'],
    shows: [lane('debian/restic', 'debian/restic.sh', 'sh', true)],
    note: `On minio-go: container credentials, or \`credential_process\` in \`~/.aws/credentials\`, the one file that it reads
(\`sallyport configure\` writes \`~/.aws/config\`: copy the line).`,
  },
  {
    title: 'DuckDB and GDAL',
    programs: ['debian/duckdb', 'debian/gdal'],
    shows: [lane('debian/duckdb', 'debian/duckdb.sh', 'sh'), lane('debian/gdal', 'debian/gdal.sh', 'sh')],
    note: 'Session keys: in a secret of DuckDB, in the environment of GDAL.',
  },
  {
    title: 'Browsers and edge runtimes',
    programs: ['chromium/if-range', 'npm/aws4fetch'],
    shows: [lane('npm/aws4fetch', 'npm/aws4fetch.mjs', 'js', true)],
    note: `A page of another origin must be among \`cors.origins\`; it sends a bearer token, or signs with session keys. The browser
trusts what its certificate store has.`,
  },
];
