/**
 * STS AssumeRoleWithWebIdentity. Enters: a form that nobody signed, and the one identity provider that is registered.
 * Leaves: temporary credentials as XML. Never: credentials for a token that is not the provider's, not for the
 * registered audience, or over.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
 */
import { createLocalJWKSet, errors, jwtVerify, type JSONWebKeySet } from 'jose';
import { answerSession, readParameters } from './session-answer.ts';
import { StoreError } from './store-error.ts';
import type { StoreKeys } from './store-keys.ts';

/** What an account of AWS knows of an identity provider: who it is, whom its tokens are for, and its keys. */
export interface WebIdentityProvider {
  readonly issuer: string;
  readonly audience: string;
  readonly keys: JSONWebKeySet;
}

const KNOWN = ['Action', 'Version', 'RoleArn', 'RoleSessionName', 'Policy', 'DurationSeconds', 'WebIdentityToken'];
const MAX_TOKEN_LENGTH = 20_000;

/** @throws StoreError AccessDenied, ExpiredTokenException, InvalidIdentityToken, ValidationError, MalformedPolicyDocument */
export async function assumeRoleWithWebIdentity(
  provider: WebIdentityProvider | undefined,
  body: string,
  keys: StoreKeys,
  roleArn: string,
  nowMs: number,
): Promise<string> {
  const form = readParameters(body, KNOWN);
  const token = form.get('WebIdentityToken') ?? '';
  if (token === '' || token.length > MAX_TOKEN_LENGTH)
    throw new StoreError('ValidationError', 400, 'WebIdentityToken must have 1 to 20000 characters.');
  await verify(provider, token, nowMs);
  if (form.get('RoleArn') !== roleArn)
    throw new StoreError('AccessDenied', 403, 'Not authorized to perform sts:AssumeRoleWithWebIdentity.');
  return answerSession(form, roleArn, keys, nowMs);
}

async function verify(provider: WebIdentityProvider | undefined, token: string, nowMs: number): Promise<void> {
  if (provider === undefined)
    throw new StoreError('InvalidIdentityToken', 400, 'No OpenIDConnect provider found in your account.');
  try {
    await jwtVerify(token, createLocalJWKSet(provider.keys), {
      issuer: provider.issuer,
      audience: provider.audience,
      algorithms: ['RS256', 'ES256'],
      requiredClaims: ['exp', 'sub'],
      currentDate: new Date(nowMs),
    });
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw new StoreError('ExpiredTokenException', 400, 'Token expired.');
    throw new StoreError('InvalidIdentityToken', 400, 'The token could not be validated.');
  }
}
