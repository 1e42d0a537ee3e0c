/** How a program logs in: by the standard variables of the SDKs, or by keys that the product's own STS issued before. */
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { keysOf, keyVariables } from '../../conformance/run/auth-methods.ts';
import type { Program, Site } from './lane.ts';

const KEYS = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];

/** @throws Error where STS gives no keys */
export async function loginVariables(login: Program['login'], site: Site): Promise<Record<string, string>> {
  const endpoints = { AWS_ENDPOINT_URL_S3: site.endpoint, AWS_ENDPOINT_URL_STS: site.endpoint };
  switch (login) {
    case 'bearer':
      return {};
    case 'web identity':
      return {
        ...endpoints,
        AWS_ROLE_ARN: site.roleArn,
        AWS_WEB_IDENTITY_TOKEN_FILE: site.tokenFile,
        AWS_ROLE_SESSION_NAME: 'world',
      };
    case 'container credentials':
      return {
        ...endpoints,
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `${site.endpoint}/-/credentials`,
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: site.tokenFile,
      };
    case 'its own':
      return {};
    case 'session keys':
      return { ...endpoints, ...keyVariables(keysOf(await callSts(site))) };
  }
}

/** The same variables as a reader would set them. */
export function shownInDocuments(variables: Readonly<Record<string, string>>, site: Site): Record<string, string> {
  const names: readonly (readonly [string, string])[] = [
    [site.endpoint, 'https://s3.example.com'],
    [site.caFile, '/etc/company/ca.pem'],
    [site.tokenFile, '/run/company/token'],
  ];
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [
      name,
      KEYS.includes(name) ? '…' : names.reduce((text, [seen, shown]) => text.replaceAll(seen, shown), value),
    ]),
  );
}

/** Asks the product's STS for a session; Node's own `fetch` takes no CA. Gives its document. */
export async function callSts({
  endpoint,
  caFile,
  roleArn,
  token,
}: Pick<Site, 'endpoint' | 'caFile' | 'roleArn' | 'token'>): Promise<string> {
  const ca = await readFile(caFile);
  const form = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: roleArn,
    RoleSessionName: 'world',
    WebIdentityToken: token,
  });
  return new Promise((resolve, reject) => {
    request(`${endpoint}/`, { ca, method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' } })
      .on('response', (response) => {
        text(response).then(resolve, reject);
      })
      .on('error', reject)
      .end(form.toString());
  });
}
