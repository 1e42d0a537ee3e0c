/**
 * Shares the calls of an STS among identities. Who has token after token, or asks for policy after policy, has a session got
 * for each; the connections to that STS, and the rate that it takes of an account, are everybody's.
 */
import { GatewayError } from '../errors/gateway-error.ts';

export interface CallShares {
  /** Begins a call where fewer than its share are under way for `who`. @throws GatewayError SlowDown, and whatever `call` throws */
  readonly enter: <T>(who: string, call: () => Promise<T>) => Promise<T>;
}

/** Makes shares of so many calls at a time. */
export function createCallShares(perIdentity: number): CallShares {
  const underWay = new Map<string, number>();
  return {
    enter: async (who, call) => {
      const count = underWay.get(who) ?? 0;
      if (count >= perIdentity) {
        throw new GatewayError('SlowDown', {
          detail: `STS is asked for ${perIdentity} sessions of one identity already`,
        });
      }
      underWay.set(who, count + 1);
      try {
        return await call();
      } finally {
        const rest = (underWay.get(who) ?? 1) - 1;
        if (rest === 0) underWay.delete(who);
        else underWay.set(who, rest);
      }
    },
  };
}
