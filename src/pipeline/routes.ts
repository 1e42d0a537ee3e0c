/**
 * THE TABLE: which check runs for which class of operation, in which order. `receive` has run before, for all of them.
 * `enforce` ends what policy denies. Of a listing `authorize` may allow parts, which are all that `forward` gives. The audit is `record` (the intents, before anything upstream) and the end of `respond`
 * (the outcomes); where a stage fails, `failure.ts` writes the outcomes instead.
 */
import type { OperationClass } from '../s3/operations/operation.ts';
import type { Recorded, Responded } from './access.ts';
import { requiredAccesses, requiredDeletions } from './required-accesses.ts';
import type { Admission } from './admission.ts';
import { createAdmit } from './admit.ts';
import { createAssumeRole } from './assume-role.ts';
import { createAuthenticate } from './authenticate.ts';
import { createAuthorize } from './authorize.ts';
import type {
  Admitted,
  Answered,
  Credentialed,
  Forwarded,
  Listed,
  Planned,
  PlannedLocal,
  Batch,
  Received,
  Sealed,
} from './contexts.ts';
import { createCopy } from './copy.ts';
import { createDescribe } from './describe.ts';
import { mayAnswerEarly } from './early-answer.ts';
import { createEnforce, createEnforceEach } from './enforce.ts';
import { createForwardDocument } from './forward-document.ts';
import { createForwardEach } from './forward-each.ts';
import { createForwardListing } from './forward-listing.ts';
import { createForward } from './forward.ts';
import { withUploadStatesDeleted } from './delete-upload-states.ts';
import { createDemandLocks, createProveLock } from './object-lock.ts';
import { createOpen } from './open.ts';
import * as outbound from './outbound.ts';
import type { PipelineDependencies } from './dependencies.ts';
import { createPlan, createPlanEach, createPlanLocal } from './plan.ts';
import { createHoldToPolicy, createReadForm, createRespondForm } from './post-form.ts';
import { createReadDocument, createReadList } from './read-document.ts';
import { createRecord, createRecordEach } from './record.ts';
import { createRespondListing } from './respond-listing.ts';
import { createRespondLocal } from './respond-local.ts';
import * as respond from './respond.ts';
import { createSeal } from './seal.ts';
import { route, type Route } from './stage.ts';
import { createRecordPart } from './record-part.ts';
import { createUpload } from './upload.ts';

/** Builds the routes from their dependencies. */
export function createRoutes(
  dependencies: PipelineDependencies,
  admission: Admission,
): Readonly<Record<OperationClass, Route<Received, Responded>>> {
  const { authorizer, buckets, observer } = dependencies;
  const authenticate = createAuthenticate(dependencies.authenticators, dependencies.revocations);
  const admit = createAdmit(admission);
  const authorize = createAuthorize(dependencies, ({ request }: Admitted) => requiredAccesses(request));
  const authorizeEach = createAuthorize(dependencies, ({ request, list }: Listed) =>
    requiredDeletions(request, list.items),
  );
  const readList = createReadList(admission);
  const readDoc = createReadDocument();
  const enforce = createEnforce(dependencies.guardrails);
  const enforceEach = createEnforceEach(dependencies.guardrails);
  const plan = createPlan(dependencies);
  const planEach = createPlanEach(dependencies);
  const planLocal = createPlanLocal(buckets);
  const record = createRecord<Planned>();
  const recordEach = createRecordEach();
  const recordLocal = createRecord<PlannedLocal>();
  const assumeRole = createAssumeRole<Planned & Recorded>(dependencies);
  const seal = createSeal(dependencies);
  const open = createOpen(dependencies.reader);
  const describe = createDescribe(dependencies.reader);
  const copy = mayAnswerEarly(createCopy(dependencies.copies, authorizer));
  const upload = mayAnswerEarly(createUpload(dependencies.uploads, observer));
  const forwardWrite = createForward(outbound.writeOutbound);
  const lockable = createDemandLocks<Credentialed>(dependencies);
  const locked = createProveLock<Sealed & Forwarded>(dependencies.proofs, ({ response }) => response.headers);
  const copyLocked = createProveLock<Answered>(
    dependencies.proofs,
    ({ answer }) => new Map(Object.entries(answer.headers)),
  );
  const onStored = createRecordPart();
  const forwardList = createForwardListing(observer);
  const forwardPlain = createForward(outbound.plainOutbound);
  const forwardDoc = withUploadStatesDeleted(createForwardDocument(), dependencies);
  const respondObject = respond.createRespondObject();
  const respondWrite = respond.createRespondWrite();
  const respondForm = createRespondForm();
  const respondListing = createRespondListing(dependencies, admission);
  const respondDoc = respond.createRespondDocument(dependencies.bucketFacts);
  const respondAnswer = respond.createRespondAnswer();
  const respondEach = respond.createRespondEach();
  const respondLocal = createRespondLocal(dependencies);

  const allowed = route(authenticate).to(admit).to(authorize).to(enforce);
  const credentialed = allowed.to(plan).to(record).to(assumeRole);
  const form = route(createReadForm()).to(authenticate).to(admit).to(createHoldToPolicy()).to(authorize).to(enforce);
  const posted = form.to(plan).to(record).to(assumeRole);
  const eachListed = route(authenticate)
    .to(admit)
    .to(readList)
    .to(authorizeEach)
    .to(enforceEach)
    .to(planEach)
    .to(recordEach);
  const oneBatch = route(createAssumeRole<Batch & Recorded>(dependencies)).to(createForward(outbound.deletionOutbound));
  const oneKey = route(createAssumeRole<Batch & Recorded>(dependencies)).to(
    createForward(outbound.singleDeletionOutbound),
  );
  const forwardEach = createForwardEach(oneBatch, oneKey, observer);
  // prettier-ignore
  return {
    READ:       credentialed            .to(open)        .to(respondObject),
    ATTRIBUTES: credentialed            .to(describe)    .to(respondAnswer),
    WRITE:      credentialed.to(lockable).to(seal).to(forwardWrite).to(locked).to(onStored).to(respondWrite),
    FORM:       posted      .to(lockable).to(seal).to(forwardWrite).to(locked).to(respondForm),
    LIST:       credentialed            .to(forwardList) .to(respondListing),
    DELETE:     credentialed            .to(forwardPlain).to(respondWrite),
    COPY:       credentialed.to(lockable).to(copy)       .to(copyLocked).to(respondAnswer),
    DOCUMENT:   credentialed.to(readDoc).to(forwardDoc)  .to(respondDoc),
    UPLOAD:     credentialed.to(lockable).to(readDoc).to(upload).to(respondAnswer),
    BATCH:      eachListed              .to(forwardEach) .to(respondEach),
    LOCAL:      allowed.to(planLocal).to(recordLocal)    .to(respondLocal),
  };
}
