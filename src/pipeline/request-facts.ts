/**
 * A request in; what rules may look at of it out: when it is decided, from where and how it came, and what it would store. What
 * is not known before the body is read is left out, and is then taken for the worst.
 */
import type { RequestFacts, StoredFacts, WayIn } from '../contracts/authorizer.ts';
import type { OperationName } from '../s3/operations/operations.ts';
import type { S3Request } from '../s3/request/request.ts';

const WAY_IN: Readonly<Record<S3Request['presented'], WayIn | undefined>> = {
  bearer: 'bearer',
  'signed-header': 'session',
  'signed-query': 'presigned',
  'signed-form': 'presigned',
  nothing: undefined,
};

type Described = Pick<S3Request, 'operation' | 'descriptor' | 'headers' | 'payload' | 'presented' | 'clientAddress'>;

/** Gives the facts of a request that is decided now (milliseconds since 1970). */
export function requestFacts(request: Described, nowMs: number): RequestFacts {
  const { clientAddress, presented, descriptor } = request;
  const stored = descriptor.verb === 'PUT' ? STORED[request.operation]?.(request) : undefined;
  return { nowMs, clientAddress, wayIn: WAY_IN[presented], stored };
}

const createsOnly = ({ headers }: Described): boolean => headers.get('if-none-match') === '*';

function wholeObject(request: Described): StoredFacts {
  const { headers, payload } = request;
  return {
    sizeBytes: payload.sizeBytes,
    contentType: headers.get('content-type'),
    tags: tagsOf(headers),
    createsOnly: createsOnly(request),
  };
}

// Nothing of an upload is there to be seen, and nothing else is gone, before it is completed.
const ofPart = (): StoredFacts => ({ createsOnly: true });

/** By operation; whatever else is a PUT tells nothing. */
const STORED: Readonly<Partial<Record<OperationName, (request: Described) => StoredFacts>>> = {
  PutObject: wholeObject,
  PostObject: wholeObject,
  CopyObject: (request) => {
    const { headers } = request;
    const replaces = (directive: string): boolean => headers.get(directive) === 'REPLACE';
    return {
      contentType: replaces('x-amz-metadata-directive') ? headers.get('content-type') : undefined,
      tags: replaces('x-amz-tagging-directive') ? tagsOf(headers) : undefined,
      createsOnly: createsOnly(request),
    };
  },
  CreateMultipartUpload: ({ headers }) => ({
    contentType: headers.get('content-type'),
    tags: tagsOf(headers),
    createsOnly: true,
  }),
  UploadPart: ofPart,
  UploadPartCopy: ofPart,
  ListParts: ofPart,
  AbortMultipartUpload: ofPart,
  CompleteMultipartUpload: (request) => ({ createsOnly: createsOnly(request) }),
};

const NO_TAGS: ReadonlyMap<string, string> = new Map();

function tagsOf(headers: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const header = headers.get('x-amz-tagging');
  return header === undefined || header === '' ? NO_TAGS : new Map(new URLSearchParams(header));
}
