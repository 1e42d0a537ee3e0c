/**
 * Enters: the parsed parts of a request. Leaves: nothing, or a refusal of arguments that are malformed, missing, or
 * contradict each other. What passes can be put to the store as it stands.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import { CHECKSUM_HEADERS } from './body-claims.ts';
import { checkTaggingHeader } from './documents/tagging.ts';
import { responseOverrides } from './response-overrides.ts';
import type { S3Request } from './request.ts';
import { partNumberOf } from './store-query.ts';

const UPLOAD_ID = /^[!-~]{1,1024}$/;
const COUNT = /^\d{1,10}$/;

const CHANGES_OF_A_COPY =
  /^x-amz-(?:metadata-directive|tagging-directive|storage-class|server-side-encryption|checksum-algorithm|object-lock-.*)$/;

/** @throws GatewayError InvalidArgument, InvalidRequest, NotImplemented */
export function checkArguments(request: S3Request): void {
  const { operation, query, headers } = request;
  if (query.size > 0) {
    if (partNumberOf(request) !== undefined && headers.has('range') && request.row.operationClass === 'READ') {
      throw new GatewayError('InvalidRequest', 'receive', { detail: 'range and partNumber' });
    }
    const uploadId = query.get('uploadId');
    if (uploadId !== undefined && !UPLOAD_ID.test(uploadId)) throw invalid('uploadId');
    for (const name of ['max-parts', 'part-number-marker']) {
      const value = query.get(name);
      if (value !== undefined && !COUNT.test(value)) throw invalid(name);
    }
    responseOverrides(request);
    const isPart = operation === 'UploadPart' || operation === 'UploadPartCopy';
    if (isPart && uploadId === undefined) throw invalid('uploadId');
  }
  if (operation === 'GetObjectAttributes' && !headers.has('x-amz-object-attributes')) {
    throw invalid('x-amz-object-attributes');
  }
  if (operation === 'CompleteMultipartUpload' && headers.get('x-amz-checksum-type') === 'FULL_OBJECT') {
    // The client expects a verification of the whole, which nobody could make: parts pass here one by one.
    if ([...headers.keys()].some((name) => CHECKSUM_HEADERS.has(name))) {
      throw new GatewayError('NotImplemented', 'receive', { detail: 'a checksum of the whole of an upload in parts' });
    }
  }
  if (operation === 'CopyObject' && changesNothing(request)) {
    throw new GatewayError('InvalidRequest', 'receive', { detail: 'a copy of an object to itself' });
  }
  const tagging = headers.get('x-amz-tagging');
  if (tagging !== undefined) checkTaggingHeader(tagging);
  // A mode without an end, or an end without a mode, is half a lock.
  if (headers.has('x-amz-object-lock-mode') !== headers.has('x-amz-object-lock-retain-until-date')) {
    throw invalid('x-amz-object-lock-mode');
  }
}

/** S3 refuses a copy of an object to itself that changes nothing; some versions of Ceph end themselves over one. */
function changesNothing({ bucket, key, copySource, headers }: S3Request): boolean {
  if (copySource?.bucket !== bucket || copySource.key !== key || copySource.versionId !== undefined) return false;
  return ![...headers].some(([name, value]) => CHANGES_OF_A_COPY.test(name) && value !== 'COPY');
}

function invalid(name: string): GatewayError {
  return new GatewayError('InvalidArgument', 'receive', { detail: name, clientFields: { ArgumentName: name } });
}
