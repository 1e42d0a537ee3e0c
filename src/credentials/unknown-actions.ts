/**
 * Actions of a session policy that an STS refused in; those of them that the store's IAM does not know out. They are found
 * by asking with policies that name nothing but them: what STS wrote is not looked at, since a refusal may repeat a key that
 * a caller chose, and a key could then name an action to be left out for everybody.
 */
import { HARMLESS_ACTION } from './iam-actions.ts';

/** Names a bucket that cannot be: no store has one with an underscore at its end. */
const NOWHERE = 'arn:aws:s3:::sallyport-asks-what-is-known_';

/** A policy of these actions, on a bucket and objects: some stores refuse an action on what it is not about. */
function trialPolicy(actions: readonly string[]): string {
  const Statement = [{ Effect: 'Allow', Action: actions, Resource: [NOWHERE, `${NOWHERE}/*`] }];
  return JSON.stringify({ Version: '2012-10-17', Statement });
}

/** The actions that a policy names. */
export function actionsIn(policy: string): readonly string[] {
  const { Statement } = JSON.parse(policy) as { readonly Statement: readonly { readonly Action: string | string[] }[] };
  return [...new Set(Statement.flatMap(({ Action }) => Action))];
}

/**
 * Finds the unknown by halves. `takes`: whether STS gives a session for a policy; it throws where STS did not answer that.
 * Where STS refuses even the simplest policy, its refusals are about something else, and no action counts as unknown.
 */
export async function unknownAmong(
  actions: readonly string[],
  takes: (policy: string) => Promise<boolean>,
): Promise<readonly string[]> {
  const unknownIn = async (some: readonly string[]): Promise<readonly string[]> => {
    if (some.length === 0 || (await takes(trialPolicy(some)))) return [];
    if (some.length === 1) return some;
    const half = some.length >> 1;
    return [...(await unknownIn(some.slice(0, half))), ...(await unknownIn(some.slice(half)))];
  };
  return (await takes(trialPolicy([HARMLESS_ACTION]))) ? unknownIn(actions) : [];
}
