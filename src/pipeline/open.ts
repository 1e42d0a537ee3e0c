/**
 * Credentialed -> Opened. The plaintext view of a stored object: its size, the range that is given, and a body of which no
 * byte leaves before it is authenticated. Where encryption is required nothing else is served.
 */
import type { ObjectReader } from '../contracts/stored-objects.ts';
import type { Credentialed, Opened } from './contexts.ts';
import { objectQuery } from './object-query.ts';
import type { Stage } from './stage.ts';

/** The stage `open`. @throws GatewayError ObjectNotEncrypted, IntegrityFailure, InvalidRange, ServiceUnavailable */
export function createOpen(reader: ObjectReader): Stage<Credentialed, Opened> {
  return {
    name: 'open',
    run: async (context) => {
      const { request, session, ledger } = context;
      const query = objectQuery(context);
      const view =
        request.operation === 'HeadObject' ? await reader.head(session, query) : await reader.read(session, query);
      ledger.keyId = view.keyId;
      return { ...context, view };
    },
  };
}
