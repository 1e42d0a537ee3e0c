/** Subjects, requests and cases of policies in the words of people, and as lines of a file of cases. */
import { stringify } from 'yaml';
import type { Decision } from '../../contracts/authorizer.ts';
import { CLIENT_CLAIMS, type Principal } from '../../contracts/principal.ts';
import type { Selector } from '../policy-schema.ts';
import type { DecidedAccess } from './accesses.ts';

/** Whom a subject of a policy means. */
export function whoText({ issuer, group, subject, client, claims, actor, actorIssuer }: Selector): string {
  const parts = [
    ...(group === undefined ? [] : [`group ${group}`]),
    ...(subject === undefined ? [] : [`subject ${subject}`]),
    ...(client === undefined ? [] : [`client ${client}`]),
    ...Object.entries(claims ?? {}).map(([name, value]) => `claim ${name} = ${String(value)}`),
    ...(actor === undefined ? [] : [`actor ${actor}${actorIssuer === undefined ? '' : ` of ${actorIssuer}`}`]),
  ];
  return `${parts.length === 0 ? 'everybody' : parts.join(' and ')} of ${issuer}`;
}

/** An identity as files of cases have it. */
export function identityOf({ issuerName, subject, groups, claims, tokenKind, actor, binding }: Principal): object {
  return {
    ...{ issuer: issuerName, subject },
    ...(groups.length === 0 ? {} : { groups }),
    ...(Object.keys(claims).length === 0 ? {} : { claims }),
    ...(tokenKind === undefined ? {} : { tokenKind }),
    ...(actor === undefined ? {} : { actor: actor.subject }),
    ...(actor?.issuer === undefined ? {} : { actorIssuer: actor.issuer }),
    ...(binding === undefined ? {} : { role: binding }),
  };
}

/** A request as files of cases have it, with what must come of it. */
function caseOf(who: string, access: DecidedAccess, { effect, rule }: Decision): object {
  return {
    ...{ who, does: access.verb, bucket: access.bucket },
    ...(access.kind === 'object' ? { key: access.key } : {}),
    ...(access.kind === 'listing' ? { prefix: access.prefix } : {}),
    ...(access.kind === 'listing' && access.after.length > 0 ? { after: access.after } : {}),
    ...{ expect: effect, rule },
  };
}

/** One request and its decision. */
export interface DecidedCase {
  readonly principal: Principal;
  readonly access: DecidedAccess;
  readonly decision: Decision;
}

/** A file of cases, to be pasted: identities first. */
export function casesText(cases: readonly DecidedCase[]): string {
  const names = new Map<string, string>();
  const identities: string[] = [];
  const lines = cases.map(({ principal, access, decision }) => {
    const identity = flow(identityOf(principal));
    let name = names.get(identity);
    if (name === undefined) {
      name = `who-${names.size + 1}`;
      names.set(identity, name);
      identities.push(`  ${name}: ${identity}\n`);
    }
    return `  - ${flow(caseOf(name, access, decision))}\n`;
  });
  return `identities:\n${identities.join('')}cases:\n${lines.join('')}`;
}

const flow = (value: object): string =>
  stringify(value, { collectionStyle: 'flow', lineWidth: 0, version: '1.2' }).trim();

/** A request in words. */
export function accessText(access: DecidedAccess): string {
  const where = `s3://${access.bucket}/`;
  if (access.kind === 'object') return `${access.verb} ${where}${access.key}`;
  if (access.kind === 'admin') return `${access.verb} ${where}`;
  return `${access.verb} ${where}${access.prefix}${access.after.length === 0 ? '' : ` after ${access.after.join(', ')}`}`;
}

/** An identity in words. */
export function principalText({ issuerName, subject, groups, claims, actor, binding }: Principal): string {
  const client = CLIENT_CLAIMS.find((claim) => Object.hasOwn(claims, claim));
  return [
    `${actor === undefined ? '' : `${actor.subject} for `}${subject} of ${issuerName}`,
    ...(groups.length === 0 ? [] : [`in ${groups.join(', ')}`]),
    ...Object.entries(claims).map(([name, value]) => `${name === client ? 'client ' : ''}${name} = ${String(value)}`),
    ...(binding === undefined ? [] : [`in a session of role ${binding}`]),
  ].join(', ');
}
