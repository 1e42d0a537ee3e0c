/**
 * STS AssumeRole. Enters: a verified caller and the form it sent. Leaves: temporary credentials as XML. Never: a role
 * other than the demo's, a session made by a session, a policy that is not understood in whole.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
import { randomUUID } from 'node:crypto';
import { compileSessionPolicy } from './session-policy.ts';
import { StoreError } from './store-error.ts';
import type { KeyHolder, StoreKeys } from './store-keys.ts';
import { xmlDocument } from './xml.ts';

const KNOWN = ['Action', 'Version', 'RoleArn', 'RoleSessionName', 'Policy', 'DurationSeconds', 'SourceIdentity'];
const SESSION_NAME = /^[\w+=,.@-]{2,64}$/;

/** @throws StoreError AccessDenied, ValidationError, MalformedPolicyDocument */
export function assumeRole(caller: KeyHolder, body: string, keys: StoreKeys, roleArn: string, nowMs: number): string {
  const form = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(body)) {
    if (!KNOWN.includes(name) || form.has(name)) throw invalid('a parameter is unknown or repeated');
    form.set(name, value);
  }
  if (form.get('Action') !== 'AssumeRole' || form.get('Version') !== '2011-06-15')
    throw invalid('the action must be AssumeRole, the version 2011-06-15');
  if (caller.kind !== 'gateway' || form.get('RoleArn') !== roleArn)
    throw new StoreError('AccessDenied', 403, 'The caller is not authorized to perform sts:AssumeRole on this role.');

  const roleSessionName = form.get('RoleSessionName') ?? '';
  if (!SESSION_NAME.test(roleSessionName)) throw invalid('RoleSessionName');
  const sourceIdentity = form.get('SourceIdentity');
  if (sourceIdentity !== undefined && !SESSION_NAME.test(sourceIdentity)) throw invalid('SourceIdentity');
  const durationSeconds = Number(form.get('DurationSeconds') ?? '3600');
  if (!(Number.isInteger(durationSeconds) && durationSeconds >= 900 && durationSeconds <= 43_200))
    throw invalid('DurationSeconds must be from 900 to 43200');
  const policy = form.get('Policy');
  if (policy !== undefined && policy.length > 2048) throw invalid('Policy must be at most 2048 characters');

  const session = keys.issue(
    {
      expiresAtMs: nowMs + durationSeconds * 1000,
      roleSessionName,
      policy: policy === undefined ? undefined : compileSessionPolicy(policy),
    },
    nowMs,
  );
  return xmlDocument(
    'AssumeRoleResponse',
    {
      AssumeRoleResult: {
        SourceIdentity: sourceIdentity,
        AssumedRoleUser: {
          AssumedRoleId: `AROASALLYPORTDEMO:${roleSessionName}`,
          Arn: `${roleArn.replace(':role/', ':assumed-role/')}/${roleSessionName}`,
        },
        Credentials: {
          AccessKeyId: session.accessKeyId,
          SecretAccessKey: session.secretAccessKey,
          SessionToken: session.sessionToken,
          Expiration: new Date(session.expiresAtMs).toISOString(),
        },
      },
      ResponseMetadata: { RequestId: randomUUID() },
    },
    'https://sts.amazonaws.com/doc/2011-06-15/',
  );
}

function invalid(what: string): StoreError {
  return new StoreError('ValidationError', 400, `A parameter does not satisfy its constraint: ${what}.`);
}
