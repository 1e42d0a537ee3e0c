/**
 * Documented -> Forwarded, of operations with documents. A store that does not have a kind of bucket document says so in
 * its own way; tools that read them all go on where they are told in S3's way that there is none.
 */
import type { UpstreamResponse } from '../contracts/upstream.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { documentInsteadOf } from '../s3/documents/bucket-documents.ts';
import type { Documented, Forwarded } from './contexts.ts';
import { documentOutbound } from './outbound.ts';
import type { Stage } from './stage.ts';

/** The stage `forward` of the class DOCUMENT. @throws GatewayError what the store says */
export function createForwardDocument(): Stage<Documented, Forwarded> {
  return {
    name: 'forward',
    run: async (context) => {
      const { session, request, bucket } = context;
      try {
        return { ...context, response: await session.send(documentOutbound(context)) };
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        const { descriptor } = request;
        const absent = descriptor.operationClass === 'DOCUMENT' ? descriptor.absent : undefined;
        const instead = absent && documentInsteadOf(error, absent, bucket.store.isAws === true);
        if (instead === undefined) throw error;
        return { ...context, response: answerWith(instead) };
      }
    },
  };
}

function answerWith(document: string): UpstreamResponse {
  const content = Buffer.from(document);
  return {
    status: 200,
    headers: new Map(),
    // eslint-disable-next-line @typescript-eslint/require-await -- bodies are streams to those that read them
    body: (async function* () {
      yield content;
    })(),
    whole: () => Promise.resolve(content),
    discard: () => Promise.resolve(),
  };
}
