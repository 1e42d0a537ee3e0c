/**
 * Headers that clients add by themselves and that ask for nothing here. Enters: an operation and its headers. Leaves: the
 * headers without them, so that no later step gives one a meaning. With another value than the harmless one they are
 * refused: ignored is only what was understood.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import { operationOf, type OperationName } from '../operations/operations.ts';

/**
 * Gives the headers that mean something to an operation.
 * @throws GatewayError InvalidArgument, AnnotationsNotSupported (a value that asks for something)
 */
export function withoutIgnored(
  operation: OperationName,
  headers: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const { ignoredHeaders } = operationOf(operation);
  let meaningful: Map<string, string> | undefined;
  for (const [name, value] of headers) {
    const found = ignoredHeaders.get(name);
    if (found === undefined) continue;
    if (!found.values.test(value)) {
      throw new GatewayError(found.otherwise, { detail: name, clientFields: { Header: name } });
    }
    meaningful ??= new Map(headers);
    meaningful.delete(name);
  }
  return meaningful ?? headers;
}
