/**
 * THE TABLE: which check runs for which class of operation, in which order. `receive` has run before, for all of them.
 * The audit is `record` (the intent, before anything upstream) and the end of `respond` (the outcome); where a stage
 * fails, `failure.ts` writes the outcome instead.
 */
import type { OperationClass } from '../s3/operations.ts';
import type { Admission } from './admission.ts';
import { createAssumeRole } from './assume-role.ts';
import { createAuthenticate } from './authenticate.ts';
import { createAuthorize } from './authorize.ts';
import type { Received } from './contexts.ts';
import { createForward } from './forward.ts';
import { createOpen } from './open.ts';
import { deleteOutbound, listOutbound, readOutbound, writeOutbound } from './outbound.ts';
import type { PipelineParts } from './parts.ts';
import { createRecord, createRecordLocal } from './record.ts';
import { createRespondLocal } from './respond-local.ts';
import { createRespondListing, createRespondObject, createRespondWrite } from './respond.ts';
import { createSeal } from './seal.ts';
import { createSign } from './sign.ts';
import { way, type Way } from './stage.ts';

/** Puts the ways together from the given parts. */
export function createStages(
  parts: PipelineParts,
  admission: Admission,
): Readonly<Record<OperationClass, Way<Received, void>>> {
  const { authorizer, broker, buckets, cipher, clock, signer } = parts;
  const authenticate = createAuthenticate(parts.authenticators, admission);
  const authorize = createAuthorize(authorizer);
  const record = createRecord(parts);
  const recordLocal = createRecordLocal(buckets);
  const assumeRole = createAssumeRole(broker);
  const seal = createSeal(cipher, parts.limits);
  const signRead = createSign(signer, clock, (context) => readOutbound(context, cipher));
  const signWrite = createSign(signer, clock, writeOutbound);
  const signDelete = createSign(signer, clock, deleteOutbound);
  const signList = createSign(signer, clock, listOutbound);
  const forward = createForward(parts, true);
  const forwardWrite = createForward(parts, false);
  const open = createOpen(cipher, parts.limits.smallBodyBytes);
  const respondObject = createRespondObject();
  const respondWrite = createRespondWrite();
  const respondListing = createRespondListing(cipher);
  const respondLocal = createRespondLocal(authorizer, buckets);

  const identified = way(authenticate).to(authorize);
  const credentialed = identified.to(record).to(assumeRole);
  // prettier-ignore
  return {
    READ:   credentialed         .to(signRead)  .to(forward)     .to(open).to(respondObject),
    WRITE:  credentialed.to(seal).to(signWrite) .to(forwardWrite)         .to(respondWrite),
    LIST:   credentialed         .to(signList)  .to(forward)              .to(respondListing),
    DELETE: credentialed         .to(signDelete).to(forwardWrite)         .to(respondWrite),
    LOCAL:  identified.to(recordLocal)                                    .to(respondLocal),
  };
}
