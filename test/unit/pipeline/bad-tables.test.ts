/**
 * Tables that leave out a check, or call it too late. None compiles: each line below an `@ts-expect-error` is an error, or
 * the type check of the tests fails. Nothing here is run as a request.
 */
import assert from 'node:assert/strict';
import { allow, responder, type Allowed, type Recorded } from '../../../src/pipeline/access.ts';
import { requiredAccesses, requiredDeletions } from '../../../src/pipeline/required-accesses.ts';
import { createAdmit } from '../../../src/pipeline/admit.ts';
import { createAssumeRole } from '../../../src/pipeline/assume-role.ts';
import { createAuthenticate } from '../../../src/pipeline/authenticate.ts';
import { createAuthorize } from '../../../src/pipeline/authorize.ts';
import type {
  Admitted,
  Authenticated,
  Decided,
  Listed,
  Planned,
  PlannedLocal,
  Batch,
  Received,
} from '../../../src/pipeline/contexts.ts';
import { createEnforce, createEnforceEach } from '../../../src/pipeline/enforce.ts';
import { createForwardEach } from '../../../src/pipeline/forward-each.ts';
import { createForward } from '../../../src/pipeline/forward.ts';
import { deletionOutbound, plainOutbound } from '../../../src/pipeline/outbound.ts';
import { createPlan, createPlanEach, createPlanLocal } from '../../../src/pipeline/plan.ts';
import { createReadList } from '../../../src/pipeline/read-document.ts';
import { createRecord, createRecordEach } from '../../../src/pipeline/record.ts';
import { createRespondLocal } from '../../../src/pipeline/respond-local.ts';
import { createRespondEach, createRespondWrite } from '../../../src/pipeline/respond.ts';
import { route } from '../../../src/pipeline/stage.ts';
import type { createRoutes } from '../../../src/pipeline/routes.ts';
import { world } from './world.ts';

const { dependencies } = world();
const authenticate = createAuthenticate(dependencies.authenticators, dependencies.revocations);
const admit = createAdmit(dependencies.admission);
const authorize = createAuthorize(dependencies, ({ request }: Admitted) => requiredAccesses(request));
const authorizeEach = createAuthorize(dependencies, ({ request, list }: Listed) =>
  requiredDeletions(request, list.items),
);
const readList = createReadList(dependencies.admission);
const enforce = createEnforce();
const enforceEach = createEnforceEach();
const plan = createPlan(dependencies);
const planEach = createPlanEach(dependencies);
const planLocal = createPlanLocal(dependencies.buckets);
const record = createRecord<Planned>();
const recordLocal = createRecord<PlannedLocal>();
const recordEach = createRecordEach();
const assumeRole = createAssumeRole<Planned & Recorded>(dependencies);
const forward = createForward(plainOutbound);
const batchRoute = route(createAssumeRole<Batch & Recorded>(dependencies)).to(createForward(deletionOutbound));
const forwardEach = createForwardEach(batchRoute, batchRoute, dependencies.observer);
const respond = createRespondWrite();
const respondEach = createRespondEach();
const respondLocal = createRespondLocal(dependencies);

const decided = route(authenticate).to(admit).to(authorize);
const allowed = decided.to(enforce);
const planned = allowed.to(plan);
const listed = route(authenticate).to(admit).to(readList);
const decidedEach = listed.to(authorizeEach);

describe('a table does not compile', () => {
  it('without authenticate', () => {
    // @ts-expect-error nobody is known
    route<Received, Received>({ name: 'receive', run: (context) => context }).to(authorize);
  });

  it('without admit, or with it before its caller is known', () => {
    // @ts-expect-error its turn has not come
    route(authenticate).to(authorize);
    // @ts-expect-error its turn has not come
    route(authenticate).to(readList);
    // @ts-expect-error nobody is known whose turn it could be
    route<Received, Received>({ name: 'receive', run: (context) => context }).to(admit);
  });

  it('without authorize', () => {
    // @ts-expect-error nothing is decided
    route(authenticate).to(admit).to(enforce);
    // @ts-expect-error nothing is decided
    listed.to(enforceEach);
  });

  it('without enforce', () => {
    // @ts-expect-error denials are among the decisions
    decided.to(plan);
    // @ts-expect-error denials are among the decisions
    decided.to(planLocal);
    // @ts-expect-error denials are among the decisions
    decidedEach.to(planEach);
    // @ts-expect-error denials are among the decisions
    decided.to(recordLocal);
  });

  it('without plan', () => {
    // @ts-expect-error no role is known
    allowed.to(record);
    // @ts-expect-error the keys are in no batch
    decidedEach.to(enforceEach).to(recordEach);
  });

  it('without record', () => {
    // @ts-expect-error no intent is durable
    planned.to(assumeRole);
    // @ts-expect-error no intent is durable
    allowed.to(planLocal).to(respondLocal);
    // @ts-expect-error no intent is durable
    decidedEach.to(enforceEach).to(planEach).to(forwardEach);
  });

  it('without the credentials of the caller', () => {
    // @ts-expect-error there is no session at the store
    planned.to(record).to(forward);
  });

  it('with record before enforce, or enforce behind record', () => {
    // @ts-expect-error denials are among the decisions
    decided.to(record);
    // @ts-expect-error what was recorded as denied is not allowed
    decided.to(createRecord<Decided & Allowed>()).to(enforce);
  });

  it('with a batch that is enforced as if it were one access, or the other way round', () => {
    // @ts-expect-error the allowed keys are not set apart
    decidedEach.to(enforce).to(planEach);
    // @ts-expect-error there is no list
    decided.to(enforceEach);
  });

  it('with a class that ends without a responder', () => {
    // @ts-expect-error nobody is answered
    const table: Pick<ReturnType<typeof createRoutes>, 'LOCAL'> = { LOCAL: allowed.to(planLocal).to(recordLocal) };
    assert.ok(table.LOCAL.stages.length > 0);
  });

  it('with a responder for what is not on record', () => {
    // @ts-expect-error it takes what no stage has recorded
    responder<Planned>(() => Promise.resolve());
    // @ts-expect-error it was not made by `responder`
    const late: ReturnType<typeof createRoutes>['LOCAL'] = route<Received, undefined>({
      name: 'respond',
      run: () => undefined,
    });
    assert.ok(late.stages.length > 0);
  });

  it('with an access that a stage calls allowed or recorded itself', () => {
    // @ts-expect-error only `allow` gives it
    const forge = (context: Decided): Decided & Allowed => ({ ...context });
    // @ts-expect-error only `intend` gives it
    const claim = (context: Planned): Planned & Recorded => ({ ...context });
    // @ts-expect-error only `seated` gives it
    const push = (context: Authenticated): Admitted => ({ ...context });
    assert.equal(push.length, claim.length);
    assert.equal(forge.length, claim.length);
  });
});

describe('a table compiles', () => {
  it('where it has every check, in order', () => {
    const write = planned.to(record).to(assumeRole).to(forward).to(respond);
    const batch = decidedEach.to(enforceEach).to(planEach).to(recordEach).to(forwardEach).to(respondEach);
    const local = allowed.to(planLocal).to(recordLocal).to(respondLocal);
    const table: Partial<ReturnType<typeof createRoutes>> = { DELETE: write, BATCH: batch, LOCAL: local };
    assert.equal(Object.keys(table).length, 3);
  });
});

describe('allow', () => {
  it('gives nothing where a single target of many is denied', () => {
    const decision = { effect: 'allow', rule: 'r', reason: 'because', policyVersion: 'v' } as const;
    const allowed = { bucket: 'box', accesses: [], decision };
    const denied = { ...allowed, decision: { ...decision, effect: 'deny' } } as const;
    const grants = new Map();
    assert.throws(() => allow({ targets: [allowed, denied, allowed], grants }), { code: 'AccessDenied' });
    const context = { targets: [allowed], grants };
    assert.equal(allow(context), context);
  });
});
