/**
 * One S3 request on its way through an operation: who asks, what there is, and how it is answered.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { claimedChecksum } from './checksums.ts';
import type { ObjectFiles } from './object-files.ts';
import { bodyExpectation, receiveDocument } from './receive-body.ts';
import { accessDenied, invalidArgument, noSuchKey, StoreError } from './store-error.ts';
import type { S3Action } from './session-policy.ts';
import type { StoredVersion } from './stored-object.ts';
import type { KeyHolder } from './store-keys.ts';
import type { StoreRequest } from './store-request.ts';
import type { UploadFiles } from './upload-files.ts';
import { readXml, type XmlElement } from './xml-reader.ts';
import { xmlDocument, type XmlElements } from './xml.ts';

export interface S3Exchange {
  readonly request: StoreRequest;
  readonly holder: KeyHolder;
  readonly files: ObjectFiles;
  readonly uploads: UploadFiles;
  readonly limits: StoreLimits;
  readonly nowMs: number;
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  /** Tells the client to send the body, where it asked first. */
  readonly proceed: () => void;
}

export interface StoreLimits {
  /** Of every part but the last; 5 MiB in S3. */
  readonly minPartBytes: number;
}

export const OWNER = { ID: 'sallyport-demo', DisplayName: 'sallyport-demo' } as const;
const XMLNS = 'http://s3.amazonaws.com/doc/2006-03-01/';
const MAX_DOCUMENT_BYTES = 2 * 1024 ** 2;

interface ObjectRef {
  readonly bucket: string;
  readonly key: string;
}

/** Whether the signer may: the role itself may do everything in S3, the gateway's own keys nothing but assume it. */
export function isAllowed({ holder }: S3Exchange, action: S3Action, resource: string, prefix?: string): boolean {
  if (holder.kind === 'owner') return true;
  const query = { action, resource, ...(prefix === undefined ? {} : { prefix }) };
  return holder.kind === 'session' && (holder.policy?.(query) ?? true);
}

/** @throws StoreError AccessDenied */
export function demandBucket(exchange: S3Exchange, action: S3Action, prefix?: string): void {
  demand(exchange, action, bucketArn(exchange.request.bucket), prefix);
}

/** @throws StoreError AccessDenied */
export function demandObject(exchange: S3Exchange, action: S3Action, ref: ObjectRef = exchange.request): void {
  demand(exchange, action, objectArn(ref));
}

/** @throws StoreError AccessDenied */
export function demand(exchange: S3Exchange, action: S3Action, resource: string, prefix?: string): void {
  if (!isAllowed(exchange, action, resource, prefix))
    throw accessDenied(`${action} is not allowed by the session policy.`);
}

export const objectArn = ({ bucket, key }: ObjectRef): string => `arn:aws:s3:::${bucket}/${key}`;
const bucketArn = (bucket: string): string => `arn:aws:s3:::${bucket}`;

/** @throws StoreError InvalidArgument */
export function versionIdOf({ query }: StoreRequest): string | undefined {
  const versionId = query.get('versionId');
  return versionId === undefined ? undefined : parseVersionId(versionId);
}

/** @throws StoreError InvalidArgument */
export function parseVersionId(text: string): string {
  if (!/^(null|[A-Za-z0-9_-]{32})$/.test(text)) throw invalidArgument('Invalid version id specified');
  return text;
}

/** The version that a read is about. @throws StoreError NoSuchBucket, NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker by its id) */
export function readableVersion(exchange: S3Exchange, ref: ObjectRef, versionId: string | undefined): StoredVersion {
  const { files } = exchange;
  const version = files.find(ref.bucket, ref.key, versionId);
  if (version === undefined && versionId !== undefined)
    throw new StoreError('NoSuchVersion', 404, 'The specified version does not exist.');
  if (version === undefined) throw noSuchKey();
  if (!version.isDeleteMarker) return version;
  const headers = { 'x-amz-delete-marker': 'true', ...versionHeader(exchange, ref.bucket, version) };
  if (versionId === undefined) throw noSuchKey(headers);
  throw new StoreError('MethodNotAllowed', 405, 'The specified method is not allowed against this resource.', {
    ...headers,
    allow: 'DELETE',
    'last-modified': new Date(version.lastModifiedMs).toUTCString(),
  });
}

/** `x-amz-version-id`, once the bucket has had versioning. */
export function versionHeader(
  { files }: S3Exchange,
  bucket: string,
  { versionId }: { readonly versionId: string },
): Readonly<Record<string, string>> {
  return files.settings(bucket).versioning === undefined ? {} : { 'x-amz-version-id': versionId };
}

/** Reads the body as a document with this root. @throws StoreError MalformedXML, MissingContentLength, and what the body's digests say */
export async function readDocument(exchange: S3Exchange, root: string): Promise<XmlElement> {
  const { request, incoming } = exchange;
  // A completion's checksum is one of the object, not of the document that names its parts.
  const isOfObject = root === 'CompleteMultipartUpload';
  const ofBody = [...request.headers].filter(([name]) => !(isOfObject && name.startsWith('x-amz-checksum-')));
  const expected = bodyExpectation(new Map(ofBody), MAX_DOCUMENT_BYTES);
  exchange.proceed();
  const body = await receiveDocument(incoming as AsyncIterable<Buffer>, expected);
  const element = readXml(body);
  if (element.name !== root)
    throw new StoreError('MalformedXML', 400, 'The XML you provided was not well-formed or did not validate.');
  return element;
}

/** @throws StoreError InvalidRequest */
export function demandDigest({ request: { headers } }: S3Exchange): void {
  if (headers.has('content-md5') || claimedChecksum(headers) !== undefined) return;
  throw new StoreError(
    'InvalidRequest',
    400,
    'Missing required header for this request: Content-MD5 OR x-amz-checksum-*',
  );
}

/** @throws StoreError InvalidArgument */
export function integerOf(request: StoreRequest, name: string, from: number, to: number): number | undefined {
  const text = request.query.get(name);
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text) || Number(text) < from || Number(text) > to)
    throw invalidArgument(`Argument ${name} must be an integer between ${from} and ${to}`);
  return Number(text);
}

export function sendXml(
  response: ServerResponse,
  root: string,
  elements: XmlElements,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = xmlDocument(root, elements, XMLNS);
  const length = Buffer.byteLength(body);
  response.writeHead(200, { ...headers, 'content-type': 'application/xml', 'content-length': length }).end(body);
}

export function sendEmpty(
  response: ServerResponse,
  status: 200 | 204,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, status === 204 ? headers : { ...headers, 'content-length': 0 }).end();
}
