import assert from 'node:assert/strict';
import type { ErrorCode } from '../../../src/errors/codes.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import * as listings from '../../../src/s3/documents/listing.ts';
import { readShownPage, type Listing } from '../../../src/s3/documents/listing-document.ts';
import { OPERATIONS, type OperationName } from '../../../src/s3/operations/operations.ts';
import { parseRequest } from '../../../src/s3/request/parse-request.ts';
import type { S3Request } from '../../../src/s3/request/request.ts';

const ARRIVAL = {
  requestId: 'request-1',
  receivedAtMs: 1_000,
  clientAddress: '192.0.2.1',
  publicHosts: ['s3.example.com'],
};

/** Parses a request; headers are names and values in turn. */
export function parse(method: string, target: string, ...headers: string[]): S3Request {
  return parseRequest({ method, target, rawHeaders: ['Host', 'localhost', ...headers] }, ARRIVAL);
}

/** Parses an upload of three bytes. */
export function put(...headers: string[]): S3Request {
  return parse('PUT', '/reports/key', 'Content-Length', '3', ...headers);
}

/** Asserts that an attempt is refused with this code. */
export function refused(code: ErrorCode, attempt: () => unknown): GatewayError {
  try {
    attempt();
  } catch (error) {
    assert.ok(error instanceof GatewayError, `expected ${code}, got ${String(error)}`);
    assert.equal(error.code, code);
    return error;
  }
  return assert.fail(`expected ${code}`);
}

/** Reads a store's page of a listing of objects or versions, as the operation does that is requested in this way. */
export function readListing(
  document: Uint8Array,
  query: listings.ListingQuery,
): Listing & { readonly leftOut: number } {
  const names = Object.keys(OPERATIONS) as OperationName[];
  const operation = names.find((name) => OPERATIONS[name].listing === query.kind);
  assert.ok(operation);
  const page = readShownPage(document, query.kind.document, query);
  return { ...listings.readListing(operation, page, query), leftOut: page.leftOut };
}

/** Writes a store's listing of objects or versions for a client that sees every entry through these. */
export function renderListing(
  document: Buffer,
  query: listings.ListingQuery,
  view: {
    readonly bucket: string;
    readonly size: (stored: number) => number;
    readonly etag: (stored: string) => string;
  },
): string {
  const { entries, write } = readListing(document, query);
  return write(
    view.bucket,
    entries.map(({ etag, sizeBytes }) => ({ etag: view.etag(etag), sizeBytes: view.size(sizeBytes) })),
  );
}
