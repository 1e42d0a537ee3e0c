/** The context that a request reached -> what its outcome says of its work. Pure. */
import type { Effects } from '../audit/audit-trail.ts';
import type { Answered, Opened, Received, Sealed } from './contexts.ts';

/** A context, of which what the later stages give may be there. */
type Reached = Pick<Received, 'meter'> &
  Partial<Pick<Sealed, 'keyId'> & Pick<Opened, 'view'>> & { readonly answer?: Pick<Answered['answer'], 'effects'> };

/** Gives what the outcome of a request says of its work, by the context that it reached. */
export function effectsOf({ meter, keyId, view, answer }: Reached): Effects {
  const { bytesIn, bytesOut } = meter;
  return { bytesIn, bytesOut, keyId: keyId ?? view?.keyId, ...meter.lastAnswer, ...answer?.effects };
}
