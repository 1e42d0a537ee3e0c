/**
 * Conditions of a rule and the facts of a request in; whether the rule applies out. A fact that is absent never satisfies an
 * allow and always satisfies a deny: each condition holds, does not hold, or cannot be told.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import type { RequestFacts } from '../contracts/authorizer.ts';
import { CLIENT_CLAIMS, type ClaimValue, type Principal } from '../contracts/principal.ts';
import { OF_STORED, type ConditionName, type Conditions } from './condition-schema.ts';
import { clientClaim } from './matches-subject.ts';

/** Who asks, and what is known of the request. */
export interface Asker {
  readonly principal: Principal;
  readonly facts: RequestFacts;
}

/** One condition, ready to be asked. */
export interface Condition {
  readonly name: ConditionName;
  /** Whether it is about what a PUT stores: no session policy can say it. */
  readonly isOfStored: boolean;
  /** `undefined`: the fact is absent. */
  readonly holds: (asker: Asker) => boolean | undefined;
  /** The value that it looks at, as it may be shown to the caller; `undefined`: the fact is absent. */
  readonly seen: (asker: Asker) => unknown;
}

/** Clients that count as agents, by the name of their issuer. */
export type AgentClients = ReadonlyMap<string, ReadonlySet<string>>;

/** Claims that conditions look at. */
export const claimsOf = (conditions: Conditions | undefined): readonly string[] => [
  ...(conditions?.acr === undefined ? [] : ['acr']),
  ...(conditions?.amr === undefined ? [] : ['amr']),
  ...(conditions?.authenticatedWithin === undefined ? [] : ['auth_time']),
  ...(conditions?.via === undefined ? [] : CLIENT_CLAIMS),
];

/** Compiles the conditions of a rule, in the order of the schema. */
export function compileConditions(conditions: Conditions | undefined, agents: AgentClients): readonly Condition[] {
  if (conditions === undefined) return [];
  const { from, until, hours, networks, acr, amr, authenticatedWithin, tokenKind, wayIn, via } = conditions;
  const { size, contentTypes, tags, createOnly } = conditions;
  const found: Condition[] = [];
  const add = <Fact>(name: ConditionName, fact: (asker: Asker) => Fact | undefined, test: (fact: Fact) => boolean) => {
    found.push({
      name,
      isOfStored: OF_STORED.includes(name),
      seen: fact,
      holds: (asker) => {
        const value = fact(asker);
        return value === undefined ? undefined : test(value);
      },
    });
  };
  if (from !== undefined) add('from', now, (nowMs) => nowMs >= from);
  if (until !== undefined) add('until', now, (nowMs) => nowMs < until);
  if (hours !== undefined) add('hours', now, hoursTest(hours));
  if (networks !== undefined) add('networks', address, networksTest(networks));
  if (acr !== undefined)
    add(
      'acr',
      (asker) => textClaim(asker, 'acr'),
      (value) => acr.includes(value),
    );
  if (amr !== undefined) add('amr', methods, (used) => amr.some((each) => used.includes(each)));
  if (authenticatedWithin !== undefined) {
    add('authenticatedWithin', secondsSinceLogin, (seconds) => seconds * 1000 <= authenticatedWithin);
  }
  if (tokenKind !== undefined)
    add(
      'tokenKind',
      ({ principal }) => principal.tokenKind,
      (value) => tokenKind.includes(value),
    );
  if (wayIn !== undefined)
    add(
      'wayIn',
      ({ facts }) => facts.wayIn,
      (value) => wayIn.includes(value),
    );
  if (via !== undefined)
    add(
      'via',
      (asker) => isAgent(asker.principal, agents),
      (value) => value,
    );
  if (size !== undefined) {
    const { min = 0, max = Infinity } = size;
    add(
      'size',
      ({ facts }) => facts.stored?.sizeBytes,
      (value) => value >= min && value <= max,
    );
  }
  if (contentTypes !== undefined)
    add('contentTypes', mediaType, (value) => contentTypes.some((each) => isOfType(value, each)));
  if (tags !== undefined) {
    const wanted = Object.entries(tags);
    add(
      'tags',
      ({ facts }) => facts.stored?.tags,
      (set) => wanted.every(([key, value]) => set.get(key) === value),
    );
  }
  if (createOnly !== undefined)
    add(
      'createOnly',
      ({ facts }) => facts.stored?.createsOnly,
      (value) => value,
    );
  return Object.freeze(found);
}

/** Whether a rule applies: an allow when each condition holds, a deny unless one does not. */
export function applies(effect: 'allow' | 'deny', conditions: readonly Condition[], asker: Asker): boolean {
  for (const { holds } of conditions) {
    const answer = holds(asker);
    if (effect === 'allow' ? answer !== true : answer === false) return false;
  }
  return true;
}

/** The first condition for which a rule does not apply. */
export const firstFailed = (
  effect: 'allow' | 'deny',
  conditions: readonly Condition[],
  asker: Asker,
): Condition | undefined => conditions.find((condition) => !applies(effect, [condition], asker));

/** What a condition looked at, as text; `undefined`: it is not known. */
export function seenText({ name, seen }: Condition, asker: Asker): string | undefined {
  const value = seen(asker);
  if (value === undefined) return undefined;
  if (name === 'from' || name === 'until' || name === 'hours') return new Date(Number(value)).toISOString();
  return JSON.stringify(value instanceof Map ? Object.fromEntries(value) : value);
}

const now = ({ facts }: Asker): number | undefined => facts.nowMs;

const WEEKDAYS: Readonly<Record<string, string>> = {
  ...{ Mon: 'mon', Tue: 'tue', Wed: 'wed', Thu: 'thu', Fri: 'fri', Sat: 'sat', Sun: 'sun' },
};
const MINUTE_MS = 60_000;

function hoursTest({ days, from, to, timeZone }: NonNullable<Conditions['hours']>): (nowMs: number) => boolean {
  const format = clockOf(timeZone);
  const test = (nowMs: number): boolean => {
    const parts = new Map(format.formatToParts(nowMs).map(({ type, value }) => [type, value]));
    const minutes = Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
    const day = WEEKDAYS[parts.get('weekday') ?? ''];
    return minutes >= from && minutes < to && (days === undefined || days.some((each) => each === day));
  };
  // What is worked out holds for the minute: no time zone begins one in its middle.
  let minute = NaN;
  let isOpen = false;
  return (nowMs) => {
    const asked = Math.floor(nowMs / MINUTE_MS);
    if (asked !== minute) {
      isOpen = test(nowMs);
      minute = asked;
    }
    return isOpen;
  };
}

// Each takes long to make, and much memory: there is one for each time zone that policies name.
const clocks = new Map<string, Intl.DateTimeFormat>();

function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone);
  if (known !== undefined) return known;
  const clock = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  });
  clocks.set(timeZone, clock);
  return clock;
}

/** The address of the client as IPv4 or IPv6; an edge that tells none, or a socket, is no address. */
function address({ facts: { clientAddress = '' } }: Asker): string | undefined {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(clientAddress)?.[1] ?? clientAddress;
  return isIPv4(mapped) || isIPv6(mapped) ? mapped : undefined;
}

function networksTest(networks: readonly string[]): (address: string) => boolean {
  const listed = new BlockList();
  for (const each of networks) {
    const [net = '', bits = ''] = each.split('/');
    listed.addSubnet(net, Number(bits), isIPv4(net) ? 'ipv4' : 'ipv6');
  }
  return (value) => listed.check(value, isIPv4(value) ? 'ipv4' : 'ipv6');
}

const claimOf = ({ claims }: Principal, name: string): ClaimValue | undefined =>
  Object.hasOwn(claims, name) ? claims[name] : undefined;

function textClaim({ principal }: Asker, name: string): string | undefined {
  const value = claimOf(principal, name);
  return typeof value === 'string' ? value : undefined;
}

function methods({ principal }: Asker): readonly string[] | undefined {
  const value = claimOf(principal, 'amr');
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value.length > 0 ? value : undefined;
}

/** Of a login in the future nothing is known. */
function secondsSinceLogin({ principal, facts: { nowMs } }: Asker): number | undefined {
  const value = claimOf(principal, 'auth_time');
  if (typeof value !== 'number' || nowMs === undefined) return undefined;
  const seconds = Math.floor(nowMs / 1000 - value);
  return seconds < -MAX_SKEW_SECONDS ? undefined : Math.max(0, seconds);
}

const MAX_SKEW_SECONDS = 60;

/** Whoever acts for somebody is an agent, and so is a client that is configured as one; of which client cannot always be told. */
function isAgent(principal: Principal, agents: AgentClients): boolean | undefined {
  if (principal.actor !== undefined) return true;
  const clients = agents.get(principal.issuerName);
  if (clients === undefined || clients.size === 0) return false;
  const client = clientClaim(principal);
  const value = client === undefined ? undefined : principal.claims[client];
  return typeof value === 'string' ? clients.has(value) : undefined;
}

// With parameters or without; anything else could be read as one type here and as another one elsewhere.
const MEDIA_TYPE = /^\s*([^\s/;,]+\/[^\s/;,]+)\s*(?:;[^,]*)?$/;

function mediaType({ facts }: Asker): string | undefined {
  return MEDIA_TYPE.exec(facts.stored?.contentType ?? '')?.[1]?.toLowerCase();
}

const isOfType = (value: string, listed: string): boolean =>
  listed.endsWith('/*') ? value.startsWith(listed.slice(0, -1)) : value === listed;
