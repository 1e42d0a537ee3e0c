/**
 * What the edge says of a request: the client's address and scheme, and its own id of the request. Enters: headers as they came.
 * Over a socket nothing tells our edge from a proxy that passes on what its clients made up, so that they are believed only
 * beside the secret that edge and gateway share. Leaves: what was said, and the headers without the secret, which must stand
 * in no record, no log and no answer: an error about a signature shows the headers that a client has signed.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import type { Scheme } from '../s3/request/request.ts';

export interface EdgeHeaders {
  /** Of the client, by a trusted edge. */
  readonly clientAddress: string | undefined;
  readonly edgeRequestId: string | undefined;
  /** By which the client reached a trusted edge. */
  readonly scheme: Scheme | undefined;
  /** Whether an edge showed the secret. */
  readonly isTrusted: boolean;
  /** What the request carries, less what is between edge and gateway. */
  readonly rawHeaders: readonly string[];
}

/** Makes the reader of such headers; without a secret no edge is trusted. */
export function createEdgeReader(secret: string | undefined): (rawHeaders: readonly string[]) => EdgeHeaders {
  const known = secret === undefined ? undefined : digest(secret);
  return (rawHeaders) => {
    const sent = values(rawHeaders, SECRET_HEADER);
    const stripped = sent.length === 0 ? rawHeaders : without(rawHeaders, SECRET_HEADER);
    const [proof, ...more] = sent;
    const isTrusted =
      known !== undefined && proof !== undefined && more.length === 0 && timingSafeEqual(digest(proof), known);
    if (!isTrusted)
      return { clientAddress: undefined, edgeRequestId: undefined, scheme: undefined, isTrusted, rawHeaders: stripped };
    // The nearest hop writes the last one.
    const address = values(rawHeaders, 'x-forwarded-for').join(',').split(',').at(-1)?.trim() ?? '';
    const scheme = values(rawHeaders, 'x-forwarded-proto').join(',');
    // Where an HAProxy has `unique-id-header X-Request-Id`, its own comes after that of the rules, in whatever form.
    const id = values(rawHeaders, 'x-request-id').findLast((value) => SAFE_ID.test(value));
    return {
      clientAddress: isIP(address) === 0 ? undefined : address,
      edgeRequestId: id,
      scheme: scheme === 'https' || scheme === 'http' ? scheme : undefined,
      isTrusted,
      rawHeaders: stripped,
    };
  };
}

/** Whom a bound per client address counts: whoever has one IPv6 address has its whole /64. */
export function chargedTo(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1] ?? address;
  if (isIPv4(mapped)) return mapped;
  const { hostname } = new URL(`http://[${address.replace(/%.*$/, '')}]`);
  const [head = '', tail] = hostname.slice(1, -1).split('::');
  const groups = [head, tail].map((part) => (part === undefined || part === '' ? [] : part.split(':')));
  const missing = 8 - groups.flat().length;
  const all = [...(groups[0] ?? []), ...Array.from({ length: missing }, () => '0'), ...(groups[1] ?? [])];
  return `${all.slice(0, 4).join(':')}::/64`;
}

const SECRET_HEADER = 'x-sallyport-edge';
const SAFE_ID = /^[A-Za-z0-9-]{8,64}$/;

const digest = (text: string): Buffer => hash('sha256', text, 'buffer');

function values(rawHeaders: readonly string[], name: string): readonly string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}

function without(rawHeaders: readonly string[], name: string): readonly string[] {
  return rawHeaders.filter((_, index) => rawHeaders[index - (index % 2)]?.toLowerCase() !== name);
}
