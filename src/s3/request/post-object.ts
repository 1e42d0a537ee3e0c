/**
 * A browser's form as the PutObject that it asks for. Enters: the request of POST Object and the fields of its form. Leaves:
 * a request whose key and headers are those of the fields, checked as those of a PutObject are. Unverified: all of it; the
 * signature of the policy, and the policy, come next.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import { checkHeaders } from './accepted-headers.ts';
import { checkArguments } from './arguments.ts';
import { parseBodyClaims } from '../body/body-claims.ts';
import { storeConditions } from './conditions.ts';
import { refuseDryRunFields } from './dry-run.ts';
import { taggingHeader, taggingForStore, MAX_OBJECT_TAGS } from '../documents/tagging.ts';
import { headerBytes } from './encoded-word.ts';
import type { PostForm } from './form-fields.ts';
import { OPERATIONS } from '../operations/operations.ts';
import { withEncodedWords } from './parse-request.ts';
import { isTooLong } from './request-target.ts';
import type { S3Request } from './request.ts';
import { OBJECT_HEADERS } from './stored-headers.ts';

/** What signs the form; none of them is a header of the object. */
const SIGNING = new Set([
  'policy',
  'x-amz-algorithm',
  'x-amz-credential',
  'x-amz-date',
  'x-amz-signature',
  'x-amz-security-token',
]);

/** Fields of another signature, or of the framing of a body that has none. */
const REFUSED = /^(?:if-|x-amz-trailer$|x-amz-decoded-content-length$|x-amz-content-sha256$)/;

const CONTROL = /[\0-\x1f\x7f]/;
const FILE_NAME = '${filename}';

/**
 * Makes the request for a PutObject; `fields` with the file's name put into the key.
 * @throws GatewayError as `parseRequest`; MissingToken (an unsigned form), UnsupportedSignature
 */
export function putObjectOf(request: S3Request, form: PostForm): S3Request {
  const { file } = form;
  if (form.fields.has('awsaccesskeyid')) throw new GatewayError('UnsupportedSignature');
  refuseDryRunFields(form.fields);
  const fields = new Map(form.fields);
  const key = keyOf(fields.get('key'), file.name);
  fields.set('key', key);
  const headers = withEncodedWords(headersOf(fields));
  checkHeaders('PutObject', headers, 'signed-form');
  const put: S3Request = {
    ...request,
    presented: 'signed-form',
    operation: 'PutObject',
    descriptor: OPERATIONS.PutObject,
    method: 'PUT',
    key,
    headers,
    payload: { sizeBytes: file.sizeBytes, declaredHash: undefined, chunked: undefined },
    claims: parseBodyClaims(headers, undefined),
    form: fields,
  };
  checkArguments(put);
  storeConditions(put, false);
  return put;
}

/** S3 puts in what follows the last slash of either kind: browsers once named whole paths. */
function keyOf(field: string | undefined, fileName: string): string {
  if (field === undefined) throw missing('key');
  const base = fileName.slice(Math.max(fileName.lastIndexOf('/'), fileName.lastIndexOf('\\')) + 1);
  const key = field.split(FILE_NAME).join(base);
  if (key === '') throw missing('key');
  if (key.includes('\0')) throw new GatewayError('InvalidURI', { detail: 'NUL in the key' });
  if (isTooLong(key)) throw new GatewayError('KeyTooLong');
  return key;
}

function headersOf(fields: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of fields) {
    if (SIGNING.has(name)) continue;
    if (REFUSED.test(name)) throw refuse('NotImplemented', name);
    const header = HEADERS[name] ?? name;
    const isHeader = header.startsWith('x-amz-') || OBJECT_HEADERS.has(header) || header === 'content-md5';
    // What is no header of an object means nothing to S3; the policy must cover it all the same.
    if (!isHeader) continue;
    const text = name === 'tagging' ? tagsOf(value) : headerBytes(value);
    // A line end would be a further header on the way to the store.
    if (CONTROL.test(text)) throw refuse('InvalidArgument', name);
    if (headers.has(header)) throw refuse('InvalidArgument', name);
    headers.set(header, text);
  }
  return headers;
}

const HEADERS: Readonly<Record<string, string>> = { acl: 'x-amz-acl', tagging: 'x-amz-tagging' };

function tagsOf(document: string): string {
  return taggingHeader(Buffer.from(taggingForStore(Buffer.from(document), MAX_OBJECT_TAGS)));
}

function missing(field: string): GatewayError {
  return refuse('InvalidArgument', field);
}

function refuse(code: 'InvalidArgument' | 'NotImplemented', field: string): GatewayError {
  return new GatewayError(code, { detail: field, clientFields: { ArgumentName: field } });
}
