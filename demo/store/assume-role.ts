/**
 * STS AssumeRole and GetCallerIdentity. Enters: a verified caller and the form it sent. Leaves: temporary credentials, or who
 * signed, as XML. Never: a role other than the demo's, a session made by a session, a policy that is not understood in whole.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
import { randomUUID } from 'node:crypto';
import { answerSession, readParameters } from './session-answer.ts';
import { StoreError } from './store-error.ts';
import type { KeyHolder, StoreKeys } from './store-keys.ts';
import { xmlDocument } from './xml.ts';

const KNOWN = ['Action', 'Version', 'RoleArn', 'RoleSessionName', 'Policy', 'DurationSeconds', 'SourceIdentity'];

/** Whoever signed validly may know who that is. */
function callerIdentity({ kind }: KeyHolder): string {
  const GetCallerIdentityResult = {
    Arn: `arn:aws:iam::000000000000:user/${kind}`,
    UserId: kind,
    Account: '000000000000',
  };
  const content = { GetCallerIdentityResult, ResponseMetadata: { RequestId: randomUUID() } };
  return xmlDocument('GetCallerIdentityResponse', content, 'https://sts.amazonaws.com/doc/2011-06-15/');
}

/** @throws StoreError AccessDenied, ValidationError, MalformedPolicyDocument */
export function assumeRole(caller: KeyHolder, body: string, keys: StoreKeys, roleArn: string, nowMs: number): string {
  const form = readParameters(body, KNOWN);
  if (form.get('Action') === 'GetCallerIdentity') return callerIdentity(caller);
  if (form.get('Action') !== 'AssumeRole')
    throw new StoreError(
      'ValidationError',
      400,
      'The action of a signed request must be AssumeRole or GetCallerIdentity.',
    );
  if (caller.kind !== 'gateway' || form.get('RoleArn') !== roleArn)
    throw new StoreError('AccessDenied', 403, 'The caller is not authorized to perform sts:AssumeRole on this role.');
  return answerSession(form, roleArn, keys, nowMs);
}
