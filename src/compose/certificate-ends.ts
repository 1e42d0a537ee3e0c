/**
 * When the certificates of a configuration end. Enters: PEM texts, as they were loaded. Leaves: times, by the key of the
 * configuration that names the file. What cannot be read as a certificate has no end here: whoever uses it says so.
 */
import { X509Certificate } from 'node:crypto';
import type { Config, StoreAccessConfig } from '../config/config.ts';

type Ends = readonly (readonly [certificate: string, endsAtMs: number])[];

/** Reads them once; what it gives can be asked again and again. `own`: what a gateway has beside a sidecar's. */
export function certificateEndsOf(
  { stores, keyring }: StoreAccessConfig,
  { listen, issuers = [], revocation }: Partial<Pick<Config, 'listen' | 'issuers' | 'revocation'>> = {},
): () => Ends {
  const tls = listen?.kind === 'tcp' ? listen.tls : undefined;
  const redis = revocation?.kind === 'redis' ? revocation.tls : undefined;
  const ends = [
    ...endOf('listen.tls.certFile', tls?.certificate, Math.min),
    ...endOf('listen.tls.clientCaFile', tls?.clientCa, Math.max),
    ...stores.flatMap(({ name, tls: { ca } }) => endOf(`stores.${name}.tls.caFile`, ca, Math.max)),
    ...issuers.flatMap(({ name, ca }) => endOf(`issuers.${name}.caFile`, ca, Math.max)),
    ...endOf('revocation.redis.tls.caFile', redis?.ca, Math.max),
    ...endOf('revocation.redis.tls.certFile', redis?.certificate, Math.min),
    ...endOf('keyring.vault.caFile', keyring?.vault?.ca, Math.max),
    ...endOf('keyring.kms.caFile', keyring?.kms?.ca, Math.max),
  ];
  return () => ends;
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** A chain serves until the first of it ends; of several CAs, others may take over. */
function endOf(name: string, pem: string | undefined, of: (...ends: number[]) => number): Ends {
  const ends = [...(pem ?? '').matchAll(PEM)].flatMap(([text]) => {
    try {
      return [new X509Certificate(text).validToDate.getTime()];
    } catch {
      return [];
    }
  });
  return ends.length === 0 ? [] : [[name, of(...ends)]];
}
