/**
 * DeleteObjects from end to end: the client's list in, the store's list of what policy allowed out, the store's result
 * in, the client's result out. Every key has exactly one outcome; one that the store did not tell is an error.
 */
import { ERRORS, type ErrorCode } from '../../errors/codes.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { storeEtagOf } from '../request/conditions.ts';
import { parseVersionId } from '../request/copy-source.ts';
import { expectChildren, malformedXml, optionalText, readClientDocument, requiredText } from './client-document.ts';
import { readStoreDocument } from './stored-document.ts';
import { LARGE_DOCUMENT_BYTES, MAX_DELETED_KEYS } from '../limits.ts';
import { isTooLong } from '../request/request-target.ts';
import { errorOfStore } from '../response/store-errors.ts';
import { S3_NAMESPACE, textElement, XML_DECLARATION } from './xml.ts';
import { childrenOf, textOf, type XmlElement } from './xml-reader.ts';

export interface DeletedItem {
  readonly key: string;
  readonly versionId: string | undefined;
  /** As the client was shown it; present: delete only while the object is still that one. */
  readonly etag?: string;
}

export interface DeleteList {
  /** 1 to 1,000, in the client's order; repeats are kept. */
  readonly items: readonly DeletedItem[];
  /** Only failures are told. */
  readonly quiet: boolean;
}

export type DeleteOutcome =
  | { readonly deleted: true; readonly deleteMarker: boolean; readonly deleteMarkerVersionId: string | undefined }
  /** `message`: shown in place of the code's own, such as the rule that denied. */
  | { readonly deleted: false; readonly code: ErrorCode; readonly message?: string };

/** Conditions of directory buckets: to drop one would delete what was not meant. */
const CONDITIONS = ['LastModifiedTime', 'Size'];

/**
 * Reads a client's list.
 * @throws GatewayError MalformedXML, InvalidArgument, KeyTooLong, NotImplemented (a condition of directory buckets)
 * @see Amazon S3 API Reference, "DeleteObjects"
 */
export function readDeleteObjects(document: Uint8Array): DeleteList {
  const root = readClientDocument(document, 'Delete', LARGE_DOCUMENT_BYTES);
  expectChildren(root, ['Object', 'Quiet']);
  const objects = childrenOf(root, 'Object');
  if (objects.length === 0 || objects.length > MAX_DELETED_KEYS) throw malformedXml('the number of keys');
  const quiet = (optionalText(root, 'Quiet') ?? 'false').trim().toLowerCase();
  if (quiet !== 'true' && quiet !== 'false') throw malformedXml('Quiet');
  return { items: objects.map(readItem), quiet: quiet === 'true' };
}

function readItem(object: XmlElement): DeletedItem {
  expectChildren(object, ['Key', 'VersionId', 'ETag', ...CONDITIONS]);
  if (object.children.some(({ name }) => CONDITIONS.includes(name))) {
    throw new GatewayError('NotImplemented', { detail: 'a condition in DeleteObjects' });
  }
  const key = requiredText(object, 'Key');
  if (key === '') throw malformedXml('an empty Key');
  if (isTooLong(key)) throw new GatewayError('KeyTooLong');
  const versionId = optionalText(object, 'VersionId');
  const etag = optionalText(object, 'ETag');
  if (etag !== undefined) storeEtagOf(etag, false);
  return {
    key,
    versionId: versionId === undefined ? undefined : parseVersionId(versionId),
    ...(etag === undefined ? {} : { etag }),
  };
}

/** Writes the list for the store, ETags in its own form; it is asked to tell every outcome. */
export function writeDeleteObjects(items: readonly DeletedItem[]): Buffer {
  const objects = items.map(
    (item) =>
      `<Object>${addressElements(item)}${item.etag === undefined ? '' : textElement('ETag', item.etag)}</Object>`,
  );
  return Buffer.from(
    `${XML_DECLARATION}<Delete xmlns="${S3_NAMESPACE}"><Quiet>false</Quiet>${objects.join('')}</Delete>`,
  );
}

/** Reads the store's result: one outcome for each of `items`, in their order. @throws GatewayError InternalError */
export function readDeleteResult(document: Uint8Array, items: readonly DeletedItem[]): readonly DeleteOutcome[] {
  const root = readStoreDocument(document, 'DeleteResult', { telling: ['Deleted', 'Error'] });
  const outcomes = new Map<string, DeleteOutcome>();
  // Failures last: where a store tells both of one key, the failure counts.
  for (const name of ['Deleted', 'Error']) {
    for (const entry of childrenOf(root, name)) {
      const versionId = textOf(entry, 'VersionId');
      const outcome = name === 'Error' ? failure(entry) : deletion(entry);
      outcomes.set(identity(textOf(entry, 'Key') ?? '', versionId === '' ? undefined : versionId), outcome);
    }
  }
  return items.map(({ key, versionId }) => outcomes.get(identity(key, versionId)) ?? NO_OUTCOME);
}

/** Writes the client's result; `outcomes` are those of `list.items`, in their order. */
export function writeDeleteResult(list: DeleteList, outcomes: readonly DeleteOutcome[]): string {
  const entries = list.items.map((item, index) => {
    const outcome = outcomes[index] ?? NO_OUTCOME;
    if (!outcome.deleted) {
      const { s3Code, message } = ERRORS[outcome.code];
      const cause = textElement('Code', s3Code) + textElement('Message', outcome.message ?? message);
      return `<Error>${addressElements(item)}${cause}</Error>`;
    }
    if (list.quiet) return '';
    const { deleteMarker, deleteMarkerVersionId } = outcome;
    const marker = deleteMarker ? textElement('DeleteMarker', true) : '';
    const version =
      deleteMarkerVersionId === undefined ? '' : textElement('DeleteMarkerVersionId', deleteMarkerVersionId);
    return `<Deleted>${addressElements(item)}${marker}${version}</Deleted>`;
  });
  return `${XML_DECLARATION}<DeleteResult xmlns="${S3_NAMESPACE}">${entries.join('')}</DeleteResult>`;
}

const NO_OUTCOME: DeleteOutcome = { deleted: false, code: 'InternalError' };

function deletion(entry: XmlElement): DeleteOutcome {
  const deleteMarkerVersionId = textOf(entry, 'DeleteMarkerVersionId');
  return {
    deleted: true,
    deleteMarker: textOf(entry, 'DeleteMarker') === 'true',
    deleteMarkerVersionId: deleteMarkerVersionId === '' ? undefined : deleteMarkerVersionId,
  };
}

/** The store's words stay with us: they can name roles and its own buckets. */
function failure(entry: XmlElement): DeleteOutcome {
  return { deleted: false, code: errorOfStore(textOf(entry, 'Code')) ?? 'ServiceUnavailable' };
}

function addressElements({ key, versionId }: DeletedItem): string {
  return textElement('Key', key) + (versionId === undefined ? '' : textElement('VersionId', versionId));
}

/** No version id holds a space, as most other characters of a key may: the two parts cannot run into each other. */
function identity(key: string, versionId: string | undefined): string {
  return `${versionId ?? ''} ${key}`;
}
