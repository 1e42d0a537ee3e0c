/** What a client that signs is told where configuration has no keys for sessions: not that its signature is missing. */
import type { Authenticator } from '../contracts/authenticator.ts';
import { GatewayError } from '../errors/gateway-error.ts';

/** Refuses every signature, and leaves everything else to others. */
export const noSessions: Authenticator = {
  name: 'no-sessions',
  authenticate: ({ presented }) => {
    if (presented.startsWith('signed-')) throw new GatewayError('SessionsNotConfigured');
    return undefined;
  },
};
