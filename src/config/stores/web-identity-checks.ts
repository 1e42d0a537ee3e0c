/**
 * The rules of stores whose STS is asked with a token of the caller's own. Such a token must be worth nothing here: a store
 * that is sent one which this gateway accepts could be the caller.
 */
import { entries, text, url, type Loose, type Report } from '../loading/loose.ts';
import type { FileConfig } from '../schema.ts';
import { isLoopback } from '../../platform/loopback.ts';
import type { FileStore } from './schema.ts';

type Config = NonNullable<Loose<Pick<FileConfig, 'issuers' | 'sessions' | 'stores'>>>;
type Store = Loose<FileStore>;

const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];

/** What is accepted here, and where that is said. */
const acceptedBy = ({ issuers, sessions }: Config): ReadonlyMap<string, string> => {
  const accepted = new Map<string, string>();
  const deployment = text(sessions?.deploymentId);
  if (deployment !== undefined) accepted.set(deployment, 'the `deploymentId` of sessions');
  for (const [name, issuer] of entries(issuers)) {
    for (const client of textsOf(issuer?.allowedClients)) accepted.set(client, `an allowed client of issuer ${name}`);
    for (const audience of textsOf(issuer?.audiences)) accepted.set(audience, `an audience of issuer ${name}`);
  }
  return accepted;
};

const checkAudiences = (
  at: readonly string[],
  audiences: readonly string[],
  accepted: ReadonlyMap<string, string>,
  report: Report,
): void => {
  if (audiences.length === 0) {
    report(at, 'is missing; must be the audiences of store tokens, none of which this gateway accepts');
  }
  for (const audience of audiences) {
    const owner = accepted.get(audience);
    if (owner === undefined) continue;
    report(at, `names ${owner}: the store could use such a token here; choose an audience that means the store alone`);
  }
};

const checkUnusable = (path: readonly string[], store: Store, report: Report): void => {
  const { sts } = store ?? {};
  const token = 'comes from the token';
  if (store?.credentials !== undefined) {
    report([...path, 'credentials'], "is never used: STS is asked with a token of the caller's own; remove it");
  }
  if (sts?.externalId !== undefined) {
    report([...path, 'sts', 'externalId'], 'is not taken by AssumeRoleWithWebIdentity; remove it');
  }
  if (sts?.sourceIdentity === true) {
    report([...path, 'sts', 'sourceIdentity'], `is not taken by AssumeRoleWithWebIdentity: it ${token}; remove it`);
  }
  if (entries<unknown>(sts?.sessionTags).length > 0) {
    report([...path, 'sts', 'sessionTags'], `is not taken by AssumeRoleWithWebIdentity: tags ${token}; remove it`);
  }
  const endpoint = url(sts?.endpoint ?? store?.endpoint);
  if (endpoint?.protocol === 'http:' && !isLoopback(endpoint.hostname)) {
    report([...path, 'sts', 'endpoint'], 'is plain http; use https: tokens of callers go over it');
  }
};

/** Checks all of them, and that no other store names what only they use. */
export const checkWebIdentity = (config: Config, report: Report): void => {
  const accepted = acceptedBy(config);
  for (const [name, store] of entries(config.stores)) {
    const path = ['stores', name];
    const audiences = textsOf(store?.sts?.audiences);
    if (store?.method === 'web-identity') {
      checkAudiences([...path, 'sts', 'audiences'], audiences, accepted, report);
      checkUnusable(path, store, report);
    } else if (audiences.length > 0) {
      report([...path, 'sts', 'audiences'], 'is for `method: web-identity` only; remove it');
    }
  }
};
