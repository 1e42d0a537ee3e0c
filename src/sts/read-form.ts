/**
 * Enters: an exchange that should carry parameters: in a form, in its query, or some in each. Leaves: the bytes of the
 * form, for the signature, and all fields. The caller is not known yet: size, time and number of fields are bounded, and
 * nothing is kept. Refuses what two parsers could read in two ways: fields that stand twice, wherever, stray separators,
 * broken escapes, text that is not UTF-8. A query may hold a token: it must never be repeated in an error.
 */
import type { Exchange } from '../contracts/exchange.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { readBounded } from '../platform/bounded-body.ts';
import { withinTime } from '../platform/time-limit.ts';
import { contentLength } from '../s3/request/request-headers.ts';

export interface Form {
  readonly content: Buffer;
  readonly fields: ReadonlyMap<string, string>;
}

const MAX_FORM_BYTES = 65_536;
const MAX_FIELDS = 16;
const FORM = /^application\/x-www-form-urlencoded(?: *; *charset="?utf-8"?)?$/i;
/** No `;`, which separates fields for some parsers. */
const ENCODED = /^[A-Za-z0-9%+._~*,:@/-]*$/;
const FIELD_NAME = /^[A-Za-z][A-Za-z0-9.]{0,63}$/;

const NO_CONTENT = Buffer.alloc(0);

/** Tells whether a request announces a body, by its headers. */
export function hasForm(headers: ReadonlyMap<string, string>): boolean {
  return (contentLength(headers) ?? 0) > 0 || headers.has('transfer-encoding');
}

/**
 * Reads the parameters of a call: of its query, and of a form of at most 64 KiB that arrives within `timeoutMs`. Without a
 * body its type says nothing.
 * @throws GatewayError InvalidRequest, EntityTooLarge, RequestTimeout, IncompleteBody, BadRequest
 * @see https://url.spec.whatwg.org/#application/x-www-form-urlencoded
 */
export async function readForm(
  exchange: Exchange,
  headers: ReadonlyMap<string, string>,
  timeoutMs: number,
): Promise<Form> {
  const { method, target } = exchange.raw;
  const mark = target.indexOf('?');
  const fields = new Map(parseForm(mark < 0 ? '' : target.slice(mark + 1)));
  if (!hasForm(headers)) return { content: NO_CONTENT, fields };
  if (method === 'GET') throw malformed('a body of a GET');
  if (!FORM.test(headers.get('content-type') ?? '') || headers.has('content-encoding')) {
    throw new GatewayError('InvalidRequest', { clientFields: { Header: 'content-type' } });
  }
  if ((contentLength(headers) ?? 0) > MAX_FORM_BYTES) throw new GatewayError('EntityTooLarge');
  const refuse = (): GatewayError => new GatewayError('EntityTooLarge');
  const content = await withinTime(readBounded(exchange.body, { maxBytes: MAX_FORM_BYTES, refuse }), timeoutMs, () => {
    throw new GatewayError('RequestTimeout', { detail: 'the form came too slowly' });
  });
  for (const [name, value] of parseForm(content.toString('latin1'))) {
    if (fields.has(name)) throw malformed('a repeated field');
    fields.set(name, value);
  }
  return { content, fields };
}

/** Parses a form or a query, one character per byte. @throws GatewayError InvalidRequest */
export function parseForm(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  if (text === '') return fields;
  const pairs = text.split('&', MAX_FIELDS + 1);
  if (pairs.length > MAX_FIELDS) throw malformed('too many fields');
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    if (equals < 0) throw malformed('a field without =');
    const name = decode(pair.slice(0, equals));
    if (!FIELD_NAME.test(name)) throw malformed('the name of a field');
    // Of a repeated field one parser takes the first and the next one the last.
    if (fields.has(name)) throw malformed('a repeated field');
    fields.set(name, decode(pair.slice(equals + 1)));
  }
  return fields;
}

function decode(text: string): string {
  // An unescaped `=` is what base64 in a token would bring; nothing is lost by it behind the first.
  if (!ENCODED.test(text.replaceAll('=', ''))) throw malformed('a byte that must be escaped');
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw malformed('a broken escape');
  }
}

function malformed(detail: string): GatewayError {
  return new GatewayError('InvalidRequest', { detail: `form: ${detail}`, clientFields: { Form: detail } });
}
