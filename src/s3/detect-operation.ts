/**
 * Enters: method, address and query, signature parameters taken out. Leaves: the name of one operation of the table.
 * A query parameter that an operation does not list names a different operation, or changes what this one means: to
 * ignore it would be to perform something that was not asked.
 */
import type { ErrorCode } from '../errors/codes.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { OPERATIONS, type OperationName, type OperationRow } from './operations.ts';
import type { RequestTarget } from './request-target.ts';
import { OVERRIDE_PARAMETERS } from './response-overrides.ts';
import { unsupportedParameter } from './unsupported.ts';

/** SDKs repeat the operation's name in this parameter; it is checked and has no other meaning. */
const OPERATION_ID = 'x-id';

const VERSION = ['versionId'];

/** The query parameters that an operation takes beside its subresource and `x-id`. */
const PARAMETERS: Readonly<Partial<Record<OperationName, readonly string[]>>> = {
  ListBuckets: ['max-buckets', 'continuation-token', 'prefix', 'bucket-region'],
  ListObjects: ['prefix', 'marker', 'delimiter', 'max-keys', 'encoding-type'],
  ListObjectsV2: [
    'prefix',
    'start-after',
    'continuation-token',
    'delimiter',
    'max-keys',
    'encoding-type',
    'fetch-owner',
  ],
  ListObjectVersions: ['prefix', 'key-marker', 'version-id-marker', 'delimiter', 'max-keys', 'encoding-type'],
  ListMultipartUploads: ['prefix', 'key-marker', 'upload-id-marker', 'delimiter', 'max-uploads', 'encoding-type'],
  GetObject: ['versionId', 'partNumber', ...OVERRIDE_PARAMETERS],
  HeadObject: ['versionId', 'partNumber', ...OVERRIDE_PARAMETERS],
  GetObjectAttributes: VERSION,
  DeleteObject: VERSION,
  GetObjectTagging: VERSION,
  PutObjectTagging: VERSION,
  DeleteObjectTagging: VERSION,
  GetObjectAcl: VERSION,
  GetObjectRetention: VERSION,
  PutObjectRetention: VERSION,
  GetObjectLegalHold: VERSION,
  PutObjectLegalHold: VERSION,
  UploadPart: ['uploadId'],
  UploadPartCopy: ['uploadId'],
  ListParts: ['max-parts', 'part-number-marker'],
};

/** Subresources that carry a value; all others are a bare name. */
const VALUED: ReadonlySet<string> = new Set(['list-type', 'uploadId', 'partNumber']);

interface Candidate {
  readonly name: OperationName;
  readonly subresource: string | undefined;
  readonly isCopy: boolean;
  readonly parameters: ReadonlySet<string>;
}

/** The operations of each method and level, those with a subresource first. */
const CANDIDATES: ReadonlyMap<string, readonly Candidate[]> = (() => {
  const candidates = new Map<string, Candidate[]>();
  for (const [name, row] of Object.entries(OPERATIONS) as [OperationName, OperationRow][]) {
    const { subresource } = row;
    const parameters = new Set([...(PARAMETERS[name] ?? []), ...(subresource === undefined ? [] : [subresource])]);
    const candidate = { name, subresource, isCopy: row.operationClass === 'COPY', parameters };
    const address = `${row.method} ${row.level}`;
    const others = candidates.get(address) ?? [];
    candidates.set(address, subresource === undefined ? [...others, candidate] : [candidate, ...others]);
  }
  return candidates;
})();

const S3_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS']);

/**
 * Names the operation that a request asks for; `isCopy`: whether it names a source.
 * @throws GatewayError NotImplemented, MethodNotAllowed, InvalidArgument (`x-id` names another operation)
 */
export function detectOperation(method: string, target: RequestTarget, isCopy: boolean): OperationName {
  const { bucket, key, query } = target;
  const level = bucket === '' ? 'service' : key === '' ? 'bucket' : 'object';
  const candidates = CANDIDATES.get(`${method} ${level}`);
  if (candidates === undefined) {
    if (!S3_METHODS.has(method) || (level === 'service' && method !== 'POST')) {
      throw new GatewayError('MethodNotAllowed');
    }
    throw notImplemented(method);
  }
  for (const candidate of candidates) {
    const { subresource } = candidate;
    if (subresource !== undefined && !query.has(subresource)) continue;
    // Only an upload can turn out a copy; elsewhere the header is refused by itself (accepted-headers.ts).
    if (candidate.isCopy !== (isCopy && method === 'PUT' && level === 'object' && hasCopy(subresource))) continue;
    checkQuery(candidate, query);
    return candidate.name;
  }
  throw notImplemented(
    'no such subresource',
    [...query.keys()].map(unsupportedParameter).find((code) => code !== 'NotImplemented'),
  );
}

function hasCopy(subresource: string | undefined): boolean {
  return subresource === undefined || subresource === 'partNumber';
}

function checkQuery({ name: operation, subresource, parameters }: Candidate, query: ReadonlyMap<string, string>): void {
  for (const [name, value] of query) {
    if (name === subresource && !VALUED.has(name) && value !== '') throw invalid(name);
    if (name === 'list-type' && value !== '2') throw invalid(name);
    if (parameters.has(name)) continue;
    if (name !== OPERATION_ID) throw notImplemented('an unknown query parameter', unsupportedParameter(name));
    if (value !== operation) throw invalid(name);
  }
}

function invalid(name: string): GatewayError {
  return new GatewayError('InvalidArgument', { detail: name, clientFields: { ArgumentName: name } });
}

function notImplemented(detail: string, code: ErrorCode = 'NotImplemented'): GatewayError {
  return new GatewayError(code, { detail });
}
