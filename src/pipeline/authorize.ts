/**
 * Authenticated -> Authorized. The decision is a value, allow or deny; `record` writes it down and refuses a denial.
 * Decides on the byte-exact key that will be signed and stored.
 */
import type { Access, Authorizer, Decision } from '../contracts/authorizer.ts';
import { parseListing } from '../s3/listing.ts';
import type { S3Request } from '../s3/request.ts';
import type { Authenticated, Authorized } from './contexts.ts';
import type { Stage } from './stage.ts';

/** The stage `authorize`. */
export function createAuthorize(authorizer: Authorizer): Stage<Authenticated, Authorized> {
  return {
    name: 'authorize',
    run: (context) => {
      const { principal, request, ledger } = context;
      const access = accessOf(request);
      const decision =
        access === undefined ? ownBuckets(authorizer.policyVersion()) : authorizer.decide(principal, access);
      ledger.decided(access, decision);
      // In the same turn as the decision: a reload in between would pair it with the grants of other policies.
      const grants = access === undefined ? [] : authorizer.grants(principal, access.bucket);
      return { ...context, access, decision, grants };
    },
  };
}

function ownBuckets(policyVersion: string): Decision {
  return {
    effect: 'allow',
    rule: 'own-buckets',
    reason: 'Every identity may ask which buckets it can use.',
    policyVersion,
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
