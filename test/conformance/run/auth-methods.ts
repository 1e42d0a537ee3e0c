/** How a cell's client comes by an identity: the standard variables of the SDKs, and keys of the product's own STS. */
import type { Access, SessionKeys } from './cell.ts';

/** Asks `AssumeRoleWithWebIdentity` over the plain port. @throws Error unless it answers with credentials */
export async function assumeRoleWithWebIdentity(
  endpoint: string,
  roleArn: string,
  token: string,
): Promise<SessionKeys> {
  const answer = await fetch(`${endpoint}/`, {
    method: 'POST',
    body: new URLSearchParams({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: roleArn,
      RoleSessionName: 'conformance',
      WebIdentityToken: token,
    }),
  });
  return keysOf(await answer.text());
}

/** Reads the credentials out of an answer of STS. @throws Error unless they are there */
export function keysOf(document: string): SessionKeys {
  const field = (name: string): string => {
    const value = new RegExp(`<${name}>([^<]+)</${name}>`).exec(document)?.[1];
    if (value === undefined) throw new Error(`STS answered without ${name}: ${document.slice(0, 500)}`);
    return value;
  };
  return {
    accessKeyId: field('AccessKeyId'),
    secretAccessKey: field('SecretAccessKey'),
    sessionToken: field('SessionToken'),
  };
}

/** The variables by which an SDK finds the endpoint and its credentials, without a line of code or configuration. */
export function sdkVariables(access: Access): Record<string, string> {
  const endpoints = { AWS_ENDPOINT_URL_S3: access.endpoint, AWS_ENDPOINT_URL_STS: access.endpoint };
  switch (access.auth) {
    case 'session keys':
      return { ...endpoints, ...keyVariables(access.keys) };
    case 'web identity':
      return {
        ...endpoints,
        AWS_ROLE_ARN: access.roleArn,
        AWS_WEB_IDENTITY_TOKEN_FILE: access.tokenFile,
        AWS_ROLE_SESSION_NAME: 'conformance',
      };
    case 'container credentials':
      return {
        ...endpoints,
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `${access.plainEndpoint}/-/credentials`,
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: access.tokenFile,
      };
    case 'bearer':
      throw new Error('no SDK sends a bearer token');
  }
}

/** The variables of static keys. */
export function keyVariables(keys: SessionKeys): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    ...(keys.sessionToken === '' ? {} : { AWS_SESSION_TOKEN: keys.sessionToken }),
  };
}
