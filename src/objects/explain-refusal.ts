/**
 * Why a bucket cannot be used, in one line for an operator: what is wrong, where, and the key of configuration that would
 * fix it. Enters: a bucket and the failure. Leaves: text without secrets, made of names out of configuration and of codes.
 */
import type { Bucket } from '../contracts/bucket.ts';
import { GatewayError, type StoreRefusal } from '../errors/gateway-error.ts';

/** Explains it. */
export function explainRefusal(bucket: Bucket, error: unknown): string {
  const at = `bucket ${bucket.name} in store ${bucket.store.name}`;
  if (!(error instanceof GatewayError)) return `${at}: an unexpected failure`;
  const { refusal, detail, code } = error;
  if (refusal === undefined) return `${at}: ${detail ?? code}`;
  const why = refusal.by === 'sts' ? explainSts(bucket, refusal) : explainStore(bucket, refusal);
  return `${at}: ${why ?? detail ?? code}`;
}

/** Stands for the role where none is assumed. */
export const STATIC = 'static';
const SIGNATURE = /^SignatureDoesNotMatch/;
const KEY_UNKNOWN = /^(InvalidAccessKeyId|InvalidClientTokenId|UnrecognizedClient)/;
const UNNAMED = /^Unknown(Error)?$/;
const DENIED = /^AccessDenied/;
/** Ceph RGW and AWS, of a role. */
const NO_ROLE = /^(NotFound|NoSuchEntity)/;
const NO_STS_STATUS: ReadonlySet<number> = new Set([400, 404, 405, 501]);

function explainSts(
  { store, roleArn }: Bucket,
  { status, code = '', keys: ownKeys }: StoreRefusal,
): string | undefined {
  const keys = `stores.${store.name}`;
  const said = `${status ?? ''} ${code}`.trim();
  if (status === undefined) return noAnswer('its STS', code, `${keys}.sts.endpoint`, keys);
  if (SIGNATURE.test(code)) {
    return `its STS answers ${said}: ${wrongSecret(keys)}, or ${keys}.region (${store.region}) is not its region`;
  }
  if (KEY_UNKNOWN.test(code)) return `its STS answers ${said}: ${unknownKey(keys)}`;
  if (status === 403 && (DENIED.test(code) || UNNAMED.test(code))) {
    if (ownKeys === 'refused') {
      return `its STS answers ${said}, and the store takes these keys for nothing: ${keys}.credentials hold an access key id that is not known there, or a secret that is not its own`;
    }
    if (ownKeys === 'taken') {
      return `its STS answers ${said}, and the gateway's keys are taken: ${keys}.sts.roleArn must be a role (not ${roleArn}) whose trust policy names the gateway's own user`;
    }
    // Ceph RGW says the same of a wrong secret and of a key that it does not know.
    return `its STS answers ${said}: ${roleArn} may not be assumed by the gateway, or ${keys}.credentials are wrong (it does not say which); ${keys}.sts.roleArn must be a role whose trust policy names the gateway's own user`;
  }
  if (status === 404 && NO_ROLE.test(code)) {
    return `its STS answers ${said}: there is no role ${roleArn}; ${keys}.sts.roleArn must be a role whose trust policy names the gateway's own user`;
  }
  if (NO_STS_STATUS.has(status)) {
    return `no STS answers AssumeRole there (${said}): ${keys}.sts.endpoint must be where the store's STS is, or ${keys}.method be static`;
  }
  return undefined;
}

function explainStore(bucket: Bucket, { status, code = '', region }: StoreRefusal): string | undefined {
  const { store, storeBucket, name } = bucket;
  const keys = `stores.${store.name}`;
  const said = `${status ?? ''} ${code}`.trim();
  if (status === undefined) return noAnswer(`the store (${store.endpoint})`, code, `${keys}.endpoint`, keys);
  const elsewhere = region !== undefined && region !== store.region;
  if (elsewhere || /^(AuthorizationHeaderMalformed|PermanentRedirect|TemporaryRedirect|IllegalLocation)/.test(code)) {
    const right = elsewhere ? region : 'the region of the bucket';
    return `the store answers ${said}: ${keys}.region is ${store.region}, and must be ${right}`;
  }
  if (SIGNATURE.test(code)) {
    return `the store answers ${said}: ${wrongSecret(keys)}, or ${keys}.region (${store.region}) is not its region`;
  }
  if (KEY_UNKNOWN.test(code)) return `the store answers ${said}: ${unknownKey(keys)}`;
  if (status === 404 && (code === '' || code === 'NoSuchBucket')) {
    return `the store has no bucket ${storeBucket}: make it there, or let buckets.${name}.storeBucket name one that is there`;
  }
  if (status === 403 && (DENIED.test(code) || code === '')) {
    if (bucket.roleArn === STATIC) {
      return `the store answers ${said}: ${keys}.credentials are wrong, or their user may not list the bucket (s3:ListBucket on ${storeBucket})`;
    }
    return `the store answers ${said}: whether the bucket is there cannot be said, for ${bucket.roleArn} may not list it (s3:ListBucket on ${storeBucket})`;
  }
  return undefined;
}

const wrongSecret = (keys: string): string =>
  `${keys}.credentials hold a secret that is not the one of their access key id`;
const unknownKey = (keys: string): string => `${keys}.credentials hold an access key id that is not known there`;

function noAnswer(peer: string, code: string, key: string, keys: string): string {
  if (code === 'ECONNREFUSED') return `nothing listens where ${peer} should be (${code}): is it up, and ${key} right?`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `the host of ${peer} has no address (${code}): ${key} must name one that DNS knows`;
  if (/CERT|SELF_SIGNED|UNABLE_TO|TLS|SSL/.test(code)) {
    return `the certificate of ${peer} is not trusted (${code}): ${keys}.tls.caFile must hold its CA, ${keys}.tls.serverName its name`;
  }
  return `${peer} gives no answer (${code}): is it up, and ${key} right?`;
}
