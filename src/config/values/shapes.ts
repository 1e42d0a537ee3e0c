/**
 * The shapes of single values: pure predicates and parsers over text. Nothing here reads a file, resolves a name or
 * knows of another key.
 */
import { isIP } from 'node:net';

/** A host and a TCP port, as `127.0.0.1:9190`, `localhost:9190` or `[::1]:9190` says it. */
export interface Address {
  readonly host: string;
  /** 0 asks the system for a free port. */
  readonly port: number;
}

/** Parses `host:port`; an IPv6 host stands in brackets. */
export const parseAddress = (text: string): Address | undefined => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, v6, name, digits] = match;
  if (v6 !== undefined && isIP(v6) !== 6) return undefined;
  const port = Number(digits);
  return port > 65535 ? undefined : { host: v6 ?? name ?? '', port };
};

/** Parses an http or https URL that carries no credentials, query or fragment. */
export const parseUrl = (text: string): URL | undefined => {
  // The URL parser drops tabs and newlines and repairs much else: what it would repair is not what was meant.
  if (!/^https?:\/\/[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isPlainUrl = url.username === '' && url.password === '' && !text.includes('?') && !text.includes('#');
  return isPlainUrl && !text.slice(8).includes('@') ? url : undefined;
};

/** Tells whether the text is scheme, host and port, and no path. */
export const isOrigin = (text: string): boolean => parseUrl(text)?.pathname === '/';

/** A host as it stands in a request: a name in lower case or an address (IPv6 in brackets), with a port or without. */
export const isServedHost = (text: string): boolean =>
  text === text.toLowerCase() &&
  !/:0\d/.test(text.slice(text.lastIndexOf(']') + 1)) &&
  (parseAddress(text) !== undefined || parseAddress(`${text}:1`) !== undefined);

/** The names of issuers and stores: they stand in policies, metrics and the audit. */
export const isEntryName = (text: string): boolean => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text);

/** A path; the content of a file that was pasted in its place is not one. */
export const isPath = (text: string): boolean =>
  text.length > 0 && text.length <= 4096 && !/[\0\n\r]/.test(text) && !text.includes('-----BEGIN');
