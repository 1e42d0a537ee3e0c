/**
 * Enters: a sealed entity. Leaves: its layout, from its trailers, which are read (one to three small reads) where its
 * size does not tell. What a lookup found is remembered by key and version, and believed only of the same ETag, envelope and size.
 */
import { LRUCache } from 'lru-cache';
import type {
  ObjectAddress,
  ObjectCipher,
  ObjectLayout,
  ReadStored,
  StoredExtent,
} from '../contracts/object-cipher.ts';
import type { Observer } from '../contracts/observer.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import { sendAgain, readExactly, type Entity, type EntityRef } from './entity.ts';

/** A sealed entity, as far as it must be the same again. */
export type SealedEntity = Omit<Entity, 'headers' | 'envelope'> & { readonly envelope: string };

/** Stored bytes of an entity that are in memory. */
export interface Held {
  readonly extent: StoredExtent;
  readonly bytes: Buffer;
}

/** What a lookup is for. */
export type LookupReason = Parameters<Observer['lookup']>[0];

export interface Lookups {
  /** What was found of an object: where to begin, never what to believe before the store has confirmed the entity. */
  readonly remembered: (
    session: StoreSession,
    ref: EntityRef,
  ) => { readonly entity: SealedEntity; readonly layout: ObjectLayout } | undefined;
  readonly forget: (session: StoreSession, ref: EntityRef) => void;
  /** Looks at the trailers, in `held` where they are there. @throws EntityChanged; GatewayError as `ObjectCipher.lookup` */
  readonly lookup: (
    session: StoreSession,
    entity: SealedEntity,
    why: LookupReason,
    held?: Held,
  ) => Promise<ObjectLayout>;
}

/** What all layouts may take in memory, roughly, in bytes. */
const REMEMBERED_BYTES = 32 * 1024 * 1024;
const BYTES_PER_LAYOUT = 2048;
const BYTES_PER_RUN = 64;

/** Creates the lookups of a process. */
export function createLookups(cipher: ObjectCipher, observer?: Pick<Observer, 'lookup'>): Lookups {
  const found = new LRUCache<string, { readonly entity: SealedEntity; readonly layout: ObjectLayout }>({
    maxSize: REMEMBERED_BYTES,
    sizeCalculation: ({ entity, layout }) =>
      BYTES_PER_LAYOUT + 4 * entity.key.length + BYTES_PER_RUN * layout.runs.length,
  });
  return {
    remembered: (session, ref) => found.get(nameOf(session, ref)),
    forget: (session, ref) => found.delete(nameOf(session, ref)),
    lookup: async (session, entity, why, held) => {
      const name = nameOf(session, entity);
      const known = found.get(name);
      if (known !== undefined && isSame(known.entity, entity)) return known.layout;
      const read: ReadStored = async (extent) => {
        if (held !== undefined && extent.first >= held.extent.first && extent.last <= held.extent.last) {
          return held.bytes.subarray(extent.first - held.extent.first, extent.last + 1 - held.extent.first);
        }
        observer?.lookup(why);
        return readExactly(await sendAgain(session, entity, { extent }));
      };
      const layout = await cipher.lookup(addressOf(session, entity), entity, read);
      const { key, versionId, etag, sizeBytes, envelope } = entity;
      found.set(name, { entity: { key, versionId, etag, sizeBytes, envelope }, layout });
      return layout;
    },
  };
}

/** Where an object lives, as its key is bound to it. */
export function addressOf({ bucket }: StoreSession, { key }: Pick<EntityRef, 'key'>): ObjectAddress {
  return { bucketId: bucket.id, key };
}

/** No two objects share a name: bucket names hold no slash, and the length of the version id is said. */
export function nameOf({ bucket }: StoreSession, { key, versionId }: EntityRef): string {
  return `${bucket.name}/${versionId?.length ?? '-'}/${versionId ?? ''}${key}`;
}

function isSame(one: SealedEntity, other: SealedEntity): boolean {
  return (
    one.etag !== undefined &&
    one.etag === other.etag &&
    one.envelope === other.envelope &&
    one.sizeBytes === other.sizeBytes
  );
}
