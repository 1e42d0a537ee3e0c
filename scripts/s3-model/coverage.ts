/**
 * Enters: the model of S3. Leaves: of each operation and parameter what this gateway does with it, found by asking the
 * parser of its own requests: nothing here can say "served" of what is refused, or the reverse.
 */
import { GatewayError } from '../../src/errors/gateway-error.ts';
import type { Operation } from '../../src/s3/operations/operation.ts';
import { OPERATIONS, type OperationName } from '../../src/s3/operations/operations.ts';
import { parseRequest } from '../../src/s3/request/parse-request.ts';
import { IGNORED, REFUSED_OPERATIONS, REFUSED_PARAMETERS, type Reason } from './judgements.ts';
import type { Model, ModelOperation, Parameter } from './model.ts';

export interface ParameterCoverage {
  readonly name: string;
  readonly member: string;
  readonly in: Parameter['in'];
  readonly how: 'served' | 'ignored' | 'refused';
  /** Why it is ignored or refused; `undefined`: served, or nobody has judged it. */
  readonly why: string | undefined;
  /** Values that the model names and that are refused, where others are taken, each with the code. */
  readonly refusedValues: readonly string[];
}

export interface OperationCoverage {
  readonly operation: string;
  readonly isServed: boolean;
  /** Why it is refused; `undefined`: served, or nobody has judged it. */
  readonly why: string | undefined;
  /** Empty where the operation is refused. */
  readonly parameters: readonly ParameterCoverage[];
}

const ARRIVAL = { requestId: 'model', receivedAtMs: 0, clientAddress: '192.0.2.1', publicHosts: [] };
const NO_HEADERS: Readonly<Record<string, string>> = {};

const HTTP_DATE = 'Sat, 21 Nov 2026 00:00:00 GMT';
const digest = (bytes: number): string => Buffer.alloc(bytes).toString('base64');

/** A valid value of what the model only calls a string. */
const EXAMPLES: Readonly<Record<string, string>> = {
  'content-md5': digest(16),
  'content-length': '3',
  expires: HTTP_DATE,
  range: 'bytes=0-1',
  'if-match': '"0123456789abcdef0123456789abcdef"',
  'if-none-match': '*',
  'x-amz-checksum-crc32': digest(4),
  'x-amz-checksum-crc32c': digest(4),
  'x-amz-checksum-crc64nvme': digest(8),
  'x-amz-checksum-md5': digest(16),
  'x-amz-checksum-sha1': digest(20),
  'x-amz-checksum-sha256': digest(32),
  'x-amz-checksum-sha512': digest(64),
  'x-amz-copy-source': 'reports/source',
  'x-amz-copy-source-if-match': '"0123456789abcdef0123456789abcdef"',
  'x-amz-copy-source-if-none-match': '"0123456789abcdef0123456789abcdef"',
  'x-amz-copy-source-range': 'bytes=0-1',
  'x-amz-expected-bucket-owner': '111122223333',
  'x-amz-source-expected-bucket-owner': '111122223333',
  'x-amz-tagging': 'a=b',
  'x-amz-object-lock-retain-until-date': '2030-01-01T00:00:00Z',
  'x-amz-server-side-encryption-context': 'e30=',
  uploadId: 'upload',
  partNumber: '1',
  'x-amz-object-attributes': 'ETag',
  'continuation-token': 'token',
  delimiter: '/',
  versionId: 'null',
};

/** What a parameter, or one of an operation, is sent with because it means nothing alone. */
const COMPANIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'x-amz-object-lock-mode': { 'x-amz-object-lock-retain-until-date': '2030-01-01T00:00:00Z' },
  'x-amz-object-lock-retain-until-date': { 'x-amz-object-lock-mode': 'GOVERNANCE' },
  'x-amz-server-side-encryption-aws-kms-key-id': { 'x-amz-server-side-encryption': 'aws:kms' },
  'x-amz-server-side-encryption-context': { 'x-amz-server-side-encryption': 'aws:kms' },
  'x-amz-server-side-encryption-bucket-key-enabled': { 'x-amz-server-side-encryption': 'aws:kms' },
  'CreateMultipartUpload x-amz-checksum-type': { 'x-amz-checksum-algorithm': 'CRC32C' },
};
/** Goes with a value of the algorithm that it names. */
const CHECKSUM_NAMING = 'x-amz-sdk-checksum-algorithm';

/** Asks the parser about every operation and parameter of a model. */
export function coverageOf({ operations }: Model): readonly OperationCoverage[] {
  return Object.entries(operations).map(([operation, model]) => {
    const isServed = isNamed(operation) && demand(operation, model) === 'taken';
    return {
      operation,
      isServed,
      why: isServed ? undefined : reasonOf(REFUSED_OPERATIONS, operation),
      parameters: isServed ? model.parameters.map((parameter) => parameterCoverage(operation, model, parameter)) : [],
    };
  });
}

function isNamed(operation: string): operation is OperationName {
  return Object.hasOwn(OPERATIONS, operation);
}

function parameterCoverage(operation: string, model: ModelOperation, parameter: Parameter): ParameterCoverage {
  const { name, member } = parameter;
  const values = valuesOf(parameter);
  const results = values.map((value) => demand(operation, model, parameter, value));
  const isAccepted = results.some((result) => result === 'taken' || result === 'dropped');
  const ignored = reasonOf(IGNORED, `${operation} ${name}`);
  const isIgnored = ignored !== undefined || results.includes('dropped');
  const how = !isAccepted ? 'refused' : isIgnored ? 'ignored' : 'served';
  return {
    name,
    member,
    in: parameter.in,
    how,
    why: how === 'refused' ? reasonOf(REFUSED_PARAMETERS, `${operation} ${name}`) : ignored,
    refusedValues: isAccepted ? values.filter((_, index) => results[index] === 'refused') : [],
  };
}

function valuesOf({ name, type, values }: Parameter): readonly string[] {
  if (values !== undefined) return values;
  const example = EXAMPLES[name];
  if (example !== undefined) return [example];
  if (type === 'integer' || type === 'long') return ['1'];
  if (type === 'boolean') return ['true'];
  return type === 'timestamp' ? [HTTP_DATE] : ['example'];
}

/** `dropped`: the request is taken, and the header is not in what was read of it. */
type Result = 'taken' | 'dropped' | 'refused';

/** Puts a request to the parser: the least of its operation, and one parameter. */
function demand(operation: string, { method, uri }: ModelOperation, parameter?: Parameter, value = ''): Result {
  const path = uri.replace('{Bucket}', 'reports').replace('{Key+}', 'key');
  const descriptor: Operation | undefined = isNamed(operation) ? OPERATIONS[operation] : undefined;
  const queries = leastQuery(descriptor, path);
  const headers = new Map<string, string>([
    ['host', 'localhost'],
    // Who may change the headers of an answer must have signed for it.
    ['authorization', 'AWS4-HMAC-SHA256 Credential=a'],
    ...(descriptor === undefined || descriptor.body.kind === 'none' ? [] : [['content-length', '3'] as const]),
    ...(descriptor?.requiredHeaders ?? []).map((name) => [name, EXAMPLES[name] ?? ''] as const),
  ]);
  if (parameter?.in === 'header') {
    const name = parameter.name.endsWith('-') ? `${parameter.name}name` : parameter.name;
    const companions = COMPANIONS[name] ?? COMPANIONS[`${operation} ${name}`] ?? NO_HEADERS;
    for (const [companion, its] of Object.entries(companions)) headers.set(companion, its);
    const checksum = `x-amz-checksum-${value.toLowerCase()}`;
    if (name === CHECKSUM_NAMING) headers.set(checksum, EXAMPLES[checksum] ?? digest(8));
    headers.set(name, value);
  } else if (parameter !== undefined && !queries.some((query) => new URLSearchParams(query).has(parameter.name))) {
    queries.push(`${parameter.name}=${encodeURIComponent(value)}`);
  }
  const target = queries.length === 0 ? path : `${path}${path.includes('?') ? '&' : '?'}${queries.join('&')}`;
  try {
    const read = parseRequest({ method, target, rawHeaders: [...headers].flat() }, ARRIVAL);
    if (read.operation !== operation) return 'refused';
    const isHeader = parameter?.in === 'header' && !parameter.name.endsWith('-');
    return isHeader && !read.headers.has(parameter.name) ? 'dropped' : 'taken';
  } catch (error) {
    if (error instanceof GatewayError) return 'refused';
    throw error;
  }
}

/** What an operation cannot do without and the path of the model does not say. */
function leastQuery(descriptor: Operation | undefined, path: string): string[] {
  if (descriptor === undefined) return [];
  const { subresource, requiredParameters } = descriptor;
  const names = [...(subresource === undefined ? [] : [subresource.name]), ...requiredParameters];
  const said = new URLSearchParams(path.split('?')[1]);
  return names.filter((name) => !said.has(name)).map((name) => `${name}=${EXAMPLES[name] ?? ''}`);
}

function reasonOf(reasons: readonly Reason[], subject: string): string | undefined {
  return reasons.find(({ of }) => of.test(subject))?.why;
}

/** Names what nobody has judged: refused or ignored without a reason. */
export function unjudged(coverage: readonly OperationCoverage[]): readonly string[] {
  return coverage.flatMap(({ operation, isServed, why, parameters }) => [
    ...(isServed || why !== undefined ? [] : [operation]),
    ...parameters
      .filter((parameter) => parameter.how !== 'served' && parameter.why === undefined)
      .map(({ name }) => `${operation} ${name}`),
  ]);
}
