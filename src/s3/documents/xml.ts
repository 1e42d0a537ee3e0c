/**
 * The S3 documents that the gateway writes itself, and the error document that it reads. Enters: plain text. Leaves: XML
 * with every text escaped, so that no key, prefix or message can become markup.
 */
import { readXml, textOf } from './xml-reader.ts';

export const XML_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';
export const S3_NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

export interface ErrorDocument {
  readonly code: string;
  readonly message: string;
  /** The path that was requested, as it was sent; never the query. */
  readonly resource: string;
  readonly requestId: string;
  /** Further elements, such as the rule that denied. Names are ours, values are escaped. */
  readonly fields?: Readonly<Record<string, string>>;
}

/** Longest error document of a store that is read. */
export const STORE_ERROR_LIMIT_BYTES = 65_536;

const STORE_ERROR_CODE = /^[A-Za-z0-9.]{1,64}$/;
const NEEDS_ESCAPE = /[^\t\n !#-%'-;=?-\uD7FF\uE000-\uFFFD]/;
const ESCAPED = /[^\t\n !#-%'-;=?-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;
const NAMED: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** S3 names a server here, for its support; nothing about our servers is a client's business. */
export const HOST_ID = 'sallyport';

/**
 * Escapes a text for element content. Characters that XML 1.0 cannot hold become numeric references, as S3 writes
 * them; a lone surrogate, which no Unicode text holds, becomes U+FFFD.
 */
export function escapeXml(text: string): string {
  if (!NEEDS_ESCAPE.test(text)) return text;
  return text.replace(ESCAPED, (found) => {
    const code = found.charCodeAt(0);
    if (code >= 0xd800 && code <= 0xdfff) return '\uFFFD';
    return NAMED[found] ?? `&#x${code.toString(16).toUpperCase()};`;
  });
}

/** Writes one element with text in it. */
export function textElement(name: string, text: string | number | boolean): string {
  return `<${name}>${escapeXml(String(text))}</${name}>`;
}

/** Writes the error document of S3. @see Amazon S3 API Reference, "REST error responses" */
export function errorDocument(error: ErrorDocument): string {
  const { code, message, resource, requestId, fields = {} } = error;
  const further = Object.entries(fields).map(([name, value]) => textElement(name, value));
  return (
    `${XML_DECLARATION}<Error>${textElement('Code', code)}${textElement('Message', message)}` +
    `${textElement('Resource', resource)}${further.join('')}` +
    `${textElement('RequestId', requestId)}${textElement('HostId', HOST_ID)}</Error>`
  );
}

/** Writes the answer of GetBucketLocation; us-east-1 is the empty one, as S3 has it. */
export function bucketLocationDocument(region: string): string {
  const text = region === 'us-east-1' ? '' : escapeXml(region);
  return `${XML_DECLARATION}<LocationConstraint xmlns="${S3_NAMESPACE}">${text}</LocationConstraint>`;
}

/** Reads the `<Code>` of a store's error document, 64 KiB at most; `undefined` for anything else. Never throws. */
export function parseStoreError(document: Uint8Array): string | undefined {
  const root = readXml(document, STORE_ERROR_LIMIT_BYTES);
  const code = root?.name === 'Error' ? textOf(root, 'Code') : undefined;
  return code !== undefined && STORE_ERROR_CODE.test(code) ? code : undefined;
}
