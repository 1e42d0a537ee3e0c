/**
 * THE TABLE: which check runs for which class of operation, in which order. `receive` has run before, for all of them.
 * The audit is `record` (the intents, before anything upstream) and the end of `respond` (the outcomes); where a stage
 * fails, `failure.ts` writes the outcomes instead.
 */
import type { OperationClass } from '../s3/operations.ts';
import { accessesOf, deletionsOf } from './accesses-of.ts';
import type { Admission } from './admission.ts';
import { createAssumeRole } from './assume-role.ts';
import { createAuthenticate } from './authenticate.ts';
import { createAuthorize } from './authorize.ts';
import type { Authenticated, Credentialed, Listed, Portion, Received, Recorded, Signed } from './contexts.ts';
import { createForwardEach } from './forward-each.ts';
import { createForward } from './forward.ts';
import { createOpen } from './open.ts';
import * as outbound from './outbound.ts';
import type { PipelineParts } from './parts.ts';
import { createReadDocument, createReadList } from './read-document.ts';
import { createRecord, createRecordEach, createRecordLocal } from './record.ts';
import { createRespondLocal } from './respond-local.ts';
import * as respond from './respond.ts';
import { createSeal } from './seal.ts';
import { createSign } from './sign.ts';
import { way, type Way } from './stage.ts';

/** Puts the ways together from the given parts. */
export function createStages(
  parts: PipelineParts,
  admission: Admission,
): Readonly<Record<OperationClass, Way<Received, void>>> {
  const { authorizer, broker, buckets, cipher, clock, limits, observer, signer } = parts;
  const authenticate = createAuthenticate(parts.authenticators, admission);
  const authorize = createAuthorize(authorizer, ({ request }: Authenticated) => accessesOf(request));
  const authorizeEach = createAuthorize(authorizer, ({ request, list }: Listed) => deletionsOf(request, list.items));
  const readList = createReadList();
  const readDoc = createReadDocument();
  const record = createRecord(parts);
  const recordEach = createRecordEach(parts);
  const recordLocal = createRecordLocal(buckets);
  const assumeRole = createAssumeRole<Recorded>(broker);
  const seal = createSeal(cipher, limits);
  const signRead = createSign(signer, clock, (context: Credentialed) => outbound.readOutbound(context, cipher));
  const signWrite = createSign(signer, clock, outbound.writeOutbound);
  const signPlain = createSign(signer, clock, outbound.plainOutbound);
  const signList = createSign(signer, clock, outbound.listOutbound);
  const signDoc = createSign(signer, clock, outbound.documentOutbound);
  const signPortion = createSign(signer, clock, outbound.deletionOutbound);
  const signSingle = createSign(signer, clock, outbound.singleDeletionOutbound);
  const forward = createForward<Signed>(parts, true);
  const forwardWrite = createForward<Signed>(parts, false);
  const open = createOpen(cipher, limits.smallBodyBytes);
  const respondObject = respond.createRespondObject();
  const respondWrite = respond.createRespondWrite();
  const respondListing = respond.createRespondListing(cipher);
  const respondDoc = respond.createRespondDocument(cipher);
  const respondEach = respond.createRespondEach();
  const respondLocal = createRespondLocal(authorizer, buckets);

  const identified = way(authenticate).to(authorize);
  const credentialed = identified.to(record).to(assumeRole);
  const eachListed = way(authenticate).to(readList).to(authorizeEach).to(recordEach);
  const onePortion = way(createAssumeRole<Portion>(broker)).to(signPortion).to(forwardWrite);
  const oneKey = way(createAssumeRole<Portion>(broker)).to(signSingle).to(forwardWrite);
  const forwardEach = createForwardEach(onePortion, oneKey, observer);
  // prettier-ignore
  return {
    READ:     credentialed            .to(signRead) .to(forward)     .to(open).to(respondObject),
    WRITE:    credentialed.to(seal)   .to(signWrite).to(forwardWrite)         .to(respondWrite),
    LIST:     credentialed            .to(signList) .to(forward)              .to(respondListing),
    DELETE:   credentialed            .to(signPlain).to(forwardWrite)         .to(respondWrite),
    COPY:     credentialed            .to(signPlain).to(forwardWrite)         .to(respondDoc),
    DOCUMENT: credentialed.to(readDoc).to(signDoc)  .to(forwardWrite)         .to(respondDoc),
    BATCH:    eachListed                            .to(forwardEach)          .to(respondEach),
    LOCAL:    identified.to(recordLocal)                                      .to(respondLocal),
  };
}
