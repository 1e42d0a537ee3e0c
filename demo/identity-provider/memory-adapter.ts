/**
 * What the identity provider remembers (sessions, grants, codes), in memory and bounded. A restart of the demo forgets it
 * all, which signs everybody out; tokens stay good, for they are verified by key.
 */
import type { Adapter, AdapterPayload } from 'oidc-provider';

interface Entry {
  readonly model: string;
  readonly payload: AdapterPayload;
  readonly expiresAtMs: number;
}

/** Shared by the adapters of all models: a grant is revoked across them. */
export type Records = Map<string, Entry>;

const MAX_RECORDS = 20_000;

export class MemoryAdapter implements Adapter {
  readonly #model: string;
  readonly #records: Records;

  constructor(model: string, records: Records) {
    this.#model = model;
    this.#records = records;
  }

  upsert(id: string, payload: AdapterPayload, expiresInSeconds: number): Promise<undefined> {
    if (this.#records.size >= MAX_RECORDS) this.#purge();
    const expiresAtMs = Number.isFinite(expiresInSeconds) ? Date.now() + expiresInSeconds * 1000 : Infinity;
    this.#records.set(this.#name(id), { model: this.#model, payload, expiresAtMs });
    return Promise.resolve(undefined);
  }

  find(id: string): Promise<AdapterPayload | undefined> {
    return Promise.resolve(alive(this.#records.get(this.#name(id))));
  }

  findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return Promise.resolve(this.#search((payload) => payload.uid === uid));
  }

  findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return Promise.resolve(this.#search((payload) => payload.userCode === userCode));
  }

  async consume(id: string): Promise<undefined> {
    const payload = await this.find(id);
    if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000);
    return undefined;
  }

  destroy(id: string): Promise<undefined> {
    this.#records.delete(this.#name(id));
    return Promise.resolve(undefined);
  }

  revokeByGrantId(grantId: string): Promise<undefined> {
    for (const [name, { payload }] of this.#records) if (payload.grantId === grantId) this.#records.delete(name);
    return Promise.resolve(undefined);
  }

  #name(id: string): string {
    return `${this.#model}:${id}`;
  }

  #search(matches: (payload: AdapterPayload) => boolean): AdapterPayload | undefined {
    for (const entry of this.#records.values()) {
      const payload = entry.model === this.#model ? alive(entry) : undefined;
      if (payload !== undefined && matches(payload)) return payload;
    }
    return undefined;
  }

  /** Drops what has expired and, where that does not make room, the oldest half. */
  #purge(): void {
    for (const [name, entry] of this.#records) if (alive(entry) === undefined) this.#records.delete(name);
    if (this.#records.size < MAX_RECORDS) return;
    for (const name of [...this.#records.keys()].slice(0, MAX_RECORDS / 2)) this.#records.delete(name);
  }
}

function alive(entry: Entry | undefined): AdapterPayload | undefined {
  return entry !== undefined && entry.expiresAtMs > Date.now() ? entry.payload : undefined;
}
