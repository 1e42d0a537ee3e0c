/**
 * Enters: the `response-*` parameters of a read. Leaves: the headers that replace those of the object in the answer.
 * They are applied here and never asked of the store; a value that could end the header is refused.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import type { Addressed } from './addressed.ts';
import { headerBytes } from './encoded-word.ts';

const OVERRIDES: ReadonlyMap<string, string> = new Map([
  ['response-cache-control', 'cache-control'],
  ['response-content-disposition', 'content-disposition'],
  ['response-content-encoding', 'content-encoding'],
  ['response-content-language', 'content-language'],
  ['response-content-type', 'content-type'],
  ['response-expires', 'expires'],
]);

export const OVERRIDE_PARAMETERS: readonly string[] = [...OVERRIDES.keys()];

const MAX_VALUE_LENGTH = 1024;
const CONTROL = /[\0-\x1f\x7f]/;

/**
 * Gives the headers that a caller wants in place of the object's own, names in lower case.
 * @throws GatewayError InvalidArgument, InvalidRequest (a request without credentials)
 * @see Amazon S3 API Reference, "GetObject", Overriding response header values
 */
export function responseOverrides({
  query,
  presented,
}: Pick<Addressed, 'query'> & { readonly presented: string }): Record<string, string> {
  const headers: Record<string, string> = {};
  if (query.size === 0) return headers;
  for (const [parameter, header] of OVERRIDES) {
    const value = query.get(parameter);
    if (value === undefined) continue;
    if (presented === 'nothing') throw new GatewayError('InvalidRequest', { detail: parameter });
    if (value.length > MAX_VALUE_LENGTH || CONTROL.test(value)) {
      throw new GatewayError('InvalidArgument', { clientFields: { ArgumentName: parameter } });
    }
    headers[header] = headerBytes(value);
  }
  return headers;
}
