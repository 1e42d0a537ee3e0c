/**
 * DeleteObjects from end to end: the client's list in, the store's list of what policy allowed out, the store's result
 * in, the client's result out. Every key has exactly one outcome; one that the store did not tell is an error.
 */
import type { ErrorCode } from '../errors/codes.ts';

export interface DeletedItem {
  readonly key: string;
  readonly versionId: string | undefined;
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

/** Reads a client's list. @throws GatewayError MalformedXML, InvalidArgument, KeyTooLong */
export function readDeleteObjects(document: Uint8Array): DeleteList {
  void document;
  throw new Error('not written yet');
}

/** Writes the list for the store, which is asked to tell every outcome. */
export function writeDeleteObjects(items: readonly DeletedItem[]): Buffer {
  void items;
  throw new Error('not written yet');
}

/** Reads the store's result: one outcome for each of `items`, in their order. @throws GatewayError InternalError */
export function readDeleteResult(document: Uint8Array, items: readonly DeletedItem[]): readonly DeleteOutcome[] {
  void document;
  void items;
  throw new Error('not written yet');
}

/** Writes the client's result; `outcomes` are those of `list.items`, in their order. */
export function writeDeleteResult(list: DeleteList, outcomes: readonly DeleteOutcome[]): string {
  void list;
  void outcomes;
  throw new Error('not written yet');
}
