/**
 * The demo's certificate authority and the certificate of its front, made with the openssl command at first run and again
 * before they run out. Names: localhost, 127.0.0.1, ::1. The CA's key is thrown away once it has signed. The CA constrains
 * names of hosts alone: AWS-LC, on which clients of AWS stand, refuses a chain with constraints of addresses.
 */
import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unpackProgram } from './debian-packages.ts';
import { findProgram, runProgram, type Environment } from './programs.ts';

export interface Certificates {
  /** The CA that clients trust, PEM. */
  readonly caFile: string;
  /** Certificate and private key, PEM, mode 0600. */
  readonly serverFile: string;
}

/** Changes with the form of the certificates. */
const CA_NAME = 'Sallyport demo CA 2';
const DAYS = 90;
const RENEW_BEFORE_MS = 14 * 86_400_000;

/** Gives the certificates in `folder`, making them where needed. @throws Error in one line when openssl is missing */
export async function ensureCertificates(folder: string, environment: Environment): Promise<Certificates> {
  const certificates = { caFile: join(folder, 'ca.pem'), serverFile: join(folder, 'server.pem') };
  if (await areFresh(certificates)) return certificates;
  const work = join(folder, 'new');
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true, mode: 0o700 });
  try {
    await makeCertificates(work, folder, environment);
    await rename(join(work, 'server.pem'), certificates.serverFile);
    await rename(join(work, 'ca.pem'), certificates.caFile);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return certificates;
}

async function areFresh({ caFile, serverFile }: Certificates): Promise<boolean> {
  try {
    const [ca, server] = await Promise.all(
      [caFile, serverFile].map(async (file) => new X509Certificate(await readFile(file))),
    );
    if (ca === undefined || server === undefined) return false;
    const endMs = Math.min(Date.parse(ca.validTo), Date.parse(server.validTo));
    // One of an earlier form is not taken by every client.
    if (ca.subject !== `CN=${CA_NAME}`) return false;
    return endMs - Date.now() > RENEW_BEFORE_MS && server.verify(ca.publicKey);
  } catch {
    return false;
  }
}

async function makeCertificates(work: string, folder: string, environment: Environment): Promise<void> {
  const { program, libraryPath } = await findOpenssl(folder, environment);
  const openssl = (...parameters: readonly string[]) =>
    runProgram(program, parameters, { folder: work, environment: { ...environment, ...libraryPath } });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  // Without a configuration of our own, openssl wants the machine's, which a minimal system may lack.
  await writeFile(join(work, 'openssl.cnf'), CONFIGURATION);
  const configuration = ['-config', 'openssl.cnf'];
  const validity = ['-days', String(DAYS)];
  await openssl(
    'req',
    '-x509',
    ...configuration,
    ...key,
    ...validity,
    '-subj',
    `/CN=${CA_NAME}`,
    '-extensions',
    'ca',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  );
  await openssl(
    'req',
    '-new',
    ...configuration,
    ...key,
    '-subj',
    '/CN=localhost',
    '-keyout',
    'server.key',
    '-out',
    'server.csr',
  );
  await openssl(
    'x509',
    '-req',
    '-in',
    'server.csr',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    ...validity,
    '-extfile',
    'openssl.cnf',
    '-extensions',
    'server',
    '-out',
    'server.crt',
  );
  const parts = await Promise.all(['server.crt', 'server.key'].map((name) => readFile(join(work, name))));
  await writeFile(join(work, 'server.pem'), Buffer.concat(parts), { mode: 0o600 });
}

const CONFIGURATION = `[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
nameConstraints = critical, permitted;DNS:localhost
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
authorityKeyIdentifier = keyid
`;

async function findOpenssl(
  folder: string,
  environment: Environment,
): Promise<{ readonly program: string; readonly libraryPath: Environment }> {
  const installed = await findProgram('openssl', environment);
  if (installed !== undefined) return { program: installed, libraryPath: {} };
  try {
    const { program, libraryPath } = await unpackProgram('openssl', 'version', join(folder, 'openssl'), environment);
    return { program, libraryPath: { LD_LIBRARY_PATH: libraryPath } };
  } catch {
    throw new Error('the openssl command is needed once, to make the certificates: apt-get install openssl');
  }
}
