/** What AssumeRole and AssumeRoleWithWebIdentity have alike: the form, the rules of a session, and the answer as XML. */
import { randomUUID } from 'node:crypto';
import { compileSessionPolicy } from './session-policy.ts';
import { StoreError } from './store-error.ts';
import type { StoreKeys } from './store-keys.ts';
import { xmlDocument } from './xml.ts';

const SESSION_NAME = /^[\w+=,.@-]{2,64}$/;

/** Reads a form; only these parameters, each once. @throws StoreError ValidationError */
export function readParameters(body: string, known: readonly string[]): ReadonlyMap<string, string> {
  const form = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(body)) {
    if (!known.includes(name) || form.has(name)) throw invalid('a parameter is unknown or repeated');
    form.set(name, value);
  }
  if (form.get('Version') !== '2011-06-15') throw invalid('the version must be 2011-06-15');
  return form;
}

/**
 * Makes the session that a form asks for.
 * @throws StoreError ValidationError, MalformedPolicyDocument
 */
export function answerSession(
  form: ReadonlyMap<string, string>,
  roleArn: string,
  keys: StoreKeys,
  nowMs: number,
): string {
  const action = form.get('Action') ?? '';
  const roleSessionName = sessionName('RoleSessionName', form.get('RoleSessionName') ?? '');
  const requestedIdentity = form.get('SourceIdentity');
  const sourceIdentity = requestedIdentity === undefined ? undefined : sessionName('SourceIdentity', requestedIdentity);
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
    `${action}Response`,
    {
      [`${action}Result`]: {
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

function sessionName(parameter: string, value: string): string {
  if (!SESSION_NAME.test(value)) throw invalid(parameter);
  return value;
}

function invalid(what: string): StoreError {
  return new StoreError('ValidationError', 400, `A parameter does not satisfy its constraint: ${what}.`);
}
