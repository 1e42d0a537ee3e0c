/**
 * A child process that verifies tokens and then looks for them in its own heap. They come masked, and are unmasked one by
 * one for their verification, and again when the snapshot has been taken: what it holds is what verification has kept.
 */
import { Buffer } from 'node:buffer';
import { getHeapSnapshot } from 'node:v8';
import type { Observer } from '../../../src/contracts/observer.ts';
import { createIssuer } from '../../../src/identity/issuer.ts';
import { createStoreTokens } from '../../../src/identity/store-tokens.ts';
import { createTokenVerifier } from '../../../src/identity/token-verifier.ts';

export interface Search {
  /** Of an issuer that signs its tokens, and of one that is asked about them. */
  readonly signing: string;
  readonly introspecting: string;
  readonly client: { readonly id: string; readonly secret: string };
  /** Masked. The first of each is looked for. */
  readonly opaque: readonly string[];
  readonly callers: readonly string[];
  readonly forStore: readonly string[];
  /** Further texts that must not be there, masked. */
  readonly pieces: readonly string[];
}

export const AUDIENCE = 'https://sallyport.test/';
export const AT_STORE = 'https://objects.test';

export const masked = (text: string): string => Buffer.from(text).toString('hex');
const unmasked = (text: string): string => Buffer.from(text, 'hex').toString();

const nothing = (): void => undefined;
const observer: Observer = {
  ...{
    stage: nothing,
    request: nothing,
    failure: nothing,
    lookup: nothing,
    leftOut: nothing,
    queued: nothing,
    clockOffset: nothing,
  },
  ...{ cache: nothing, call: nothing, event: nothing },
};
const clock = { now: Date.now };

async function verifyAll({ signing, introspecting, client, opaque, callers, forStore }: Search): Promise<object> {
  const usual = { audiences: [AUDIENCE], algorithms: ['ES256' as const], allowHttp: true };
  const introspection = {
    ...{ clientId: client.id, clientSecret: { reveal: () => client.secret }, cacheSeconds: 300 },
    ...{ endpoint: undefined, prefix: undefined, jwts: false, sessionSeconds: 900 },
    authentication: 'client_secret_basic' as const,
  };
  const issuers = [
    createIssuer({ ...usual, name: 'signing', issuer: signing }, { clock, observer }),
    createIssuer({ ...usual, name: 'introspecting', issuer: introspecting, introspection }, { clock, observer }),
  ];
  const tokens = createTokenVerifier(issuers, { clock, observer });
  const storeTokens = createStoreTokens({
    ...{ issuers, clock, observer, revocations: { check: nothing }, accepted: new Set([AUDIENCE]) },
    audiences: new Map([['store', [AT_STORE]]]),
  });
  const store = { name: 'store', endpoint: AT_STORE, region: 'us-east-1' };
  for (const text of opaque) await tokens.verify(unmasked(text));
  for (const [index, text] of callers.entries()) {
    const principal = await tokens.verify(unmasked(text));
    await storeTokens.verify(store, unmasked(forStore[index] ?? ''), principal);
  }
  return { tokens, storeTokens };
}

process.once('message', (requested: Search) => {
  void (async () => {
    const kept = await verifyAll(requested);
    const parts: Buffer[] = [];
    for await (const part of getHeapSnapshot()) parts.push(part as Buffer);
    const snapshot = Buffer.concat(parts);
    const firsts = [requested.opaque, requested.callers, requested.forStore].map((list) => unmasked(list[0] ?? ''));
    const found = [...firsts.map((token) => token.slice(0, 200)), ...requested.pieces.map(unmasked)].filter((text) =>
      snapshot.includes(text),
    );
    // The caches are there to the end.
    process.send?.({ found: found.length, sizeBytes: snapshot.length, kept: Object.keys(kept).length });
    process.disconnect();
    process.exit(0);
  })();
});
