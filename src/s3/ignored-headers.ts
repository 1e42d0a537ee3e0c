/**
 * Headers that clients add by themselves and that ask for nothing here. Enters: an operation and its headers. Leaves: the
 * headers without them, so that no later step gives one a meaning. With another value than the harmless one they are
 * refused: ignored is only what was understood.
 */
import { ANNOTATION_DIRECTIVE } from './annotations.ts';
import { CHECKSUM_HEADERS } from './checksums.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { OPERATIONS, type OperationName, type OperationRow } from './operations.ts';

/** The harmless values of a header; with any other it is refused as `otherwise`. */
interface Harmless {
  readonly values: RegExp;
  readonly otherwise: 'InvalidArgument' | 'AnnotationsNotSupported';
}

type Ignored = Readonly<Record<string, Harmless>>;

const harmless = (values: RegExp, otherwise: Harmless['otherwise'] = 'InvalidArgument'): Harmless => ({
  values,
  otherwise,
});
const ANYTHING = harmless(/^/);
const ALGORITHM = harmless(/^[A-Z0-9]{1,16}$/i);

const EVERYWHERE: Ignored = {
  'x-amz-user-agent': ANYTHING,
  // AWS SDK for C++: every request that is not streaming.
  'x-amz-api-version': harmless(/^2006-03-01$/),
  // Says who would be charged, and that is whoever owns the store's account here.
  'x-amz-request-payer': harmless(/^requester$/i),
};

/** Of a request without a body. AWS SDK for Java 2: both on every default GetObject, the checksum being one of nothing. */
const OF_READ: Ignored = {
  'x-amz-te': harmless(/^append-md5$/i),
  'x-amz-sdk-checksum-algorithm': ALGORITHM,
  ...Object.fromEntries([...CHECKSUM_HEADERS.keys()].map((name) => [name, ANYTHING] as const)),
};

const OF_COPY: Ignored = {
  // AWS CLI >= 2.36: every copy in one request. It asks for what happens anyway.
  [ANNOTATION_DIRECTIVE]: harmless(/^EXCLUDE$/, 'AnnotationsNotSupported'),
};

const OF_OPERATION: Readonly<Partial<Record<OperationName, Ignored>>> = {
  // CRT below the AWS SDK for Java 2.29: it names the checksum of a body that this request has not; that of the upload is
  // x-amz-checksum-algorithm.
  CreateMultipartUpload: { 'x-amz-sdk-checksum-algorithm': ALGORITHM },
  // minio-go: repeated from CreateMultipartUpload, which decided it.
  CompleteMultipartUpload: { 'x-amz-server-side-encryption': harmless(/^(?:AES256|aws:kms|aws:kms:dsse)$/) },
};

const IGNORED: ReadonlyMap<OperationName, ReadonlyMap<string, Harmless>> = new Map(
  (Object.entries(OPERATIONS) as [OperationName, OperationRow][]).map(([name, { method, operationClass }]) => [
    name,
    new Map(
      Object.entries({
        ...EVERYWHERE,
        ...(method === 'GET' || method === 'HEAD' ? OF_READ : {}),
        ...(operationClass === 'COPY' ? OF_COPY : {}),
        ...OF_OPERATION[name],
      }),
    ),
  ]),
);

/**
 * Gives the headers that mean something to an operation.
 * @throws GatewayError InvalidArgument, AnnotationsNotSupported (a value that asks for something)
 */
export function withoutIgnored(
  operation: OperationName,
  headers: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const ignored = IGNORED.get(operation);
  let meaningful: Map<string, string> | undefined;
  for (const [name, value] of headers) {
    const found = ignored?.get(name);
    if (found === undefined) continue;
    if (!found.values.test(value)) {
      throw new GatewayError(found.otherwise, { detail: name, clientFields: { Header: name } });
    }
    meaningful ??= new Map(headers);
    meaningful.delete(name);
  }
  return meaningful ?? headers;
}
