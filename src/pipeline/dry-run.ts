/**
 * THE TABLE of dry runs: the checks of `routes.ts` up to what policy says, and then the answer. Enters: a request that asks
 * for the decision alone. Leaves: what policy decided of each of its accesses, on record as a dry run. No stage here knows a
 * store: nothing of such a request can reach one, and its body is read only where it says what is to be decided.
 */
import type { OperationClass } from '../s3/operations/operation.ts';
import { writeDeleteResult } from '../s3/documents/delete-objects.ts';
import { textElement, XML_DECLARATION } from '../s3/documents/xml.ts';
import { DRY_RUN_HEADER } from '../s3/request/dry-run.ts';
import { intendEach, responder, type Allowed, type Recorded, type Responded, type Responder } from './access.ts';
import type { Admission } from './admission.ts';
import { createAdmit } from './admit.ts';
import { createAuthenticate } from './authenticate.ts';
import { createAuthorize } from './authorize.ts';
import type { Admitted, Decided, DecidedTarget, Enforced, Listed, Received } from './contexts.ts';
import type { PipelineDependencies } from './dependencies.ts';
import { createEnforce, createEnforceEach } from './enforce.ts';
import { notForwarded } from './forward-each.ts';
import { createHoldToPolicy, createReadForm } from './post-form.ts';
import { createReadList } from './read-document.ts';
import { createRecord } from './record.ts';
import { requiredAccesses, requiredDeletions } from './required-accesses.ts';
import { complete, sendXml } from './respond.ts';
import { route, type Route, type Stage } from './stage.ts';

/** Builds the routes of dry runs from what it takes to decide, and to put that on record. */
export function createDryRoutes(
  dependencies: Pick<
    PipelineDependencies,
    'authenticators' | 'revocations' | 'authorizer' | 'decideTarget' | 'guardrails' | 'clock'
  >,
  admission: Admission,
): Readonly<Record<OperationClass, Route<Received, Responded>>> {
  const authenticate = createAuthenticate(dependencies.authenticators, dependencies.revocations);
  const admit = createAdmit(admission);
  const authorize = createAuthorize(dependencies, ({ request }: Admitted) => requiredAccesses(request));
  const authorizeEach = createAuthorize(dependencies, ({ request, list }: Listed) =>
    requiredDeletions(request, list.items),
  );
  const { guardrails } = dependencies;
  const enforce = createEnforce(guardrails);
  const record = createRecord<Decided & Allowed>();
  const respond = createRespondDecision();
  const decided = route(authenticate).to(admit).to(authorize).to(enforce).to(record).to(respond);
  const form = route(createReadForm()).to(authenticate).to(admit).to(createHoldToPolicy()).to(authorize).to(enforce);
  const listed = route(authenticate)
    .to(admit)
    .to(createReadList(admission))
    .to(authorizeEach)
    .to(createEnforceEach(guardrails));
  return {
    READ: decided,
    ATTRIBUTES: decided,
    WRITE: decided,
    FORM: form.to(record).to(respond),
    LIST: decided,
    DELETE: decided,
    COPY: decided,
    DOCUMENT: decided,
    UPLOAD: decided,
    BATCH: listed.to(createRecordDecisions()).to(createRespondDecisions()),
    LOCAL: decided,
  };
}

/** The stage `record` of the class BATCH: no session is planned for any key. @throws GatewayError AuditUnavailable */
function createRecordDecisions(): Stage<Enforced, Enforced & Recorded> {
  return {
    name: 'record',
    run: (context) => intendEach({ ...context, batches: [{ ...context.allowed, plan: undefined }] }),
  };
}

function createRespondDecision(): Responder<Decided & Allowed & Recorded> {
  return responder(async (context) => {
    const { request, exchange, targets } = context;
    const headers = { [DRY_RUN_HEADER]: targets.every(isWhole) ? 'allow' : 'filtered' };
    if (request.method !== 'HEAD') {
      const document = `${XML_DECLARATION}<DryRun>${textElement('Operation', request.operation)}${targets.map(targetElement).join('')}</DryRun>`;
      await sendXml(context, document, headers);
      return;
    }
    await complete(context, 200);
    exchange.writeHead(200, { ...headers, 'content-length': '0' });
    exchange.end();
  });
}

const isWhole = ({ decision }: DecidedTarget): boolean => decision.parts === undefined;

function targetElement(target: DecidedTarget): string {
  const { bucket, key, versionId, decision } = target;
  const { rule, reason, policyVersion } = decision;
  return `<Target>${[
    textElement('Bucket', bucket),
    textElement('Key', key),
    ...(versionId === undefined ? [] : [textElement('VersionId', versionId)]),
    textElement('Decision', isWhole(target) ? 'allow' : 'filtered'),
    textElement('Rule', rule),
    textElement('Reason', reason),
    textElement('PolicyVersion', policyVersion),
  ].join('')}</Target>`;
}

/** As DeleteObjects answers: `Deleted` is what would be asked of the store, `Error` what policy denies. */
function createRespondDecisions(): Responder<Enforced & Recorded> {
  return responder((context) => {
    const { list, targets } = context;
    const outcomes = targets.map((target) =>
      target.decision.effect === 'allow'
        ? ({ deleted: true, deleteMarker: false, deleteMarkerVersionId: undefined } as const)
        : notForwarded(target),
    );
    const answer = targets.some(({ decision }) => decision.effect === 'deny') ? 'deny' : 'allow';
    return sendXml(context, writeDeleteResult(list, outcomes), { [DRY_RUN_HEADER]: answer });
  });
}
