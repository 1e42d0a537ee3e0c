/**
 * The composition root of the commands about grants: a configuration in; grants that can be read and taken a step further
 * out. Each step is on record before it is done, with who did it, and so is what lapsed meanwhile.
 */
import { randomBytes } from 'node:crypto';
import type { Config } from '../config/config.ts';
import type { AuditedOperation } from '../contracts/audit-sink.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import {
  approval,
  ending,
  GrantRefused,
  grantWithId,
  lapse,
  lapsed,
  newGrant,
  refusal,
  type GrantOrder,
} from '../grants/changes.ts';
import { describeGrant } from '../grants/describe.ts';
import { endOf, type GrantEntries, type GrantEntry, type GrantTerms } from '../grants/entry.ts';
import { onRecord, operatorPrincipal } from '../operate/operator-trail.ts';
import { grantStoreOf } from './grants.ts';
import { openListEditing, type ListEditorOptions } from './list-editing.ts';

type Step = 'approve' | 'refuse' | 'end';

export interface GrantEditor {
  /** All that are kept, also those that are over. */
  readonly list: () => Promise<readonly GrantEntry[]>;
  /** @throws GrantRefused, ListStoreError, GatewayError AuditUnavailable */
  readonly request: (terms: GrantTerms) => Promise<GrantEntry>;
  /** Takes the one grant whose id begins so a step further. @throws GrantRefused, ListStoreError, GatewayError AuditUnavailable */
  readonly take: (step: Step, idStart: string, reason: string | undefined) => Promise<GrantEntry>;
  readonly close: () => Promise<void>;
}

/** A configuration in which something can be granted. */
export type GrantingConfig = Config & {
  readonly revocation: NonNullable<Config['revocation']>;
  readonly policies: { readonly grants: NonNullable<Config['policies']['grants']> };
};

/** Stands in the names of audit files where gateways have the number of their worker. */
const EDITOR_WORKER = 902;

const OPERATIONS = { approve: 'ApproveGrant', refuse: 'RefuseGrant', end: 'EndGrant' } as const;

/** Opens the editor. @throws GatewayError AuditUnavailable */
export async function openGrantEditor(config: GrantingConfig, options: ListEditorOptions): Promise<GrantEditor> {
  const editing = await openListEditing(config, EDITOR_WORKER, options);
  const { clock, observer, audit, by } = editing;
  const store = await grantStoreOf(config.policies.grants, config.revocation, { clock, observer });

  let known: GrantEntries = new Map();
  const read = async (): Promise<GrantEntries> => {
    known = (await store.read()) ?? known;
    return known;
  };

  /** Does one step between its two entries of the audit. */
  const recorded = async (
    operation: AuditedOperation,
    entry: GrantEntry,
    reason: string | undefined,
    change: (kept: GrantEntries, order: GrantOrder) => GrantEntry | undefined,
  ): Promise<GrantEntry | undefined> => {
    if (audit === undefined) throw new Error('a command that changes nothing has nothing to record');
    const principal = operatorPrincipal(options.user, Number.POSITIVE_INFINITY);
    const key = `grant/${entry.id} ${termsOf(entry)}`;
    const action = { operation, bucket: '', key, reason, unexpected: 'ServiceUnavailable' } as const;
    let changed: GrantEntry | undefined;
    let refused: GrantRefused | undefined;
    const step = (kept: GrantEntries): readonly GrantEntry[] => {
      changed = change(kept, { nowMs: clock.now(), by });
      return changed === undefined ? [] : [changed];
    };
    try {
      await onRecord({ audit, clock, principal }, action, async () => {
        await store.update(step).catch((error: unknown) => {
          if (!(error instanceof GrantRefused)) throw error;
          refused = error;
          // On record as what it is: an operator who may not.
          throw new GatewayError('AccessDenied', { detail: error.message });
        });
        return {};
      });
    } catch (error) {
      throw refused ?? error;
    }
    return changed;
  };

  const noteLapsed = async (): Promise<void> => {
    for (const entry of lapsed(await read(), clock.now())) {
      const until = new Date(endOf(entry)).toISOString();
      const reason = `Its time was over at ${until}${entry.approved === undefined ? ', and nobody had approved it' : ''}.`;
      await recorded('LapseGrant', entry, reason, (kept, order) => {
        const [still] = lapsed(new Map([...kept].filter(([id]) => id === entry.id)), order.nowMs);
        return still && lapse(still, order);
      });
    }
  };

  return {
    list: async () => [...(await read()).values()],
    request: async (terms) => {
      await noteLapsed();
      const entry = newGrant(randomBytes(8).toString('hex'), terms, { nowMs: clock.now(), by });
      const operation = entry.approved === undefined ? 'RequestGrant' : 'CreateGrant';
      const made = await recorded(operation, entry, terms.reason, (kept, order) => {
        if (kept.has(entry.id)) throw new Error('an id came twice');
        return newGrant(entry.id, terms, order);
      });
      return made ?? entry;
    },
    take: async (step, idStart, reason) => {
      await noteLapsed();
      const entry = grantWithId(await read(), idStart);
      const taken = await recorded(OPERATIONS[step], entry, reason, (kept, order) => {
        const still = grantWithId(kept, entry.id);
        if (step === 'approve') return approval(still, order);
        return step === 'refuse' ? refusal(still, order, reason) : ending(still, order, reason);
      });
      return taken ?? entry;
    },
    close: async () => {
      await store.close();
      await editing.close();
    },
  };
}

/** What is granted, for how long, and who requested and approved it. */
function termsOf(entry: GrantEntry): string {
  const { seconds, reason, requested, approvers, approved } = entry;
  const until = approved === undefined ? `for ${seconds} s` : `until ${new Date(endOf(entry)).toISOString()}`;
  const whom = approvers.length === 0 ? '' : `, to be approved by ${approvers.join(' or ')}`;
  return `${describeGrant(entry)} ${until} (${reason}), requested by ${requested.by}${approved === undefined ? whom : `, approved by ${approved.by}`}`;
}
