/**
 * STS AssumeRole. Enters: a verified caller and the form it sent. Leaves: temporary credentials as XML. Never: a role
 * other than the demo's, a session made by a session, a policy that is not understood in whole.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
import { answerSession, readParameters } from './session-answer.ts';
import { StoreError } from './store-error.ts';
import type { KeyHolder, StoreKeys } from './store-keys.ts';

const KNOWN = ['Action', 'Version', 'RoleArn', 'RoleSessionName', 'Policy', 'DurationSeconds', 'SourceIdentity'];

/** @throws StoreError AccessDenied, ValidationError, MalformedPolicyDocument */
export function assumeRole(caller: KeyHolder, body: string, keys: StoreKeys, roleArn: string, nowMs: number): string {
  const form = readParameters(body, KNOWN);
  if (form.get('Action') !== 'AssumeRole')
    throw new StoreError('ValidationError', 400, 'The action of a signed request must be AssumeRole.');
  if (caller.kind !== 'gateway' || form.get('RoleArn') !== roleArn)
    throw new StoreError('AccessDenied', 403, 'The caller is not authorized to perform sts:AssumeRole on this role.');
  return answerSession(form, roleArn, keys, nowMs);
}
