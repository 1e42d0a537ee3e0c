import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certificateEndsOf } from '../../../src/compose/certificate-ends.ts';

/** PEM of a certificate that ends so many days from now, and when that is. */
function certificate(days: number): { readonly pem: string; readonly endsAtMs: number } {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-ends-'));
  const file = join(folder, 'c.pem');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(folder, 'c.key')];
  execFileSync('openssl', ['req', '-x509', ...key, '-days', String(days), '-subj', '/CN=c', '-out', file], {
    stdio: 'ignore',
  });
  const pem = readFileSync(file, 'utf8');
  rmSync(folder, { recursive: true });
  return { pem, endsAtMs: new X509Certificate(pem).validToDate.getTime() };
}

type Sections = Parameters<typeof certificateEndsOf>;

function ends(first: object, own: object = {}) {
  const none = { stores: [], keyring: undefined };
  return certificateEndsOf({ ...none, ...first } as unknown as Sections[0], own)();
}

describe('the ends of certificates', () => {
  const [soon, late] = [certificate(2), certificate(300)];
  const both = late.pem + soon.pem;

  it('are those of a chain when its first ends, and those of CAs when their last does', () => {
    const tls = { certificate: both, clientCa: both };
    assert.deepEqual(ends({}, { listen: { kind: 'tcp', tls } }), [
      ['listen.tls.certFile', soon.endsAtMs],
      ['listen.tls.clientCaFile', late.endsAtMs],
    ]);
  });

  it('are told of everything that configuration names, by the key of its file', () => {
    const named = ends(
      {
        stores: [{ name: 'main', tls: { ca: soon.pem } }],
        keyring: { vault: { ca: soon.pem }, kms: { ca: soon.pem } },
      },
      {
        issuers: [{ name: 'corp', ca: soon.pem }],
        revocation: { kind: 'redis', tls: { ca: soon.pem, certificate: soon.pem } },
      },
    );
    assert.deepEqual(
      named.map(([name]) => name),
      [
        'stores.main.tls.caFile',
        'issuers.corp.caFile',
        'revocation.redis.tls.caFile',
        'revocation.redis.tls.certFile',
        'keyring.vault.caFile',
        'keyring.kms.caFile',
      ],
    );
  });

  it('are none where the system has the certificates, or a file holds none that can be read', () => {
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    assert.deepEqual(ends({ stores: [{ name: 'a', tls: { ca: undefined } }] }), []);
    assert.deepEqual(ends({ stores: [{ name: 'a', tls: { ca: broken } }] }), []);
    assert.deepEqual(ends({}, { listen: { kind: 'socket' }, revocation: { kind: 'file' } }), []);
  });
});
