/**
 * The composition root of the commands that revoke: a configuration in; a list that can be read, added to and lifted from
 * out. What is changed is on record before it is done, with who did it.
 */
import type { Config } from '../config/config.ts';
import { openListEditing, type ListEditorOptions } from './list-editing.ts';
import { onRecord, operatorPrincipal } from '../operate/operator-trail.ts';
import { lifting, revocation, type Order } from '../revocation/changes.ts';
import { describeRevoked } from '../revocation/describe.ts';
import { idOf, isInForce, type Entries, type Entry, type Revoked } from '../revocation/entry.ts';
import { revocationStoreOf } from './revocations.ts';

export interface RevocationEditor {
  /** What is in force. */
  readonly list: () => Promise<readonly Entry[]>;
  /** Revokes, and gives the entry as it stands then. `expiresAtMs` undefined: for good. */
  readonly revoke: (revoked: Revoked, expiresAtMs: number | undefined, reason: string | undefined) => Promise<Entry>;
  /** Lifts the one entry in force whose id begins so; `undefined`: there is none, or more than one. */
  readonly lift: (idStart: string, reason: string | undefined) => Promise<Entry | undefined>;
  readonly close: () => Promise<void>;
}

/** Stands in the names of audit files where gateways have the number of their worker. */
const EDITOR_WORKER = 901;

/** Opens the editor. @throws GatewayError AuditUnavailable */
export async function openRevocationEditor(
  config: Config & { readonly revocation: NonNullable<Config['revocation']> },
  options: ListEditorOptions,
): Promise<RevocationEditor> {
  const editing = await openListEditing(config, EDITOR_WORKER, options);
  const { clock, observer, audit, by } = editing;
  const store = await revocationStoreOf(config.revocation, { clock, observer });

  let known: Entries = new Map();
  const read = async (): Promise<readonly Entry[]> => {
    known = (await store.read()) ?? known;
    return inForce(known, clock.now());
  };

  /** Does it between the two entries of the audit. */
  const recorded = async (
    operation: 'Revoke' | 'LiftRevocation',
    what: Revoked,
    reason: string | undefined,
    work: () => Promise<void>,
  ) => {
    if (audit === undefined) throw new Error('a command that changes nothing has nothing to record');
    const key = `${idOf(what)} ${describeRevoked(what)}`;
    const principal = operatorPrincipal(options.user, Number.POSITIVE_INFINITY);
    const action = { operation, bucket: '', key, reason, unexpected: 'ServiceUnavailable' } as const;
    await onRecord({ audit, clock, principal }, action, async () => {
      await work();
      return {};
    });
  };

  const orderOf = (reason: string | undefined): Order => ({ nowMs: clock.now(), by, reason });

  return {
    list: read,
    revoke: async (revoked, expiresAtMs, reason) => {
      let entry: Entry | undefined;
      await recorded('Revoke', revoked, reason, () =>
        store.update((kept) => {
          entry = revocation(kept, revoked, expiresAtMs, orderOf(reason));
          return [entry];
        }),
      );
      if (entry === undefined) throw new Error('the store did not ask what to write');
      return entry;
    },
    lift: async (idStart, reason) => {
      const [entry, ...more] = (await read()).filter(({ id }) => id.startsWith(idStart));
      if (entry === undefined || more.length > 0) return undefined;
      await recorded('LiftRevocation', entry.revoked, reason, () =>
        store.update((kept) => [lifting(kept.get(entry.id) ?? entry, orderOf(reason))]),
      );
      return entry;
    },
    close: async () => {
      await store.close();
      await editing.close();
    },
  };
}

function inForce(entries: Entries, nowMs: number): readonly Entry[] {
  return [...entries.values()].filter((entry) => entry.lifted !== true && isInForce(entry, nowMs));
}
