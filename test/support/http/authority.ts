/** A certificate authority of a test's own, by the openssl command. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Authority {
  /** PEM. */
  readonly certificate: string;
  /** Where that lies. */
  readonly file: string;
  /** Makes a certificate for `localhost`; each ends a day later than the one before. Both PEM. */
  readonly issue: (name: string) => Promise<{ readonly chain: string; readonly key: string }>;
}

const run = promisify(execFile);
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Makes it in a new folder. */
export async function makeAuthority(folder: string): Promise<Authority> {
  await mkdir(folder, { mode: 0o700 });
  const openssl = (...parameters: readonly string[]) => run('openssl', parameters, { cwd: folder });
  await openssl('req', '-x509', ...KEY, '-days', '30', '-subj', '/CN=Test CA', '-keyout', 'ca.key', '-out', 'ca.crt');
  await writeFile(join(folder, 'names'), 'subjectAltName = DNS:localhost, IP:127.0.0.1\n');
  let days = 30;
  return {
    certificate: await readFile(join(folder, 'ca.crt'), 'utf8'),
    file: join(folder, 'ca.crt'),
    issue: async (name) => {
      days += 1;
      const at = `${name}-${days}`;
      await openssl('req', '-new', ...KEY, '-subj', `/CN=${name}`, '-keyout', `${at}.key`, '-out', `${at}.csr`);
      await openssl(
        ...['x509', '-req', '-in', `${at}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'],
        ...['-days', String(days), '-extfile', 'names', '-out', `${at}.crt`],
      );
      const [chain = '', key = ''] = await Promise.all(
        [`${at}.crt`, `${at}.key`].map((file) => readFile(join(folder, file), 'utf8')),
      );
      return { chain, key };
    },
  };
}
