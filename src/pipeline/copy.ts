/** Credentialed -> Answered. A copy of an object, or of a range of one into a part. */
import { GatewayError } from '../errors/gateway-error.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { answerOf } from './answer-of.ts';
import type { Answered, Credentialed } from './contexts.ts';
import { plainOutbound } from './outbound.ts';
import type { PipelineParts } from './parts.ts';
import type { Stage } from './stage.ts';

/** The stage `copy`. */
export function createCopy(_parts: PipelineParts): Stage<Credentialed, Answered> {
  return {
    name: 'copy',
    run: async (context) => {
      const { request, bucket, sourceBucket, session } = context;
      const { copySource } = request;
      const isPlain =
        isKeptPlain(bucket, request.key) && isKeptPlain(sourceBucket ?? bucket, copySource?.key ?? request.key);
      if (!isPlain) throw new GatewayError('NotImplemented', 'copy');
      const response = await session.ask(plainOutbound(context));
      return { ...context, answer: await answerOf({ ...context, response }) };
    },
  };
}
