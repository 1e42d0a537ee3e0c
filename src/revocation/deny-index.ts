/**
 * A list of entries, laid out so that one principal is looked up in a handful of steps whatever its length. It holds what
 * is in force when it is made; what ends later is seen to at each lookup.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import type { Principal } from '../contracts/principal.ts';
import { isInForce, type Entries, type Entry } from './entry.ts';

/** What is revoked of one issuer, or (of tokens, and of all that was issued before a time) of every issuer. */
interface Scope {
  readonly tokens: Map<string, Entry>;
  readonly logins: Map<string, Entry>;
  readonly subjects: Map<string, Entry>;
  /** Issued-before times of subjects. */
  readonly before: Map<string, Entry>;
  /** That of the whole scope. */
  beforeAll: Entry | undefined;
}

export interface DenyIndex {
  /** Gives the entry that revokes a principal, or the address that it comes from, if there is one. */
  readonly find: (principal: Principal, nowMs: number, clientAddress?: string) => Entry | undefined;
  /** How many entries revoke something. */
  readonly size: number;
}

/** Lays a list out. */
export function createDenyIndex(entries: Entries, nowMs: number): DenyIndex {
  const sessions = new Map<string, Entry>();
  const addresses = new Map<string, Entry>();
  const networks: { readonly list: BlockList; readonly entry: Entry }[] = [];
  const everywhere = emptyScope();
  const issuers = new Map<string, Scope>();
  const scopeOf = (issuer: string | undefined): Scope => {
    if (issuer === undefined) return everywhere;
    const scope = issuers.get(issuer) ?? emptyScope();
    issuers.set(issuer, scope);
    return scope;
  };
  let size = 0;
  for (const entry of entries.values()) {
    if (entry.lifted === true || !isInForce(entry, nowMs)) continue;
    size += 1;
    const { revoked } = entry;
    if (revoked.kind === 'session') {
      sessions.set(revoked.accessKeyId, entry);
      continue;
    }
    if (revoked.kind === 'address') {
      const [address = '', bits] = revoked.network.split('/');
      if (isIPv4(address) && bits === '32') addresses.set(address, entry);
      else networks.push({ list: blockListOf(revoked.network), entry });
      continue;
    }
    const scope = scopeOf(revoked.issuer);
    if (revoked.kind === 'token') scope.tokens.set(revoked.tokenIdHash, entry);
    else if (revoked.kind === 'login') scope.logins.set(revoked.sessionId, entry);
    else if (revoked.kind === 'subject') scope.subjects.set(revoked.subject, entry);
    else if (revoked.subject !== undefined) scope.before.set(revoked.subject, entry);
    else scope.beforeAll = entry;
  }

  /** Networks one after another: there are few. */
  const networkOf = (address: string, atMs: number): Entry | undefined => {
    const own = addresses.get(address.replace(/^::ffff:/i, ''));
    if (own !== undefined && isInForce(own, atMs)) return own;
    const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
    if (family === undefined) return undefined;
    return networks.find(({ list, entry }) => isInForce(entry, atMs) && list.check(address, family))?.entry;
  };

  const find: DenyIndex['find'] = (principal, atMs, clientAddress) => {
    if (size === 0) return undefined;
    const { issuer, subject, tokenIdHash, accessKeyId, sessionId, issuedAtMs, actor } = principal;
    const own = issuers.get(issuer);
    // Who acts in somebody's name is somebody too: an agent that was revoked acts for nobody.
    const actors = actor === undefined ? undefined : issuers.get(actor.issuer ?? issuer);
    const ifInForce = (entry: Entry | undefined): Entry | undefined =>
      entry !== undefined && isInForce(entry, atMs) ? entry : undefined;
    const ifIssuedBefore = (entry: Entry | undefined): Entry | undefined =>
      entry !== undefined && isBefore(issuedAtMs, entry) ? ifInForce(entry) : undefined;
    return (
      (clientAddress === undefined || addresses.size + networks.length === 0
        ? undefined
        : networkOf(clientAddress, atMs)) ??
      ifInForce(accessKeyId === undefined ? undefined : sessions.get(accessKeyId)) ??
      ifInForce(everywhere.tokens.get(tokenIdHash)) ??
      ifIssuedBefore(everywhere.beforeAll) ??
      (own &&
        (ifInForce(own.tokens.get(tokenIdHash)) ??
          ifInForce(sessionId === undefined ? undefined : own.logins.get(sessionId)) ??
          ifInForce(own.subjects.get(subject)) ??
          ifIssuedBefore(own.before.get(subject)) ??
          ifIssuedBefore(own.beforeAll))) ??
      (actors &&
        actor &&
        (ifInForce(actors.subjects.get(actor.subject)) ?? ifIssuedBefore(actors.before.get(actor.subject))))
    );
  };

  return { find, size };
}

/** A token that does not say when it was issued may have been issued at any time. */
function isBefore(issuedAtMs: number | undefined, { revoked }: Entry): boolean {
  return revoked.kind === 'issued-before' && (issuedAtMs === undefined || issuedAtMs < revoked.beforeMs);
}

function blockListOf(network: string): BlockList {
  const [address = '', bits = ''] = network.split('/');
  const list = new BlockList();
  list.addSubnet(address, Number(bits), isIPv4(address) ? 'ipv4' : 'ipv6');
  return list;
}

function emptyScope(): Scope {
  return { tokens: new Map(), logins: new Map(), subjects: new Map(), before: new Map(), beforeAll: undefined };
}
