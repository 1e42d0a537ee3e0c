/** Credentialed -> Answered. What GetObjectAttributes tells of an object. */
import type { ObjectReader } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { answerOf } from './answer-of.ts';
import type { Answered, Credentialed } from './contexts.ts';
import { plainOutbound } from './outbound.ts';
import type { Stage } from './stage.ts';

/** The stage `describe`. */
export function createDescribe(_reader: ObjectReader): Stage<Credentialed, Answered> {
  return {
    name: 'open',
    run: async (context) => {
      const { request, bucket, session } = context;
      if (!isKeptPlain(bucket, request.key)) throw new GatewayError('NotImplemented', 'open');
      const response = await session.ask(plainOutbound(context));
      return { ...context, answer: await answerOf({ ...context, response }) };
    },
  };
}
