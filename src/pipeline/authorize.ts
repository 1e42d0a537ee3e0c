/**
 * Authenticated -> Authorized. The decision is a value, allow or deny; `record` writes it down and refuses a denial.
 * Decides on the byte-exact key that will be signed and stored.
 */
import type { Access, Authorizer } from '../contracts/authorizer.ts';
import { parseListing } from '../s3/listing.ts';
import type { S3Request } from '../s3/request.ts';
import type { Authenticated, Authorized } from './contexts.ts';
import type { Stage } from './stage.ts';

/** The stage `authorize`. */
export function createAuthorize(authorizer: Authorizer): Stage<Authenticated, Authorized> {
  return {
    name: 'authorize',
    run: (context) => {
      const access = accessOf(context.request);
      const decision =
        access === undefined
          ? {
              effect: 'allow' as const,
              rule: 'own-buckets',
              reason: 'Every identity may ask which buckets it can use.',
              policyVersion: authorizer.policyVersion(),
            }
          : authorizer.decide(context.principal, access);
      context.ledger.decided(access, decision);
      return { ...context, access, decision };
    },
  };
}

function accessOf(request: S3Request): Access | undefined {
  const { row, bucket, key } = request;
  if (row.level === 'service') return undefined;
  if (row.verb === undefined) return { kind: 'bucket', bucket };
  if (row.verb === 'LIST') {
    const { prefix, after } = parseListing(request);
    return { kind: 'listing', verb: 'LIST', bucket, prefix, after };
  }
  return { kind: 'object', verb: row.verb, bucket, key };
}
