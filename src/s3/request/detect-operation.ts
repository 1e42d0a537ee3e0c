/**
 * Enters: method, address and query, signature parameters taken out. Leaves: the name of one operation of the table.
 * A query parameter that an operation does not list names a different operation, or changes what this one means: to
 * ignore it would be to perform something that was not asked.
 */
import type { ErrorCode } from '../../errors/codes.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import type { Operation } from '../operations/operation.ts';
import { OPERATIONS, type OperationName } from '../operations/operations.ts';
import type { RequestTarget } from './request-target.ts';
import { unsupportedParameter } from './unsupported.ts';

/** SDKs repeat the operation's name in this parameter; it is checked and has no other meaning. */
const OPERATION_ID = 'x-id';

type Candidate = readonly [OperationName, Operation];

/** The operations of each method and level, those with a subresource first. */
const CANDIDATES: ReadonlyMap<string, readonly Candidate[]> = (() => {
  const candidates = new Map<string, Candidate[]>();
  for (const candidate of Object.entries(OPERATIONS) as [OperationName, Operation][]) {
    const [, { method, level, subresource }] = candidate;
    const address = `${method} ${level}`;
    const others = candidates.get(address) ?? [];
    candidates.set(address, subresource === undefined ? [...others, candidate] : [candidate, ...others]);
  }
  return candidates;
})();

const ALL: readonly Operation[] = Object.values(OPERATIONS);

/** What a parameter that has a value may be, whichever operation it came to. */
const VALUES: ReadonlyMap<string, RegExp> = new Map(
  ALL.flatMap(({ subresource }) =>
    subresource === undefined || subresource.isNameOnly ? [] : [[subresource.name, subresource.values]],
  ),
);

/** What can be copied, by the subresource: an object, and a part. */
const COPIED: ReadonlySet<string | undefined> = new Set(
  ALL.filter(({ operationClass }) => operationClass === 'COPY').map(({ subresource }) => subresource?.name),
);

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
    const [name, { operationClass, subresource }] = candidate;
    if (subresource !== undefined && !query.has(subresource.name)) continue;
    // Only an upload can turn out a copy; elsewhere the header is refused by itself (accepted-headers.ts).
    const mayCopy = method === 'PUT' && level === 'object' && COPIED.has(subresource?.name);
    if ((operationClass === 'COPY') !== (isCopy && mayCopy)) continue;
    checkQuery(candidate, query);
    return name;
  }
  throw notImplemented(
    'no such subresource',
    [...query.keys()].map(unsupportedParameter).find((code) => code !== 'NotImplemented'),
  );
}

function checkQuery([operation, { subresource, parameters }]: Candidate, query: ReadonlyMap<string, string>): void {
  for (const [name, value] of query) {
    const values = name === subresource?.name ? subresource.values : VALUES.get(name);
    if (values?.test(value) === false) throw invalid(name);
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
