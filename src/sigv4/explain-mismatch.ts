/**
 * Enters: a message whose signature is wrong. Leaves: what the client needs to find out why, as S3 shows it, and a cause.
 * The cause is found by trying: a variant of the message that the signature does fit names what changed on the way.
 * A fitting variant is never accepted. Bounded: some twenty digests. Must never show a token or a customer key.
 */
import { stringToSign, textHash } from './canonical-request.ts';
import type { SignatureClaims } from './parse-signature.ts';
import { receivedCanonical, type ReceivedRequest } from './received-request.ts';
import { EMPTY_PAYLOAD, UNSIGNED_PAYLOAD } from './signer.ts';

/** Elements of the error document. */
export type Mismatch = Readonly<Record<string, string>>;

interface Variant {
  readonly cause: string;
  readonly request: ReceivedRequest;
}

const SECRET_HEADER = /^(?:x-amz-security-token|x-sallyport-store-token|authorization|cookie|x-amz-.*customer-key)$/;
const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'];

/** Headers that a hop may rightly add, drop or write anew, and that a client therefore had better not sign. */
const ALTERED_IN_TRANSIT = [
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'te',
  'transfer-encoding',
  'user-agent',
  'via',
];

/** Explains a mismatch; `isSigned` says whether the signature fits a canonical request. */
export function explainMismatch(
  claims: SignatureClaims,
  scope: string,
  request: ReceivedRequest,
  isSigned: (canonical: string) => boolean,
): Mismatch {
  const { signedHeaders } = claims;
  const canonical = receivedCanonical(request, signedHeaders);
  const fitting = variants(request).find((variant) => isSigned(receivedCanonical(variant.request, signedHeaders)));
  return {
    AWSAccessKeyId: claims.accessKeyId,
    StringToSign: stringToSign(claims.amzDate, scope, textHash(canonical)),
    SignatureProvided: claims.signature,
    CanonicalRequest: shown(request, signedHeaders),
    LikelyCause: fitting?.cause ?? otherCause(signedHeaders),
  };
}

function variants(request: ReceivedRequest): readonly Variant[] {
  const { path, headers } = request;
  const host = headers.get('host') ?? '';
  const withoutPort = host.replace(/:\d{1,5}$/, '');
  return [
    ...[withoutPort, `${withoutPort}:80`, `${withoutPort}:443`]
      .filter((other) => other !== host)
      .map((other) => ({
        cause: `host: the signature is for ${other}, the request came for ${host}`,
        request: { ...request, headers: new Map(headers).set('host', other) },
      })),
    ...otherPaths(path).map(([what, other]) => ({
      cause: `path: the signature is for a path that was ${what}; S3 signs the key encoded once`,
      request: { ...request, path: other },
    })),
    ...METHODS.filter((method) => method !== request.method).map((method) => ({
      cause: `method: the signature is for ${method}`,
      request: { ...request, method },
    })),
    ...[UNSIGNED_PAYLOAD, EMPTY_PAYLOAD]
      .filter((payloadHash) => payloadHash !== request.payloadHash)
      .map((payloadHash) => ({
        cause: `payload: the signature is for the payload hash ${payloadHash}`,
        request: { ...request, payloadHash },
      })),
    ...['identity', 'gzip'].map((value) => ({
      cause: 'header: accept-encoding was altered on the way',
      request: { ...request, headers: new Map(headers).set('accept-encoding', value) },
    })),
  ];
}

function otherPaths(path: string): readonly (readonly [what: string, path: string])[] {
  const others: [string, string][] = [
    ['encoded twice', path.replaceAll('%', '%25')],
    ['normalised', new URL(`http://host${path.replace(/\/{2,}/g, '/')}`).pathname],
  ];
  try {
    const decoded = decodeURIComponent(path);
    others.push(['not encoded', Buffer.from(decoded).toString('latin1')]);
  } catch {
    // A path that is not UTF-8 has no other spelling to try.
  }
  return others.filter(([, other]) => other !== path);
}

function otherCause(signedHeaders: readonly string[]): string {
  const suspects = signedHeaders.filter((name) => ALTERED_IN_TRANSIT.includes(name));
  if (suspects.length === 0) return 'key: the secret access key differs, or something signed was altered on the way';
  return `header: a hop may have altered ${suspects.join(', ')}; or the secret access key differs`;
}

function shown(request: ReceivedRequest, signedHeaders: readonly string[]): string {
  const headers = new Map(request.headers);
  for (const name of signedHeaders) if (SECRET_HEADER.test(name)) headers.set(name, '(not shown)');
  const query = request.query.replace(
    /(^|&)((?:X-Amz-Security-|X-Sallyport-Store-|WebIdentity)Token=)[^&]*/gi,
    '$1$2(not shown)',
  );
  // Headers are bytes here; what they spell is shown.
  return Buffer.from(receivedCanonical({ ...request, headers, query }, signedHeaders), 'latin1').toString();
}
