/**
 * Policies decided in the plainest words, by nothing that decides them in the gateway: what the compiled abilities are held
 * against. It works on policies as they are written.
 */
import type { Access, RequestFacts } from '../../../src/contracts/authorizer.ts';
import type { Principal } from '../../../src/contracts/principal.ts';
import type { Scope, Selector } from '../../../src/policy/policy-schema.ts';
import {
  BUCKETS,
  expanded,
  holds,
  scopesOf,
  scopeStart,
  start,
  valueOf,
  type RandomConditions,
  type RandomPolicy,
  type RandomRule,
} from './random-policies.ts';

function isRelevant(each: Selector, caller: Principal): boolean {
  if (each.issuer !== caller.issuerName) return false;
  if (each.group !== undefined && !caller.groups.includes(each.group)) return false;
  if (each.subject !== undefined && each.subject !== caller.subject) return false;
  if (each.actor !== undefined && each.actor !== caller.actor?.subject) return false;
  if (each.actor !== undefined) {
    const known = caller.actor?.issuer ?? caller.issuer;
    if (known !== (each.actorIssuer ?? caller.issuer)) return false;
  }
  const { email } = caller.claims;
  if (each.claims !== undefined && ![email].flat().some((one) => one === each.claims?.['email'])) return false;
  return each.client === undefined || each.client === (caller.claims['client_id'] ?? caller.claims['azp']);
}

/** A grant that is in force for a caller. */
export interface NaiveGrant {
  readonly id: string;
  readonly verbs: readonly string[];
  readonly bucket: string;
  readonly scope: Scope;
}

export interface NaiveDecision {
  /** The effect, and the name of the rule, or of each that shows something. */
  readonly text: string;
  /** Of a listing that is allowed in parts: which keys it shows. */
  readonly shows?: (key: string) => boolean;
}

/** The rules in the plainest words: who is meant, what matches, deny wins, default deny. */
export function naive(
  written: readonly RandomPolicy[],
  caller: Principal,
  access: Exclude<Access, { kind: 'bucket' }>,
  known: RequestFacts,
  grants: readonly NaiveGrant[] = [],
): NaiveDecision {
  const ofPolicies = written.flatMap(({ subjects, rules: own, listing: ofAll }, index) => {
    const meant = subjects.filter((selector) => isRelevant(selector, caller));
    const isActing = caller.actor !== undefined && !meant.some(({ actor }) => actor !== undefined);
    const isBound = caller.binding !== undefined && caller.binding !== `p${index}`;
    return own.flatMap((each, number) => {
      const isDeny = each.deny !== undefined;
      if (meant.length === 0 || (!isDeny && (isActing || isBound))) return [];
      if (!expanded(each.deny ?? each.allow ?? []).includes(access.verb)) return [];
      const answers = naiveConditions(each.when ?? {}, caller, known);
      if (isDeny ? answers.includes(false) : answers.some((answer) => answer !== true)) return [];
      const { buckets = [each.bucket ?? ''] } = each;
      return (buckets === 'all' ? ['all buckets'] : buckets).flatMap((bucketText) =>
        scopesOf(each).flatMap((at) => {
          const isMeant = (name: string) => (bucketText === 'all buckets' ? BUCKETS.has(name) : bucketText === name);
          const meaning = naiveMeaning(each, bucketText, at, caller) ?? [{ isMeant, at }];
          const isFiltered = !isDeny && (each.listing ?? ofAll) === 'filtered';
          return meaning
            .filter((one) => one.isMeant(access.bucket))
            .map((one) => ({ isDeny, isFiltered, name: `p${index}/r${number}`, at: one.at }));
        }),
      );
    });
  });
  const given = grants
    .filter(({ verbs, bucket }) => verbs.includes(access.verb) && bucket === access.bucket)
    .map(({ id, scope }) => ({ isDeny: false, isFiltered: false, name: `grant/${id}`, at: scope }));
  const rules = [...ofPolicies, ...given];
  const denies = rules.filter(({ isDeny }) => isDeny);
  const deny = denies.find(({ at }) => {
    if (access.kind === 'object') return holds(at, access.key);
    if (access.kind === 'admin') return true;
    return start(access.prefix, scopeStart(at)) || ('prefix' in at && start(at.prefix, access.prefix));
  });
  const allow = rules.find(({ isDeny, at }) => {
    if (isDeny) return false;
    if (access.kind === 'object') return holds(at, access.key);
    if (access.kind === 'admin') return 'prefix' in at && at.prefix === '';
    const seen = [access.prefix, ...access.after.filter((marker) => marker !== '')];
    return 'prefix' in at && seen.every((each) => start(at.prefix, each));
  });
  if (deny === undefined && allow !== undefined) return { text: `allow ${allow.name}` };
  if (access.kind === 'listing') {
    const shown = rules.filter(({ isFiltered, at }) => {
      if (!isFiltered || !('prefix' in at)) return false;
      if (!start(at.prefix, access.prefix) && !start(access.prefix, at.prefix)) return false;
      const part = at.prefix.length > access.prefix.length ? at.prefix : access.prefix;
      return !denies.some((each) => 'prefix' in each.at && start(each.at.prefix, part));
    });
    const shows = (key: string) =>
      start(access.prefix, key) && shown.some(({ at }) => holds(at, key)) && !denies.some(({ at }) => holds(at, key));
    if (shown.length > 0) return { text: `allow ${[...new Set(shown.map(({ name }) => name))].join(', ')}`, shows };
  }
  return { text: deny === undefined ? 'deny default-deny' : `deny ${deny.name}` };
}

/** What each condition comes to; `undefined`: what it looks at is not known. */
function naiveConditions(when: RandomConditions, caller: Principal, known: RequestFacts): (boolean | undefined)[] {
  const { nowMs, clientAddress = '', wayIn } = known;
  const { sizeBytes, contentType = '', tags, createsOnly } = known.stored ?? {};
  const { acr, amr, auth_time: login } = caller.claims;
  const used = typeof amr === 'string' ? [amr] : Array.isArray(amr) && amr.length > 0 ? (amr as string[]) : undefined;
  const age = typeof login === 'number' && nowMs !== undefined ? nowMs / 1000 - login : undefined;
  const type = /^[^,]+\/[^,]+$/.test(contentType) ? (contentType.split(';')[0] ?? '').trim().toLowerCase() : undefined;
  const client = caller.claims['client_id'] ?? caller.claims['azp'];
  const isAgent = () => {
    if (caller.actor !== undefined) return true;
    if (caller.issuerName !== 'demo') return false;
    return typeof client === 'string' ? client === 'ann' : undefined;
  };
  const of = <T>(wanted: T | undefined, answer: (wanted: T) => boolean | undefined) =>
    wanted === undefined ? [] : [answer(wanted)];
  const from = <T, U>(fact: T | undefined, answer: (fact: T) => U) => (fact === undefined ? undefined : answer(fact));
  return [
    ...of(when.from, (text) => from(nowMs, (now) => now >= Date.parse(text))),
    ...of(when.until, (text) => from(nowMs, (now) => now < Date.parse(text))),
    ...of(when.hours, ({ days, from: begin, to }) =>
      from(nowMs, (now) => {
        // India has one offset all year.
        const local = new Date(now + 5.5 * 3_600_000);
        const time = local.toISOString().slice(11, 16);
        const day = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][local.getUTCDay()] ?? '';
        return time >= begin && time < to && (days === undefined || days.includes(day));
      }),
    ),
    ...of(when.networks, (networks) => {
      const isOf = (...nets: readonly string[]) => networks.some((net) => nets.includes(net));
      if (clientAddress.endsWith('10.1.2.3')) return isOf('10.0.0.0/8', '0.0.0.0/0');
      if (clientAddress === '192.168.7.9') return isOf('192.168.7.0/24', '0.0.0.0/0');
      if (clientAddress === '192.168.8.9') return isOf('0.0.0.0/0');
      return clientAddress === '2001:db8::1' ? isOf('2001:db8::/32') : undefined;
    }),
    ...of(when.acr, (wanted) => (typeof acr === 'string' ? wanted.includes(acr) : undefined)),
    ...of(when.amr, (wanted) => from(used, (methods) => methods.some((each) => wanted.includes(each)))),
    ...of(when.authenticatedWithin, (text) =>
      from(age, (seconds) => (seconds < -60 ? undefined : seconds <= (text === '15m' ? 900 : 86_400))),
    ),
    ...of(when.tokenKind, (wanted) => from(caller.tokenKind, (kind) => wanted.includes(kind))),
    ...of(when.wayIn, (wanted) => from(wayIn, (way) => wanted.includes(way))),
    ...of(when.via, isAgent),
    ...of(when.size, ({ min = 0, max = Infinity }) => from(sizeBytes, (size) => size >= min && size <= max)),
    ...of(when.contentTypes, (wanted) =>
      from(type, (one) => wanted.some((each) => each === one || (each === 'image/*' && one.startsWith('image/')))),
    ),
    ...of(when.tags, (wanted) =>
      from(tags, (set) => Object.entries(wanted).every(([tagKey, value]) => set.get(tagKey) === value)),
    ),
    ...of(when.createOnly, () => createsOnly),
  ];
}

const BUCKET_NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

interface Meaning {
  readonly isMeant: (bucket: string) => boolean;
  readonly at: Scope;
}

/** What a rule means for a caller in one bucket and scope, where it has variables. */
function naiveMeaning(
  written: RandomRule,
  bucketText: string,
  at: Scope,
  caller: Principal,
): readonly Meaning[] | undefined {
  const names = [...`${bucketText} ${scopeStart(at)}`.matchAll(/\$\{([^}]+)\}/g)].map(([, name]) => name ?? '');
  if (names.length === 0) return undefined;
  const isUsable = (value: unknown): value is string =>
    typeof value === 'string' && !['', '.', '..'].includes(value) && !/[/\u0000]/.test(value) && value.isWellFormed();
  const put = (text: string, values: Readonly<Record<string, string>>) =>
    text.replace(/\$\{([^}]+)\}/g, (whole, name: string) => values[name] ?? whole);
  const single: Record<string, string> = {};
  let isWhole = true;
  for (const name of names.filter((each) => each !== written.each)) {
    const value = valueOf(caller, name);
    if (isUsable(value)) single[name] = value;
    else isWhole = false;
  }
  let rows = [single];
  let isComplete = isWhole;
  if (written.each !== undefined && names.includes(written.each)) {
    const every = written.each;
    const list: readonly unknown[] = [valueOf(caller, every)].flat().filter((value) => value !== undefined);
    rows = list.filter(isUsable).map((value) => ({ ...single, [every]: value }));
    isComplete &&= list.length > 0 && rows.length === list.length;
  }
  const good = rows.filter((row) => {
    return !bucketText.includes('$') || BUCKET_NAME.test(put(bucketText, row));
  });
  isComplete &&= good.length === rows.length;
  const literally = (row: Readonly<Record<string, string>>): Meaning => {
    const name = put(bucketText, row);
    const scope = put(scopeStart(at), row);
    const isMeant = (bucket: string) => (name === 'all buckets' ? BUCKETS.has(bucket) : bucket === name);
    return { isMeant, at: 'key' in at ? { key: scope } : { prefix: scope } };
  };
  if (written.allow !== undefined) return isWhole ? good.map(literally) : [];
  if (isComplete) return good.map(literally);
  const fewest = put(scopeStart(at), single).split('${')[0] ?? '';
  const wide = fewest === put(scopeStart(at), single) ? literally(single).at : { prefix: fewest };
  const name = put(bucketText, single);
  const isNamed = name === 'all buckets' || (!name.includes('$') && (name === bucketText || BUCKET_NAME.test(name)));
  if (isNamed) return [{ isMeant: literally(single).isMeant, at: wide }];
  const [before = '', after = ''] = bucketText.split(/\$\{[^}]+\}/);
  return [
    {
      isMeant: (bucket) => {
        const hasRoom = bucket.length > before.length + after.length;
        return BUCKETS.has(bucket) && hasRoom && start(before, bucket) && bucket.endsWith(after);
      },
      at: wide,
    },
  ];
}
