/**
 * Authenticated -> Admitted: the caller's turn has come. Nothing of the body has been read and no `100 Continue` has been sent,
 * so that who is refused here has sent nothing in vain; only a form has been read so far, since its caller stands in it.
 */
import type { S3Request } from '../s3/request/request.ts';
import { seated } from './access.ts';
import type { Admission, Demand } from './admission.ts';
import type { Admitted, Authenticated } from './contexts.ts';
import type { Stage } from './stage.ts';

/** From here on a body takes long enough for its buffers to count. */
const LARGE_BYTES = 8 * 1024 * 1024;

/** The stage `admit`. @throws GatewayError SlowDown, RequestTimeout */
export function createAdmit(admission: Pick<Admission, 'enter'>): Stage<Authenticated, Admitted> {
  return {
    name: 'admit',
    run: (context) => seated(context, admission.enter(context.exchange, context, demandOf(context.request))),
  };
}

const DECISION: Demand = { pool: 'read', seats: 1 };

/** Tells what a request will take, by what it says of itself. */
function demandOf({ method, isDryRun, descriptor, payload, range }: S3Request): Demand {
  if (isDryRun === true) return DECISION;
  if (method === 'GET' || method === 'HEAD') {
    return { pool: 'read', seats: seatsOf(range?.kind === 'closed' ? range.last - range.first : 0) };
  }
  // How much a copy moves is not known yet.
  const isCopy = descriptor.operationClass === 'COPY';
  const bodyBytes = descriptor.body.kind === 'none' ? 0 : (payload.sizeBytes ?? Infinity);
  return { pool: 'write', seats: seatsOf(isCopy ? Infinity : bodyBytes) };
}

const seatsOf = (bytes: number): number => (bytes < LARGE_BYTES ? 1 : 2);
