/** Subjects, conditions, requests and cases of policies in the words of people, and as lines of a file of cases. */
import { stringify } from 'yaml';
import type { Decision } from '../../contracts/authorizer.ts';
import type { Conditions } from '../condition-schema.ts';
import { CLIENT_CLAIMS, type Principal } from '../../contracts/principal.ts';
import type { Selector } from '../policy-schema.ts';
import { isShown } from '../scope.ts';
import type { DecidedAccess } from './accesses.ts';
import type { Trial } from './survey.ts';

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

/** What must hold for a rule with conditions. */
export function conditionsText(when: Conditions): string {
  const { from, until, hours, networks, acr, amr, authenticatedWithin, tokenKind, wayIn, via } = when;
  const { size, contentTypes, tags, createOnly } = when;
  const or = (list: readonly string[]) => list.join(' or ');
  return [
    ...(from === undefined ? [] : [`from ${timeText(from)} on`]),
    ...(until === undefined ? [] : [`until ${timeText(until)}`]),
    ...(hours === undefined ? [] : [hoursText(hours)]),
    ...(networks === undefined ? [] : [`from ${or(networks)}`]),
    ...(acr === undefined ? [] : [`with acr ${or(acr)}`]),
    ...(amr === undefined ? [] : [`with amr ${or(amr)}`]),
    ...(authenticatedWithin === undefined ? [] : [`logged in ${authenticatedWithin / 1000} s ago at most`]),
    ...(tokenKind === undefined ? [] : [`with token kind ${or(tokenKind)}`]),
    ...(wayIn === undefined ? [] : [`by ${or(wayIn)}`]),
    ...(via === undefined ? [] : ['by an agent']),
    ...(size?.min === undefined ? [] : [`of ${size.min} bytes at least`]),
    ...(size?.max === undefined ? [] : [`of ${size.max} bytes at most`]),
    ...(contentTypes === undefined ? [] : [`as ${or(contentTypes)}`]),
    ...(tags === undefined ? [] : [`with ${tagsText(Object.entries(tags))}`]),
    ...(createOnly === undefined ? [] : ['overwriting nothing']),
  ].join(', ');
}

function hoursText({ days, from, to, timeZone }: NonNullable<Conditions['hours']>): string {
  const clock = (minutes: number) =>
    [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, '0')).join(':');
  return `${days === undefined ? '' : `on ${days.join(', ')} `}between ${clock(from)} and ${clock(to)} (${timeZone})`;
}

const timeText = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z');
const tagsText = (tags: Iterable<readonly [string, string]>): string =>
  `tags ${[...tags].map(([key, value]) => `${key}=${value}`).join(', ') || 'none'}`;

/** What is known of a request, as files of cases have it; `undefined`: nothing. */
function factsOfCase({ nowMs, clientAddress, wayIn, stored }: Trial['facts']): object | undefined {
  const facts = {
    ...(nowMs !== undefined && { time: timeText(nowMs) }),
    ...(clientAddress !== undefined && { clientAddress }),
    ...(wayIn !== undefined && { wayIn }),
    ...(stored?.sizeBytes !== undefined && { size: stored.sizeBytes }),
    ...(stored?.contentType !== undefined && { contentType: stored.contentType }),
    ...(stored?.tags !== undefined && { tags: Object.fromEntries(stored.tags) }),
    ...(stored?.createsOnly !== undefined && { createOnly: stored.createsOnly }),
  };
  return Object.keys(facts).length === 0 ? undefined : facts;
}

/** What is known of a request, in words; empty: nothing. */
export function factsText({ nowMs, clientAddress, wayIn, stored }: Trial['facts']): string {
  return [
    ...(nowMs === undefined ? [] : [`at ${timeText(nowMs)}`]),
    ...(clientAddress === undefined ? [] : [`from ${clientAddress}`]),
    ...(wayIn === undefined ? [] : [`by ${wayIn}`]),
    ...(stored?.sizeBytes === undefined ? [] : [`of ${stored.sizeBytes} bytes`]),
    ...(stored?.contentType === undefined ? [] : [`as ${stored.contentType}`]),
    ...(stored?.tags === undefined ? [] : [`with ${tagsText(stored.tags)}`]),
    ...(stored?.createsOnly === undefined ? [] : [stored.createsOnly ? 'overwriting nothing' : 'overwriting']),
  ].join(', ');
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

/** One request and its decision. */
export interface DecidedCase extends Trial {
  readonly decision: Decision;
  /** Of a listing in parts: a name that tells the decision from another one. */
  readonly name?: string;
}

/** A request as files of cases have it, with what must come of it. */
function caseOf(who: string, { access, facts, decision, name }: DecidedCase): object {
  const known = factsOfCase(facts);
  return {
    ...{ who, does: access.verb, bucket: access.bucket },
    ...(access.kind === 'object' ? { key: access.key } : {}),
    ...(access.kind === 'listing' ? { prefix: access.prefix } : {}),
    ...(access.kind === 'listing' && access.after.length > 0 ? { after: access.after } : {}),
    ...(known === undefined ? {} : { facts: known }),
    ...{ expect: decision.parts === undefined ? decision.effect : 'filtered', rule: decision.rule },
    ...(decision.parts === undefined || name === undefined
      ? {}
      : { [isShown(decision.parts, name) ? 'shows' : 'hides']: [name] }),
  };
}

/** A file of cases, to be pasted: identities first. */
export function casesText(cases: readonly DecidedCase[]): string {
  const names = new Map<string, string>();
  const identities: string[] = [];
  const clients = new Map<string, readonly string[]>();
  const lines = cases.map((each) => {
    const { issuerName } = each.principal;
    if (each.agents !== undefined) clients.set(issuerName, [...(each.agents.get(issuerName) ?? [])]);
    const identity = flow(identityOf(each.principal));
    let name = names.get(identity);
    if (name === undefined) {
      name = `who-${names.size + 1}`;
      names.set(identity, name);
      identities.push(`  ${name}: ${identity}\n`);
    }
    return `  - ${flow(caseOf(name, each))}\n`;
  });
  const head = clients.size === 0 ? '' : `agentClients: ${flow(Object.fromEntries(clients))}\n`;
  return `${head}identities:\n${identities.join('')}cases:\n${lines.join('')}`;
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
export function principalText({ issuerName, subject, groups, claims, tokenKind, actor, binding }: Principal): string {
  const client = CLIENT_CLAIMS.find((claim) => Object.hasOwn(claims, claim));
  return [
    `${actor === undefined ? '' : `${actor.subject} for `}${subject} of ${issuerName}`,
    ...(groups.length === 0 ? [] : [`in ${groups.join(', ')}`]),
    ...Object.entries(claims).map(([name, value]) => `${name === client ? 'client ' : ''}${name} = ${String(value)}`),
    ...(tokenKind === undefined ? [] : [`token kind ${tokenKind}`]),
    ...(binding === undefined ? [] : [`in a session of role ${binding}`]),
  ].join(', ');
}
