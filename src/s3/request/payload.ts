/**
 * Enters: the headers that frame a body. Leaves: how it is framed and how long it is, or a refusal. Every combination
 * that two readers could take in two ways is refused: what one takes for framing another would store.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import type { ErrorCode } from '../../errors/codes.ts';
import { CHECKSUM_HEADERS, type ChecksumAlgorithm } from '../body/checksums.ts';
import type { Payload } from './request.ts';
import { contentLength, parseLength } from './request-headers.ts';

interface Framing {
  readonly signed: boolean;
  readonly trailer: boolean;
}

const CHUNKED: ReadonlyMap<string, Framing> = new Map([
  ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD', { signed: true, trailer: false }],
  ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER', { signed: true, trailer: true }],
  ['STREAMING-UNSIGNED-PAYLOAD-TRAILER', { signed: false, trailer: true }],
]);

const SHA256_HEX = /^[0-9a-f]{64}$/i;
const AWS_CHUNKED = /(?:^|,)[ \t]*aws-chunked[ \t]*(?=,|$)/gi;

/** SHA-256 of nothing. */
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/**
 * Reads how a body is framed; `takesBody`: whether the operation has one.
 * @throws GatewayError BadRequest, InvalidRequest, InvalidArgument, NotImplemented, MissingContentLength,
 * ContentSha256Mismatch (a digest of something where there is no body)
 * @see AWS Signature Version 4, "Transferring payload in multiple chunks"
 */
export function parsePayload(headers: ReadonlyMap<string, string>, takesBody: boolean): Payload {
  const declaredHash = headers.get('x-amz-content-sha256');
  const framing = framingOf(declaredHash);
  const length = contentLength(headers);
  if (framing === undefined) return plain(headers, takesBody, declaredHash, length);
  if (!takesBody) throw refuse('InvalidRequest', 'x-amz-content-sha256');
  const trailer = trailerOf(headers, framing);
  const transfer = headers.get('transfer-encoding');
  if (transfer !== undefined && transfer.toLowerCase() !== 'chunked') throw refuse('BadRequest', 'transfer-encoding');
  if (transfer === undefined && length === undefined) throw refuse('MissingContentLength', 'content-length');
  const decoded = headers.get('x-amz-decoded-content-length');
  if (decoded === undefined) throw refuse('MissingContentLength', 'x-amz-decoded-content-length');
  const sizeBytes = parseLength(decoded);
  // The framing takes some bytes of its own, whatever it frames.
  if (sizeBytes === undefined || (length !== undefined && length <= sizeBytes)) {
    throw refuse('InvalidArgument', 'x-amz-decoded-content-length');
  }
  return { sizeBytes, declaredHash, chunked: { signed: framing.signed, trailer } };
}

/** Takes `aws-chunked`, which names a framing, out of a Content-Encoding; '' when nothing else stood there. */
export function withoutFraming(contentEncoding: string): string {
  return contentEncoding.replace(AWS_CHUNKED, '').replace(/^[ \t]*,?[ \t]*/, '');
}

function plain(
  headers: ReadonlyMap<string, string>,
  takesBody: boolean,
  declaredHash: string | undefined,
  length: number | undefined,
): Payload {
  for (const name of ['x-amz-trailer', 'x-amz-decoded-content-length']) {
    if (headers.has(name)) throw refuse('InvalidRequest', name);
  }
  const encoding = headers.get('content-encoding') ?? '';
  // Framed or not? Only the digest header says, and here it says no.
  if (withoutFraming(encoding) !== encoding.replace(/^[ \t]*,?[ \t]*/, '')) {
    throw refuse('InvalidRequest', 'content-encoding');
  }
  if (headers.has('transfer-encoding')) {
    throw refuse(takesBody ? 'MissingContentLength' : 'InvalidRequest', 'transfer-encoding');
  }
  if (!takesBody) {
    // A body that no one reads is where the next request of a kept connection can hide.
    if ((length ?? 0) > 0) throw refuse('InvalidRequest', 'content-length');
    if (declaredHash !== undefined && SHA256_HEX.test(declaredHash) && declaredHash.toLowerCase() !== EMPTY_SHA256) {
      throw refuse('ContentSha256Mismatch', 'x-amz-content-sha256');
    }
  }
  return { sizeBytes: length, declaredHash, chunked: undefined };
}

function framingOf(declaredHash: string | undefined): Framing | undefined {
  if (declaredHash === undefined || declaredHash === 'UNSIGNED-PAYLOAD' || SHA256_HEX.test(declaredHash)) {
    return undefined;
  }
  const framing = CHUNKED.get(declaredHash);
  if (framing !== undefined) return framing;
  throw refuse(declaredHash.startsWith('STREAMING-') ? 'NotImplemented' : 'InvalidArgument', 'x-amz-content-sha256');
}

function trailerOf(headers: ReadonlyMap<string, string>, framing: Framing): ChecksumAlgorithm | undefined {
  const declared = headers.get('x-amz-trailer');
  if (!framing.trailer) {
    if (declared !== undefined) throw refuse('InvalidRequest', 'x-amz-trailer');
    return undefined;
  }
  const name = declared?.trim().toLowerCase() ?? '';
  const kind = CHECKSUM_HEADERS.get(name);
  if (kind === undefined) {
    throw refuse(/^x-amz-checksum-[a-z0-9]+$/.test(name) ? 'NotImplemented' : 'InvalidRequest', 'x-amz-trailer');
  }
  return kind.algorithm;
}

function refuse(code: ErrorCode, header: string): GatewayError {
  return new GatewayError(code, { detail: header, clientFields: { Header: header } });
}
