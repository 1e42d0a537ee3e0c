/** Answers ListBuckets, HeadBucket and GetBucketLocation from configuration and policy: only what the identity may use. */
import type { Authorizer } from '../contracts/authorizer.ts';
import type { Bucket } from '../contracts/bucket.ts';
import { bucketListDocument, bucketLocationDocument } from '../s3/xml.ts';
import type { Authorized } from './contexts.ts';
import { sendXml } from './respond.ts';
import type { Stage } from './stage.ts';

/** The stage `respond` of the class LOCAL. */
export function createRespondLocal(
  authorizer: Authorizer,
  buckets: ReadonlyMap<string, Bucket>,
): Stage<Authorized, void> {
  const names = [...buckets.keys()].sort();
  return {
    name: 'respond',
    run: async ({ exchange, ledger, request, principal }) => {
      if (request.operation === 'ListBuckets') {
        const visible = authorizer.visibleBuckets(principal, names);
        await sendXml(exchange, ledger, bucketListDocument(visible, principal.subject));
        return;
      }
      const region = buckets.get(request.bucket)?.store.region ?? '';
      if (request.operation === 'GetBucketLocation') {
        await sendXml(exchange, ledger, bucketLocationDocument(region));
        return;
      }
      await ledger.end('completed', 200);
      exchange.writeHead(200, { 'x-amz-bucket-region': region, 'content-length': '0' });
      exchange.end();
    },
  };
}
