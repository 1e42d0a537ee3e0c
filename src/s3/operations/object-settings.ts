/** What stands beside an object: its tags, its ACL, its retention and its legal hold. */
import { renderAccessControl } from '../documents/access-control.ts';
import { legalHoldForStore, renderLegalHold, renderRetention, retentionForStore } from '../documents/object-lock.ts';
import { MAX_OBJECT_TAGS, renderTagging, taggingForStore } from '../documents/tagging.ts';
import { BYPASS, NO_HEADERS } from './headers.ts';
import { document, OF_VERSION } from './constructors.ts';
import { nameOnly, type Operation } from './operation.ts';

const OF_OBJECT = { level: 'object', parameters: OF_VERSION, headers: NO_HEADERS } as const;
const TAGGING = { ...OF_OBJECT, subresource: nameOnly('tagging') } as const;
const RETENTION = { ...OF_OBJECT, subresource: nameOnly('retention') } as const;
const LEGAL_HOLD = { ...OF_OBJECT, subresource: nameOnly('legal-hold') } as const;

export const OBJECT_SETTINGS = {
  GetObjectTagging: document({ ...TAGGING, method: 'GET', verb: 'GET_TAGS', render: renderTagging }),
  PutObjectTagging: document({
    ...TAGGING,
    method: 'PUT',
    verb: 'PUT_TAGS',
    changes: 'document',
    writeDocument: (body) => taggingForStore(body, MAX_OBJECT_TAGS),
  }),
  DeleteObjectTagging: document({ ...TAGGING, method: 'DELETE', verb: 'PUT_TAGS', changes: 'document' }),
  GetObjectAcl: document({
    ...OF_OBJECT,
    subresource: nameOnly('acl'),
    method: 'GET',
    verb: 'GET_ACL',
    render: renderAccessControl,
  }),
  GetObjectRetention: document({ ...RETENTION, method: 'GET', verb: 'GET_LOCK', render: renderRetention }),
  PutObjectRetention: document({
    ...RETENTION,
    headers: BYPASS,
    method: 'PUT',
    verb: 'PUT_LOCK',
    changes: 'document',
    writeDocument: retentionForStore,
  }),
  GetObjectLegalHold: document({ ...LEGAL_HOLD, method: 'GET', verb: 'GET_LOCK', render: renderLegalHold }),
  PutObjectLegalHold: document({
    ...LEGAL_HOLD,
    method: 'PUT',
    verb: 'PUT_LOCK',
    changes: 'document',
    writeDocument: legalHoldForStore,
  }),
} satisfies Readonly<Record<string, Operation>>;
