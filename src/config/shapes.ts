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

/** Tells whether a host can only be reached from this machine. */
export const isLoopback = (host: string): boolean => {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
};

/** Parses an http or https URL that carries no credentials, query or fragment. */
export const parseUrl = (text: string): URL | undefined => {
  // The URL parser drops tabs and newlines and repairs much else: what it would repair is not what was meant.
  if (!/^https?:\/\/[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const bare = url.username === '' && url.password === '' && !text.includes('?') && !text.includes('#');
  return bare && !text.slice(8).includes('@') ? url : undefined;
};

/** Tells whether the text is scheme, host and port, and no path. */
export const isOrigin = (text: string): boolean => parseUrl(text)?.pathname === '/';

/** An origin as browsers send it. Plain http only where nobody is in between. */
export const isWebOrigin = (text: string): boolean => {
  const url = parseUrl(text);
  // Browsers compare letter by letter, and so do we: a pattern would be met by nobody, or by a reader's belief.
  return (
    url !== undefined &&
    url.origin === text &&
    !text.includes('*') &&
    (url.protocol === 'https:' || isLoopback(url.hostname))
  );
};

/** The name of a response header, or the beginning of some. `*` alone would be every header. */
export const isHeaderPattern = (text: string): boolean => /^[a-z][a-z0-9-]{0,62}\*?$/.test(text);

/** A host name in lower case, with a port where it is not the usual one; no address, since no bucket stands before it. */
export const isPublicHost = (text: string): boolean => {
  const [host = '', port, ...more] = text.split(':');
  const labels = host.split('.');
  const isName = host.length <= 253 && labels.every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label));
  return isName && more.length === 0 && isIP(host) === 0 && parseAddress(`${host}:${port ?? '0'}`) !== undefined;
};

/** A host as it stands in a request: a name in lower case or an address (IPv6 in brackets), with a port or without. */
export const isServedHost = (text: string): boolean =>
  text === text.toLowerCase() &&
  !/:0\d/.test(text.slice(text.lastIndexOf(']') + 1)) &&
  (parseAddress(text) !== undefined || parseAddress(`${text}:1`) !== undefined);

/** The name of a claim, or a JSON pointer of 1 to 8 steps into nested ones. @see RFC 6901 */
export const isClaimPath = (text: string): boolean =>
  text.length > 0 && text.length <= 512 && (!text.startsWith('/') || /^(?:\/(?:[^~/]|~[01])+){1,8}$/.test(text));

/** A tenant of Entra ID by its id: tokens never name it otherwise. */
export const isTenant = (text: string): boolean => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);

/** The id of an organization of AWS. */
export const isAwsOrganization = (text: string): boolean => /^o-[a-z0-9]{10,32}$/.test(text);

/** The names of issuers and stores: they stand in policies, metrics and the audit. */
export const isEntryName = (text: string): boolean => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text);

/** A role as AWS, Ceph (no account) or MinIO (anything) writes it. */
export const isRoleArn = (text: string): boolean =>
  text.length <= 2048 && /^arn:[a-z0-9-]+:[a-z0-9-]+:[a-z0-9-]*:[^\s:]*:role\/[\x21-\x7e]+$/.test(text);

/** The key of a tag of STS; `aws:` is AWS's own. */
export const isTagKey = (text: string): boolean =>
  /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u.test(text) && !/^aws:/i.test(text);

/** A name of user metadata without `x-amz-meta-`, as stores give it back; not the one of our own envelope. */
export const isMetadataName = (text: string): boolean =>
  /^[a-z0-9][a-z0-9_-]{0,63}$/.test(text) && text !== 'sallyport';

/** A path; the content of a file that was pasted in its place is not one. */
export const isPath = (text: string): boolean =>
  text.length > 0 && text.length <= 4096 && !/[\0\n\r]/.test(text) && !text.includes('-----BEGIN');

/** Parses a file mode such as `0660`; one that lets others in is none. */
export const parseSocketMode = (text: string): number | undefined =>
  /^0?[0-7]{2}0$/.test(text) ? Number.parseInt(text, 8) : undefined;

/** A mount, namespace or the like of Vault: it stands in paths of requests. */
export const isVaultPath = (text: string): boolean => text.length <= 255 && /^[\w-]+(?:\/[\w-]+)*$/.test(text);

/** A key of AWS KMS: ARN of a key or an alias, id, or alias. */
export const isKmsKey = (text: string): boolean =>
  text.length <= 2048 &&
  /^(?:arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(?:key|alias)\/[\w/-]+|alias\/[\w/-]+|(?:mrk-)?[0-9a-f-]{32,36})$/.test(
    text,
  );
