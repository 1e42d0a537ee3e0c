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
import type { Authenticated, Listed, Portion, Received, Recorded } from './contexts.ts';
import { createCopy } from './copy.ts';
import { createDescribe } from './describe.ts';
import { mayAnswerEarly } from './early-answer.ts';
import { createForwardEach } from './forward-each.ts';
import { createForward } from './forward.ts';
import { createOpen } from './open.ts';
import * as outbound from './outbound.ts';
import type { PipelineParts } from './parts.ts';
import { createReadDocument, createReadList } from './read-document.ts';
import { createRecord, createRecordEach, createRecordLocal } from './record.ts';
import { createRespondListing } from './respond-listing.ts';
import { createRespondLocal } from './respond-local.ts';
import * as respond from './respond.ts';
import { createSeal } from './seal.ts';
import { way, type Way } from './stage.ts';
import { createUpload } from './upload.ts';

/** Puts the ways together from the given parts. */
export function createStages(
  parts: PipelineParts,
  admission: Admission,
): Readonly<Record<OperationClass, Way<Received, void>>> {
  const { authorizer, buckets, observer, sessions } = parts;
  const authenticate = createAuthenticate(parts.authenticators, parts.revocations, admission);
  const authorize = createAuthorize(authorizer, ({ request }: Authenticated) => accessesOf(request));
  const authorizeEach = createAuthorize(authorizer, ({ request, list }: Listed) => deletionsOf(request, list.items));
  const readList = createReadList();
  const readDoc = createReadDocument();
  const record = createRecord(parts);
  const recordEach = createRecordEach(parts);
  const recordLocal = createRecordLocal(buckets);
  const assumeRole = createAssumeRole<Recorded>(sessions);
  const seal = createSeal(parts);
  const open = createOpen(parts.reader);
  const describe = createDescribe(parts.reader);
  const copy = mayAnswerEarly(createCopy(parts.copies));
  const upload = mayAnswerEarly(createUpload(parts));
  const forwardWrite = createForward(outbound.writeOutbound);
  const forwardList = createForward(outbound.listOutbound);
  const forwardPlain = createForward(outbound.plainOutbound);
  const forwardDoc = createForward(outbound.documentOutbound);
  const respondObject = respond.createRespondObject();
  const respondWrite = respond.createRespondWrite();
  const respondListing = createRespondListing(parts);
  const respondDoc = respond.createRespondDocument();
  const respondAnswer = respond.createRespondAnswer();
  const respondEach = respond.createRespondEach();
  const respondLocal = createRespondLocal(authorizer, buckets);

  const identified = way(authenticate).to(authorize);
  const credentialed = identified.to(record).to(assumeRole);
  const eachListed = way(authenticate).to(readList).to(authorizeEach).to(recordEach);
  const onePortion = way(createAssumeRole<Portion>(sessions)).to(createForward(outbound.deletionOutbound));
  const oneKey = way(createAssumeRole<Portion>(sessions)).to(createForward(outbound.singleDeletionOutbound));
  const forwardEach = createForwardEach(onePortion, oneKey, observer);
  // prettier-ignore
  return {
    READ:       credentialed            .to(open)        .to(respondObject),
    ATTRIBUTES: credentialed            .to(describe)    .to(respondAnswer),
    WRITE:      credentialed.to(seal)   .to(forwardWrite).to(respondWrite),
    LIST:       credentialed            .to(forwardList) .to(respondListing),
    DELETE:     credentialed            .to(forwardPlain).to(respondWrite),
    COPY:       credentialed            .to(copy)        .to(respondAnswer),
    DOCUMENT:   credentialed.to(readDoc).to(forwardDoc)  .to(respondDoc),
    UPLOAD:     credentialed.to(readDoc).to(upload)      .to(respondAnswer),
    BATCH:      eachListed              .to(forwardEach) .to(respondEach),
    LOCAL:      identified.to(recordLocal)               .to(respondLocal),
  };
}
