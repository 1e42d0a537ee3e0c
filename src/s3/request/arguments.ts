/**
 * Enters: the parsed parts of a request. Leaves: nothing, or a refusal of arguments that are malformed, missing, or
 * contradict each other. What passes can be put to the store as it stands.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import { parseChecksumAlgorithm } from '../body/checksums.ts';
import { checkTaggingHeader } from '../documents/tagging.ts';
import { boundaryOf } from './form-fields.ts';
import { responseOverrides } from './response-overrides.ts';
import type { S3Request } from './request.ts';
import { partNumberOf } from './store-query.ts';

const UPLOAD_ID = /^[!-~]{1,1024}$/;
const COUNT = /^\d{1,10}$/;

const CHANGES_OF_A_COPY =
  /^x-amz-(?:metadata-directive|tagging-directive|storage-class|server-side-encryption|checksum-algorithm|object-lock-.*)$/;

/** @throws GatewayError InvalidArgument, InvalidRequest, InvalidDigest, NotImplemented */
export function checkArguments(request: S3Request): void {
  const { descriptor, query, headers } = request;
  if (query.size > 0) {
    if (partNumberOf(request) !== undefined && headers.has('range') && descriptor.operationClass === 'READ') {
      throw new GatewayError('InvalidRequest', { detail: 'range and partNumber' });
    }
    const uploadId = query.get('uploadId');
    if (uploadId !== undefined && !UPLOAD_ID.test(uploadId)) throw invalid('uploadId');
    for (const name of ['max-parts', 'part-number-marker']) {
      const value = query.get(name);
      if (value !== undefined && !COUNT.test(value)) throw invalid(name);
    }
    responseOverrides(request);
  }
  for (const name of descriptor.requiredParameters) if (!query.has(name)) throw invalid(name);
  for (const name of descriptor.requiredHeaders) if (!headers.has(name)) throw invalid(name);
  checkChecksum(request);
  if (descriptor.operationClass === 'FORM') checkForm(request);
  if (descriptor.operationClass === 'COPY' && descriptor.puts === 'object' && changesNothing(request)) {
    throw new GatewayError('InvalidRequest', { detail: 'a copy of an object to itself' });
  }
  const tagging = headers.get('x-amz-tagging');
  if (tagging !== undefined) checkTaggingHeader(tagging);
  // A mode without an end, or an end without a mode, is half a lock.
  if (headers.has('x-amz-object-lock-mode') !== headers.has('x-amz-object-lock-retain-until-date')) {
    throw invalid('x-amz-object-lock-mode');
  }
}

/** Everything that a form says stands in it. What else a POST to a bucket could mean is not known. */
function checkForm({ headers, presented, payload }: S3Request): void {
  if (boundaryOf(headers.get('content-type')) === undefined) {
    throw new GatewayError('NotImplemented', { detail: 'no such subresource, and no form' });
  }
  if (presented !== 'nothing') {
    throw new GatewayError('InvalidRequest', { detail: 'credentials beside those of a form' });
  }
  const isHashed = payload.declaredHash !== undefined && payload.declaredHash !== 'UNSIGNED-PAYLOAD';
  if (payload.chunked !== undefined || isHashed || headers.has('content-md5')) {
    throw new GatewayError('NotImplemented', {
      detail: 'a digest of a form; its fields hold that of the file',
    });
  }
}

function checkChecksum({ descriptor, headers }: S3Request): void {
  descriptor.objectChecksum?.check(headers);
  const algorithm = headers.get('x-amz-checksum-algorithm');
  if (algorithm !== undefined) parseChecksumAlgorithm(algorithm, 'x-amz-checksum-algorithm');
}

/** S3 refuses a copy of an object to itself that changes nothing; some versions of Ceph end themselves over one. */
function changesNothing({ bucket, key, copySource, headers }: S3Request): boolean {
  if (copySource?.bucket !== bucket || copySource.key !== key || copySource.versionId !== undefined) return false;
  return ![...headers].some(([name, value]) => CHANGES_OF_A_COPY.test(name) && value !== 'COPY');
}

function invalid(name: string): GatewayError {
  return new GatewayError('InvalidArgument', { detail: name, clientFields: { ArgumentName: name } });
}
