/** Documented -> Answered. What a multipart upload takes beside its parts: begin, complete, abort, list. */
import type { Uploads } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { answerOf } from './answer-of.ts';
import type { Answered, Documented } from './contexts.ts';
import { documentOutbound } from './outbound.ts';
import type { Stage } from './stage.ts';

/** The stage `upload`. */
export function createUpload(_uploads: Uploads): Stage<Documented, Answered> {
  return {
    name: 'upload',
    run: async (context) => {
      const { request, bucket, session } = context;
      if (!isKeptPlain(bucket, request.key)) throw new GatewayError('NotImplemented', 'upload');
      const response = await session.ask(documentOutbound(context));
      return { ...context, answer: await answerOf({ ...context, response }) };
    },
  };
}
